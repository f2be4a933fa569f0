// Who spoke when in the last minute of a call, from its meters. Pure: time comes in as milliseconds.
import type { CallMeters, Leg } from "../protocol/messages";

/** A column of the strip is so long, and there are so many of them. */
export const COLUMN_MS = 500;
export const COLUMNS = 120;
/** Meters that are older say nothing about now. */
export const STALE_MS = 2_500;

export const AGENT = 1;
export const CUSTOMER = 2;
const PARTIES = AGENT | CUSTOMER;
const KNOWN = 4;

/** The level at which a bar is empty, in dB of full scale. */
const FLOOR_DBOV = -60;

/** How far a bar goes for a level, 0 to 1. */
export function reach(dbov: number): number {
  return Math.max(0, Math.min(1, (dbov - FLOOR_DBOV) / (-8 - FLOOR_DBOV)));
}

export class Talk {
  /** By column, oldest first from `start`: who spoke, as bits. */
  readonly #columns = new Uint8Array(COLUMNS);
  #column = -1;
  #at = -Infinity;
  #since = -Infinity;
  #brokenAt = -Infinity;
  /** Bar lengths, 0 to 1. */
  agent = 0;
  customer = 0;
  /** The worst score of any way, 1 to 4.5; null before one is known. */
  mos: number | null = null;

  /** Take what the meters of the call say. */
  take(meters: CallMeters, legs: readonly Leg[], now: number): void {
    let bits = 0;
    let mos: number | null = null;
    this.agent = this.customer = 0;
    for (const leg of legs) {
      const level = meters.legs[String(leg.leg)];
      if (!level || leg.role === "supervisor") continue;
      const side = leg.role === "agent" ? AGENT : CUSTOMER;
      if (level.speaks) bits |= side;
      if (side === AGENT) this.agent = Math.max(this.agent, reach(level.level_dbov));
      else this.customer = Math.max(this.customer, reach(level.level_dbov));
      for (const score of [level.mos_up, level.mos_down]) {
        if (typeof score === "number") mos = mos === null ? score : Math.min(mos, score);
      }
    }
    this.mos = mos ?? this.mos;
    this.#mark(bits, now);
  }

  #mark(bits: number, now: number): void {
    if (this.#since === -Infinity) this.#since = this.#brokenAt = now;
    if (now - this.#at > STALE_MS) this.#brokenAt = now;
    const column = Math.floor(now / COLUMN_MS);
    const from = Math.max(this.#column + 1, column - COLUMNS + 1);
    for (let blank = from; blank < column; blank++) {
      this.#columns[blank % COLUMNS] = now - this.#at <= STALE_MS ? this.#columns[this.#column % COLUMNS]! : 0;
    }
    const old = column === this.#column ? this.#columns[column % COLUMNS]! : 0;
    this.#columns[column % COLUMNS] = old | bits | KNOWN;
    this.#column = column;
    this.#at = now;
    if (bits & PARTIES) this.#brokenAt = now;
  }

  isStale(now: number): boolean {
    return now - this.#at > STALE_MS;
  }

  /** Seconds for which nobody has said anything; 0 where that is not known. */
  silence(now: number): number {
    return this.isStale(now) ? 0 : Math.max(0, (this.#at - this.#brokenAt) / 1000);
  }

  /** Who spoke in the column that lies so many columns back: bits of `AGENT` and `CUSTOMER`. */
  spoke(back: number, now: number): number {
    const column = Math.floor(now / COLUMN_MS) - back;
    if (column > this.#column || column <= this.#column - COLUMNS || column < 0) return 0;
    return this.#columns[column % COLUMNS]! & PARTIES;
  }

  /** Parts of the last minute's known columns, 0 to 1: the agent speaks, the customer speaks, both do. */
  shares(now: number): { agent: number; customer: number; both: number } {
    let known = 0;
    let agent = 0;
    let customer = 0;
    let both = 0;
    for (let column = Math.max(0, this.#column - COLUMNS + 1); column <= this.#column; column++) {
      if (column <= Math.floor(now / COLUMN_MS) - COLUMNS) continue;
      const bits = this.#columns[column % COLUMNS]!;
      if (!(bits & KNOWN)) continue;
      known++;
      if (bits & AGENT) agent++;
      if (bits & CUSTOMER) customer++;
      if ((bits & PARTIES) === PARTIES) both++;
    }
    return known ? { agent: agent / known, customer: customer / known, both: both / known } : { agent: 0, customer: 0, both: 0 };
  }
}
