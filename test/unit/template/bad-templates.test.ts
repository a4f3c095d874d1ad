import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { failuresOf } from '../../rigs/templates.ts';
import { unmark } from '../../rigs/unmark.ts';
import { FORMATS, MISTAKES } from './mistakes.ts';

describe.each(Object.entries(FORMATS))('mistakes in %s', (format, write) => {
  it.each(MISTAKES.map((mistake) => [mistake.title, mistake] as const))('%s', async (_, mistake) => {
    const { text, place } = unmark(write(mistake));
    const name = `pipelines/web.${format}`;
    const { failures, folder } = await failuresOf({ [name]: text }, mistake.given);
    expect(failures.map((failure) => failure.message)).toEqual(mistake.messages);
    const [first] = failures;
    expect(first?.reason).toBe(mistake.reason);
    if (mistake.hint !== undefined) expect(first?.hint).toBe(mistake.hint);
    expect(first?.origin?.file).toBe(path.join(folder, name));
    if (place !== undefined)
      expect({ ...first?.origin, file: undefined }).toEqual({ ...place, file: undefined });
  });
});

describe('all mistakes at once', () => {
  it('of all files, printed with place, excerpt and mend', async () => {
    const { text } = await failuresOf({
      'pipelines/a.yaml':
        'name: a\nsource: { type: bootstrap, suite: bokworm }\nsteps:\n  - type: pakage\n  - type: file\n    path: x\n    contents: y\n',
      'pipelines/b.json':
        '{\n  "name": "a",\n  "source": { "type": "bootstrap", "suite": "trixie" },\n  "exports": [{ "type": "qcow" }]\n}\n',
      'pipelines/c.ts': `import { definePipeline } from 'imgpipe';
const suite: string = 'sid';
export default definePipeline({
  source: { type: 'bootstrap', suite },
});
`,
    });
    expect(text).toBe(`error: two pipelines have the name "a"
  pipelines/b.json:2:11
  2 |   "name": "a",
    |           ~~~
  note: the first one
  pipelines/a.yaml:1:7
  1 | name: a
    |       ~
  help: Give one of them another \`name\`.

error: source (bootstrap): suite: must be "bookworm", "trixie" or "noble", not "bokworm"
  pipelines/a.yaml:2:35
  2 | source: { type: bootstrap, suite: bokworm }
    |                                   ~~~~~~~
  help: did you mean "bookworm"?

error: step 1: unknown step type "pakage"
  pipelines/a.yaml:4:11
  4 |   - type: pakage
    |           ~~~~~~
  help: did you mean "package"?

error: step 2 (file): unknown option "contents"
  pipelines/a.yaml:7:5
  7 |     contents: y
    |     ~~~~~~~~
  help: did you mean "content"?

error: step 2 (file): path: must be an absolute path
  pipelines/a.yaml:6:11
  6 |     path: x
    |           ~

error: source (bootstrap): suite: must be "bookworm", "trixie" or "noble", not "sid"
  pipelines/c.ts:4:32
  4 |   source: { type: 'bootstrap', suite },
    |                                ~~~~~
`);
  });

  it('a mistake in every variant is told once', async () => {
    const { failures } = await failuresOf({
      'pipelines/a.yaml': 'matrix: { v: [a, b, c] }\nsource: { type: bootstrap, suite: x }\n',
    });
    expect(failures).toHaveLength(1);
  });
});

describe('references in YAML', () => {
  const body = (text: string) => ({
    'pipelines/a.yaml': `variables: { page: { default: x }, list: { type: list, default: [a] } }\nsource: { type: bootstrap, suite: noble }\nsteps:\n  - { type: shell, inline: ${JSON.stringify(text)} }\n`,
  });

  it.each([
    ['${var.pgae}', 'unknown reference ${var.pgae}', 'did you mean ${var.page}?'],
    ['a ${vars.page}', 'unknown reference ${vars.page}', 'did you mean ${var.page}?'],
    [
      '${env.HOME}',
      'unknown reference ${env.HOME}',
      'A reference begins with var, matrix, pipeline. Write $${ for a plain ${.',
    ],
    ['${matrix.x}', 'unknown reference ${matrix.x}', undefined],
    [
      'all: ${var.list}',
      '${var.list} is a list and cannot be part of a text',
      'Make it the whole value, or use a variable of another type.',
    ],
  ])('%s', async (text, message, hint) => {
    const { failures } = await failuresOf(body(text));
    expect(failures.map((failure) => [failure.message, failure.hint])).toEqual([[message, hint]]);
    expect(failures[0]?.origin).toMatchObject({ line: 4, column: 28 });
  });
});

describe('what follows from a variable without value', () => {
  it('is not told', async () => {
    const { failures } = await failuresOf({
      'pipelines/a.yaml': `
variables: { time: {}, list: { type: list } }
source: { type: bootstrap, suite: noble }
steps:
  - { type: shell, timeout: "1\${var.time}" }
  - { type: package, install: "\${var.list}" }
  - { type: file, path: relative, content: "\${var.time}", modee: "1" }
disk: { size: "\${var.time}" }
`,
    });
    expect(failures.map((failure) => failure.message)).toEqual([
      'variable "time" has no value',
      'variable "list" has no value',
      'step 3 (file): unknown option "modee"',
    ]);
  });
});

describe('values from outside', () => {
  const files = {
    'pipelines/a.yaml': 'variables: { page: { default: x } }\nsource: { type: bootstrap, suite: noble }\n',
  };

  it('-var with an unknown name suggests the nearest', async () => {
    const { text } = await failuresOf(files, { flags: ['pgae=1'] });
    expect(text).toBe(
      'error: -var gives a value to "pgae", which no template declares\n  help: did you mean "page"?\n',
    );
  });

  it('-var that is none', async () => {
    const { failures } = await failuresOf(files, { flags: ['page'] });
    expect(failures).toMatchObject([
      { reason: 'usage', message: '-var "page" is not of the form name=value' },
    ]);
  });

  it('a file with an unknown name, wrong value, no map, or not there', async () => {
    const more = {
      ...files,
      'pipelines/b.yaml': 'variables: { n: { type: number } }\nsource: { type: bootstrap, suite: noble }\n',
      'x.yaml': 'page: ok\npagee: 1\n',
      'y.json': '{\n  "n": "many"\n}',
      'z.yaml': '- page\n',
    };
    expect((await failuresOf(more, { files: ['x.yaml'], flags: ['n=1'] })).text).toContain(
      'error: x.yaml gives a value to "pagee", which no template declares\n  x.yaml:2:1\n',
    );
    expect((await failuresOf(more, { files: ['y.json'] })).text)
      .toBe(`error: variable "n": the value from y.json must be a number, not "many"
  y.json:2:3
  2 |   "n": "many"
    |   ~~~
  note: the variable is declared here
  pipelines/b.yaml:1:14
  1 | variables: { n: { type: number } }
    |              ~
`);
    expect((await failuresOf(more, { files: ['z.yaml', 'none.yaml'] })).text).toContain(
      'error: a file of variables must hold a map of names to values\n  z.yaml:1:1\n',
    );
    expect((await failuresOf(more, { files: ['none.yaml'] })).text).toBe('error: none.yaml does not exist\n');
  });

  it('the value of a sensitive variable is never in a message', async () => {
    const sensitive = {
      'pipelines/a.yaml':
        'variables: { pin: { type: number, sensitive: true } }\nsource: { type: bootstrap, suite: noble }\n',
    };
    const { text } = await failuresOf(sensitive, { flags: ['pin=hunter2'] });
    expect(text).toContain('variable "pin": the value from -var must be a number');
    expect(text).not.toContain('hunter2');
  });
});
