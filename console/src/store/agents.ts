// The agents that we know of: those that our ceiling names, and those that were seen on calls. And what each does now.
import { computed, signal } from "@preact/signals";
import type { LiveCall } from "./calls";
import { calls, hello, onEvent } from "./desk";

export interface Agent {
  readonly name: string;
  readonly team: string;
  /** Empty: idle, as far as we see. */
  readonly on: readonly LiveCall[];
}

/** Agents that were seen, with their team; so many at most. */
const MOST = 5_000;
const seen = signal<ReadonlyMap<string, string>>(new Map());

function see(): void {
  let next: Map<string, string> | null = null;
  for (const { call } of calls.live.values()) {
    if (!call.agent || seen.peek().get(call.agent) === call.team) continue;
    next ??= new Map(seen.peek());
    if (next.size < MOST) next.set(call.agent, call.team);
  }
  if (next) seen.value = next;
}

onEvent(see);

export const agents = computed<readonly Agent[]>(() => {
  void calls.version.value;
  see();
  const on = new Map<string, LiveCall[]>();
  for (const live of calls.live.values()) {
    if (live.call.agent) on.set(live.call.agent, [...(on.get(live.call.agent) ?? []), live]);
  }
  const names = new Map<string, string>(hello.value?.ceiling.agents.filter((name) => name !== "*").map((name) => [name, ""]));
  for (const [name, team] of seen.value) names.set(name, team);
  return [...names].map(([name, team]) => ({ name, team, on: on.get(name) ?? [] })).sort((one, other) => one.name.localeCompare(other.name));
});
