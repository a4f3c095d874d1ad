/** Messages with which mmdebstrap begins its stages, in order. */
const STAGES = [
  'running apt-get update',
  'downloading packages with apt',
  'extracting archives',
  'installing essential packages',
  'installing remaining packages',
  'cleaning',
] as const;

/** Progress of a bootstrap by the stages that mmdebstrap tells of. */
export class BootstrapProgress {
  readonly #report: (done: number, total: number) => void;

  constructor(report: (done: number, total: number) => void) {
    this.#report = report;
  }

  line(line: string): void {
    if (!line.startsWith('I: ')) return;
    const stage = STAGES.findIndex((name) => line.includes(name));
    if (stage >= 0) this.#report(stage, STAGES.length);
  }
}
