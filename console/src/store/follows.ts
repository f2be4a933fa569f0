// Whom we follow: agents, teams, or chance; as the server says it, at the beginning and by its events.
import { signal } from "@preact/signals";
import type { Event } from "../protocol/messages";

export interface Follow {
  readonly follow: number;
  readonly leg: number;
  readonly state: "ringing" | "waiting" | "joined";
  /** Where we are; empty: nowhere yet. */
  readonly call: string;
  readonly agent: string;
  readonly team: string;
  readonly pick: "next" | "random";
  /** Calls so far, and still to come; null: until we leave. */
  readonly joined: number;
  readonly left: number | null;
}

export const follows = signal<readonly Follow[]>([]);

/** The follow of an agent or of a team, where there is one. */
export const followOf = (whom: { agent?: string; team?: string }): Follow | undefined =>
  follows.value.find(({ agent, team, pick }) => agent === (whom.agent ?? "") && team === (whom.team ?? "") && pick === "next");

/** Whether a leg is one that goes from call to call: between two it is in none that we see. */
export const isFollowing = (leg: number): boolean => follows.value.some((follow) => follow.leg === leg);

/** Whom it is about, in words. */
export const whomOf = ({ agent, team, pick }: Follow): string => agent || (team && `team ${team}`) || (pick === "random" ? "calls by chance" : "whoever you may hear");

export function take(event: Event): void {
  const said = event.detail as unknown as Follow | undefined;
  if (!event.kind.startsWith("follow.") || typeof said?.follow !== "number") return;
  const others = follows.peek().filter(({ follow }) => follow !== said.follow);
  follows.value = event.kind === "follow.over" ? others : [...others, said].sort((one, other) => one.follow - other.follow);
}
