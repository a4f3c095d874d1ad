import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { engine } from '../../../src/engine.ts';
import { PackerProject } from '../../rigs/packer-command.ts';

const before = process.env['XDG_CACHE_HOME'];
const folder = process.cwd();
const cache = mkdtempSync(path.join(tmpdir(), 'imgpipe-packer-cache-'));
beforeAll(() => {
  process.env['XDG_CACHE_HOME'] = cache;
});
afterAll(() => {
  process.chdir(folder);
  if (before === undefined) delete process.env['XDG_CACHE_HOME'];
  else process.env['XDG_CACHE_HOME'] = before;
  rmSync(cache, { recursive: true, force: true });
});

const template = (source: string, more = ''): string => `source "file" "good" {
  content = "x"
  target  = "good.txt"
}
source "file" "a" {
  ${source}
}
build {
  sources = ["file.a", "file.good"]
  ${more}
}
`;

const run = async (project: PackerProject, command: string) => {
  // Messages name files from the folder that Packer is started in.
  process.chdir(project.folder);
  return await project.run([command, ...(command === 'build' ? ['-color=false'] : []), '.'], { engine });
};

describe('what the system refuses is said in the words of Go, and fails its own build alone', () => {
  test.each([
    [
      'a source that is not there',
      'source = "in.txt"\n  target = "d/q"',
      'open in.txt: no such file or directory',
    ],
    ['a target that is a folder', 'content = "x"\n  target = "folder"', 'open folder: is a directory'],
  ])('%s', async (_name, source, message) => {
    using project = new PackerProject().write('t.pkr.hcl', template(source));
    mkdirSync(path.join(project.folder, 'folder'));
    const { code, stdout } = await run(project, 'build');
    expect(code).toBe(1);
    expect(stdout).toContain(`--> file.a: ${message}\n`);
    expect(stdout).toContain('--> file.good: Stored file: good.txt');
    expect(stdout).not.toContain('    at ');
  });

  test('a manifest in a folder that is not there', async () => {
    const post = 'post-processor "manifest" {\n    only = ["file.a"]\n    output = "no/m.json"\n  }';
    using project = new PackerProject().write(
      't.pkr.hcl',
      template('content = "x"\n  target = "a.txt"', post),
    );
    const { code, stdout } = await run(project, 'build');
    expect(code).toBe(1);
    expect(stdout).toContain(
      '* Post-processor failed: Unable to write no/m.json: open no/m.json: no such file or directory\n',
    );
    expect(stdout).toContain('--> file.good: Stored file: good.txt');
  });
});

describe('checks that Packer says alone', () => {
  test.each([
    ['only_on', 'inline = ["true"]\n    only_on = ["beos"]', /^Invalid OS specified in only_on: 'beos'$/m],
    [
      'a path of Windows',
      'script = "t.pkr.hcl"\n    use_linux_pathing = true',
      /^There was an error splitting your absolute path; expected to find a drive$/m,
    ],
    [
      'inline and paths of Windows',
      'inline = ["true"]\n    use_linux_pathing = true',
      /1 error\(s\) occurred:\n\n\* Packer is unable to use the Command and Inline features/,
    ],
  ])('%s', async (_name, options, message) => {
    using project = new PackerProject().write(
      't.pkr.hcl',
      template('content = "x"\n  target = "a.txt"', `provisioner "shell-local" {\n    ${options}\n  }`),
    );
    const { code, stdout } = await run(project, 'validate');
    expect(code).toBe(1);
    expect(stdout).toMatch(message);
  });

  test('spans of time', async () => {
    const step =
      'provisioner "shell" {\n    inline = ["x"]\n    start_retry_timeout = "5q"\n    pause_after = "z"\n  }';
    using project = new PackerProject().write(
      't.pkr.hcl',
      template('content = "x"\n  target = "a.txt"', step),
    );
    const { stdout } = await run(project, 'validate');
    expect(stdout).toContain(
      `2 error(s) decoding:

* error decoding 'pause_after': time: invalid duration "z"
* error decoding 'start_retry_timeout': time: unknown unit "q" in duration "5q"
`,
    );
  });

  test('no files for artifice', async () => {
    const post = 'post-processor "artifice" {\n    files = []\n  }';
    using project = new PackerProject().write(
      't.pkr.hcl',
      template('content = "x"\n  target = "a.txt"', post),
    );
    const { stdout } = await run(project, 'validate');
    expect(stdout).toContain('\nNo files specified in artifice configuration\n');
    expect(stdout).not.toContain('error(s)');
  });
});
