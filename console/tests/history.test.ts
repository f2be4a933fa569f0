// Which ended calls are asked for, and where supervision lies in a call.
import { describe, expect, test } from "vitest";
import type { PastCall, Stretch } from "../src/protocol/past";
import { ANY, PAGE, fieldsOf, partOf, spanOf } from "../src/store/history";

const CALL: PastCall = {
  call: "c0", caller: "+4930123", called: "100", agent: "robert", team: "support", trunk: "pbx", metadata: {},
  started: "2030-01-31T12:00:00.000Z", answered: "2030-01-31T12:00:10.000Z", ended: "2030-01-31T12:01:50.000Z", duration: 100, cause: "bye",
};
const stretch = (since: string, until: string | null): Stretch => ({ mode: "listen", target: "agent", agent: "robert", since, until });
const { begun, over } = spanOf(CALL, 0);

describe("what is asked", () => {
  test("leaves out what does not matter", () => {
    expect(fieldsOf(ANY, "")).toEqual({ limit: PAGE });
    expect(fieldsOf({ ...ANY, party: " 4930 ", agent: " " }, "5.c7")).toEqual({ limit: PAGE, party: "4930", cursor: "5.c7" });
  });

  test("has whole days, both of them, by the clock of who asks", () => {
    const { since, until } = fieldsOf({ ...ANY, from: "2030-01-30", to: "2030-01-31" }, "");
    expect([since, until]).toEqual([new Date(2030, 0, 30).toISOString(), new Date(2030, 1, 1).toISOString()]);
    expect(fieldsOf({ ...ANY, from: "then" }, "")).toEqual({ limit: PAGE });
  });
});

describe("a stretch", () => {
  test("lies between the answer and the end of its call", () => {
    expect(partOf(stretch("2030-01-31T12:00:35.000Z", "2030-01-31T12:01:00.000Z"), begun, over)).toEqual({ from: 0.25, length: 0.25 });
  });

  test("that goes on, or began before the answer, goes to the edge", () => {
    expect(partOf(stretch("2030-01-31T12:00:00.000Z", null), begun, over)).toEqual({ from: 0, length: 1 });
  });

  test("has a place in a call that goes on, and in one of no length", () => {
    const now = Date.parse("2030-01-31T12:00:20.000Z");
    expect(spanOf({ ...CALL, ended: null }, now).over).toBe(now);
    expect(partOf(stretch(CALL.answered!, null), begun, begun)).toEqual({ from: 0, length: 0 });
  });
});
