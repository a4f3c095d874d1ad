import { beforeEach, describe, expect, test } from 'vitest';
import { addTinyRoot, CliProject } from '../rigs/cli.ts';

const TEMPLATE = `source:
  type: rootfs
  path: tiny.tar
steps:
  - type: shell
    name: packages
    script: packages.sh
  - type: shell
    name: users
    inline: echo made >> /etc/made
  - type: file
    name: motd
    path: /etc/motd
    content: "hello\\n"
  - type: file
    name: site
    path: /srv/www
    source: www
`;

let project: CliProject;

beforeEach(() => {
  project = new CliProject({
    'pipelines/tiny.yaml': TEMPLATE,
    'pipelines/packages.sh': '#!/bin/sh\nset -e\nmkdir -p /opt/app\necho 1 > /opt/app/version\n',
    'pipelines/www/index.html': '<h1>one</h1>\n',
  });
  addTinyRoot(project);
});

describe('only what changed is built again', () => {
  test('nothing changed: nothing runs', async () => {
    const first = await project.build();
    expect(first).toMatchObject({
      code: 0,
      built: ['source', 'packages', 'users', 'motd', 'site'],
      cached: [],
    });
    expect(await project.build()).toMatchObject({ code: 0, built: [] });
  });

  test('an edited file rebuilds its own layer only', async () => {
    await project.build();
    project.write('pipelines/www/index.html', '<h1>two</h1>\n');
    expect(await project.build()).toMatchObject({ code: 0, built: ['site'] });
  });

  test('a changed package step leaves the independent file layers cached', async () => {
    await project.build();
    project.write(
      'pipelines/packages.sh',
      '#!/bin/sh\nset -e\nmkdir -p /opt/app\necho 2 > /opt/app/version\n',
    );
    expect(await project.build()).toMatchObject({
      code: 0,
      built: ['packages', 'users'],
      cached: ['source', 'motd', 'site'],
    });
  });

  test('a change that changes nothing in the layer stops at its step', async () => {
    await project.build();
    project.write(
      'pipelines/packages.sh',
      '#!/bin/sh\n# a comment\nset -e\nmkdir -p /opt/app\necho 1 > /opt/app/version\n',
    );
    expect(await project.build()).toMatchObject({ code: 0, built: ['packages'] });
    expect(await project.build()).toMatchObject({ code: 0, built: [] });
  });

  test('going back to an earlier state is a hit', async () => {
    await project.build();
    project.write('pipelines/www/index.html', '<h1>two</h1>\n');
    await project.build();
    project.write('pipelines/www/index.html', '<h1>one</h1>\n');
    expect(await project.build()).toMatchObject({ code: 0, built: [] });
  });

  test('a new step in the middle runs, and the steps that read the system after it', async () => {
    await project.build();
    project.write(
      'pipelines/tiny.yaml',
      TEMPLATE.replace(
        '  - type: shell\n    name: users',
        '  - type: shell\n    name: extra\n    inline: echo x > /etc/extra\n  - type: shell\n    name: users',
      ),
    );
    expect(await project.build()).toMatchObject({
      code: 0,
      built: ['extra', 'users'],
      cached: ['source', 'packages', 'motd', 'site'],
    });
  });

  test('renaming steps and moving the project change no key', async () => {
    await project.build();
    project.write('pipelines/tiny.yaml', TEMPLATE.replace('name: packages', 'name: software'));
    expect(await project.build()).toMatchObject({ code: 0, built: [] });
  });

  test('--no-cache runs everything, and gives the same layers', async () => {
    await project.build();
    const again = await project.build('--no-cache');
    expect(again.built.length + again.cached.length).toBe(5);
    expect(again.built).toContain('packages');
    expect(await project.build()).toMatchObject({ built: [] });
  });

  test('plan says what would run and why, and runs nothing', async () => {
    await project.build();
    project.write('pipelines/packages.sh', '#!/bin/sh\necho other > /etc/other\n');
    const plan = await project.run('plan');
    expect(plan.code).toBe(0);
    expect(plan.stdout).toMatch(/packages\s+.*miss.*content of `script` changed/);
    expect(plan.stdout).toMatch(/users\s+.*pending/);
    expect(plan.stdout).toMatch(/site\s+.*hit/);
    const why = await project.run('why', 'packages');
    expect(why.stdout).toContain('content of `script` changed');
    expect(await project.build()).toMatchObject({ built: ['packages', 'users'] });
  });
});
