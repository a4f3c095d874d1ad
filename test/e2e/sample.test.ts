import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { CliProject } from '../rigs/cli.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The repository's own sample project, in a folder and with a cache of its own. */
const project = new CliProject({}, { onEnd: afterAll });
cpSync(join(ROOT, 'pipelines'), project.path('pipelines'), { recursive: true });

const edit = (file: string, from: string, to: string): void => {
  const path = project.path(`pipelines/debian-web/${file}`);
  const text = readFileSync(path, 'utf8');
  expect(text).toContain(from);
  writeFileSync(path, text.replace(from, to));
};

const sha256 = (name: string): string => {
  const sums = project.read('output/debian-web/SHA256SUMS');
  return sums.split('\n').find((line) => line.endsWith(`  ${name}`)) ?? '';
};

test('the plan of the sample templates', async () => {
  const plan = await project.run('plan');
  expect(plan.stdout).toBe(readFileSync(join(ROOT, 'test/golden/plan/sample.txt'), 'utf8'));
});

describe('debian-web, built for real', () => {
  test('from nothing to a qcow2', async () => {
    const first = await project.build('debian-web', '-only=debian-web/qcow2');
    expect(first).toMatchObject({ code: 0, cached: [] });
    expect(await project.build('debian-web', '-only=debian-web/qcow2')).toMatchObject({ code: 0, built: [] });
  });

  test('an edited page rebuilds its layer and the exports, and the booted image serves it', async () => {
    edit('files/www/index.html', 'It works', 'Only this changed');
    edit('pipeline.ts', "contains: 'It works'", "contains: 'Only this changed'");
    const edited = await project.build('debian-web');
    expect(edited.stderr).toBe('');
    expect(edited.code).toBe(0);
    expect(edited.built.toSorted()).toEqual(['boot', 'disk', 'qcow2', 'qcow2-zstd', 'raw', 'site']);
    expect(edited.cached).toEqual(
      expect.arrayContaining(['packages', 'pages', 'services', 'nginx-config', 'seal']),
    );
  });

  test('the bytes are those of disks built from nothing', async () => {
    const incremental = ['debian-web.qcow2', 'debian-web.raw'].map(sha256);
    rmSync(project.path('cache/disks'), { recursive: true });
    const again = await project.build(
      'debian-web',
      '-only=debian-web/qcow2',
      '-only=debian-web/raw',
      '-force',
    );
    expect(again).toMatchObject({ code: 0 });
    expect(again.built).toEqual(expect.arrayContaining(['qcow2', 'raw']));
    expect(['debian-web.qcow2', 'debian-web.raw'].map(sha256)).toEqual(incremental);
  });

  test('another package leaves the independent file layers cached', async () => {
    edit('pipeline.ts', "'ca-certificates',", "'ca-certificates',\n          'less',");
    const grown = await project.build('debian-web', '-only=debian-web/qcow2');
    expect(grown).toMatchObject({ code: 0 });
    expect(grown.built).toContain('packages');
    expect(grown.cached).toEqual(
      expect.arrayContaining(['source', 'hostname', 'sysctl', 'motd', 'network', 'nginx-config', 'site']),
    );
  });

  test('a pipeline on top of it builds its own steps only', async () => {
    const dev = await project.build('debian-web-dev');
    expect(dev).toMatchObject({
      code: 0,
      built: ['tools', 'developer', 'motd-dev', 'disk', 'qcow2'],
    });
  });
});
