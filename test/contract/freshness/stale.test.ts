import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { addTinyRoot, CliProject, eventually } from '../../rigs/cli.ts';
import { noWorkspace } from '../../rigs/workspace.ts';

/** Steps that read host files in every way, and end in a tar of the image. */
const TEMPLATE = `source: { type: rootfs, path: tiny.tar }
secrets:
  token: { env: TOKEN }
steps:
  - { type: shell, name: script, script: scripts/run.sh }
  - { type: shell, name: secret, inline: "mkdir -p /opt; read -r token < /run/secrets/token || test -n $token; echo \${#token} > /opt/length", secrets: [{ secret: token }] }
  - { type: shell, name: mounted, inline: "mkdir -p /opt; ls -R /mnt/in > /opt/list; cat /mnt/in/a.txt > /opt/a.txt", inputs: [{ source: site, target: /mnt/in }] }
  - { type: file, name: site, path: /srv/site, source: site }
  - { type: file, name: page, path: /srv/page, source: page.html }
exports:
  - { type: rootfs-tar }
`;

/** Long enough for times of files to be trusted. */
const settle = (): Promise<void> => new Promise((done) => setTimeout(done, 80));

function projectOf(more: Record<string, string> = {}, config?: string): CliProject {
  const project = new CliProject(
    {
      'pipelines/web.yaml': TEMPLATE,
      'pipelines/page.html': 'hello',
      'pipelines/site/a.txt': 'one',
      'pipelines/site/sub/b.txt': 'two',
      'pipelines/scripts/run.sh': 'mkdir -p /opt; echo "$0" > /opt/name',
      ...more,
    },
    config === undefined ? {} : { config },
  );
  project.env['TOKEN'] = 'a-secret-of-some-length';
  addTinyRoot(project);
  return project;
}

describe.skipIf(noWorkspace !== undefined)('no edit goes unnoticed', () => {
  test('whatever is done to the files, the steps that read them run again, and only they', async () => {
    const project = projectOf();
    const at = (name: string): string => project.path(`pipelines/${name}`);
    const page = at('page.html');
    const same = (text: string): void => {
      const { atime, mtime } = statSync(page);
      writeFileSync(page, text);
      utimesSync(page, atime, mtime);
    };
    const edits: readonly (readonly [string, () => void, readonly string[]])[] = [
      ['another text of the same size and time', () => same('HELLO'), ['page']],
      ['times from 1970 and 2099', () => utimesSync(page, 1, 4_070_908_800), []],
      ['executable', () => chmodSync(page, 0o755), ['page']],
      [
        'replaced by a link to a file with the same content',
        () => {
          renameSync(page, project.path('elsewhere'));
          symlinkSync(project.path('elsewhere'), page);
        },
        [],
      ],
      ['what the link leads to', () => writeFileSync(project.path('elsewhere'), 'linked'), ['page']],
      [
        'through another name of the file',
        () => {
          rmSync(page);
          linkSync(project.path('elsewhere'), page);
          writeFileSync(project.path('elsewhere'), 'hard linked');
          chmodSync(page, 0o755);
        },
        ['page'],
      ],
      ['a new file', () => writeFileSync(at('site/new'), 'x'), ['site', 'mounted']],
      ['an empty folder', () => mkdirSync(at('site/empty')), ['site', 'mounted']],
      ['upper case', () => renameSync(at('site/new'), at('site/NEW')), ['site', 'mounted']],
      ['a link', () => symlinkSync('a.txt', at('site/link')), ['site', 'mounted']],
      [
        'another target of the link',
        () => {
          rmSync(at('site/link'));
          symlinkSync('NEW', at('site/link'));
        },
        ['site', 'mounted'],
      ],
      ['private', () => chmodSync(at('site/a.txt'), 0o600), ['mounted']],
      ['deleted', () => rmSync(at('site/NEW')), ['site', 'mounted']],
      [
        'a script that is told another name',
        () => {
          renameSync(at('scripts/run.sh'), at('scripts/go.sh'));
          project.write('pipelines/web.yaml', TEMPLATE.replace('run.sh', 'go.sh'));
        },
        // Those behind it see another layer.
        ['script', 'secret', 'mounted'],
      ],
      ['another secret', () => (project.env['TOKEN'] = 'b-secret-of-some-length'), ['secret']],
    ];
    await settle();
    expect(await project.build()).toMatchObject({ code: 0 });
    await settle();
    expect(await project.build()).toMatchObject({ code: 0, built: [] });
    const steps = new Set(['site', 'page', 'script', 'mounted', 'secret']);
    for (const [what, edit, expected] of edits) {
      edit();
      const { code, built, stderr } = await project.build();
      expect(code, `${what}: ${stderr}`).toBe(0);
      expect(built.filter((name) => steps.has(name)).toSorted(), what).toEqual([...expected].toSorted());
      expect(built.length > 0, what).toBe(expected.length > 0);
    }
  });

  test('a file that is edited while a step reads it lends its old name to nothing', async () => {
    const slow = TEMPLATE.replace('cat /mnt/in', 'touch /mnt/cache/on; sleep 1; cat /mnt/in').replace(
      'target: /mnt/in }]',
      'target: /mnt/in }], caches: [{ id: mark, target: /mnt/cache }]',
    );
    const project = projectOf({ 'pipelines/web.yaml': slow });
    const started = project.start(['build', '--ui=plain']);
    await eventually('the step', () => {
      const { stdout } = spawnSync('find', [project.path('cache'), '-path', '*mark*', '-name', 'on']);
      return stdout.length > 0;
    });
    project.write('pipelines/site/a.txt', 'changed');
    const { code, stderr } = await started.result;
    expect(code).toBe(1);
    expect(stderr).toContain('was changed while it ran');
    const { built } = await project.build();
    expect(built).toContain('mounted');
    expect(imageFile(project, './opt/a.txt')).toBe('changed');
    // Back to the first text: nothing was kept under its name.
    project.write('pipelines/site/a.txt', 'one');
    expect((await project.build()).built).toContain('mounted');
    expect(imageFile(project, './opt/a.txt')).toBe('one');
  });

  test('code of a plugin, and of what it imports later, is in the keys of its kinds', async () => {
    const plugin = `import { defineProvisioner } from 'imgpipe';
import * as z from 'zod';
const kind = defineProvisioner({
  type: 'stamp', summary: 'x', schema: z.strictObject({}), keyVersion: 1, effect: () => 'write',
  entries: async () => ({ ok: true, value: (await import('./lib/entries.mjs')).entries }),
  examples: { good: [], bad: [] },
});
export default { steps: [kind] };
`;
    const entries = (text: string): string =>
      `export const entries = [{ type: 'file', path: '/etc/stamp', mode: 0o644, owner: 0, group: 0, content: { type: 'text', text: '${text}' } }];\n`;
    const project = projectOf(
      {
        'pipelines/web.yaml': `source: { type: rootfs, path: tiny.tar }\nsteps: [{ type: stamp, name: stamp }]\nexports: [{ type: rootfs-tar }]\n`,
        'plugin/index.mjs': plugin,
        'plugin/lib/entries.mjs': entries('first'),
      },
      `cache:\n  directory: cache\nplugins: ['./plugin/index.mjs']\n`,
    );
    symlinkSync(
      fileURLToPath(new URL('../../../node_modules/zod', import.meta.url)),
      project.path('node_modules/zod'),
    );
    expect(await project.build()).toMatchObject({ code: 0 });
    expect(imageFile(project, './etc/stamp')).toBe('first');
    expect(await project.build()).toMatchObject({ code: 0, built: [] });
    project.write('plugin/lib/entries.mjs', entries('second'));
    expect((await project.run('plan')).stdout).toContain('the code of its plugin changed');
    expect((await project.build()).built).toContain('stamp');
    expect(imageFile(project, './etc/stamp')).toBe('second');
  });

  test('a renamed pipeline, and two in one store, have images of their own', async () => {
    const template = (text: string): string =>
      `source: { type: rootfs, path: tiny.tar }\nsteps: [{ type: file, name: motd, path: /etc/motd, content: ${text} }]\nexports: [{ type: rootfs-tar }]\n`;
    const project = projectOf({ 'pipelines/web.yaml': template('web'), 'pipelines/db.yaml': template('db') });
    expect(await project.build()).toMatchObject({ code: 0 });
    expect([imageFile(project, './etc/motd'), imageFile(project, './etc/motd', 'db')]).toEqual(['web', 'db']);
    renameSync(project.path('pipelines/db.yaml'), project.path('pipelines/data.yaml'));
    expect(await project.build()).toMatchObject({ code: 0 });
    expect(imageFile(project, './etc/motd', 'data')).toBe('db');
  });
});

function imageFile(project: CliProject, path: string, pipeline = 'web'): string {
  const tar = execFileSync('sh', ['-c', `ls ${project.path(`output/${pipeline}`)}/*.tar*`], {
    encoding: 'utf8',
  });
  return execFileSync('tar', ['-xOf', tar.trim(), path], { encoding: 'utf8' }).trim();
}
