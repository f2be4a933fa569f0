// Notes and flags of calls: shown are those that the server has confirmed, none that was only typed.
import { effect, signal } from "@preact/signals";
import type { Call, Event, Mark } from "../protocol/messages";
import { connection, hello, hasRight, knows, onEvent } from "./desk";
import { during } from "./acting";

export interface Annotation {
  readonly id: string;
  readonly kind: "note" | "flag";
  readonly text: string;
  readonly by: string;
  /** The moment of the call that is meant; ISO 8601. */
  readonly about: string;
}

/** Of so many calls at most; the oldest go. */
const MOST = 200;

/** What was written, by call. Flags are part of their calls. */
const notes = signal<ReadonlyMap<string, readonly Annotation[]>>(new Map());

export const takesNotes = (): boolean => knows("note");
export const takesFlags = (): boolean => knows("flag");

/** A call, live or over. */
export type Annotated = Pick<Call, "call" | "started" | "answered" | "ended" | "flags">;

/** The notes and flags of a call, in the order of its moments. */
export function annotationsOf(call: Annotated): readonly Annotation[] {
  const flags = (call.flags ?? []).map(flagged);
  return [...(notes.value.get(call.call) ?? []), ...flags].sort((one, other) => one.about.localeCompare(other.about));
}

const flagged = ({ id, label, identity, about }: Mark): Annotation => ({ id, kind: "flag", text: label, by: identity, about });

/** Have the server keep a note, or a flag with a label, at so many seconds of the call; without them: now, or at its end. */
export function annotate(call: string, kind: "note" | "flag", text: string, seconds?: number): Promise<boolean> {
  const said = { ...(kind === "note" ? { text } : { label: text }), ...(seconds === undefined ? {} : { seconds }) };
  return during(`${kind}:${call}`, async () => {
    const result = await connection.ask(kind, { call, ...said }, { again: true });
    if (kind === "note") keep(call, [result]);
  });
}

/** Whether a flag is ours to take back. */
export const mayUnflag = ({ kind, by }: Annotation): boolean =>
  kind === "flag" && knows("unflag") && (by === hello.value?.identity || hasRight("admin"));

export const unflag = (call: string, flag: string): Promise<boolean> =>
  during(`unflag:${flag}`, () => connection.ask("unflag", { call, flag }, { again: true }));

/** What was written before we looked. Where it cannot be had now, what comes is shown all the same. */
export function readNotes(call: string): void {
  if (knows("notes")) void connection.ask("notes", { call }).then(({ notes }) => keep(call, notes as unknown[]), () => undefined);
}

function understood(said: unknown): Annotation | null {
  if (typeof said !== "object" || said === null) return null;
  const { id, text, identity, about } = said as Record<string, unknown>;
  if (typeof id !== "string" || typeof about !== "string" || typeof text !== "string") return null;
  return { id, kind: "note", text, by: String(identity ?? ""), about };
}

function keep(call: string, said: readonly unknown[]): void {
  const known = notes.peek().get(call) ?? [];
  const fresh = said.map(understood).filter((one): one is Annotation => one !== null && !known.some(({ id }) => id === one.id));
  const next = new Map(notes.peek());
  next.delete(call);
  next.set(call, [...known, ...fresh]);
  if (next.size > MOST) next.delete(next.keys().next().value!);
  notes.value = next;
}

// Whoever signs in next may be shown less.
effect(() => {
  if (!hello.value) notes.value = new Map();
});

onEvent((event: Event) => {
  if (event.kind === "call.note") keep(event.call_id, [event.detail]);
});
