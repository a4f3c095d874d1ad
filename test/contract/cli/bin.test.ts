import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { crowdedRun, editedRun } from '../../rigs/recorded-run.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const BIN = join(ROOT, 'bin/imgpipe.mjs');

let folder: string;

beforeAll(() => {
  const built = spawnSync(process.execPath, [join(ROOT, 'scripts/build.mjs'), '--no-types'], {
    encoding: 'utf8',
  });
  expect(built.status, built.stderr).toBe(0);
  folder = mkdtempSync(join(tmpdir(), 'imgpipe-bin-test-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(args: readonly string[], options: { node?: string; env?: Record<string, string> } = {}) {
  const { status, stdout, stderr } = spawnSync(options.node ?? process.execPath, [BIN, ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], HOME: folder, ...options.env },
  });
  return { status, stdout, stderr };
}

describe('the built program', () => {
  it('prints version and help', () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    expect(run(['--version'])).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' });
    const help = run(['build', '--help']);
    expect(help.status).toBe(0);
    expect(help.stdout).toContain('--on-error <what>');
    expect(help.stdout).toContain('imgpipe build -var version=1.4');
  });

  it('exits 2 for an unknown command and names the nearest', () => {
    const { status, stdout, stderr } = run(['pln']);
    expect(status).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toBe("error: unknown command 'pln'\n  help: Did you mean plan?\n");
  });

  it('keeps quiet when the reader of its output goes away', () => {
    writeFileSync(
      join(folder, 'long.ndjson'),
      crowdedRun(3000)
        .map((event) => JSON.stringify(event))
        .join('\n'),
    );
    const script = `"$0" "$1" replay long.ndjson --speed=0 --ui=json | head -n 1 >/dev/null`;
    const { stderr } = spawnSync('sh', ['-c', script, process.execPath, BIN], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
  });

  it('replays a recording as lines where there is no terminal', () => {
    writeFileSync(
      join(folder, 'run.ndjson'),
      editedRun()
        .map((event) => JSON.stringify(event))
        .join('\n'),
    );
    for (const ui of ['auto', 'ink']) {
      const { status, stdout, stderr } = run(['replay', 'run.ndjson', '--speed=0', `--ui=${ui}`]);
      expect(status).toBe(0);
      expect(stdout).toContain('sha256:0123456789ab');
      expect(stderr).toContain('[web/disk] built in 1.9 s');
      expect(stderr).not.toContain('\u001B');
    }
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('ends with 130 on %s', async (signal) => {
    writeFileSync(
      join(folder, 'slow.ndjson'),
      editedRun()
        .map((event) => JSON.stringify(event))
        .join('\n'),
    );
    const child = spawn(process.execPath, [BIN, 'replay', 'slow.ndjson', '--ui=plain'], { cwd: folder });
    const ended = new Promise((resolve) => child.once('exit', (code) => resolve(code)));
    await new Promise((resolve) => child.stderr.once('data', resolve));
    child.kill(signal);
    expect(await ended).toBe(130);
  });

  it('writes a project that is valid, and never overwrites it', () => {
    const first = run(['init', 'new']);
    expect(first).toMatchObject({ status: 0, stderr: '' });
    expect(run(['-C', 'new', 'validate'])).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^valid: 1 pipeline, /),
    });
    writeFileSync(join(folder, 'new/imgpipe.config.ts'), 'mine');
    const second = run(['init', 'new']);
    expect(second.status).toBe(2);
    expect(second.stderr).toContain('imgpipe.config.ts exists already');
    expect(readFileSync(join(folder, 'new/imgpipe.config.ts'), 'utf8')).toBe('mine');
    expect(run(['init', 'new', '-force']).status).toBe(0);
    expect(readFileSync(join(folder, 'new/imgpipe.config.ts'), 'utf8')).toContain('satisfies ConfigInput');
  });

  const oldNode = ['/usr/bin/node', '/usr/local/bin/node'].find((node) => {
    const major = Number(
      /^v(\d+)/.exec(spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout ?? '')?.[1],
    );
    return major >= 18 && major < 22;
  });

  it.runIf(oldNode)('finds its own Node when the one it is started with is too old', () => {
    const { status, stdout } = run(['version'], { node: oldNode });
    expect(status).toBe(0);
    expect(stdout).toMatch(/Node 2[2-9]\./);
  });

  it('completes commands in bash', () => {
    const script = `source <("$0" "$1" completion); COMP_WORDS=(imgpipe cache p); COMP_CWORD=2; _imgpipe; echo "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = spawnSync('bash', ['-c', script, process.execPath, BIN], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect({ stdout, stderr }).toEqual({ stdout: 'prune\n', stderr: '' });
  });
});
