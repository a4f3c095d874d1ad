import { chmodSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { addTinyRoot, CliProject } from '../../rigs/cli.ts';
import { noWorkspace } from '../../rigs/workspace.ts';

const TEMPLATE = `source: { type: rootfs, path: tiny.tar }
steps:
  - { type: shell, name: work, inline: "mkdir -p /opt/made; echo x > /opt/made/file" }
  - { type: file, name: site, path: /srv/site, source: site }
  - { type: file, name: deep, path: /a/b/c, content: text }
exports:
  - { type: rootfs-tar }
`;

describe.skipIf(noWorkspace !== undefined)("the user's umask", () => {
  test('changes nothing in layers and images, nor do modes of host files but the executable bit', async () => {
    const project = new CliProject({
      'pipelines/web.yaml': TEMPLATE,
      'pipelines/site/index.html': 'hello',
      'pipelines/site/run.sh': '#!/bin/sh',
    });
    addTinyRoot(project);
    const sums: string[] = [];
    for (const [umask, mode] of [
      ['022', 0o644],
      ['077', 0o600],
      ['000', 0o666],
    ] as const) {
      chmodSync(project.path('pipelines/site/index.html'), mode);
      chmodSync(project.path('pipelines/site/run.sh'), mode | ((mode & 0o444) >> 2));
      const args = ['--cache-dir', `cache-${umask}`, '--output', `output-${umask}`, '--ui=plain'];
      const built = project.start(['build', ...args], {}, ['sh', '-c', `umask ${umask}; exec "$@"`, 'sh']);
      expect(await built.result).toMatchObject({ code: 0 });
      sums.push(project.read(`output-${umask}/web/SHA256SUMS`));
    }
    expect(new Set(sums).size).toBe(1);
  });
});
