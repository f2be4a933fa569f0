// Which calls' meters we ask for: those of the rows on the screen, and of the call that we look at or sit in.
//
// Rules: a board with few calls, or one that is sorted or filtered by what only meters tell, has them all. What is wanted is told when
// it has changed, REST_MS after the last telling at the earliest, and anew to a server that we are connected to again.
import { MOST_VIEWED, type Viewed } from "./wanted";

export const REST_MS = 500;

/** What is needed of the world. */
export interface Outside {
  wanted(): Viewed;
  /** Tell the server; false where that is not possible now. */
  tell(calls: Viewed): boolean;
  now(): number;
  after(ms: number, what: () => void): void;
}

export class Viewing {
  #told = "";
  #toldAt = -Infinity;
  #isDue = false;

  constructor(private readonly outside: Outside) {}

  /** Something may have changed. */
  look(): void {
    if (this.#isDue) return;
    const rest = this.#toldAt + REST_MS - this.outside.now();
    if (rest <= 0) return this.#tell();
    this.#isDue = true;
    this.outside.after(rest, () => {
      this.#isDue = false;
      this.#tell();
    });
  }

  /** Another connection has been told nothing. */
  forget(): void {
    this.#told = JSON.stringify(null);
  }

  #tell(): void {
    const wanted = this.outside.wanted();
    const calls = wanted && wanted.slice(0, MOST_VIEWED);
    const said = JSON.stringify(calls && [...calls].sort());
    if (said === this.#told || !this.outside.tell(calls)) return;
    this.#told = said;
    this.#toldAt = this.outside.now();
  }
}
