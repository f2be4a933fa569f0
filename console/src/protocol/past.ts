// What the control API says of calls that are over: `history` and `past_call`.
import type { Mark, Mode } from "./messages";

export interface PastCall {
  readonly call: string;
  readonly caller: string;
  readonly called: string;
  readonly agent: string;
  readonly team: string;
  readonly trunk: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** ISO 8601, as all moments here. */
  readonly started: string;
  readonly answered: string | null;
  /** Null: it goes on. */
  readonly ended: string | null;
  /** Seconds from its answer, or else its start. */
  readonly duration: number;
  readonly cause: string;
}

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
