// The agents that we know of: those that our ceiling names, and those that were seen on calls. And what each does now.
import { effect, signal } from "@preact/signals";
import type { LiveCall } from "./calls";
import { calls, hello, onEvent } from "./desk";

export interface Agent {
  readonly name: string;
  readonly team: string;
  /** Empty: idle, as far as we see. */
  readonly on: readonly LiveCall[];
}

export type AgentState = "" | "busy" | "idle";
export type AgentOrder = "name" | "team" | "longest";

export interface AgentFilter {
  readonly text: string;
  readonly team: string;
  readonly state: AgentState;
  readonly order: AgentOrder;
}

/** Agents that were seen, with their team; so many at most. */
const MOST = 5_000;
/** Milliseconds between two lists at least, as on the board. */
const REST_MS = 250;

const seen = new Map<string, string>();
let known: ReadonlyMap<string, Agent> = new Map();
export const agents = signal<readonly Agent[]>([]);

function see(): void {
  for (const { call } of calls.live.values()) {
    if (call.agent && (seen.has(call.agent) || seen.size < MOST)) seen.set(call.agent, call.team);
  }
}

onEvent(({ call }) => {
  if (call?.agent && (seen.has(call.agent) || seen.size < MOST)) seen.set(call.agent, call.team);
});

/** The list anew; an agent of whom nothing changed is the same object, so that his row is not rendered again. */
function list(): void {
  see();
  const on = new Map<string, LiveCall[]>();
  for (const live of calls.live.values()) {
    if (live.call.agent) on.set(live.call.agent, [...(on.get(live.call.agent) ?? []), live]);
  }
  const names = new Map<string, string>((hello.peek()?.ceiling.agents ?? []).filter((name) => name !== "*").map((name) => [name, ""]));
  for (const [name, team] of seen) names.set(name, team);
  const next = new Map<string, Agent>();
  for (const [name, team] of names) {
    const before = known.get(name);
    const now = on.get(name) ?? [];
    const isSame = before && before.team === team && before.on.length === now.length && before.on.every((live, index) => live === now[index]);
    next.set(name, isSame ? before : { name, team, on: now });
  }
  known = next;
  agents.value = [...next.values()];
}

/** Those that pass, in order. */
export function choose(among: readonly Agent[], { text, team, state, order }: AgentFilter): readonly Agent[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const passes = (agent: Agent): boolean => {
    if ((team && agent.team !== team) || (state && (state === "busy") !== agent.on.length > 0)) return false;
    const said = `${agent.name}\n${agent.team}`.toLowerCase();
    return words.every((word) => said.includes(word));
  };
  const began = ({ on }: Agent): number => Math.min(...on.map(({ call }) => Date.parse(call.answered ?? call.started)));
  const compare = (one: Agent, other: Agent): number => {
    if (order === "team" && one.team !== other.team) return one.team < other.team ? -1 : 1;
    if (order === "longest" && began(one) !== began(other)) return began(one) < began(other) ? -1 : 1;
    return one.name < other.name ? -1 : 1;
  };
  return among.filter(passes).sort(compare);
}

let timer: ReturnType<typeof setTimeout> | null = null;
let listedAt = -Infinity;

/** Keep the list up to date while somebody looks at it; what it returns calls that off. */
export function watchAgents(): () => void {
  list();
  const stop = effect(() => {
    void calls.version.value;
    void hello.value;
    timer ??= setTimeout(() => {
      timer = null;
      listedAt = performance.now();
      list();
    }, Math.max(0, listedAt + REST_MS - performance.now()));
  });
  return () => {
    stop();
    if (timer !== null) clearTimeout(timer);
    timer = null;
  };
}
