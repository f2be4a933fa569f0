// What each agent does, and which of them are shown.
import { describe, expect, test } from "vitest";
import { choose, presenceOf, type Agent, type AgentFilter, type Presence } from "../src/store/roster";
import { call } from "./said";

const agent = (name: string, team: string, presence: Presence, answered?: string): Agent => ({
  name, team, presence, on: answered ? [{ call: call(`c-${name}`, { agent: name, answered }) }] : [],
});
const ALL = [
  agent("robert", "support", "busy", "2030-03-17T17:46:44.500Z"),
  agent("simon", "sales", "busy", "2030-03-17T17:40:00.000Z"),
  agent("ida", "support", "idle"),
  agent("otto", "sales", "offline"),
  agent("unlisted", "", ""),
];
const shown = (filter: Partial<AgentFilter>): string[] => choose(ALL, { text: "", team: "", state: "", order: "name", ...filter }).map(({ name }) => name);

describe("an agent", () => {
  test("is idle or offline only where the server says so", () => {
    expect(presenceOf(false, { agent: "ida", team: "", state: "idle" })).toBe("idle");
    expect(presenceOf(false, { agent: "ida", team: "", state: "offline" })).toBe("offline");
    expect(presenceOf(false, undefined)).toBe("");
  });

  test("is on a call while there is one, whatever an older list says, and not a moment longer", () => {
    expect(presenceOf(true, { agent: "ida", team: "", state: "offline" })).toBe("busy");
    expect(presenceOf(false, { agent: "ida", team: "", state: "on_call" })).toBe("");
  });
});

describe("the agents", () => {
  test("are found by words, team and what they do", () => {
    expect(shown({ text: "SUPP" })).toEqual(["ida", "robert"]);
    expect(shown({ team: "sales", state: "busy" })).toEqual(["simon"]);
    expect(shown({ state: "idle" })).toEqual(["ida", "unlisted"]);
    expect(shown({ state: "offline" })).toEqual(["otto"]);
  });

  test("are in order, the longest call first where that is wanted", () => {
    expect(shown({})).toEqual(["ida", "otto", "robert", "simon", "unlisted"]);
    expect(shown({ order: "team" })).toEqual(["unlisted", "otto", "simon", "ida", "robert"]);
    expect(shown({ order: "longest" }).slice(0, 2)).toEqual(["simon", "robert"]);
  });
});
