// The connection comes back, resumes, and gives every command one reply. Sockets and the clock are the test's.
import { describe, expect, test } from "vitest";
import { Connection, DEAD_MS, FIRST_PAUSE_MS, type Listener, type Socket, type Status, type World } from "../src/protocol/connection";
import type { Event, ServerMessage } from "../src/protocol/messages";
import { Mirror } from "../src/protocol/mirror";
import { call, event, hello, snapshot } from "./said";

class Wire implements Socket {
  onopen = null;
  readyState = 1;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  sent: Record<string, unknown>[] = [];
  isClosed = false;
  constructor(
    readonly url: string,
    readonly protocols: string[],
  ) {}
  send(frame: string): void {
    this.sent.push(JSON.parse(frame) as Record<string, unknown>);
  }
  close(): void {
    this.isClosed = true;
  }
  says(...messages: ServerMessage[]): void {
    for (const message of messages) this.onmessage?.({ data: JSON.stringify(message) });
  }
  ends(code = 1006): void {
    this.onclose?.({ code, reason: "" });
  }
}

class Theatre implements World, Listener {
  wires: Wire[] = [];
  statuses: Status[] = [];
  events: Event[] = [];
  #now = 0;
  #timers: { at: number; what: () => void }[] = [];
  #keys = 0;
  readonly mirror = new Mirror({ put: () => undefined, drop: () => undefined, replace: () => undefined });
  readonly connection = new Connection("ws://here/v1/control", this.mirror, this, this);

  open(url: string, protocols: string[]): Socket {
    const wire = new Wire(url, protocols);
    this.wires.push(wire);
    return wire;
  }
  now = (): number => this.#now;
  random = (): number => 0.5;
  key = (): string => `k${++this.#keys}`;
  after(ms: number, what: () => void): () => void {
    const timer = { at: this.#now + ms, what };
    this.#timers.push(timer);
    return () => (this.#timers = this.#timers.filter((other) => other !== timer));
  }
  passes(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const [first] = this.#timers.filter(({ at }) => at <= end).sort((one, other) => one.at - other.at);
      if (!first) break;
      this.#timers = this.#timers.filter((other) => other !== first);
      this.#now = first.at;
      first.what();
    }
    this.#now = end;
  }
  status(status: Status): void {
    this.statuses.push(status);
  }
  hello(): void {}
  snapshot(): void {}
  meters(): void {}
  event(one: Event): void {
    this.events.push(one);
  }
  get wire(): Wire {
    return this.wires.at(-1)!;
  }
  begins(sequence = 0): Wire {
    this.connection.start("secret");
    this.wire.says(hello({ sequence }), snapshot([], { sequence }));
    return this.wire;
  }
}

describe("a connection", () => {
  test("brings its token as a subprotocol", () => {
    const theatre = new Theatre();
    theatre.connection.start("secret");
    expect(theatre.wire.protocols).toEqual(["mediaserver.v1.json", "bearer.secret"]);
    expect(theatre.wire.url).not.toContain("secret");
  });

  test("comes back after a cut from where it was", () => {
    const theatre = new Theatre();
    theatre.begins(41).says(event(42, "call.started", call("a")));
    theatre.wire.ends();
    expect(theatre.statuses.at(-1)?.is).toBe("waiting");
    theatre.passes(FIRST_PAUSE_MS);
    expect(theatre.wire.url).toContain("resume=s%3A42");
    theatre.wire.says(hello({ resumed: true, sequence: 42 }), event(42, "call.started", call("a")), event(43, "call.held", call("a")));
    expect(theatre.events.map(({ sequence }) => sequence)).toEqual([42, 43]);
  });

  test("waits longer from try to try, and not at all when it is hurried", () => {
    const theatre = new Theatre();
    theatre.connection.start("secret");
    for (const tries of [1, 2, 3]) {
      theatre.wire.ends();
      expect(theatre.statuses.at(-1)).toMatchObject({ is: "waiting", tries, until: theatre.now() + FIRST_PAUSE_MS * 2 ** (tries - 1) });
      theatre.passes(FIRST_PAUSE_MS * 2 ** (tries - 1));
    }
    theatre.wire.ends();
    const before = theatre.wires.length;
    theatre.connection.hurry();
    expect(theatre.wires).toHaveLength(before + 1);
  });

  test("does not try again where its token is nobody's", () => {
    const theatre = new Theatre();
    theatre.connection.start("wrong");
    theatre.wire.ends(4401);
    theatre.passes(60_000);
    expect(theatre.wires).toHaveLength(1);
    expect(theatre.statuses.at(-1)).toMatchObject({ is: "refused", code: 4401 });
  });

  test("goes on where it was with another token, where the one before was refused", () => {
    const theatre = new Theatre();
    theatre.begins(41);
    theatre.wire.ends(4401);
    theatre.connection.use("renewed");
    expect(theatre.wire.protocols).toContain("bearer.renewed");
    expect(theatre.wire.url).toContain("resume=s%3A41");
  });

  test("stays connected when its token is renewed", () => {
    const theatre = new Theatre();
    theatre.begins(41);
    theatre.connection.use("renewed");
    expect(theatre.wires).toHaveLength(1);
  });

  test("begins anew where an event is missing", () => {
    const theatre = new Theatre();
    theatre.begins(41).says(event(43, "call.started", call("a")));
    expect(theatre.wire.isClosed).toBe(true);
    theatre.passes(FIRST_PAUSE_MS);
    expect(theatre.wire.url).not.toContain("resume");
  });

  test("takes a connection for dead that says nothing any more", () => {
    const theatre = new Theatre();
    const wire = theatre.begins();
    theatre.passes(DEAD_MS + 5_000);
    expect(wire.sent.map(({ type }) => type)).toContain("list");
    expect(wire.isClosed).toBe(true);
    expect(theatre.wires.length).toBeGreaterThan(1);
  });

  test("gives each command its own reply", async () => {
    const theatre = new Theatre();
    const wire = theatre.begins();
    const one = theatre.connection.ask("mute", { leg: 3 });
    const other = theatre.connection.ask("set_mode", { leg: 3, mode: "barge" });
    wire.says({ type: "reply", id: 2, ok: false, error: { code: "forbidden", text: "no", hint: "ask" } });
    wire.says({ type: "reply", id: 1, ok: true, result: { turn: 5 } });
    await expect(one).resolves.toEqual({ turn: 5 });
    await expect(other).rejects.toMatchObject({ code: "forbidden", hint: "ask" });
  });

  test("never sends a mode again after a cut, and tells so at once", async () => {
    const theatre = new Theatre();
    const wire = theatre.begins();
    const mode = theatre.connection.ask("set_mode", { leg: 3, mode: "barge" });
    wire.ends();
    await expect(mode).rejects.toMatchObject({ code: "cut" });
    theatre.passes(FIRST_PAUSE_MS);
    theatre.wire.says(hello({ resumed: true }));
    expect(theatre.wire.sent).toEqual([]);
  });

  test("sends a leave again under its key", async () => {
    const theatre = new Theatre();
    const wire = theatre.begins();
    const leave = theatre.connection.ask("leave", { leg: 3 }, { again: true });
    wire.ends();
    theatre.passes(FIRST_PAUSE_MS);
    theatre.wire.says(hello({ resumed: true }));
    expect(theatre.wire.sent).toEqual(wire.sent);
    expect(theatre.wire.sent[0]).toMatchObject({ type: "leave", key: "k1" });
    theatre.wire.says({ type: "reply", id: 1, ok: true, result: {} });
    await expect(leave).resolves.toEqual({});
  });

  test("refuses a command while it is cut", async () => {
    const theatre = new Theatre();
    theatre.begins().ends();
    await expect(theatre.connection.ask("mute", { leg: 3 })).rejects.toMatchObject({ code: "offline" });
  });
});
