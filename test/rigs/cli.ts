import { spawn, type ChildProcess } from 'node:child_process';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { smallRoot } from './workspace.ts';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** The built command line, as users run it. `npm run build` makes it. */
export const IMGPIPE = [process.execPath, join(ROOT, 'bin', 'imgpipe.mjs')] as const;

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly process: ChildProcess;
  readonly result: Promise<CliResult>;
}

/** A project in a folder of its own with its own cache, and the command line in it. */
export class CliProject {
  readonly directory: string;
  readonly env: Record<string, string>;

  /** @param options.onEnd when the folder is deleted: after the test, or for a whole file with vitest's `afterAll` */
  constructor(
    files: Readonly<Record<string, string>>,
    options: { config?: string; onEnd?: (body: () => void) => void } = {},
  ) {
    this.directory = mkdtempSync(join(tmpdir(), 'imgpipe-cli-'));
    (options.onEnd ?? onTestFinished)(() => rmSync(this.directory, { recursive: true, force: true }));
    this.env = { ...(process.env as Record<string, string>), NO_COLOR: '1', CI: 'true' };
    mkdirSync(join(this.directory, 'node_modules'));
    symlinkSync(ROOT, join(this.directory, 'node_modules', 'imgpipe'));
    this.write('package.json', '{"type":"module"}\n');
    this.write('imgpipe.config.yaml', options.config ?? 'cache:\n  directory: cache\n');
    for (const [path, text] of Object.entries(files)) this.write(path, text);
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  write(name: string, text: string): void {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    writeFileSync(this.path(name), text);
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'utf8');
  }

  /** @param wrapper command line that runs the program, e.g. in a namespace */
  start(args: readonly string[], env: Record<string, string> = {}, wrapper: readonly string[] = []): Started {
    const command: readonly string[] = [...wrapper, ...IMGPIPE];
    const [program = '', ...first] = command;
    const child = spawn(program, [...first, ...args], {
      cwd: this.directory,
      env: { ...this.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const result = new Promise<CliResult>((resolve) => {
      child.once('close', (code) => resolve({ code, stdout, stderr }));
    });
    return { process: child, result };
  }

  run(...args: readonly string[]): Promise<CliResult> {
    return this.start(args).result;
  }

  /** Builds and tells which nodes ran and which came from the cache, by their events. */
  async build(
    ...args: readonly string[]
  ): Promise<CliResult & { readonly built: string[]; readonly cached: string[] }> {
    const result = await this.run('build', '--ui=json', ...args);
    const events = result.stdout
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as { type: string; id?: string; end?: { type: string } });
    const ended = (type: string): string[] =>
      events.flatMap((event) =>
        event.type === 'node-ended' && event.end?.type === type ? [event.id?.split('/')[1] ?? ''] : [],
      );
    return { ...result, built: ended('built'), cached: ended('cached') };
  }
}

/** Packs a tiny root file system with a shell into `tiny.tar` of the project's template folder. */
export function addTinyRoot(project: CliProject): void {
  const tree = mkdtempSync(join(tmpdir(), 'imgpipe-root-'));
  try {
    execFileSync('sh', ['-ec', smallRoot()], { cwd: tree });
    mkdirSync(join(project.directory, 'pipelines'), { recursive: true });
    execFileSync('tar', [
      '--numeric-owner',
      '--sort=name',
      '--mtime=@0',
      '-cf',
      project.path('pipelines/tiny.tar'),
      '-C',
      tree,
      '.',
    ]);
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}

/** Processes whose command line or environment names the folder: what a build in it would have left. */
export function processesOf(folder: string): string[] {
  const list = execFileSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' });
  return list.split('\n').filter((line) => line.includes(folder) && !line.includes('ps -eo'));
}

/** Mounts below a folder, in this mount namespace. */
export function mountsOf(folder: string): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes(folder));
}

/** Waits until a condition holds. @throws Error after `timeoutMs` */
export async function eventually(what: string, condition: () => boolean, timeoutMs = 60_000): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`${what} did not come about`);
    await new Promise((done) => setTimeout(done, 20));
  }
}
