// Silence, crosstalk and shares, from meters.
import { describe, expect, test } from "vitest";
import { AGENT, COLUMN_MS, CUSTOMER, Talk, reach } from "../src/store/talk";
import { leg } from "./said";

const LEGS = [leg(1, "customer"), leg(2, "agent"), leg(3, "supervisor", { identity: "anna" })];

function speak(talk: Talk, now: number, customer: boolean, agent: boolean, supervisor = false): void {
  const level = (speaks: boolean) => ({ level_dbov: speaks ? -20 : -127, speaks, mos_up: 4.2, mos_down: null });
  talk.take({ legs: { "1": level(customer), "2": level(agent), "3": level(supervisor) } }, LEGS, now);
}

describe("talk", () => {
  test("counts the silence from the last word", () => {
    const talk = new Talk();
    speak(talk, 0, true, false);
    for (let now = 500; now <= 8_000; now += 500) speak(talk, now, false, false);
    expect(talk.silence(8_000)).toBe(8);
    speak(talk, 8_500, false, true);
    expect(talk.silence(8_500)).toBe(0);
  });

  test("takes a supervisor for nobody", () => {
    const talk = new Talk();
    speak(talk, 0, true, false);
    speak(talk, 5_000, false, false, true);
    speak(talk, 6_000, false, false, true);
    expect(talk.shares(6_000).both).toBe(0);
    expect(talk.spoke(0, 6_000)).toBe(0);
  });

  test("calls nothing silence that it was not told of", () => {
    const talk = new Talk();
    expect(talk.silence(60_000)).toBe(0);
    speak(talk, 0, true, false);
    expect(talk.silence(60_000)).toBe(0);
    expect(talk.isStale(60_000)).toBe(true);
  });

  test("tells how much of a minute both speak", () => {
    const talk = new Talk();
    for (let now = 0; now < 60_000; now += COLUMN_MS) speak(talk, now, now < 30_000, now >= 15_000);
    const { agent, customer, both } = talk.shares(59_999);
    expect([agent, customer, both]).toEqual([0.75, 0.5, 0.25]);
  });

  test("forgets what is older than a minute", () => {
    const talk = new Talk();
    speak(talk, 0, true, true);
    for (let now = 500; now <= 60_000; now += COLUMN_MS) speak(talk, now, false, true);
    expect(talk.shares(60_000)).toMatchObject({ customer: 0, both: 0 });
  });

  test("has its columns by age", () => {
    const talk = new Talk();
    speak(talk, 0, true, false);
    speak(talk, 500, false, true);
    expect([talk.spoke(0, 500), talk.spoke(1, 500), talk.spoke(2, 500)]).toEqual([AGENT, CUSTOMER, 0]);
  });

  test("draws bars from -60 dB on", () => {
    expect([reach(-127), reach(-60), reach(-34), reach(0)]).toEqual([0, 0, 0.5, 1]);
  });
});
