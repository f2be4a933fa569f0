// One question to the server, asked again and again: the answer to the last asking is the one that counts.
import { signal } from "@preact/signals";

export interface Told<T> {
  /** What the server said; null: nothing yet, or it was asked in vain. */
  readonly value: T | null;
  /** Why it was in vain; null: it was not. */
  readonly fault: unknown;
  readonly isAsking: boolean;
}

export class Asked<G extends unknown[], T> {
  readonly told = signal<Told<T>>({ value: null, fault: null, isAsking: false });
  #number = 0;

  constructor(private readonly ask: (...given: G) => Promise<T>) {}

  /** What was told before is shown until there is an answer. */
  async again(...given: G): Promise<void> {
    const number = ++this.#number;
    const tell = (value: T | null, fault: unknown = null): void => {
      if (number === this.#number) this.told.value = { value, fault, isAsking: false };
    };
    this.told.value = { ...this.told.peek(), isAsking: true };
    await this.ask(...given).then(tell, (error: unknown) => tell(null, error));
  }

  /** It is about something else now, or about nobody. */
  forget(): void {
    this.#number++;
    this.told.value = { value: null, fault: null, isAsking: false };
  }
}
