// The live calls as signals: one for each call, so that an event paints one row, and one for their number.
import { batch, signal, type Signal } from "@preact/signals";
import type { Call, Meters } from "../protocol/messages";
import type { Shelf } from "../protocol/mirror";
import type { Row } from "./board";
import { Talk } from "./talk";

/** One call: what the server said last, and what its meters told since. */
export class LiveCall implements Row {
  readonly id: string;
  readonly said: Signal<Call>;
  readonly talk = new Talk();
  receivedAt: number;

  constructor(call: Call, now: number) {
    this.id = call.call;
    this.said = signal(call);
    this.receivedAt = now;
  }

  get call(): Call {
    return this.said.peek();
  }
}

export class Calls implements Shelf {
  readonly live = new Map<string, LiveCall>();
  /** Rises whenever a call came, changed or went. */
  readonly version = signal(0);

  constructor(private readonly now: () => number) {}

  put(call: Call): void {
    const known = this.live.get(call.call);
    batch(() => {
      if (known) {
        known.receivedAt = this.now();
        known.said.value = call;
      } else {
        this.live.set(call.call, new LiveCall(call, this.now()));
      }
      this.version.value++;
    });
  }

  drop(call: string): void {
    if (this.live.delete(call)) this.version.value++;
  }

  replace(calls: readonly Call[]): void {
    const wanted = new Set(calls.map((call) => call.call));
    batch(() => {
      for (const id of [...this.live.keys()]) {
        if (!wanted.has(id)) this.live.delete(id);
      }
      for (const call of calls) this.put(call);
      this.version.value++;
    });
  }

  /** Meters paint nothing by themselves: whoever is on the screen looks, at most ten times a second. */
  meters(meters: Meters): void {
    const now = this.now();
    for (const id in meters.calls) {
      const live = this.live.get(id);
      if (live) live.talk.take(meters.calls[id]!, live.call.legs, now);
    }
  }
}
