import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, test } from 'vitest';
import { CliProject } from '../../rigs/cli.ts';

const PLUGIN = fileURLToPath(new URL('../../rigs/folder-builder.mjs', import.meta.url));
const CONFIG = `cache:\n  directory: cache\nplugins: ['${PLUGIN}']\n`;

const template = (...steps: string[]): string =>
  [
    'builder: { type: folder }',
    'source: { type: text }',
    'steps:',
    ...steps.map((step) => `  - { type: add, name: ${step.slice(0, 1)}, line: ${step} }`),
    'exports: [{ type: raw }]',
    '',
  ].join('\n');

const text = (project: CliProject): string =>
  readFileSync(project.path('output/p/p.raw'), 'utf8').replaceAll('\0', '');

describe('a pipeline in a machine of its own', () => {
  let project: CliProject;
  /** What the driver was asked for since the last look. */
  const calls = (): string[] => {
    const seen = project.read('calls').trim().split('\n');
    project.write('calls', '');
    return seen.filter((line) => line !== '');
  };

  beforeEach(() => {
    project = new CliProject({ 'pipelines/p.yaml': template('a1', 'b1', 'c1') }, { config: CONFIG });
    project.write('calls', '');
  });

  test('runs its steps on one machine, keeps every state, and writes the disk once', async () => {
    const built = await project.build();
    expect(built.code, built.stderr).toBe(0);
    expect(built.built).toEqual(['source', 'a', 'b', 'c', 'disk', 'raw']);
    expect(text(project)).toBe('base\na1\nb1\nc1\n');
    expect(calls()).toEqual(['start', 'snapshot', 'snapshot', 'snapshot', 'snapshot', 'disk', 'end']);
  });

  test('does nothing when nothing has changed, and no machine starts for an export', async () => {
    await project.build();
    calls();
    expect((await project.build()).built).toEqual([]);
    rmSync(project.path('output'), { recursive: true });
    expect((await project.build()).built).toEqual(['raw']);
    expect(calls()).toEqual([]);
  });

  test('goes on from the deepest state that stands', async () => {
    await project.build();
    calls();
    project.write('pipelines/p.yaml', template('a1', 'b1', 'c2'));
    expect((await project.build()).built).toEqual(['c', 'disk', 'raw']);
    expect(text(project)).toBe('base\na1\nb1\nc2\n');
    expect(calls()).toEqual(['resume', 'snapshot', 'disk', 'end']);
    project.write('pipelines/p.yaml', template('a1', 'b2', 'c2'));
    expect((await project.build()).built).toEqual(['b', 'c', 'disk', 'raw']);
    expect(text(project)).toBe('base\na1\nb2\nc2\n');
    expect(calls()).toEqual(['resume', 'snapshot', 'snapshot', 'disk', 'end']);
  });

  test('a failed step leaves nothing behind: the next build begins with the state before it', async () => {
    const failing = template('a1', 'b1').replace('line: b1', 'line: b1, failUnless: ../flag');
    project.write('pipelines/p.yaml', failing);
    const failed = await project.build();
    expect(failed.code).toBe(1);
    expect(failed.stdout).toContain('there is no ../flag');
    expect(calls()).toEqual(['start', 'snapshot', 'snapshot', 'end']);
    project.write('flag', '');
    expect((await project.build()).built).toEqual(['b', 'disk', 'raw']);
    expect(text(project)).toBe('base\na1\nb1\n');
    expect(calls()).toEqual(['resume', 'snapshot', 'disk', 'end']);
  });

  test('a retry begins clean; a step that may fail is left out', async () => {
    const step =
      '  - { type: add, name: b, line: b1, failUnless: ../flag, retries: 1, continueOnError: true }';
    project.write('pipelines/p.yaml', template('a1', 'c1').replace(/(\n.*line: c1)/, `\n${step}$1`));
    const built = await project.build();
    expect(built.code, built.stderr).toBe(0);
    expect(text(project)).toBe('base\na1\nc1\n');
    expect(calls().filter((call) => call === 'resume')).toHaveLength(2);
  });

  test('a damaged or deleted state is made again', async () => {
    await project.build();
    rmSync(project.path('cache/snapshots'), { recursive: true });
    rmSync(project.path('output'), { recursive: true });
    expect((await project.build()).built).toEqual(['source', 'a', 'b', 'c', 'raw']);
    expect(text(project)).toBe('base\na1\nb1\nc1\n');
  });

  test('where no state can be kept every step runs every time, and it is said', async () => {
    project.write('pipelines/p.yaml', template('a1', 'b1').replace('folder }', 'folder, keeps: false }'));
    for (const _ of [1, 2]) {
      expect((await project.build()).built).toEqual(['source', 'a', 'b', 'disk', 'raw']);
      expect(text(project)).toBe('base\na1\nb1\n');
      expect(calls()).toEqual(['start', 'disk', 'end']);
    }
    expect((await project.run('plan')).stdout).toContain('folders are not kept');
  });

  test('another pipeline goes on from its last state', async () => {
    project.write('pipelines/q.yaml', template('d1').replace('type: text', 'type: pipeline, name: p'));
    const built = await project.build('q');
    expect(built.code, built.stderr).toBe(0);
    expect(readFileSync(project.path('output/q/q.raw'), 'utf8').replaceAll('\0', '')).toBe(
      'base\na1\nb1\nc1\nd1\n',
    );
  });

  test('what does not fit is refused with its place', async () => {
    project.write('pipelines/p.yaml', 'source: { type: text }\n');
    const source = await project.run('validate');
    expect(source.code).toBe(2);
    expect(source.stderr).toContain('the builder rootfs cannot begin with it');
    project.write(
      'pipelines/p.yaml',
      template('a1', 'b1').replace('line: b1', 'line: b1, needs: [a]').replace('type: raw', 'type: oci'),
    );
    const refused = await project.run('validate');
    expect(refused.stderr).toContain('`needs` has no meaning with the builder folder');
    expect(refused.stderr).toContain('needs layers of files');
    expect(refused.stderr).toContain(join('pipelines', 'p.yaml:5'));
  });
});
