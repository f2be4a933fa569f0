// What is said of calls, in words.
import { expect, test } from "vitest";
import { counted, doing } from "../src/store/facts";
import { leg } from "./said";

test.each([
  [{ mode: "listen" }, "listens", "listen"],
  [{ mode: "whisper", target: "agent", muted: true }, "whispers to the agent, muted", "whisper to the agent, muted"],
  [{ mode: "barge" }, "speaks to everybody", "speak to everybody"],
  [{ mode: "barge", taken_over: true }, "speaks in the agent's stead", "speak in the agent's stead"],
  [{ state: "ringing" }, "is being rung", "are being rung"],
] as const)("who is %o %s, and you %s", (changes, another, you) => {
  const one = leg(3, "supervisor", changes);
  expect([doing(one, false), doing(one, true)]).toEqual([another, you]);
});

test("one call is one call", () => {
  expect([0, 1, 2].map(counted)).toEqual(["0 calls", "1 call", "2 calls"]);
});
