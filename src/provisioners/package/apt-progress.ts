/**
 * Progress of an apt run from its plain output: each package is unpacked once and set up once. (apt's status fd says
 * the same, but would need a stream of its own out of the machine.)
 */
export class AptProgress {
  readonly #report: (done: number, total: number) => void;
  #total = 0;
  #actions = 0;

  /** @param report is given packages done (halves rounded down) of packages in all */
  constructor(report: (done: number, total: number) => void) {
    this.#report = report;
  }

  line(line: string): void {
    const plan = /^(\d+) upgraded, (\d+) newly installed, (?:(\d+) downgraded, )?(\d+) to remove/.exec(line);
    if (plan !== null) {
      const [upgraded, installed, downgraded] = [plan[1], plan[2], plan[3]].map((text) => Number(text ?? 0));
      this.#total += (upgraded ?? 0) + (installed ?? 0) + (downgraded ?? 0);
      return;
    }
    if (!/^(Unpacking|Setting up) \S+ \(/.test(line) || this.#total === 0) return;
    this.#actions += 1;
    this.#report(Math.min(Math.floor(this.#actions / 2), this.#total), this.#total);
  }
}
