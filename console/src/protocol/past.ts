// What the control API says of calls that are over: `history` and `past_call`.
import type { Call, Mark, Mode } from "./messages";

/** A call as it was kept: without what ends with it. It may go on still; then `ended` is null. */
export type PastCall = Pick<
  Call,
  "call" | "caller" | "called" | "agent" | "team" | "trunk" | "metadata" | "started" | "answered" | "ended" | "duration" | "cause"
>;

/** A page of them, the newest first. */
export interface Page {
  readonly calls: readonly PastCall[];
  /** What the page after it is asked by; null: there is none. */
  readonly next: string | null;
}

/** A time in one mode. */
export interface Stretch {
  readonly mode: Mode;
  readonly target: string;
  readonly agent: string;
  readonly since: string;
  /** Null: it goes on. */
  readonly until: string | null;
}

export interface PastSupervision {
  readonly supervision: string;
  readonly identity: string;
  /** By which door he came. */
  readonly way: string;
  readonly address: string;
  readonly permission: string;
  readonly joined: string;
  /** Null: he is there. */
  readonly left: string | null;
  readonly cause: string;
  readonly timeline: readonly Stretch[];
}

export interface Past {
  readonly call: PastCall;
  readonly supervisions: readonly PastSupervision[];
  readonly flags: readonly Mark[];
}
