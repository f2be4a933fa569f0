// What a supervisor wants to know of a call, drawn from what the server says of it. Pure.
import type { Call, Leg, Mode } from "../protocol/messages";
import type { Talk } from "./talk";

export type Direction = "in" | "out" | "internal";
export type Flag = "help" | "flagged" | "silence" | "crosstalk" | "quality" | "held" | "supervised" | "private";

/** Seconds without a word, and the part of a minute in which both speak, from which a call stands out. */
export const LONG_SILENCE = 10;
export const MUCH_CROSSTALK = 0.15;
/** Scores below these are fair, and poor. */
export const FAIR_MOS = 4.0;
export const POOR_MOS = 3.6;

export const FLAGS: Readonly<Record<Flag, string>> = {
  help: "Asks for help",
  flagged: "Flagged",
  silence: "Long silence",
  crosstalk: "Crosstalk",
  quality: "Poor quality",
  held: "On hold",
  supervised: "Supervised",
  private: "Private",
};

/** Whoever called first has the lowest leg. */
export function directionOf(call: Call): Direction {
  const parties = call.legs.filter((leg) => leg.role !== "supervisor").sort((one, other) => one.leg - other.leg);
  if (parties.length > 1 && parties.every((leg) => leg.role === "agent")) return "internal";
  return parties[0]?.role === "agent" ? "out" : "in";
}

export const supervisors = (call: Call): readonly Leg[] => call.legs.filter((leg) => leg.role === "supervisor" && leg.state !== "ended");

export const agentLeg = (call: Call): Leg | undefined => call.legs.find((leg) => leg.role === "agent" && leg.state !== "ended");

/** A third one whom a supervisor has brought in. */
export const guestOf = (call: Call): Leg | undefined => call.legs.find((leg) => leg.role === "outside" && leg.state !== "ended");

/** The supervising leg of an identity. */
export const legOf = (call: Call, identity: string): Leg | undefined => supervisors(call).find((leg) => leg.identity === identity);

export const queueOf = (call: Pick<Call, "metadata">): string => call.metadata["queue"] ?? "";
export const campaignOf = (call: Pick<Call, "metadata">): string => call.metadata["campaign"] ?? "";

/** The other side of the call: who is neither of the house nor a supervisor; by the name that a look-up found, where it did. */
export const customerOf = (call: Call): string => call.metadata["caller_name"] || numberOf(call);

/** Who called, by the name that a look-up found, where it did. */
export const callerOf = ({ metadata, caller }: Pick<Call, "metadata" | "caller">): string => metadata["caller_name"] || caller || "unknown";

export function numberOf(call: Call): string {
  const customer = call.legs.find((leg) => leg.role === "customer" && leg.state !== "ended");
  return customer?.party || call.caller || "unknown";
}

/** Where more about the customer stands; empty: nowhere. */
export const linkOf = (call: Pick<Call, "metadata">): string => (/^https?:\/\//i.test(call.metadata["caller_link"] ?? "") ? call.metadata["caller_link"]! : "");

/** Told elsewhere on the page than among the details. */
const TOLD: ReadonlySet<string> = new Set(["queue", "campaign", "caller_name", "caller_link"]);

export const otherMetadata = (call: Pick<Call, "metadata">): [string, string][] => Object.entries(call.metadata).filter(([name]) => !TOLD.has(name));

/** Seconds that the call has lasted, for a message that came at `receivedAt` (milliseconds). */
export function durationOf(call: Call, receivedAt: number, now: number): number {
  return call.state === "ended" ? call.duration : call.duration + Math.max(0, now - receivedAt) / 1000;
}

export type Grade = "good" | "fair" | "poor" | "unknown";

export function gradeOf(mos: number | null): Grade {
  if (mos === null) return "unknown";
  return mos < POOR_MOS ? "poor" : mos < FAIR_MOS ? "fair" : "good";
}

/** The worst score of the legs that live, as the call itself says; null where it says none. */
export function mosOf(call: Call): number | null {
  const scores = Object.values(call.quality ?? {})
    .filter((quality) => quality.live)
    .flatMap((quality) => [quality.up?.mos, quality.down?.mos])
    .filter((mos): mos is number => typeof mos === "number");
  return scores.length ? Math.min(...scores) : null;
}

export function flagsOf(call: Call, talk: Talk, now: number): Set<Flag> {
  const flags = new Set<Flag>();
  if (call.help != null) flags.add("help");
  if (call.flags?.length) flags.add("flagged");
  if (call.private) flags.add("private");
  if (call.state === "held") flags.add("held");
  if (supervisors(call).length) flags.add("supervised");
  if (talk.silence(now) >= LONG_SILENCE && call.state === "answered") flags.add("silence");
  if (talk.shares(now).both >= MUCH_CROSSTALK) flags.add("crosstalk");
  if (gradeOf(talk.mos ?? mosOf(call)) === "poor") flags.add("quality");
  return flags;
}

/** What a supervisor does, as it stands behind his name, or behind "You". */
export function doing(leg: Leg, isMine: boolean): string {
  const does = (verb: string): string => (isMine ? verb : `${verb}s`);
  if (leg.state !== "answered") return `${isMine ? "are" : "is"} being rung`;
  if (leg.taken_over) return `${does("speak")} in the agent's stead`;
  if (leg.mode === "listen") return does("listen");
  const how = leg.mode === "barge" ? `${does("speak")} to everybody` : `${does("whisper")} to the ${leg.target ?? "agent"}`;
  return leg.muted ? `${how}, muted` : how;
}

/** `1 call`, `2 calls`. */
export const counted = (calls: number): string => `${calls} ${calls === 1 ? "call" : "calls"}`;

/** `1:05` or `1:02:05`. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const rest = String(whole % 60).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes}:${rest}` : `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`;
}

const RANK: Readonly<Record<Mode, number>> = { listen: 1, whisper: 2, barge: 3 };

/** Whether a ceiling reaches as far as a mode. */
export const reaches = (ceiling: Mode | null, mode: Mode): boolean => ceiling !== null && RANK[mode] <= RANK[ceiling];
