// The keys of the console, and what each does.
import { annotate, takesFlags } from "../store/annotations";
import { leave, louder, mute, supervise, talkKey } from "../store/acting";
import { hello, mayBe, seat } from "../store/desk";
import type { Mode } from "../protocol/messages";
import { callLink, go, route } from "../store/route";
import { listenForKeys, type Key } from "../ui/keys";
import { openDialog } from "./dialogs";

/** The call that a key is about: the one with the focus, else the one on the page, else ours. */
function target(): string {
  const focused = document.activeElement?.closest<HTMLElement>("[data-call]")?.dataset["call"];
  if (focused) return focused;
  const now = route.peek();
  return now.page === "call" ? now.call : (seat.peek()?.live.id ?? "");
}

function become(mode: Mode): void {
  const call = target();
  if (call && mayBe(mode)) void supervise(call, mode);
}

function leaveIt(): void {
  const at = seat.peek();
  if (at) void leave(at.leg.leg);
}

function toggleMute(): void {
  const at = seat.peek();
  if (at && at.leg.mode !== "listen") mute(at.leg.leg, !at.leg.muted);
}

/** Move the focus along the rows, or the agents. */
function step(by: 1 | -1): void {
  const rows = [...document.querySelectorAll<HTMLElement>("main [data-call]")].sort((one, other) => place(one) - place(other));
  const now = document.activeElement?.closest<HTMLElement>("[data-call]");
  const first = rows.find((row) => row.getBoundingClientRect().top >= 100) ?? rows[0];
  const next = now ? rows[rows.indexOf(now) + by] : first;
  const link = next?.querySelector<HTMLElement>("a");
  link?.focus({ preventScroll: true });
  next?.scrollIntoView({ block: "nearest" });
}

const place = (row: HTMLElement): number => Number(row.getAttribute("aria-rowindex") ?? row.offsetTop);

const focusOn = (id: string): void => document.getElementById(id)?.focus();

function open(): void {
  const at = seat.peek();
  if (at) go(callLink(at.live.id));
}

const KEYS: readonly Key[] = [
  { key: "j", says: "next call", group: "Calls", down: () => step(1) },
  { key: "k", says: "call before", group: "Calls", down: () => step(-1) },
  { key: "ArrowDown", says: "next call", group: "Calls", down: () => step(1) },
  { key: "ArrowUp", says: "call before", group: "Calls", down: () => step(-1) },
  { key: "l", says: "listen", group: "Calls", down: () => become("listen") },
  { key: "w", says: "whisper", group: "Calls", down: () => become("whisper") },
  { key: "b", says: "barge", group: "Calls", down: () => become("barge") },
  { key: "x", says: "leave", group: "Calls", down: leaveIt },
  { key: "o", says: "open the call that you are in", group: "Calls", down: open },
  { key: "f", says: "flag this moment", group: "Calls", down: () => takesFlags() && target() && void annotate(target(), "flag", "look") },
  { key: "n", says: "write a note", group: "Calls", down: () => focusOn("note") },
  { key: "s", says: "write to the agent", group: "Calls", down: () => focusOn("message") },
  { key: "m", says: "mute, unmute", group: "Speaking", down: toggleMute },
  { key: "t", says: "hold to talk", group: "Speaking", down: () => talkKey(true), up: () => talkKey(false) },
  { key: "Space", says: "hold to talk", group: "Speaking", down: () => talkKey(true), up: () => talkKey(false) },
  { key: "+", says: "louder", group: "Speaking", down: () => louder(1) },
  { key: "-", says: "softer", group: "Speaking", down: () => louder(-1) },
  { key: "/", says: "search", group: "Page", down: () => focusOn("search") },
  { key: "c", says: "calls", group: "Page", down: () => go("#/") },
  { key: "a", says: "agents", group: "Page", down: () => go("#/agents") },
  { key: ",", says: "settings", group: "Page", down: () => openDialog("settings") },
  { key: "?", says: "keys", group: "Page", down: () => openDialog("keys") },
];

export function bindKeys(): void {
  listenForKeys(KEYS.map((key) => ({ ...key, down: () => hello.peek() && key.down() })));
}
