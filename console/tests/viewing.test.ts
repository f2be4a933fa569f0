// Of which calls the meters are asked for, and how often that is told.
import { describe, expect, test } from "vitest";
import { EVERYTHING } from "../src/store/board";
import { REST_MS, Viewing } from "../src/store/viewing";
import { FEW, wanted, type Viewed } from "../src/store/wanted";

const SIGHT = { total: FEW + 1, sort: { by: "duration", down: true }, filter: EVERYTHING, rows: ["c1", "c2"], others: ["c9"] } as const;

class Screen {
  sees: Viewed = ["c1"];
  isOnline = true;
  readonly told: Viewed[] = [];
  #now = 0;
  #timers: { at: number; what: () => void }[] = [];
  readonly viewing = new Viewing({
    wanted: () => this.sees,
    tell: (calls) => (this.isOnline ? (this.told.push(calls), true) : false),
    now: () => this.#now,
    after: (ms, what) => void this.#timers.push({ at: this.#now + ms, what }),
  });

  shows(calls: Viewed): void {
    this.sees = calls;
    this.viewing.look();
  }

  passes(ms: number): void {
    this.#now += ms;
    const due = this.#timers.filter(({ at }) => at <= this.#now);
    this.#timers = this.#timers.filter(({ at }) => at > this.#now);
    for (const { what } of due) what();
  }
}

describe("the meters", () => {
  test("are wanted of the rows on the screen, and of where we are", () => {
    expect(wanted(SIGHT)).toEqual(["c9", "c1", "c2"]);
    expect(wanted({ ...SIGHT, rows: null })).toEqual(["c9"]);
  });

  test("are wanted of all where there are few, or where they decide on the rows", () => {
    expect(wanted({ ...SIGHT, total: FEW })).toBeNull();
    expect(wanted({ ...SIGHT, sort: { by: "silence", down: true } })).toBeNull();
    expect(wanted({ ...SIGHT, filter: { ...EVERYTHING, flag: "crosstalk" } })).toBeNull();
    expect(wanted({ ...SIGHT, filter: { ...EVERYTHING, flag: "held" } })).not.toBeNull();
  });
});

describe("what is seen", () => {
  test("is told at once, then at most twice a second, and then as it is", () => {
    const screen = new Screen();
    for (let row = 0; row < 10; row++) screen.shows([`c${row}`]);
    expect(screen.told).toEqual([["c0"]]);
    screen.passes(REST_MS - 1);
    expect(screen.told).toHaveLength(1);
    screen.passes(1);
    expect(screen.told).toEqual([["c0"], ["c9"]]);
  });

  test("is not told again while it is the same, in whatever order", () => {
    const screen = new Screen();
    screen.shows(["c1", "c2"]);
    screen.passes(REST_MS);
    screen.shows(["c2", "c1"]);
    expect(screen.told).toHaveLength(1);
  });

  test("is told to another connection unless that is all that there is", () => {
    const screen = new Screen();
    screen.viewing.forget();
    screen.shows(null);
    expect(screen.told).toEqual([]);
    screen.shows(["c1"]);
    screen.viewing.forget();
    screen.passes(REST_MS);
    screen.viewing.look();
    expect(screen.told).toEqual([["c1"], ["c1"]]);
  });

  test("waits for the connection, and names no more than may be named", () => {
    const screen = new Screen();
    screen.isOnline = false;
    screen.shows(Array.from({ length: 600 }, (_, row) => `c${row}`));
    screen.isOnline = true;
    screen.viewing.look();
    expect(screen.told[0]).toHaveLength(500);
  });
});
