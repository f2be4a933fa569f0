// Keys: one letter each, not while somebody types, not under a dialog, and only where they are wanted.
import { effect } from "@preact/signals";
import { singleKeys } from "../store/choices";

export interface Key {
  readonly key: string;
  readonly says: string;
  readonly group: "Calls" | "Speaking" | "Page";
  /** Held down, it does it again and again. */
  readonly repeats?: boolean;
  down(): void;
  /** A key that is held. */
  up?(): void;
}

/** Where letters are written; in a dialog that was just closed the focus may stay for a moment, but nobody writes there. */
const TYPING = ":is(input, textarea, select, [contenteditable]):not(dialog:not([open]) *)";
const PRESSED_BY_SPACE = "a, button, summary, input, select, textarea, [role=slider]";

const NAMES: Readonly<Record<string, string>> = { ArrowDown: "↓", ArrowUp: "↑" };

/** What stands on a key. */
export const nameOf = (key: string): string => NAMES[key] ?? (key.length === 1 ? key.toUpperCase() : key);

/** Of a field in the page: by Escape one is out of it, and letters are commands again. */
export function leaveByEscape(event: KeyboardEvent): void {
  if (event.key === "Escape" && !event.isComposing) (event.currentTarget as HTMLElement).blur();
}

let table: readonly Key[] = [];
const held = new Map<string, Key>();

export const keys = (): readonly Key[] => table;

/** The key that an event means; null where it is none of ours. */
export function meant(event: KeyboardEvent, among: readonly Key[]): Key | null {
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  const target = event.target instanceof Element ? event.target : null;
  if (target?.closest(TYPING) || document.querySelector("dialog[open]")) return null;
  if (event.key === " " && target?.closest(PRESSED_BY_SPACE)) return null;
  const name = event.key === " " ? "Space" : event.key.length === 1 ? event.key.toLowerCase() : event.key;
  return among.find(({ key }) => key === name) ?? null;
}

export function listenForKeys(given: readonly Key[]): void {
  table = given;
  addEventListener("keydown", (event) => {
    const key = singleKeys.peek() ? meant(event, table) : null;
    if (!key) return;
    event.preventDefault();
    if (key.up) {
      if (held.has(key.key)) return;
      held.set(key.key, key);
    }
    if (!event.repeat || key.repeats) key.down();
  });
  addEventListener("keyup", (event) => {
    const name = event.key === " " ? "Space" : event.key.toLowerCase();
    release(name);
  });
  // A key whose release nobody sees must not leave a microphone open.
  addEventListener("blur", releaseAll);
  document.addEventListener("visibilitychange", () => document.hidden && releaseAll());
  effect(() => void (singleKeys.value || releaseAll()));
}

function release(name: string): void {
  const key = held.get(name);
  held.delete(name);
  key?.up?.();
}

function releaseAll(): void {
  for (const name of [...held.keys()]) release(name);
}
