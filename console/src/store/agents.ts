// The agents: those whom the server lists or our ceiling names, and those who were seen on calls. And what each does now.
import { effect, signal } from "@preact/signals";
import { Asked } from "./asked";
import type { LiveCall } from "./calls";
import { calls, hello, onEvent } from "./desk";
import { show } from "./entrance";
import { presenceOf, type Agent, type Listed } from "./roster";

/** Agents that were seen, with their team; so many at most. */
const MOST = 5_000;
/** Milliseconds between two lists at least, as on the board. */
const REST_MS = 250;
/** And how often the server is asked who is there, while somebody looks: of calls it tells by itself, of phones it does not. */
const ASK_MS = 15_000;

const listed = new Asked<[], readonly Listed[]>(async () => (await show("agents"))["agents"] as readonly Listed[]);
const seen = new Map<string, string>();
let known: ReadonlyMap<string, Agent<LiveCall>> = new Map();
export const agents = signal<readonly Agent<LiveCall>[]>([]);

function see(): void {
  for (const { call } of calls.live.values()) {
    if (call.agent && (seen.has(call.agent) || seen.size < MOST)) seen.set(call.agent, call.team);
  }
}

onEvent(({ call }) => {
  if (call?.agent && (seen.has(call.agent) || seen.size < MOST)) seen.set(call.agent, call.team);
});

// Whoever signs in next may see others.
effect(() => {
  if (hello.value) return;
  seen.clear();
  listed.forget();
});

/** The list anew; an agent of whom nothing changed is the same object, so that his row is not rendered again. */
function list(): void {
  see();
  const on = new Map<string, LiveCall[]>();
  for (const live of calls.live.values()) {
    if (live.call.agent) on.set(live.call.agent, [...(on.get(live.call.agent) ?? []), live]);
  }
  const told = new Map((listed.told.peek().value ?? []).map((one) => [one.agent, one]));
  const names = new Map<string, string>((hello.peek()?.ceiling.agents ?? []).filter((name) => name !== "*").map((name) => [name, ""]));
  for (const [name, { team }] of told) names.set(name, team);
  for (const [name, team] of seen) names.set(name, team);
  const next = new Map<string, Agent<LiveCall>>();
  for (const [name, team] of names) {
    const before = known.get(name);
    const now = on.get(name) ?? [];
    const presence = presenceOf(now.length > 0, told.get(name));
    const isSame = before?.team === team && before.presence === presence && before.on.length === now.length && before.on.every((live, index) => live === now[index]);
    next.set(name, isSame ? before : { name, team, presence, on: now });
  }
  known = next;
  agents.value = [...next.values()];
}

let timer: ReturnType<typeof setTimeout> | null = null;
let listedAt = -Infinity;

/** Keep the list up to date while somebody looks at it; what it returns calls that off. */
export function watchAgents(): () => void {
  list();
  const stop = effect(() => {
    void calls.version.value;
    void hello.value;
    void listed.told.value;
    timer ??= setTimeout(() => {
      timer = null;
      listedAt = performance.now();
      list();
    }, Math.max(0, listedAt + REST_MS - performance.now()));
  });
  void listed.again();
  const asking = setInterval(() => document.hidden || void listed.again(), ASK_MS);
  return () => {
    stop();
    clearInterval(asking);
    if (timer !== null) clearTimeout(timer);
    timer = null;
  };
}
