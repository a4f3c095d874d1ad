import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { addTinyRoot, CliProject, eventually } from '../../rigs/cli.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';
import { noWorkspace } from '../../rigs/workspace.ts';

const SECRET = 'kX9-very-secret+value-42';
const FILE_SECRET = 'line one of a key file: mM3+/\nline two of it: zZ7$(x)';
const COMMAND_SECRET = "from 'a command' &9x";
const formsOf = (secret: string): string[] => [
  secret,
  Buffer.from(secret).toString('base64'),
  encodeURIComponent(secret),
];
const FORMS = [SECRET, ...FILE_SECRET.split('\n'), COMMAND_SECRET].flatMap(formsOf);

function projectWith(script: string): CliProject {
  const folder = temporaryFolder();
  const [keyFile, wordFile] = [join(folder, 'key'), join(folder, 'word')];
  writeFileSync(keyFile, `${FILE_SECRET}\n`);
  writeFileSync(wordFile, COMMAND_SECRET);
  const project = new CliProject({
    'pipelines/tiny.yaml': `source: { type: rootfs, path: tiny.tar }
secrets:
  token: { env: TOKEN_ON_HOST }
  key: { file: ${JSON.stringify(keyFile)} }
  word: { command: [cat, ${JSON.stringify(wordFile)}] }
steps:
  - type: shell
    name: uses
    secrets: [{ secret: token }, { secret: token, env: TOKEN }, { secret: key }, { secret: word, env: WORD }]
    inline: |
${script.replaceAll(/^/gm, '      ')}
`,
  });
  addTinyRoot(project);
  project.env['TOKEN_ON_HOST'] = SECRET;
  project.env['XDG_CACHE_HOME'] = project.path('home-cache');
  return project;
}

describe.skipIf(noWorkspace !== undefined)('a secret', () => {
  test('is in no layer, log, record, event, memo and command line', async () => {
    const project = projectWith(
      'cat /run/secrets/token; echo; echo "$TOKEN" >&2; test -n "$TOKEN"\n' +
        'cat /run/secrets/key; echo "$WORD"; set; test -n "$WORD"\n' +
        'printf %s "${TOKEN%???}"; sleep 0.1; echo "${TOKEN#"${TOKEN%???}"}"\nsleep 1.7319\necho done > /done',
    );
    const started = project.start(['build', '--ui=json']);
    await eventually('the step', () => commandLines().some((line) => line.includes('sleep 1.7319')));
    const seen = commandLines().filter((line) => FORMS.some((form) => line.includes(form)));
    const environments = foreignEnvironments(project, started.process.pid ?? 0);
    const result = await started.result;
    expect(result).toMatchObject({ code: 0 });
    expect(seen).toEqual([]);
    expect(environments).toEqual([]);
    // The step did print it, and it was hidden.
    expect(result.stdout).toContain('<sensitive>');
    for (const form of FORMS) {
      expect(result.stdout + result.stderr).not.toContain(form);
      expect(filesWith(project, form)).toEqual([]);
    }
  });

  test.each([
    ['as it is', 'echo "$TOKEN" > /etc/leak'],
    [
      'in base64, inside a longer text',
      `echo 'prefix${Buffer.from(`ab${SECRET}cd`).toString('base64')}' > /etc/leak`,
    ],
    ['across the border of two pieces of a large file', `(printf '%1048570s' ''; echo "$TOKEN") > /etc/leak`],
    ['in a name', 'mkdir -p "/etc/$TOKEN"'],
  ])('in a layer fails the build: %s', async (_, script) => {
    const project = projectWith(script);
    const result = await project.run('build', '--ui=plain');
    expect(result.code).toBe(1);
    expect(result.stderr).toContain('the secret `token` is in');
    expect(filesWith(project, SECRET)).toEqual([]);
    expect((await project.run('cache', 'verify')).stdout).toMatch(/^1 layer/m);
  });

  test('of a failed step is not kept for the shell either', async () => {
    const project = projectWith('echo "$TOKEN" > /etc/leak\nexit 3');
    expect((await project.run('build', '--ui=plain')).code).toBe(1);
    expect(filesWith(project, SECRET)).toEqual([]);
  });

  test('that changes runs the step again; the same one does not', async () => {
    const project = projectWith('test -n "$TOKEN"');
    expect(await project.build()).toMatchObject({ code: 0, built: ['source', 'uses'] });
    expect(await project.build()).toMatchObject({ code: 0, built: [] });
    project.env['TOKEN_ON_HOST'] = 'another-secret-value';
    expect(await project.build()).toMatchObject({ code: 0, built: ['uses'] });
  });
});

/** Files below the project that hold a text, or have it in their name or target. */
function filesWith(project: CliProject, form: string): string[] {
  const list = execFileSync(
    'sh',
    ['-c', `grep -rlF -e "$1" . 2>/dev/null; find . -printf '%p %l\\n' | grep -F -e "$1"; true`, 'sh', form],
    {
      cwd: project.directory,
      encoding: 'utf8',
    },
  );
  return list.split('\n').filter((line) => line !== '');
}

/**
 * Processes of the build with the secret in their environment, but imgpipe itself, to which the user gave it, and the
 * step, which asked for it.
 */
function foreignEnvironments(project: CliProject, own: number): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    try {
      if (!/^\d+$/.test(pid) || Number(pid) === own || Number(pid) === process.pid) return [];
      const read = (name: string): string => readFileSync(`/proc/${pid}/${name}`, 'utf8');
      const isStep = read('environ').includes(`TOKEN=${SECRET}`);
      return !isStep && read('environ').includes(SECRET)
        ? [`${read('cmdline')} in ${project.directory}`]
        : [];
    } catch {
      return [];
    }
  });
}

function commandLines(): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    try {
      return /^\d+$/.test(pid) ? [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')] : [];
    } catch {
      return [];
    }
  });
}
