// Which ended calls are asked for, and where a stretch of supervision lies in its call. Pure.
import type { PastCall, Stretch } from "../protocol/past";

/** What one looks for; empty: whatever it is. Days are those of the supervisor's own clock, as `2030-01-31`. */
export interface Sought {
  readonly party: string;
  readonly agent: string;
  readonly team: string;
  readonly from: string;
  readonly to: string;
}

export const ANY: Sought = { party: "", agent: "", team: "", from: "", to: "" };
/** Calls on a page. */
export const PAGE = 50;

/** The fields of `history`. */
export function fieldsOf({ party, agent, team, from, to }: Sought, cursor: string): Readonly<Record<string, unknown>> {
  const given = { party: party.trim(), agent: agent.trim(), team: team.trim(), since: midnight(from, 0), until: midnight(to, 1), cursor };
  return { limit: PAGE, ...Object.fromEntries(Object.entries(given).filter(([, value]) => value)) };
}

/** When a day begins here, or the one so many days after it; empty where it is none. */
function midnight(day: string, later: number): string {
  const [year, month, date] = day.split("-").map(Number);
  if (!year || !month || !date) return "";
  return new Date(year, month - 1, date + later).toISOString();
}

/** The moment from which those of a call are counted, and the last one that is known; milliseconds since 1970. */
export function spanOf({ answered, started, ended }: PastCall, now: number): { begun: number; over: number } {
  const begun = Date.parse(answered ?? started);
  return { begun, over: Math.max(begun, ended === null ? now : Date.parse(ended)) };
}

/** Where a stretch begins in its call, and how much of it it takes: parts, 0 to 1. */
export function partOf({ since, until }: Stretch, begun: number, over: number): { from: number; length: number } {
  const whole = Math.max(1, over - begun);
  const inside = (at: number): number => Math.min(1, Math.max(0, (at - begun) / whole));
  const from = inside(Date.parse(since));
  return { from, length: Math.max(0, inside(until === null ? over : Date.parse(until)) - from) };
}
