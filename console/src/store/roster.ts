// Who the agents are, what each does now, and which of them are shown. Pure.
import type { Call } from "../protocol/messages";

/** Of somebody who is on no call and of whom the server does not say more, it is empty. */
export type Presence = "busy" | "idle" | "offline" | "";

/** An agent as the server lists him: `GET /v1/agents`. */
export interface Listed {
  readonly agent: string;
  readonly team: string;
  readonly state: string;
}

/** An agent with his calls, of whichever kind. */
export interface Agent<C extends { readonly call: Call } = { readonly call: Call }> {
  readonly name: string;
  readonly team: string;
  readonly presence: Presence;
  readonly on: readonly C[];
}

export type AgentOrder = "name" | "team" | "longest";

export interface AgentFilter {
  readonly text: string;
  readonly team: string;
  readonly state: Presence;
  readonly order: AgentOrder;
}

/** What an agent does: his calls are told at once, the list is some seconds old, so what it says of calls does not count. */
export function presenceOf(isOnCall: boolean, listed: Listed | undefined): Presence {
  if (isOnCall) return "busy";
  return listed?.state === "idle" || listed?.state === "offline" ? listed.state : "";
}

const isIn = (presence: Presence, state: Presence): boolean => !state || presence === state || (state === "idle" && presence === "");

/** Those that pass, in order. */
export function choose<A extends Agent>(among: readonly A[], { text, team, state, order }: AgentFilter): readonly A[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const passes = (agent: A): boolean => {
    if ((team && agent.team !== team) || !isIn(agent.presence, state)) return false;
    const said = `${agent.name}\n${agent.team}`.toLowerCase();
    return words.every((word) => said.includes(word));
  };
  const began = ({ on }: A): number => Math.min(...on.map(({ call }) => Date.parse(call.answered ?? call.started)));
  const compare = (one: A, other: A): number => {
    if (order === "team" && one.team !== other.team) return one.team < other.team ? -1 : 1;
    if (order === "longest" && began(one) !== began(other)) return began(one) < began(other) ? -1 : 1;
    return one.name < other.name ? -1 : 1;
  };
  return among.filter(passes).sort(compare);
}
