import { appendFileSync, cpSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PostProject } from '../../rigs/post-project.ts';
import { noWorkspace } from '../../rigs/workspace.ts';

const EXPORTS = `  - { type: rootfs-tar, fileName: 'web-{digest}', latest: true, post: [{ type: checksum }] }
  - { type: directory }
  - { type: oci, form: folder, compression: none }`;

describe.skipIf(noWorkspace !== undefined)('imgpipe verify', () => {
  test('checks an output folder, a link to the latest file, and tells renamed, missing and changed files', async () => {
    const project = new PostProject(EXPORTS);
    expect(await project.build()).toMatchObject({ code: 0 });
    const verify = async (name = '') => {
      const { code, stdout, stderr } = await project.run('verify', `output/web/${name}`);
      return { code, text: stdout + stderr };
    };
    const all = await verify();
    expect(all, all.text).toMatchObject({ code: 0 });
    for (const ending of ['.tar.zst\n', '.tar.zst.sha256\n', 'web.tree\n', 'web.oci\n'])
      expect(all.text).toContain(ending);
    const latest = await verify('web-latest.tar.zst');
    expect(latest, latest.text).toMatchObject({ code: 0 });
    const name = project.outputs().find((file) => /^web-[0-9a-f]{12}\.tar\.zst$/.test(file)) ?? '';
    expect(latest.text).toContain(name);

    cpSync(join(project.output, name), join(project.output, 'renamed'));
    const renamed = await verify('renamed');
    expect(renamed.code).toBe(1);
    expect(renamed.text).toContain(`SHA256SUMS has the same bytes under the name ${name}`);
    rmSync(join(project.output, 'renamed'));

    rmSync(join(project.output, name));
    const missing = await verify();
    expect(missing.code).not.toBe(0);
    expect(missing.text).toContain(`${name} does not exist`);
    expect(await project.build()).toMatchObject({ code: 0, built: ['rootfs-tar'] });

    for (const tamper of [
      (tree: string) => appendFileSync(join(tree, 'etc/passwd'), 'x'),
      (tree: string) => rmSync(join(tree, 'etc/group')),
      (tree: string) => writeFileSync(join(tree, 'srv/extra'), ''),
    ]) {
      tamper(join(project.output, 'web.tree'));
      const changed = await verify();
      expect(changed.code).toBe(1);
      expect(changed.text).toMatch(/web\.tree: manifest\.json: /);
      // The next build makes it anew, and nothing else.
      expect(await project.build()).toMatchObject({ code: 0, built: ['directory'] });
      expect(await verify()).toMatchObject({ code: 0 });
    }
    expect(await project.build()).toMatchObject({ code: 0, built: [] });

    // One message an image, however many of its neighbours find it changed.
    appendFileSync(join(project.output, name), 'x');
    const { stderr } = await project.run('verify', `output/web/${name}`);
    expect(stderr.match(/^error: /gm)).toHaveLength(1);
    expect(stderr).toContain('2 more of 3 checks failed');

    truncateSync(join(project.output, 'manifest.json'), 20);
    const folder = await verify();
    expect(folder).toMatchObject({ code: 1 });
    expect(folder.text).toContain('its manifest.json is not as a build wrote it');
    const file = await verify(`${name}.sha256`);
    expect(file.text).toContain('manifest.json: is damaged');
    expect(file.code).toBe(1);
  });
});
