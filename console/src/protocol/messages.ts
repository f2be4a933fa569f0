// What the control API, version 1, says and takes, as docs/control-api.md has it. Fields that are not known are ignored.

export type Mode = "listen" | "whisper" | "barge";
export type Role = "customer" | "agent" | "outside" | "supervisor";
export type CallState = "routing" | "ringing" | "answered" | "held" | "ended";

export const MODES: readonly Mode[] = ["listen", "whisper", "barge"];

export interface Leg {
  readonly leg: number;
  readonly role: Role;
  readonly state: string;
  readonly party: string;
  readonly codec: string;
  readonly secured: boolean;
  readonly identity: string;
  readonly mode: Mode | null;
  readonly target: Role | null;
  readonly muted: boolean;
  /** Linear gains. */
  readonly hears: number;
  readonly heard: number;
  /** Why the mode's target cannot hear the supervisor now; empty where it can. */
  readonly inaudible: string;
  /** The supervisor talks in the agent's stead. */
  readonly taken_over?: boolean;
  /** The agent, meanwhile. */
  readonly aside?: boolean;
}

export interface Way {
  readonly mos: number;
  /** Part of the packets lost in the last seconds, 0 to 1. */
  readonly loss: number;
  readonly jitter_ms: number;
}

export interface Quality {
  readonly role: Role;
  readonly live: boolean;
  readonly up: Way | null;
  readonly down: Way | null;
  readonly round_trip_ms: number | null;
}

/** What somebody put on a call, with a word. */
export interface Mark {
  readonly id: string;
  readonly identity: string;
  /** When it was set, and the moment that is meant. */
  readonly at: string;
  readonly about: string;
  readonly label: string;
}

export interface Call {
  readonly call: string;
  readonly tenant: string;
  readonly state: CallState;
  readonly caller: string;
  readonly called: string;
  readonly agent: string;
  readonly team: string;
  readonly trunk: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** ISO 8601, as all moments here. */
  readonly started: string;
  readonly answered: string | null;
  readonly ended: string | null;
  /** Seconds from its answer, or else its start, until its end or the moment at which the message was made. */
  readonly duration: number;
  readonly cause: string;
  readonly legs: readonly Leg[];
  /** The agent keeps supervisors out of it. */
  readonly private?: boolean;
  /** What the agent said when he asked for help; null: he did not, or somebody came. */
  readonly help?: string | null;
  /** Those that stand. */
  readonly flags?: readonly Mark[];
  readonly quality?: Readonly<Record<string, Quality>>;
}

export interface Ceiling {
  readonly agents: readonly string[];
  readonly teams: readonly string[];
  readonly mode: Mode | null;
  readonly rights: readonly string[];
}

export interface Hello {
  readonly type: "hello";
  readonly version: number;
  readonly identity: string;
  readonly tenant: string;
  readonly ceiling: Ceiling;
  /** What the server can be told; a server that does not say knows the commands of the first version. */
  readonly commands?: readonly string[];
  readonly stream: string;
  readonly sequence: number;
  readonly resumed: boolean;
}

export interface Snapshot {
  readonly type: "snapshot";
  readonly stream: string;
  readonly sequence: number;
  readonly reason: "connected" | "not_resumable" | "too_slow" | "policy_changed";
  /** As in hello, where the policy changed: what the server can be told from now on. */
  readonly commands?: readonly string[];
  readonly calls: readonly Call[];
  readonly last: boolean;
}

export interface Event {
  readonly type: "event";
  readonly sequence: number;
  readonly kind: string;
  readonly call_id: string;
  readonly at: string;
  readonly call?: Call | null;
  readonly leg?: number | null;
  readonly detail?: Readonly<Record<string, unknown>>;
}

export interface Level {
  /** 0 is the loudest that there is, -127 silence. */
  readonly level_dbov: number;
  readonly speaks: boolean;
  readonly mos_up?: number | null;
  readonly mos_down?: number | null;
}

export interface CallMeters {
  readonly legs: Readonly<Record<string, Level>>;
}

export interface Meters {
  readonly type: "meters";
  readonly calls: Readonly<Record<string, CallMeters>>;
}

export interface Problem {
  readonly code: string;
  readonly text: string;
  readonly hint: string;
}

export interface Reply {
  readonly type: "reply";
  readonly id: number | string | null;
  readonly ok: boolean;
  readonly result?: Readonly<Record<string, unknown>> | null;
  readonly error?: Problem | null;
}

export type ServerMessage = Hello | Snapshot | Event | Meters | Reply;

export const isObject = (said: unknown): said is Readonly<Record<string, unknown>> => typeof said === "object" && said !== null;

/** The message in a frame, or null for what is none, or of a type that a newer server has. */
export function read(frame: string): ServerMessage | null {
  let message: unknown;
  try {
    message = JSON.parse(frame);
  } catch {
    return null;
  }
  const type = isObject(message) ? message["type"] : "";
  const isKnown = type === "hello" || type === "snapshot" || type === "event" || type === "meters" || type === "reply";
  return isKnown ? (message as unknown as ServerMessage) : null;
}
