import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { openSealedJson, sealJson } from '../../../src/util/sealed-json.ts';
import { FaultProject, type Products } from '../../rigs/faults.ts';
import { noWorkspace } from '../../rigs/workspace.ts';
import { endOfFile } from '../../rigs/end-of-file.ts';

/** One way in a short run; with `IMGPIPE_FAULTS` all of them. */
const HARMS = (
  [
    ['bit-flipped', flip],
    ['truncated', truncate],
    ['emptied', (path: string) => writeFileSync(path, '')],
  ] as const
).slice(0, process.env['IMGPIPE_FAULTS'] === undefined ? 1 : undefined);

const BEFORE = 'before';
const AFTER = 'after';

/** One warm store; every test damages it and must find it whole again afterwards. */
let project: FaultProject;
const expected: Record<string, Products> = {};

const atEnd = endOfFile();

describe.skipIf(noWorkspace !== undefined)('a damaged store', () => {
  beforeAll(async () => {
    project = new FaultProject({ onEnd: atEnd });
    project.env['XDG_CACHE_HOME'] = project.path('home-cache');
    for (const variant of [AFTER, BEFORE]) {
      project.wipe();
      project.setVariant(variant);
      await project.build();
      expected[variant] = project.products();
    }
  });

  /** The next build is right, whatever `verify` finds. */
  async function survives(expectVerify: 0 | 1 = 0): Promise<void> {
    if (expectVerify === 1) expect((await project.run('cache', 'verify')).code).toBe(1);
    await settle();
    expect(await project.judge(expected[BEFORE] ?? {})).toEqual([]);
  }

  /** As `survives`, but the damage is met by a build that has something to do on top of the old layers. */
  async function survivesUnderway(): Promise<void> {
    project.setVariant(AFTER);
    await settle();
    expect(await project.judge(expected[AFTER] ?? {})).toEqual([]);
  }

  /** Builds right at once; after it `verify` may still find and drop what no build has looked at yet. */
  async function settle(): Promise<void> {
    expect(await project.run('build', '--ui=plain')).toMatchObject({ code: 0 });
    await project.run('cache', 'verify');
  }

  beforeEach(async () => {
    project.setVariant(BEFORE);
    await project.build();
  });

  describe.each(HARMS)('%s', (_, harm) => {
    test.each(['actions', 'latest', 'stat-cache'])('%s', async (folder) => {
      files(`cache/${folder}`).forEach(harm);
      await survives();
    });

    test('manifests of layers', async () => {
      files('cache/layers')
        .filter((path) => path.endsWith('/manifest'))
        .forEach(harm);
      await survivesUnderway();
    });

    test('descriptions of layers', async () => {
      files('cache/layers')
        .filter((path) => path.endsWith('/info.json'))
        .forEach(harm);
      await survivesUnderway();
    });

    test('files of layers: found by verify, made again', async () => {
      files('cache/layers')
        .filter((path) => /\/tree\/.*(made|motd|passwd)$/.test(path))
        .forEach(harm);
      await survives(1);
    });

    test('disks', async () => {
      await project.run('cache', 'prune', '--all');
      await project.build();
      files('cache/disks').forEach(harm);
      rmSync(project.path('output'), { recursive: true, force: true });
      await survives();
    });

    test('the memory of what was compiled', async () => {
      files('home-cache/imgpipe')
        .filter((path) => !path.includes('compile/'))
        .forEach(harm);
      await survives();
    });

    test('images in the output folder', async () => {
      files('output')
        .filter((path) => path.endsWith('.raw') || path.endsWith('.qcow2'))
        .forEach(harm);
      await survives();
    });

    test('the secret key', async () => {
      harm(project.path('cache/secret-key'));
      await survives();
    });
  });

  test('trees of layers are gone', async () => {
    for (const name of readdirSync(project.path('cache/layers')))
      rmSync(project.path(`cache/layers/${name}/tree`), { recursive: true });
    await survivesUnderway();
  });

  test('all layers are gone, all records are there', async () => {
    rmSync(project.path('cache/layers'), { recursive: true });
    await survives();
  });

  test('files that were never synced are lost in a power cut: layers, then disks, then images', async () => {
    for (const pattern of [
      /layers\/.*\/tree\/.*(made|motd)$/,
      /disks\/.*\.raw$/,
      /output\/.*\.(raw|qcow2)$/,
    ]) {
      otherBoot();
      const lost = [...files('cache'), ...files('output')].filter((path) => pattern.test(path));
      lost.forEach((path) =>
        keepingTimes(path, () => writeFileSync(path, Buffer.alloc(statSync(path).size))),
      );
      await survivesUnderway();
    }
  });

  test('a layer that lost bytes is not taken for the new one, when its record was lost too', async () => {
    otherBoot();
    files('cache/layers')
      .filter((path) => /\/tree\/.*(made|motd)$/.test(path))
      .forEach(truncate);
    rmSync(project.path('cache/actions'), { recursive: true });
    await survives();
  });

  test('the clock was wrong: files of the store and of the project from the future and from 1970', async () => {
    for (const seconds of [4_102_444_800, 0]) {
      for (const path of [
        ...files('cache'),
        project.path('pipelines/tiny.yaml'),
        project.path('pipelines/tiny.tar'),
      ]) {
        // A disk whose times were changed is not taken for the one that was made, and verify says so.
        if (!/\/tree\/|\/disks\//.test(path)) utimesSync(path, seconds, seconds);
      }
      await survives();
      expect((await project.run('cache', 'prune', '--max-age=30d')).code).toBe(0);
      await survives();
    }
  });

  test("someone else's files are neither taken for the store's nor deleted", async () => {
    const folders = [
      '',
      'actions',
      'actions/zz',
      'layers',
      'disks',
      'journal',
      'locks',
      'logs',
      'scratch.d',
      'latest',
      'active',
    ];
    for (const folder of folders) {
      mkdirSync(project.path(`cache/${folder}`), { recursive: true });
      writeFileSync(project.path(`cache/${folder}/mine.txt`), 'not a cache');
      if (folder !== '') mkdirSync(project.path(`cache/${folder}/mine`), { recursive: true });
    }
    writeFileSync(project.path('cache/journal/mine.json'), '{"a":1}');
    writeFileSync(project.path('cache/locks/mine.json'), 'x');
    writeFileSync(project.path('cache/actions/aa.json'), 'x');
    for (const args of [
      ['build'],
      ['cache', 'verify'],
      ['cache', 'ls'],
      ['cache', 'du'],
      ['gc'],
      ['ps'],
      ['cache', 'prune', '--all'],
      ['build'],
    ]) {
      expect(await project.run(...args), args.join(' ')).toMatchObject({ code: 0 });
    }
    for (const folder of folders) {
      expect(existsSync(project.path(`cache/${folder}/mine.txt`)), folder).toBe(true);
      rmSync(project.path(`cache/${folder}/mine.txt`));
      rmSync(project.path(`cache/${folder}/mine`), { recursive: true, force: true });
    }
    for (const name of ['journal/mine.json', 'locks/mine.json', 'actions/aa.json'])
      rmSync(project.path(`cache/${name}`), { force: true });
    await survives();
  });

  test('a read-only cache: what is in it is used, what is not fails plainly', async () => {
    execFileSync('mount', ['--bind', project.path('cache'), project.path('cache')]);
    onTestFinished(() => void execFileSync('umount', [project.path('cache')]));
    execFileSync('mount', ['-o', 'remount,ro,bind', project.path('cache')]);
    expect(await project.build()).toMatchObject({ code: 0, built: [] });
    project.setVariant('never built');
    const result = await project.run('build', '--ui=plain');
    project.setVariant(BEFORE);
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/read-only file system|cannot be written/i);
    expect(result.stderr).not.toMatch(/internal|at async/);
  });

  /** Makes everything look as if it was written before the machine last started. */
  function otherBoot(): void {
    for (const path of files('cache/actions')) {
      const record = openSealedJson<Record<string, unknown>>('imgpipe-action-1', readFileSync(path, 'utf8'));
      if (record !== undefined)
        writeFileSync(path, sealJson('imgpipe-action-1', { ...record, bootId: 'another' }));
    }
    for (const path of [
      ...files('cache/layers').filter((name) => name.endsWith('/info.json')),
      ...files('cache/disks'),
    ]) {
      if (!path.endsWith('.json')) continue;
      writeFileSync(
        path,
        JSON.stringify({ ...(JSON.parse(readFileSync(path, 'utf8')) as object), bootId: 'another' }),
      );
    }
  }

  function files(folder: string): string[] {
    const root = project.path(folder);
    if (!existsSync(root)) return [];
    const names = readdirSync(root, { recursive: true, encoding: 'utf8' });
    return names
      .map((name) => join(root, name))
      .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true);
  }
});

function truncate(path: string): void {
  writeFileSync(path, readFileSync(path).subarray(0, statSync(path).size / 2));
}

/** Flips one bit and puts the times back, as a failing disk would. */
function flip(path: string): void {
  keepingTimes(path, () => {
    const bytes = readFileSync(path);
    const at = Math.floor(bytes.length / 2);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(path, bytes);
  });
}

function keepingTimes(path: string, change: () => void): void {
  const { atime, mtime } = statSync(path);
  change();
  utimesSync(path, atime, mtime);
}
