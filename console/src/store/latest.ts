// Wishes of which only the last one counts, carried out one after the other: a key that is pressed and released.

export class Latest<T> {
  #next: { wish: T } | null = null;
  #isBusy = false;

  constructor(
    private readonly carryOut: (wish: T) => Promise<unknown>,
    private readonly failed: (error: unknown) => void,
  ) {}

  /** Carry this out when what is under way is done; a wish that waits is replaced. */
  want(wish: T): void {
    this.#next = { wish };
    if (!this.#isBusy) void this.#run();
  }

  async #run(): Promise<void> {
    this.#isBusy = true;
    while (this.#next) {
      const { wish } = this.#next;
      this.#next = null;
      try {
        await this.carryOut(wish);
      } catch (error) {
        this.failed(error);
      }
    }
    this.#isBusy = false;
  }
}
