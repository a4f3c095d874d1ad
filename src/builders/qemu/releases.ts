/** What a machine holds besides itself; disposing it gives everything back, the last first. */
export class Releases implements AsyncDisposable {
  readonly #held: (() => Promise<void>)[] = [];

  add(release: () => Promise<void>): void {
    this.#held.push(release);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    while (this.#held.length > 0) await this.#held.pop()?.();
  }
}
