import { readdirSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import type { AuditReport } from '../../../src/report/audit-report.ts';
import { addTinyRoot, CliProject } from '../../rigs/cli.ts';
import { noWorkspace } from '../../rigs/workspace.ts';
import { endOfFile } from '../../rigs/end-of-file.ts';

const TEMPLATE = `
source: { type: rootfs, path: tiny.tar }
steps:
  - { type: shell, name: steady, inline: "mkdir -p /opt; echo same > /opt/same" }
  - type: shell
    name: unsteady
    inline: |
      mkdir -p /opt
      echo always > /opt/random
      cat /proc/sys/kernel/random/uuid >> /opt/random
      { echo -n 'head'; cat /proc/sys/kernel/random/uuid; } > /opt/$(cat /proc/sys/kernel/random/uuid)
  - { type: file, name: motd, path: /etc/motd, content: hello }
`;

const atEnd = endOfFile();

describe.skipIf(noWorkspace !== undefined)('imgpipe audit', () => {
  let project: CliProject;

  const audit = async (step: string, code: number): Promise<AuditReport> => {
    const result = await project.run('audit', step, '--json');
    expect({ code: result.code, stderr: result.stderr }).toEqual({
      code,
      stderr: 'run 1 of 2\nrun 2 of 2\n',
    });
    return JSON.parse(result.stdout) as AuditReport;
  };

  const contents = (): string[] =>
    ['layers', 'actions', 'latest', 'active', 'journal', 'scratch', 'locks'].flatMap((name) =>
      readdirSync(project.path(`cache/${name}`), { recursive: name === 'actions', encoding: 'utf8' }),
    );

  beforeAll(async () => {
    project = new CliProject({ 'pipelines/web.yaml': TEMPLATE }, { onEnd: atEnd });
    addTinyRoot(project);
    expect(await project.build()).toMatchObject({ code: 0 });
  });

  test('two runs of a step that is deterministic, of any sort', async () => {
    for (const step of ['steady', 'motd', 'source']) {
      const report = await audit(step, 0);
      expect(report).toMatchObject({ deterministic: true, cached: { same: true, files: [] } });
    }
  });

  test('names files and bytes that differ, and leaves the cache as it was', async () => {
    const before = contents();
    const report = await audit('unsteady', 1);
    expect(report.deterministic).toBe(false);
    const changed = report.differences.files.filter(({ change }) => change === 'changed');
    expect(changed).toMatchObject([{ path: '/opt/random', aspects: ['content'], content: { line: 2 } }]);
    expect(changed[0]?.content?.before).toMatch(/^[0-9a-f-]{36}$/);
    expect(changed[0]?.content?.offset).toBeGreaterThanOrEqual('always\n'.length);
    const others = report.differences.files.filter(({ change }) => change !== 'changed');
    expect(others.map(({ change }) => change).toSorted()).toEqual(['added', 'removed']);
    expect(report.cached?.same).toBe(false);
    expect(contents()).toEqual(before);
    expect(await project.build()).toMatchObject({ code: 0, built: [] });
  });

  test('as text, and when it cannot be done', async () => {
    const text = await project.run('audit', 'unsteady');
    expect(text.code).toBe(1);
    expect(text.stdout).toMatch(/^web\/unsteady: not deterministic\n/);
    expect(text.stdout).toMatch(
      /\/opt\/random: content; \d+ bytes, first at line 2, byte \d+\n {4}- [0-9a-f-]{36}\n {4}\+ /,
    );
    expect(await project.run('audit', 'nothing')).toMatchObject({ code: 2 });
    project.write('pipelines/other.yaml', TEMPLATE.replace('echo same', 'echo other'));
    const early = await project.run('audit', 'other/unsteady');
    expect(early).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('is not in the cache') as string,
    });
  });
});
