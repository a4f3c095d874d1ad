import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** One command of a benchmark: a whole process, from outside. */
export interface Command {
  readonly name: string;
  readonly argv: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Runs before each measured run, not counted. */
  readonly before?: () => void | Promise<void>;
}

export interface Timing {
  readonly name: string;
  /** Seconds, one for each run. */
  readonly seconds: readonly number[];
}

/** Wall time of one run in seconds. @throws Error when the command fails */
export async function timeOnce(command: Command): Promise<number> {
  await command.before?.();
  const [program = '', ...args] = command.argv;
  const start = performance.now();
  const child = spawn(program, args, {
    cwd: command.cwd,
    env: { ...process.env, ...command.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => output.push(chunk));
  const code = await new Promise((resolve) => child.once('close', resolve));
  const seconds = (performance.now() - start) / 1000;
  if (code !== 0)
    throw new Error(
      `${command.name} ended with ${String(code)}:\n${Buffer.concat(output).toString().slice(-3000)}`,
    );
  return seconds;
}

/**
 * Runs commands in turn, A B A B …, so that a drift of the machine's speed meets all alike; one run of each before is
 * not counted.
 */
export async function timeInTurn(commands: readonly Command[], runs: number, warmups = 1): Promise<Timing[]> {
  const seconds = commands.map((): number[] => []);
  for (let run = -warmups; run < runs; run += 1) {
    for (const [at, command] of commands.entries()) {
      const time = await timeOnce(command);
      if (run >= 0) seconds[at]?.push(time);
    }
  }
  return commands.map((command, at) => ({ name: command.name, seconds: seconds[at] ?? [] }));
}

/**
 * Seconds of processors that a command and all its children take together.
 * @throws Error when the command fails
 */
export async function processorTime(command: Command): Promise<number> {
  await command.before?.();
  const script = '"$@" >/dev/null 2>&1; code=$?; times; exit $code';
  const child = spawn('sh', ['-c', script, 'sh', ...command.argv], {
    cwd: command.cwd,
    env: { ...process.env, ...command.env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`${command.name} ended with ${String(code)}`);
  // The second line tells of the children: `1m2.345s 0m0.678s`.
  const times =
    output
      .trim()
      .split('\n')[1]
      ?.matchAll(/(\d+)m([\d.]+)s/g) ?? [];
  return [...times].reduce((sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds), 0);
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1
    ? (sorted[Math.floor(middle)] ?? 0)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** One line a timing, and of the first against each other one the median of the ratios run by run. */
export function report(title: string, timings: readonly Timing[]): string {
  const lines = timings.map(({ name, seconds }) => {
    const range = `${Math.min(...seconds).toFixed(3)} … ${Math.max(...seconds).toFixed(3)}`;
    return `  ${name.padEnd(44)} ${median(seconds).toFixed(3).padStart(9)} s   (${range}, n=${seconds.length})`;
  });
  const [first, ...others] = timings;
  const ratios = others.map((other) => {
    const pairs = (first?.seconds ?? []).map((value, at) => value / (other.seconds[at] ?? Number.NaN));
    return `  ratio ${first?.name ?? ''} / ${other.name}: ${median(pairs).toFixed(2)}`;
  });
  return [title, ...lines, ...ratios].join('\n');
}

/** Runs a command and returns the largest sum of PSS over its process tree, in MiB, looked at every 50 ms. */
export async function peakMemory(command: Command): Promise<number> {
  await command.before?.();
  const [program = '', ...args] = command.argv;
  const child = spawn(program, args, {
    cwd: command.cwd,
    env: { ...process.env, ...command.env },
    stdio: 'ignore',
  });
  let peak = 0;
  const timer = setInterval(() => {
    peak = Math.max(
      peak,
      treeOf(child.pid ?? 0).reduce((sum, pid) => sum + pssOf(pid), 0),
    );
  }, 50);
  const code = await new Promise((resolve) => child.once('close', resolve));
  clearInterval(timer);
  if (code !== 0) throw new Error(`${command.name} ended with ${String(code)}`);
  return peak / 1024;
}

function treeOf(root: number): number[] {
  const parents = readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      return [[Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])] as const];
    } catch {
      return [];
    }
  });
  const tree = new Set([root]);
  for (let grown = true; grown;) {
    grown = false;
    for (const [pid, parent] of parents) {
      if (tree.has(parent) && !tree.has(pid)) {
        tree.add(pid);
        grown = true;
      }
    }
  }
  return [...tree];
}

/** KiB. */
function pssOf(pid: number): number {
  try {
    return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
