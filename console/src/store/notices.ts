// What a supervisor is told of in passing: things that happened to calls, and refusals.
import { signal } from "@preact/signals";
import { chime } from "../audio/sounds";
import { Refusal } from "../protocol/refusal";
import { sounds } from "./choices";

export type Tone = "plain" | "warn" | "bad";

export interface Notice {
  readonly id: number;
  readonly tone: Tone;
  readonly title: string;
  readonly text: string;
  /** The call that it is about, to be listened to. */
  readonly call: string;
  /** Milliseconds for which it stays; 0: until it is put away. */
  readonly stays: number;
}

/** More at once are read by nobody: the oldest go. */
const MOST = 4;
/** The same thing about the same call is not told again within so many milliseconds. */
const AGAIN_MS = 60_000;
const REMEMBERED = 500;

export const notices = signal<readonly Notice[]>([]);
const told = new Map<string, number>();
let number = 0;

export function notify(tone: Tone, title: string, text = "", about: { call?: string; once?: string; sound?: boolean } = {}): void {
  if (about.once && !isNew(about.once)) return;
  const notice: Notice = { id: ++number, tone, title, text, call: about.call ?? "", stays: tone === "plain" ? 5_000 : 12_000 };
  notices.value = [...notices.value, notice].slice(-MOST);
  if (about.sound && sounds.value) chime(tone);
  setTimeout(() => putAway(notice.id), notice.stays);
}

/** Tell of a command that was not carried out. */
export function tellRefusal(error: unknown): void {
  if (error instanceof Refusal) notify("bad", error.message, error.hint);
  else notify("bad", error instanceof Error ? error.message : String(error));
}

export function putAway(id: number): void {
  notices.value = notices.value.filter((notice) => notice.id !== id);
}

function isNew(what: string): boolean {
  const now = performance.now();
  const before = told.get(what);
  if (before !== undefined && now - before < AGAIN_MS) return false;
  told.delete(what);
  told.set(what, now);
  if (told.size > REMEMBERED) told.delete(told.keys().next().value!);
  return true;
}
