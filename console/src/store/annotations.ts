// Notes and flags of calls: shown are those that the server has confirmed, none that was only typed.
import { signal } from "@preact/signals";
import type { Event } from "../protocol/messages";
import { connection, knows, onEvent } from "./desk";
import { during } from "./acting";

export interface Annotation {
  readonly id: string;
  readonly kind: "note" | "flag";
  readonly text: string;
  readonly by: string;
  /** ISO 8601. */
  readonly at: string;
}

/** Of so many calls at most; the oldest go. */
const MOST = 200;

export const annotations = signal<ReadonlyMap<string, readonly Annotation[]>>(new Map());

export const takesNotes = (): boolean => knows("note");
export const takesFlags = (): boolean => knows("flag");

/** Have the server keep a note, or a flag with a label, at this moment of the call. */
export function annotate(call: string, kind: "note" | "flag", text: string): Promise<boolean> {
  const said = kind === "note" ? { text } : { label: text };
  return during(`${kind}:${call}`, async () => {
    const result = await connection.ask(kind, { call, ...said }, { again: true });
    const confirmed = understood(kind, result[kind] ?? result);
    if (confirmed) keep(call, confirmed);
  });
}

export function understood(kind: "note" | "flag", said: unknown): Annotation | null {
  if (typeof said !== "object" || said === null) return null;
  const fields = said as Record<string, unknown>;
  const text = fields[kind === "note" ? "text" : "label"];
  const { id, at } = fields;
  const by = fields["identity"] ?? fields["by"] ?? "";
  if (typeof id !== "string" || typeof at !== "string" || typeof text !== "string") return null;
  return { id, kind, text, by: String(by), at };
}

function keep(call: string, one: Annotation): void {
  const known = annotations.peek().get(call) ?? [];
  if (known.some(({ id }) => id === one.id)) return;
  const next = new Map(annotations.peek());
  next.delete(call);
  next.set(call, [...known, one].sort((first, second) => first.at.localeCompare(second.at)));
  if (next.size > MOST) next.delete(next.keys().next().value!);
  annotations.value = next;
}

onEvent((event: Event) => {
  const kind = event.kind === "call.note" ? "note" : event.kind === "call.flag" ? "flag" : null;
  const said = kind && understood(kind, event.detail?.[kind] ?? event.detail);
  if (said) keep(event.call_id, said);
});
