import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { FullReport } from '../../../src/report/full-report.ts';
import { addTinyRoot, CliProject } from '../../rigs/cli.ts';
import { noWorkspace } from '../../rigs/workspace.ts';

const template = (script: string): string =>
  JSON.stringify({
    source: { type: 'rootfs', path: 'tiny.tar' },
    disk: { size: '40MiB', firmware: 'bios' },
    steps: [
      { type: 'file', name: 'kernel', path: '/boot/vmlinuz-1.0', content: 'kernel' },
      { type: 'shell', name: 'good', inline: 'echo good > /good' },
      { type: 'shell', name: 'odd', inline: script },
      { type: 'shell', name: 'after', inline: 'cat /odd /good > /after' },
      { type: 'file', name: 'page', path: '/srv/page', content: 'page' },
    ],
    exports: [{ type: 'raw' }, { type: 'rootfs-tar' }],
  });

/** Differs from run to run. */
const ODD = 'cat /proc/sys/kernel/random/uuid > /odd';

function projectWith(script: string): CliProject {
  const project = new CliProject({ 'pipelines/p.json': template(script) });
  addTinyRoot(project);
  return project;
}

function reportOf(project: CliProject): FullReport & { verdicts: Record<string, string> } {
  const report = JSON.parse(project.read('night.json')) as FullReport;
  return {
    ...report,
    verdicts: Object.fromEntries(report.rows.map(({ name, verdict }) => [name, verdict.type])),
  };
}

describe.skipIf(noWorkspace !== undefined)('build --full', () => {
  test('a project that is in order: everything the same, disk and exports too, and the cache as it was', async () => {
    const project = projectWith('echo odd > /odd');
    await project.build();
    const full = await project.run('build', '--full', '--report', 'night.json', '--ui=plain');
    expect(full.stderr).toContain('built in');
    expect(full).toMatchObject({ code: 0, stdout: expect.stringContaining('9 of 9 came out the same') });
    expect(new Set(Object.values(reportOf(project).verdicts))).toEqual(new Set(['same']));
    expect(await project.build()).toMatchObject({ code: 0, built: [] });
  });

  test('a step that is not deterministic: which file and bytes; its key is never served again', async () => {
    const project = projectWith(ODD);
    expect((await project.build()).code).toBe(0);
    expect((await project.build()).built).toEqual([]);
    const full = await project.run('build', '--full', '--report', 'night.json');
    expect(full).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(
        /p\/odd: not deterministic[^]*\/odd: content\n +\d+ bytes, first at line 1/,
      ),
    });
    const { rows, verdicts, quarantined } = reportOf(project);
    expect(verdicts).toMatchObject({
      good: 'same',
      page: 'same',
      kernel: 'same',
      odd: 'not-deterministic',
      after: 'changed',
    });
    expect(rows.find(({ name }) => name === 'odd')?.verdict).toMatchObject({
      files: [{ path: '/odd', aspects: ['content'] }],
    });
    expect(new Set(quarantined.map(({ node }) => node))).toEqual(new Set(['p/odd']));
    // From now on it runs every time, and what comes after it takes what it gave.
    for (const _ of [1, 2]) expect((await project.build()).built).toContain('odd');
    expect((await project.run('plan')).stdout).toMatch(
      /p\/odd +shell +untracked .* gave different results for equal inputs/,
    );
    // Found again, under the same key.
    expect((await project.run('build', '--full')).code).toBe(1);
    // Another script is another key.
    project.write('pipelines/p.json', template('echo mended > /odd'));
    await project.build();
    expect((await project.build()).built).toEqual([]);
    expect((await project.run('build', '--full')).code).toBe(0);
  });

  test('what was changed since it was built is said, and taken into the cache', async () => {
    const project = projectWith('echo one > /odd');
    await project.build();
    project.write('pipelines/p.json', template('echo two > /odd'));
    const full = await project.run('build', '--full', '--report', 'night.json');
    expect(full.code).toBe(0);
    const { verdicts, rows } = reportOf(project);
    expect(verdicts).toMatchObject({ good: 'same', odd: 'changed', after: 'changed', page: 'same' });
    expect(JSON.stringify(rows.find(({ name }) => name === 'odd'))).toContain('inline');
    expect((await project.build()).built).toEqual([]);
  });

  test('a step that fails: the report says so, lock and output stay', async () => {
    const project = projectWith('echo one > /odd');
    await project.build();
    const before = project.read('output/p/SHA256SUMS');
    project.write('pipelines/p.json', template('exit 3'));
    const full = await project.run('build', '--full', '--report', 'night.json');
    expect(full).toMatchObject({ code: 1, stdout: expect.stringContaining('p/odd: failed') });
    expect(reportOf(project).verdicts).toMatchObject({ good: 'same', odd: 'failed', after: 'failed' });
    expect(project.read('output/p/SHA256SUMS')).toBe(before);
  });

  test('--no-cache builds the disk again too, and its patches', async () => {
    const project = projectWith('echo one > /odd');
    await project.build();
    const disks = project.path('cache/disks');
    const made = (): string[] =>
      readdirSync(disks)
        .filter((name) => name.endsWith('.raw') || name.endsWith('.patch'))
        .map((name) => `${name} ${statSync(join(disks, name)).ino}`);
    const before = made();
    expect(before.length).toBeGreaterThan(0);
    expect((await project.build()).built).toEqual([]);
    expect(made()).toEqual(before);
    const sums = project.read('output/p/SHA256SUMS');
    expect((await project.build('--no-cache')).code).toBe(0);
    expect(made().filter((name) => before.includes(name))).toEqual([]);
    expect(made()).toHaveLength(before.length);
    expect(project.read('output/p/SHA256SUMS')).toBe(sums);
  });
});
