import { beforeAll, describe, expect, test } from 'vitest';
import type { WhyReport } from '../../../src/engine/api.ts';
import type { PlanRow } from '../../../src/plan/plan.ts';
import { addTinyRoot, CliProject } from '../../rigs/cli.ts';
import { noWorkspace } from '../../rigs/workspace.ts';
import { endOfFile } from '../../rigs/end-of-file.ts';

const status = (version: string): string =>
  `Package: nginx\\nStatus: install ok installed\\nArchitecture: all\\nVersion: ${version}\\n`;

const template = (version: string, inline: string): string => `
source: { type: rootfs, path: tiny.tar }
steps:
  - type: shell
    name: packages
    inline: "mkdir -p /var/lib/dpkg; printf '${status(version)}' > /var/lib/dpkg/status"
  - { type: file, name: page, path: /srv, source: site }
  - type: shell
    name: work
    inline: |
${inline}
`;

const atEnd = endOfFile();

describe.skipIf(noWorkspace !== undefined)('why something runs', () => {
  let project: CliProject;

  const why = async (step: string): Promise<WhyReport> =>
    JSON.parse((await project.run('why', step, '--json')).stdout) as WhyReport;

  beforeAll(async () => {
    project = new CliProject(
      {
        'pipelines/web.yaml': template('1.24', '      echo one\n      echo two'),
        'pipelines/site/index.html': '<h1>\nhello\n</h1>\n',
        'pipelines/site/style.css': 'h1 {}\n',
      },
      { onEnd: atEnd },
    );
    addTinyRoot(project);
    expect(await project.build()).toMatchObject({ code: 0 });
    project.write('pipelines/web.yaml', template('1.26', '      echo one\n      echo 2\n      echo three'));
    project.write('pipelines/site/index.html', '<h1>\nworld\n</h1>\n');
  });

  test('plan names files and lines of inputs, and lines of texts with old and new', async () => {
    const rows = JSON.parse((await project.run('plan', '--json')).stdout) as PlanRow[];
    const changes = (name: string) => rows.find((row) => row.name === name)?.changes;
    expect(changes('page')).toEqual([{ what: 'content of `source` changed: index.html, line 2' }]);
    expect(changes('packages')).toMatchObject([{ before: expect.stringContaining('1.24') as string }]);
    expect(rows.find((row) => row.name === 'work')).toMatchObject({ state: 'pending' });
    const { stdout } = await project.run('plan');
    expect(stdout).toContain('index.html, line 2');
  });

  test('why tells of a write-only step before what lies below it has run, changed or not', async () => {
    expect((await why('page')).changes).toEqual([
      { what: 'content of `source` changed: index.html, line 2' },
    ]);
    const page = project.read('pipelines/site/index.html');
    project.write('pipelines/site/index.html', '<h1>\nhello\n</h1>\n');
    expect(await why('page')).toMatchObject({ state: 'hit', changes: [] });
    project.write('pipelines/site/index.html', page);
  });

  test('why shows the lines of an option, and packages of the layers below once they are known', async () => {
    const early = await why('work');
    expect(early.changes).toEqual([
      { what: 'option `inline` changed, lines 2-3', before: 'echo two', after: 'echo 2\necho three' },
    ]);
    const text = await project.run('why', 'work');
    expect(text.stdout).toContain('    - echo two\n    + echo 2\n    + echo three\n');
    // The step below alone, so that the one above has not run yet.
    project.write('pipelines/web.yaml', template('1.26', '      exit 3'));
    expect((await project.run('build', '--ui=plain')).code).toBe(1);
    const late = await why('work');
    expect(late.changes).toContainEqual({ what: 'package nginx of packages', before: '1.24', after: '1.26' });
    expect(late.changes.map(({ what }) => what)).toContain('below: packages changed, page changed');
  });
});
