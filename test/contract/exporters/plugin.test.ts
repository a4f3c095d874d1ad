import { createHash } from 'node:crypto';
import { readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { addTinyRoot, CliProject } from '../../rigs/cli.ts';
import { noWorkspace } from '../../rigs/workspace.ts';

const PAGE = readFileSync(new URL('../../../docs/plugins.md', import.meta.url), 'utf8');
const [, SECTION = ''] = PAGE.split('## An export format\n');

/** The block of code of a language in the section about exporters. */
const example = (language: string): string =>
  SECTION.split(`\`\`\`${language}\n`)[1]?.split('\n```')[0] ??
  expect.fail(`no ${language} in docs/plugins.md`);

/** A project with the page's plugin, and a tiny image. */
function pluginProject(exports: string, plugin = example('js')): CliProject {
  const project = new CliProject(
    {
      'checksums.mjs': plugin,
      'pipelines/tiny.yaml': `source: { type: rootfs, path: tiny.tar }
disk: { size: 40MiB, firmware: bios }
steps: [{ type: file, name: kernel, path: /boot/vmlinuz-1.0, content: kernel }]
${exports}
`,
    },
    { config: 'cache: { directory: cache }\nplugins: [./checksums.mjs]\n' },
  );
  symlinkSync(dirname(fileURLToPath(import.meta.resolve('zod'))), project.path('node_modules/zod'));
  addTinyRoot(project);
  return project;
}

describe.skipIf(noWorkspace !== undefined)('the exporter of the page about plugins', () => {
  it('makes its file of the disk, from the cache the next time', async () => {
    const project = pluginProject(example('yaml'));
    const first = await project.build();
    expect(first.code, first.stderr).toBe(0);
    const disk = readFileSync(project.path('output/tiny/tiny.raw'));
    const lines = project.read('output/tiny/tiny.checksums').trim().split('\n');
    const sums = Array.from({ length: disk.length / 65536 }, (_, at) =>
      createHash('sha256')
        .update(disk.subarray(at * 65536, (at + 1) * 65536))
        .digest('hex'),
    );
    expect(lines).toEqual(sums);
    expect((await project.build()).built).toEqual([]);
    const kinds = await project.run('kinds');
    expect(kinds.stdout).toContain('The SHA-256 of every piece of the disk.');
  });

  it('is told when it is exported in the wrong form', async () => {
    const bare = example('js').replace('{ exports: [checksums] }', 'checksums');
    const { code, stderr } = await pluginProject('exports: [{ type: raw }]', bare).run('validate');
    expect(code).toBe(2);
    expect(stderr).toContain('checksums.mjs` cannot be loaded: it exports no list of kinds');
    expect(stderr).toContain('{ sources, steps, exports, checks, posts, builders }');
  });

  it('has its options checked by its schema', async () => {
    const project = pluginProject('exports: [{ type: checksums, piece: 7, size: 1 }]');
    const { code, stderr } = await project.run('validate');
    expect(code).toBe(2);
    expect(stderr).toContain('unknown option "size"');
    expect(stderr).toMatch(new RegExp(`${join('pipelines', 'tiny.yaml')}:4:`));
  });
});
