// Which calls the board shows, and in what order. Pure, so that a thousand rows are a test and not a guess.
import type { Call } from "../protocol/messages";
import type { Direction, Flag } from "./facts";
import { campaignOf, customerOf, directionOf, durationOf, flagsOf, mosOf, queueOf, supervisors } from "./facts";
import type { Talk } from "./talk";

export type SortKey = "caller" | "agent" | "team" | "queue" | "campaign" | "duration" | "silence" | "crosstalk" | "quality" | "supervisors";

export interface Sort {
  readonly by: SortKey;
  readonly down: boolean;
}

export interface Filter {
  readonly text: string;
  readonly team: string;
  readonly queue: string;
  readonly direction: Direction | "";
  readonly flag: Flag | "";
}

export const EVERYTHING: Filter = { text: "", team: "", queue: "", direction: "", flag: "" };

/** A call with what was measured of it. */
export interface Row {
  readonly id: string;
  readonly call: Call;
  readonly receivedAt: number;
  readonly talk: Talk;
}

/** The ids of the calls that pass the filter, in order; rows that are equal stay in the order of their age. */
export function arrange(rows: Iterable<Row>, filter: Filter, sort: Sort, now: number): string[] {
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
  const kept: { id: string; value: string | number; age: number }[] = [];
  for (const row of rows) {
    if (!passes(row, filter, words, now)) continue;
    kept.push({ id: row.id, value: valueOf(row, sort.by, now), age: Date.parse(row.call.started) });
  }
  const sign = sort.down ? -1 : 1;
  kept.sort((one, other) => sign * compare(one.value, other.value) || one.age - other.age || compare(one.id, other.id));
  return kept.map((row) => row.id);
}

function passes({ call, talk }: Row, filter: Filter, words: readonly string[], now: number): boolean {
  if (filter.team && call.team !== filter.team) return false;
  if (filter.queue && queueOf(call) !== filter.queue) return false;
  if (filter.direction && directionOf(call) !== filter.direction) return false;
  if (words.length) {
    const text = textOf(call);
    if (!words.every((word) => text.includes(word))) return false;
  }
  return !filter.flag || flagsOf(call, talk, now).has(filter.flag);
}

function textOf(call: Call): string {
  const names = [...supervisors(call).map((leg) => leg.identity), ...(call.flags ?? []).map((flag) => flag.label)];
  const said = [call.caller, call.called, call.agent, call.team, call.trunk, call.call, ...Object.values(call.metadata), ...names];
  return said.join("\n").toLowerCase();
}

function valueOf({ call, talk, receivedAt }: Row, by: SortKey, now: number): string | number {
  switch (by) {
    case "caller":
      return customerOf(call).toLowerCase();
    case "agent":
      return call.agent.toLowerCase();
    case "team":
      return call.team.toLowerCase();
    case "queue":
      return queueOf(call).toLowerCase();
    case "campaign":
      return campaignOf(call).toLowerCase();
    case "duration":
      return durationOf(call, receivedAt, now);
    case "silence":
      return Math.floor(talk.silence(now));
    case "crosstalk":
      return Math.round(talk.shares(now).both * 100);
    case "quality":
      return talk.mos ?? mosOf(call) ?? 5;
    case "supervisors":
      return supervisors(call).length;
  }
}

const compare = (one: string | number, other: string | number): number => (one < other ? -1 : one > other ? 1 : 0);

/** The teams or queues that there are, to choose from. */
export function choices(rows: Iterable<Row>, of: (call: Call) => string): string[] {
  const found = new Set<string>();
  for (const { call } of rows) {
    const value = of(call);
    if (value) found.add(value);
  }
  return [...found].sort();
}
