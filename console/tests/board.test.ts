// Which calls the board shows, and in what order.
import { describe, expect, test } from "vitest";
import { EVERYTHING, arrange, choices, type Filter, type Row, type SortKey } from "../src/store/board";
import { queueOf } from "../src/store/facts";
import { Talk } from "../src/store/talk";
import type { Call } from "../src/protocol/messages";
import { call, leg } from "./said";

const row = (id: string, changes: Partial<Call> = {}): Row => ({ id, call: call(id, changes), receivedAt: 0, talk: new Talk() });

const ROWS = [
  row("a", { agent: "maria", team: "sales", metadata: { queue: "orders" }, duration: 5 }),
  row("b", { caller: "+4940555", duration: 300, state: "held" }),
  row("c", { agent: "samuel", duration: 60, legs: [leg(1, "agent"), leg(2, "customer"), leg(3, "supervisor", { identity: "anna" })] }),
];

const shown = (filter: Partial<Filter>, by: SortKey = "agent", down = false): string[] =>
  arrange(ROWS, { ...EVERYTHING, ...filter }, { by, down }, 0);

describe("the board", () => {
  test("sorts both ways", () => {
    expect(shown({}, "duration")).toEqual(["a", "c", "b"]);
    expect(shown({}, "duration", true)).toEqual(["b", "c", "a"]);
    expect(shown({}, "agent")).toEqual(["a", "b", "c"]);
  });

  test("finds every word anywhere", () => {
    expect(shown({ text: "MARIA orders" })).toEqual(["a"]);
    expect(shown({ text: "4940" })).toEqual(["b"]);
    expect(shown({ text: "anna" })).toEqual(["c"]);
    expect(shown({ text: "maria 4940" })).toEqual([]);
  });

  test("filters by team, queue, direction and flag", () => {
    expect(shown({ team: "sales" })).toEqual(["a"]);
    expect(shown({ queue: "orders" })).toEqual(["a"]);
    expect(shown({ direction: "out" })).toEqual(["c"]);
    expect(shown({ flag: "held" })).toEqual(["b"]);
    expect(shown({ flag: "supervised" })).toEqual(["c"]);
  });

  test("offers what there is to choose from, once each", () => {
    expect(choices(ROWS, queueOf)).toEqual(["orders", "sales"]);
  });

  test("arranges a thousand calls in a few milliseconds", () => {
    const many = Array.from({ length: 1000 }, (_, index) => row(`c${index}`, { duration: (index * 7919) % 1000 }));
    const order = arrange(many, { ...EVERYTHING, text: "robert" }, { by: "duration", down: true }, 0);
    expect(order).toHaveLength(1000);
    expect(new Set(order).size).toBe(1000);
    expect(order[0]).toBe(many.find(({ call: one }) => one.duration === 999)!.id);
  });
});
