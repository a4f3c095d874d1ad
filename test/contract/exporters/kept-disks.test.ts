import { execFileSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FaultProject, sha256, tinyTemplate } from '../../rigs/faults.ts';
import { noWorkspace } from '../../rigs/workspace.ts';

const template = (variant: string): string =>
  tinyTemplate(variant).replace(/shell, name: work.*/, "shell, name: work, inline: 'true' }") +
  '  - { type: raw, name: packed, compression: xz }\n';

describe.skipIf(noWorkspace !== undefined)('disks in the store', () => {
  it('are one base with a small patch for each edit, and a file only for exporters that need one', async () => {
    const project = new FaultProject();
    const images = (): string[] =>
      ['tiny.raw', 'tiny.qcow2', 'tiny-packed.raw.xz'].map((name) =>
        sha256(project.path(`output/tiny/${name}`)),
      );
    const kept = (): string[] => readdirSync(project.path('cache/disks')).toSorted();
    const build = async (variant: string, ...args: string[]): Promise<void> => {
      project.write('pipelines/tiny.yaml', template(variant));
      expect(await project.build(...args)).toMatchObject({ code: 0 });
    };

    await build('first', '-only=tiny/raw,tiny/qcow2');
    await build('second', '-only=tiny/raw,tiny/qcow2');
    const patches = kept().filter((name) => name.endsWith('.patch'));
    expect(kept().filter((name) => name.endsWith('.raw'))).toHaveLength(1);
    expect(patches).toHaveLength(2);
    for (const name of patches) {
      expect(statSync(project.path(`cache/disks/${name}`)).size).toBeLessThan(200_000);
    }
    await build('second');
    expect(kept().filter((name) => name.endsWith('.raw'))).toHaveLength(2);
    const [raw] = images();
    execFileSync('sh', ['-ec', 'xz -dc tiny-packed.raw.xz | cmp - tiny.raw'], {
      cwd: project.path('output/tiny'),
    });
    const compare = ['compare', '-q', '-f', 'qcow2', '-F', 'raw', 'tiny.qcow2', 'tiny.raw'];
    execFileSync('qemu-img', compare, { cwd: project.path('output/tiny') });

    const edited = images();
    project.wipe();
    await build('second');
    expect(images()).toEqual(edited);
    await build('third');
    expect(images()[0]).not.toBe(raw);
  });
});
