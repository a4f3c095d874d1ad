import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { addTinyRoot, CliProject, eventually, type CliResult, type Started } from './cli.ts';

/**
 * A tiny image with everything that a store can hold: a source, a step that runs, one that writes, a disk with a
 * (fake) kernel, two exports. Built in about half a second.
 */
export const tinyTemplate = (
  variant: string | number = 0,
): string => `source: { type: rootfs, path: tiny.tar }
disk: { size: 40MiB, firmware: bios }
steps:
  - { type: file, name: kernel, path: /boot/vmlinuz-1.0, content: kernel }
  - { type: shell, name: work, inline: "mkdir -p /opt; echo ${variant} > /opt/made; rm /etc/os-release" }
  - { type: file, name: motd, path: /etc/motd, content: "hello ${variant}" }
exports:
  - { type: raw }
  - { type: qcow2 }
`;

/** What must be the same however often builds were disturbed: images and checksums, by name. */
export type Products = Readonly<Record<string, string>>;

/** A project that is built while things go wrong. */
export class FaultProject extends CliProject {
  constructor(options: { config?: string; onEnd?: (body: () => void) => void } = {}) {
    super({ 'pipelines/tiny.yaml': tinyTemplate() }, options);
    this.env['XDG_CACHE_HOME'] = this.path('home-cache');
    addTinyRoot(this);
  }

  setVariant(variant: string | number): void {
    this.write('pipelines/tiny.yaml', tinyTemplate(variant));
  }

  /** Deletes store, images and what is remembered of templates. */
  wipe(): void {
    for (const name of ['cache', 'output', 'home-cache'])
      rmSync(this.path(name), { recursive: true, force: true });
  }

  /** Digests of all images, checked against SHA256SUMS. */
  products(): Products {
    const folder = this.path('output/tiny');
    const sums = readFileSync(join(folder, 'SHA256SUMS'), 'utf8');
    const images = ['tiny.raw', 'tiny.qcow2'].map((name) => [name, sha256(join(folder, name))] as const);
    for (const [name, digest] of images) {
      if (!sums.includes(`${digest}  ${name}\n`))
        throw new Error(`SHA256SUMS is not that of ${name}: ${sums}`);
    }
    return Object.fromEntries(images);
  }

  /** Starts a command that stops at a traced moment (`layer:staged#2`), waits until it is there, and kills it. */
  async killAt(moment: string, args: readonly string[]): Promise<'killed' | 'ended before'> {
    const trace = this.path('trace');
    rmSync(trace, { force: true });
    const started = this.start(args, { IMGPIPE_TRACE: trace, IMGPIPE_TRACE_STOP: moment });
    let ended = false;
    void started.result.then(() => (ended = true));
    await eventually(
      moment,
      () => ended || (existsSync(trace) && readFileSync(trace, 'utf8').endsWith('stopped\n')),
    );
    if (ended) return 'ended before';
    await kill(started);
    return 'killed';
  }

  /** All moments that a command passes, in order, as `killAt` takes them. */
  async moments(args: readonly string[]): Promise<string[]> {
    const trace = this.path('trace');
    rmSync(trace, { force: true });
    const { code, stderr } = await this.start(args, { IMGPIPE_TRACE: trace }).result;
    if (code !== 0) throw new Error(stderr);
    const counts = new Map<string, number>();
    return readFileSync(trace, 'utf8')
      .trim()
      .split('\n')
      .map((name) => {
        const count = (counts.get(name) ?? 0) + 1;
        counts.set(name, count);
        return `${name}#${count}`;
      });
  }

  remains(): string[] {
    return remainsOf(this);
  }

  leftovers(): string[] {
    return leftoversOf(this);
  }

  /**
   * What went wrong after a fault, in words; empty when the next build is right and nothing is left.
   * @param options.onMount the test itself has mounted something in the project, which every process then sees
   */
  async judge(expected: Products, { onMount = false } = {}): Promise<string[]> {
    const wrong: string[] = [];
    const remains = (): string[] =>
      onMount ? this.remains().filter((line) => line.includes(this.directory)) : this.remains();
    await eventually('the end of all processes', () => remains().length === 0, 10_000).catch(() =>
      wrong.push(`left running or mounted: ${remains().join('; ')}`),
    );
    const next = await this.run('build', '--ui=plain');
    if (next.code !== 0) wrong.push(`next build failed: ${next.stderr.slice(-600)}`);
    else if (JSON.stringify(this.products()) !== JSON.stringify(expected))
      wrong.push('next build gave other images');
    if (this.leftovers().length > 0) wrong.push(`leaked: ${this.leftovers().join(', ')}`);
    const verified = await this.run('cache', 'verify');
    if (verified.code !== 0) wrong.push(`store not valid: ${verified.stdout}${verified.stderr}`);
    const again = await this.build();
    if (again.code !== 0 || again.built.length > 0)
      wrong.push(`not settled: ${again.built.join(', ')} ${again.stderr}`);
    return wrong;
  }
}

/** Processes of builds in a project, and mounts of its store in any mount namespace. */
export function remainsOf({ directory }: CliProject): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return [];
    const read = (name: string): string => readQuietly(`/proc/${pid}/${name}`);
    const isOurs = read('cmdline').includes(directory) || read('environ').includes(`PWD=${directory}\0`);
    return isOurs || read('mountinfo').includes(directory)
      ? [`${pid} ${read('cmdline').replaceAll('\0', ' ')}`]
      : [];
  });
}

/** Everything in a project's store and output that only a running build may have. */
export function leftoversOf(project: CliProject): string[] {
  const inStore = ['active', 'scratch', 'journal', 'locks'].flatMap((name) =>
    list(project.path(`cache/${name}`)),
  );
  const halfWritten = [...listDeep(project.path('cache')), ...listDeep(project.path('output'))].filter(
    (path) => path.includes('.tmp-'),
  );
  return [...inStore, ...halfWritten];
}

/** kill -9, and the end of it. */
export async function kill(started: Started): Promise<CliResult> {
  started.process.kill('SIGKILL');
  return await started.result;
}

export function sha256(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

function readQuietly(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function list(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
}

function listDeep(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }) : [];
}
