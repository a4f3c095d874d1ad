import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { addTinyRoot, CliProject } from '../../rigs/cli.ts';
import { noWorkspace } from '../../rigs/workspace.ts';

const FILES = 40;
const TEMPLATE = `source: { type: rootfs, path: tiny.tar }
steps:
  - { type: file, name: site, path: /srv/site, source: site }
  - { type: file, name: page, path: /srv/page, source: page.html }
exports:
  - { type: rootfs-tar }
`;

const noStrace = spawnSync('strace', ['-V']).status === 0 ? undefined : 'needs strace';
const skipped = noWorkspace ?? noStrace;

describe.skipIf(skipped !== undefined)('a build with nothing to do', () => {
  test('looks at each input file once, and opens none', async () => {
    const names = Array.from({ length: FILES }, (_, at) => `pipelines/site/folder/file-${at}.txt`);
    const project = new CliProject({
      'pipelines/web.yaml': TEMPLATE,
      'pipelines/page.html': 'hello',
      ...Object.fromEntries(names.map((name) => [name, `content of ${name}`])),
    });
    addTinyRoot(project);
    expect(await project.build()).toMatchObject({ code: 0 });
    // Files that were changed a moment before they were hashed are hashed once more.
    await new Promise((done) => setTimeout(done, 100));
    expect(await project.build()).toMatchObject({ code: 0, built: [] });
    const calls = project.path('calls');
    const traced = project.start(['build', '--ui=json'], {}, [
      'strace',
      '--follow-forks',
      '--quiet=all',
      '--string-limit=400',
      '--trace=%file',
      `--output=${calls}`,
    ]);
    expect(await traced.result).toMatchObject({ code: 0 });
    const lines = project.read('calls').split('\n');
    for (const name of [...names, 'pipelines/page.html', 'pipelines/tiny.tar']) {
      const seen = lines.filter((line) => line.includes(`${name}"`));
      expect(seen.length, `${name}: ${seen.join('\n')}`).toBe(1);
      expect(seen[0]).toMatch(/stat/);
    }
    // It did look at the work of a build: the record of a step.
    expect(lines.some((line) => /open.*\/actions\//.test(line))).toBe(true);
  });
});
