// What a server says, for the tests.
import type { Call, Event, Hello, Leg, Snapshot } from "../src/protocol/messages";

export const leg = (number: number, role: Leg["role"], changes: Partial<Leg> = {}): Leg => ({
  leg: number,
  role,
  state: "answered",
  party: role === "agent" ? "robert" : "+4930123",
  codec: "PCMU",
  secured: false,
  identity: "",
  mode: null,
  target: null,
  muted: false,
  hears: 1,
  heard: 1,
  inaudible: "",
  ...changes,
});

export const call = (id: string, changes: Partial<Call> = {}): Call => ({
  call: id,
  tenant: "default",
  state: "answered",
  caller: "+4930123",
  called: "100",
  agent: "robert",
  team: "support",
  trunk: "pbx",
  metadata: { queue: "sales" },
  started: "2030-03-17T17:46:40.000Z",
  answered: "2030-03-17T17:46:44.500Z",
  ended: null,
  duration: 61.5,
  cause: "",
  legs: [leg(1, "customer"), leg(2, "agent")],
  ...changes,
});

export const hello = (changes: Partial<Hello> = {}): Hello => ({
  type: "hello",
  version: 1,
  identity: "anna",
  tenant: "default",
  ceiling: { agents: ["*"], teams: [], mode: "barge", rights: [] },
  stream: "s",
  sequence: 0,
  resumed: false,
  ...changes,
});

export const snapshot = (calls: Call[], changes: Partial<Snapshot> = {}): Snapshot => ({
  type: "snapshot",
  stream: "s",
  sequence: 0,
  reason: "connected",
  calls,
  last: true,
  ...changes,
});

export const event = (sequence: number, kind: string, about: Call | null, id = about?.call ?? ""): Event => ({
  type: "event",
  sequence,
  kind,
  call_id: id,
  at: "2030-03-17T17:47:46.250Z",
  ...(about ? { call: about } : {}),
});
