import { describe, expect, it } from 'vitest';
import { ok } from '../../../src/diagnostics/failure.ts';
import { asNodeId } from '../../../src/model/ids.ts';
import { cachedRun, failedRun } from '../../rigs/recorded-run.ts';
import { FakeEngine } from '../../rigs/fake-engine.ts';

const VERIFIED = { checked: { layers: 2, states: 0, disks: 3 }, damaged: [], unproven: [], dangling: 0 };

describe('build', () => {
  it('hands variables, files and globs to the engine, with one dash or two', async () => {
    const fake = new FakeEngine();
    const line = [
      '-C',
      'sub',
      'build',
      'web*',
      '-var',
      'a=1',
      '--var=b=x=y',
      '-var-file',
      'prod.yaml',
      '-only=qcow2,raw',
      '-except',
      'x',
    ];
    expect((await fake.run(...line)).code).toBe(0);
    expect(fake.selections[0]).toMatchObject({
      pipelines: ['web*'],
      vars: ['a=1', 'b=x=y'],
      varFiles: ['/project/sub/prod.yaml'],
      only: ['qcow2', 'raw'],
      except: ['x'],
    });
    expect(fake.opened[0]?.cwd).toBe('/project/sub');
  });

  it('hands flags to the engine', async () => {
    const fake = new FakeEngine();
    await fake.run('build', '-parallel-builds=3', '-on-error=abort', '-force', '--no-cache', '--fail-fast');
    const request = { parallel: 3, onError: 'abort', force: true, noCache: true, failFast: true };
    expect(fake.requests[0]).toMatchObject(request);
    await fake.run('build');
    const defaults = { parallel: 0, onError: 'cleanup', force: false, noCache: false, failFast: false };
    expect(fake.requests[1]).toMatchObject(defaults);
  });

  it('prints artifacts to standard output and the rest to standard error', async () => {
    const fake = new FakeEngine();
    fake.events = cachedRun();
    const { code, out, err } = await fake.run('build');
    expect(code).toBe(0);
    expect(out).toBe('output/web.qcow2  412 MB  sha256:abababababab\n');
    expect(err).toContain('nothing changed');
  });

  it('prints nothing but events with --ui=json', async () => {
    const fake = new FakeEngine();
    fake.events = cachedRun();
    const { out, err } = await fake.run('build', '--ui=json');
    expect(err).toBe('');
    const types = out
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { type: string }).type);
    expect(types).toEqual(cachedRun().map((event) => event.type));
  });

  it('exits 1 after a failed build, 2 for a template, 130 when stopped', async () => {
    const fake = new FakeEngine();
    fake.events = failedRun();
    fake.failures = [{ reason: 'step-failed', message: 'step services exited with code 3' }];
    fake.outcome = 'failed';
    const failed = await fake.run('build');
    expect(failed.code).toBe(1);
    expect(failed.err.match(/exited with code 3/g)).toHaveLength(2);
    fake.outcome = 'aborted';
    fake.failures = [{ reason: 'aborted', message: 'stopped' }];
    expect((await fake.run('build')).code).toBe(130);
    fake.templateFailures = [{ reason: 'unknown-kind', message: 'no step kind `shel`' }];
    const template = await fake.run('build');
    expect(template.code).toBe(2);
    expect(template.err).toContain('error: no step kind `shel`');
  });

  it('only shows the plan with --dry-run', async () => {
    const fake = new FakeEngine();
    expect((await fake.run('build', '--dry-run')).code).toBe(0);
    expect(fake.requests).toEqual([]);
  });
});

describe('plan', () => {
  const rows = [
    {
      id: asNodeId('web/base'),
      pipeline: 'web',
      name: 'base',
      kind: 'bootstrap',
      role: 'source',
      state: 'hit',
      reason: '',
    },
    {
      id: asNodeId('web/page'),
      pipeline: 'web',
      name: 'page',
      kind: 'file',
      role: 'step',
      state: 'miss',
      reason: 'content of `index.html` changed',
      expectedSeconds: 1.5,
    },
  ] as const;

  it('prints a table with state, reason and time', async () => {
    const fake = new FakeEngine();
    fake.overrides = { plan: () => ({ ok: true, value: { rows } }) };
    const { out } = await fake.run('plan');
    expect(out.split('\n')).toEqual([
      'STEP      KIND       STATE   TIME  REASON',
      'web/base  bootstrap  hit',
      'web/page  file       miss   1.5 s  content of `index.html` changed',
      '',
      '1 miss, 1 hit; at most 1.5 s of work by past runs',
      '',
    ]);
  });

  it('prints rows as JSON', async () => {
    const fake = new FakeEngine();
    fake.overrides = { plan: () => ({ ok: true, value: { rows } }) };
    expect(JSON.parse((await fake.run('plan', '--json')).out)).toEqual(rows);
  });
});

describe('mistakes on the command line', () => {
  it.each([
    [['biuld'], /unknown command 'biuld'/, /build/],
    [['build', '-forc'], /unknown option '--forc'/, /--force/],
    [['build', '--on-error=explode'], /explode/, /cleanup/],
    [['build', '-parallel-builds=many'], /many/, /--help/],
    [['build', '--fail-fast', '--keep-going'], /cannot be used with/, /--help/],
    [['cache', 'prune', '--max-size=lots'], /lots/, /--help/],
    [['why'], /missing required argument 'step'/, /--help/],
  ])('%j', async (line, message, hint) => {
    const { code, out, err } = await new FakeEngine().run(...line);
    expect(code).toBe(2);
    expect(out).toBe('');
    expect(err).toMatch(/^error: /);
    expect(err).toMatch(message);
    expect(err).toMatch(hint);
  });

  it('prints help and exits 2 without a command', async () => {
    for (const line of [[], ['cache']]) {
      const { code, err } = await new FakeEngine().run(...line);
      expect(code).toBe(2);
      expect(err).toContain('Usage: imgpipe');
    }
  });
});

describe('cache', () => {
  it('hands sizes and times to the engine in bytes and milliseconds', async () => {
    const fake = new FakeEngine();
    let asked: unknown;
    fake.overrides = {
      cachePrune: (options) => {
        asked = options;
        return { ok: true, value: { removed: [], kept: 4, freed: 0 } };
      },
    };
    const { out } = await fake.run('cache', 'prune', '-max-size=1GiB', '-max-age=2d', '-dry-run');
    expect(asked).toEqual({ dryRun: true, maxSize: 2 ** 30, maxAgeMs: 172_800_000, all: false });
    expect(out).toBe('would delete 0 items, 0 B; 4 stay\n');
  });

  it('exits 1 when a layer is damaged', async () => {
    const fake = new FakeEngine();
    fake.overrides = {
      cacheVerify: () => ok({ ...VERIFIED, damaged: ['sha256:ab'] }),
    };
    const { code, out } = await fake.run('cache', 'verify');
    expect(code).toBe(1);
    expect(out).toBe('damaged, dropped: sha256:ab\n2 layers, 3 disks checked, 1 damaged\n');
  });

  it('does not call it damage when nothing proves the disks of a copied store', async () => {
    const fake = new FakeEngine();
    fake.overrides = { cacheVerify: () => ok({ ...VERIFIED, unproven: ['a', 'b'], dangling: 1 }) };
    const { code, out } = await fake.run('cache', 'verify');
    expect(code).toBe(0);
    expect(out).toBe(
      '2 raw disks dropped: from another place or file system, or from before the machine last started; made anew when needed\n' +
        '1 record without layer dropped\n2 layers, 3 disks checked, 0 damaged\n',
    );
    expect(JSON.parse((await fake.run('cache', 'verify', '--json')).out)).toMatchObject({
      unproven: ['a', 'b'],
    });
  });

  it('says how to copy a store when not one layer of it is whole', async () => {
    const fake = new FakeEngine();
    fake.overrides = { cacheVerify: () => ok({ ...VERIFIED, damaged: ['sha256:a', 'sha256:b'] }) };
    expect((await fake.run('cache', 'verify')).out).toContain('cp -a');
  });
});

describe('kinds', () => {
  it('lists every sort, and shows the options of one with examples', async () => {
    const list = await new FakeEngine().run('kinds');
    expect(list.out).toMatch(/^source +bootstrap/m);
    expect(list.out).toMatch(/^step +package/m);
    expect(list.out).toMatch(/^export +qcow2/m);
    const one = await new FakeEngine().run('kinds', 'hostname');
    expect(one).toMatchObject({ code: 0 });
    expect(one.out).toMatch(/hostname {2}text, required\n +Name of the machine/);
    expect(one.out).toContain('"type": "hostname"');
  });

  it('suggests the nearest name', async () => {
    const result = await new FakeEngine().run('kinds', 'packge');
    expect(result.code).toBe(2);
    expect(result.err).toContain('"package"');
  });
});

describe('shell', () => {
  it('takes a command after -- as it is', async () => {
    const fake = new FakeEngine();
    let asked: unknown;
    fake.overrides = {
      shell: (_template, request) => {
        asked = request;
        return Promise.resolve({ ok: true, value: 7 });
      },
    };
    const { code } = await fake.run('shell', 'web/page', '--', 'ls', '-la', '-var');
    expect(code).toBe(7);
    expect(asked).toMatchObject({ step: 'web/page', command: ['ls', '-la', '-var'] });
  });
});

describe('replay', () => {
  it('says which recording cannot be read, and why', async () => {
    const result = await new FakeEngine().run('replay', '/nowhere/events.ndjson');
    expect(result.code).toBe(2);
    expect(result.err).toMatch(/cannot read \/nowhere\/events\.ndjson: ENOENT/);
  });
});
