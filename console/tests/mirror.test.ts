// Snapshots in parts, events without holes, and what does not follow.
import { describe, expect, test } from "vitest";
import { Mirror, OutOfStep, type Shelf } from "../src/protocol/mirror";
import type { Call } from "../src/protocol/messages";
import { call, event, hello, snapshot } from "./said";

class Noted implements Shelf {
  calls = new Map<string, Call>();
  replaced = 0;
  put(one: Call): void {
    this.calls.set(one.call, one);
  }
  drop(id: string): void {
    this.calls.delete(id);
  }
  replace(all: readonly Call[]): void {
    this.replaced++;
    this.calls = new Map(all.map((one) => [one.call, one]));
  }
}

function mirrored(): { shelf: Noted; mirror: Mirror } {
  const shelf = new Noted();
  return { shelf, mirror: new Mirror(shelf) };
}

describe("a mirror", () => {
  test("shows nothing of a snapshot before its last part", () => {
    const { shelf, mirror } = mirrored();
    mirror.snapshot(snapshot([call("a")], { last: false }));
    expect(shelf.replaced).toBe(0);
    mirror.snapshot(snapshot([call("b")], { sequence: 7 }));
    expect([...shelf.calls.keys()]).toEqual(["a", "b"]);
    expect(mirror.position).toBe("s:7");
  });

  test("throws away the parts of a snapshot that was interrupted", () => {
    const { shelf, mirror } = mirrored();
    mirror.snapshot(snapshot([call("a")], { last: false }));
    mirror.greet(hello());
    mirror.snapshot(snapshot([call("b")]));
    expect([...shelf.calls.keys()]).toEqual(["b"]);
  });

  test("takes events in order, and each once", () => {
    const { shelf, mirror } = mirrored();
    mirror.snapshot(snapshot([], { sequence: 4 }));
    expect(mirror.event(event(5, "call.started", call("a")))).toBe(true);
    expect(mirror.event(event(5, "call.ended", call("a")))).toBe(false);
    expect(shelf.calls.has("a")).toBe(true);
    expect(mirror.event(event(6, "call.hidden", null, "a"))).toBe(true);
    expect(shelf.calls.has("a")).toBe(false);
  });

  test("does not go on over a hole", () => {
    const { mirror } = mirrored();
    mirror.snapshot(snapshot([], { sequence: 4 }));
    expect(() => mirror.event(event(6, "call.started", call("a")))).toThrow(OutOfStep);
    expect(mirror.position).toBe("s:4");
  });

  test("keeps its place over a connection that resumed, and forgets it over one that did not", () => {
    const { mirror } = mirrored();
    mirror.snapshot(snapshot([], { sequence: 4 }));
    mirror.greet(hello({ resumed: true }));
    expect(mirror.position).toBe("s:4");
    mirror.greet(hello({ resumed: false }));
    expect(mirror.position).toBe("");
  });
});
