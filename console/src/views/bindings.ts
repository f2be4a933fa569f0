// The keys of the console, and what each does.
import { takesFlags } from "../store/annotations";
import { follow, leave, louder, mute, supervise, talkKey, unfollow } from "../store/acting";
import { calls, hello, knows, mayBe, seat } from "../store/desk";
import { followOf } from "../store/follows";
import type { Mode } from "../protocol/messages";
import { callLink, go, route } from "../store/route";
import { listenForKeys, type Key } from "../ui/keys";
import { perform } from "./acts";
import { isComing, openDialog } from "./dialogs";
import { askFlag } from "./flagging";
import { writeMessage, writeNote } from "./writing";

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

const ROWS = "main [role=row]:is([data-call], [data-agent]), main tr[data-past]";

/** Move the focus along the rows: calls, agents, ended calls. */
function step(by: 1 | -1): void {
  const rows = [...document.querySelectorAll<HTMLElement>(ROWS)].sort((one, other) => place(one) - place(other));
  const now = document.activeElement?.closest<HTMLElement>(ROWS);
  const first = rows.find((row) => row.getBoundingClientRect().top >= 100) ?? rows[0];
  const next = now ? rows[rows.indexOf(now) + by] : first;
  const link = next?.querySelector<HTMLElement>("a, button");
  link?.focus({ preventScroll: true });
  next?.scrollIntoView({ block: "nearest" });
}

const place = (row: HTMLElement): number => Number(row.getAttribute("aria-rowindex") ?? row.offsetTop);

function open(): void {
  const at = seat.peek();
  if (at) go(callLink(at.live.id));
}

/** One of the buttons of the call's page. */
function act(...names: string[]): void {
  const live = calls.live.get(target());
  if (live) perform(live.call, ...names);
}

function flagIt(): void {
  const call = target();
  if (takesFlags() && calls.live.has(call)) askFlag(call);
}

/** Follow the agent of the row or call, or no more. */
function followHim(): void {
  const agent = document.activeElement?.closest<HTMLElement>("[data-agent]")?.dataset["agent"] ?? calls.live.get(target())?.call.agent;
  if (!agent || !knows("follow")) return;
  const now = followOf({ agent });
  void (now ? unfollow(now.follow) : follow({ agent }, `follow:${agent}`));
}

const KEYS: readonly Key[] = [
  { key: "j", says: "next call", group: "Calls", repeats: true, down: () => step(1) },
  { key: "k", says: "call before", group: "Calls", repeats: true, down: () => step(-1) },
  { key: "ArrowDown", says: "next call", group: "Calls", repeats: true, down: () => step(1) },
  { key: "ArrowUp", says: "call before", group: "Calls", repeats: true, down: () => step(-1) },
  { key: "l", says: "listen", group: "Calls", down: () => become("listen") },
  { key: "w", says: "whisper", group: "Calls", down: () => become("whisper") },
  { key: "b", says: "barge", group: "Calls", down: () => become("barge") },
  { key: "x", says: "leave", group: "Calls", down: leaveIt },
  { key: "o", says: "open the call that you are in", group: "Calls", down: open },
  { key: "f", says: "flag this moment", group: "Calls", down: flagIt },
  { key: "n", says: "write a note", group: "Calls", down: () => writeNote(target()) },
  { key: "s", says: "write to the agent", group: "Calls", down: () => writeMessage(target()) },
  { key: "u", says: "follow the agent, unfollow", group: "Calls", down: followHim },
  { key: "g", says: "take over, give back", group: "Calls", down: () => act("take_over", "give_back") },
  { key: "i", says: "bring in a third one, or hang him up", group: "Calls", down: () => act("guest") },
  { key: "d", says: "drop the agent", group: "Calls", down: () => act("drop") },
  { key: "e", says: "end the call", group: "Calls", down: () => act("end") },
  { key: "m", says: "mute, unmute", group: "Speaking", down: toggleMute },
  { key: "t", says: "hold to talk, with push-to-talk", group: "Speaking", down: () => talkKey(true), up: () => talkKey(false) },
  { key: "Space", says: "hold to talk, with push-to-talk", group: "Speaking", down: () => talkKey(true), up: () => talkKey(false) },
  { key: "+", says: "louder", group: "Speaking", repeats: true, down: () => louder(1) },
  { key: "-", says: "softer", group: "Speaking", repeats: true, down: () => louder(-1) },
  { key: "/", says: "search", group: "Page", down: () => document.getElementById("search")?.focus() },
  { key: "c", says: "calls", group: "Page", down: () => go("#/") },
  { key: "a", says: "agents", group: "Page", down: () => go("#/agents") },
  { key: "h", says: "ended calls", group: "Page", down: () => knows("history") && go("#/ended") },
  { key: ",", says: "settings", group: "Page", down: () => openDialog("settings") },
  { key: "?", says: "keys", group: "Page", down: () => openDialog("keys") },
];

export function bindKeys(): void {
  listenForKeys(KEYS.map((key) => ({ ...key, down: () => hello.peek() && !isComing() && key.down() })));
}
