// The live calls as the server tells of them: snapshots in parts, then events without holes. No I/O, no page.
import type { Call, Event, Hello, Snapshot } from "./messages";

/** Where the calls are kept. */
export interface Shelf {
  put(call: Call): void;
  drop(call: string): void;
  /** Everything that is known now, in the place of everything that was. */
  replace(calls: readonly Call[]): void;
}

const GONE: ReadonlySet<string> = new Set(["call.ended", "call.hidden"]);

/** An event does not follow the last one: the picture has to be made anew. */
export class OutOfStep extends Error {}

export class Mirror {
  #stream = "";
  #sequence = 0;
  #parts: Call[] = [];

  constructor(private readonly shelf: Shelf) {}

  /** For the `resume` parameter; empty where nothing is known yet. */
  get position(): string {
    return this.#stream && `${this.#stream}:${this.#sequence}`;
  }

  forget(): void {
    this.#stream = "";
    this.#sequence = 0;
    this.#parts = [];
  }

  /** A connection began. What is left of an interrupted snapshot is of no use. */
  greet(hello: Hello): void {
    this.#parts = [];
    if (!hello.resumed) this.#stream = "";
  }

  snapshot(message: Snapshot): void {
    this.#parts.push(...message.calls);
    if (!message.last) return;
    this.shelf.replace(this.#parts);
    this.#parts = [];
    this.#stream = message.stream;
    this.#sequence = message.sequence;
  }

  /** Take an event over; false: it was known already. Throws `OutOfStep`. */
  event(message: Event): boolean {
    if (message.sequence <= this.#sequence) return false;
    if (message.sequence !== this.#sequence + 1) {
      throw new OutOfStep(`event ${message.sequence} after ${this.#sequence}`);
    }
    this.#sequence = message.sequence;
    if (GONE.has(message.kind)) this.shelf.drop(message.call_id);
    else if (message.call) this.shelf.put(message.call);
    return true;
  }
}
