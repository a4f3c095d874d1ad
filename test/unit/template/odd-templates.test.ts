import { execFile as execFileCallback } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { project } from '../../rigs/project.ts';
import { failuresOf } from '../../rigs/templates.ts';
import { unmark } from '../../rigs/unmark.ts';

const execFile = promisify(execFileCallback);

describe('odd input', () => {
  it.each(['constructor', 'toString', 'hasOwnProperty'])('an option called %s is unknown', async (name) => {
    const json = `{"source": {"type": "bootstrap", "suite": "noble"}, "steps": [{"type": "shell", ${JSON.stringify(name)}: {}}]}`;
    const { failures } = await failuresOf({ 'pipelines/a.json': json });
    expect(failures).toMatchObject([
      { reason: 'unknown-option', message: `step 1 (shell): unknown option "${name}"` },
    ]);
  });

  it('a type called like a property of every object is unknown', async () => {
    const yaml = 'source: { type: constructor }\nsteps: [{ type: __proto__ }, null, 5]\n';
    const { failures } = await failuresOf({ 'pipelines/a.yaml': yaml });
    expect(failures.map((failure) => failure.message)).toEqual([
      'source: unknown source type "constructor"',
      'steps: [1]: must be a map, not null',
      'steps: [2]: must be a map, not number 5',
    ]);
  });

  it('tabs before a key: how to mend it', async () => {
    const { failures } = await failuresOf({ 'pipelines/a.yaml': 'source:\n\ttype: bootstrap\n' });
    expect(failures).toMatchObject([{ hint: 'Indent with spaces.', origin: { line: 2 } }]);
  });

  it('a file name that is no name', async () => {
    const { failures } = await failuresOf({
      'pipelines/my image.yaml': 'source: { type: bootstrap, suite: noble }\n',
    });
    expect(failures).toMatchObject([
      { message: '"my image", from the name of the file, is no name for a pipeline' },
    ]);
  });

  it('a matrix that explodes', async () => {
    const axis = `[${Array.from({ length: 10 }, (_, index) => index).join(', ')}]`;
    const axes = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'].map((name) => `${name}: ${axis}`).join(', ');
    const { failures } = await failuresOf({
      'pipelines/a.yaml': `matrix: { ${axes} }\nsource: { type: bootstrap, suite: noble }\n`,
    });
    expect(failures).toMatchObject([{ message: 'matrix: 1000000000 variants are more than 1000' }]);
  });

  it.each([
    ['a value twice', 'matrix: { v: [a, a] }', 'matrix: v has "a" twice'],
    [
      'a value that cannot be in a name',
      'matrix: { v: [a/b] }',
      'matrix: v: "a/b" must be letters, digits, dots, dashes and underscores',
    ],
    ['an unknown axis', 'matrix: { v: [a], exclude: [{ w: a }] }', 'matrix: exclude: unknown axis "w"'],
    [
      'a missing axis',
      'matrix: { v: [a], w: [b], include: [{ v: c }] }',
      'matrix: include: a value for w is missing',
    ],
    ['no values', 'matrix: { v: [] }', 'matrix: v: must not be empty'],
    [
      'a wrong architecture',
      'matrix: { architecture: [amd46] }',
      'architecture: must be "amd64", "arm64", "armhf", "i386", "ppc64el", "riscv64" or "s390x", not "amd46"',
    ],
  ])('a matrix with %s', async (_, matrix, message) => {
    const { failures } = await failuresOf({
      'pipelines/a.yaml': `${matrix}\nsource: { type: bootstrap, suite: noble }\n`,
    });
    expect(failures.map((failure) => failure.message)).toEqual([message]);
    expect(failures[0]?.origin?.line).toBe(1);
  });

  it('secrets that two pipelines declare differently', async () => {
    const write = (secret: string) =>
      `secrets: { key: ${secret} }\nsource: { type: bootstrap, suite: noble }\n`;
    const same = { 'pipelines/a.yaml': write('{ env: KEY }'), 'pipelines/b.yaml': write('{ env: KEY }') };
    expect((await failuresOf(same)).failures).toEqual([]);
    const { failures } = await failuresOf({ ...same, 'pipelines/b.yaml': write('{ command: [pass, key] }') });
    expect(failures).toMatchObject([
      {
        reason: 'duplicate-name',
        message: 'two pipelines declare the secret "key" differently',
        related: [{ message: 'the first one' }],
      },
    ]);
  });
});

describe('TypeScript beyond literals', () => {
  const write = (rest: string) => ({
    'pipelines/a.ts': `import { definePipeline } from 'imgpipe';\n${rest}`,
  });
  const source = "source: { type: 'bootstrap', suite: 'trixie' }";

  it.each([
    [
      'a constant',
      `const steps = [\n  { type: 'shell', timeout: «'x'» },\n];\nexport default definePipeline({ ${source}, steps } as never);`,
    ],
    [
      'a spread list',
      `const base = [{ type: 'user', user: 'a' }];\nexport default definePipeline({ ${source}, steps: [...base, { type: 'shell', timeout: «'x'» }] } as never);`,
    ],
    [
      'a spread object',
      `const common = { timeout: «'x'» };\nexport default definePipeline({ ${source}, steps: [{ type: 'shell', ...common }] } as never);`,
    ],
    [
      'a helper function: its call',
      `const step = (timeout: string) => ({ type: 'shell', timeout });\nexport default definePipeline({ ${source}, steps: [«step('x')»] } as never);`,
    ],
    [
      'a loop: its expression',
      `export default definePipeline({ ${source}, steps: «['x'].map((timeout) => ({ type: 'shell', timeout }))» } as never);`,
    ],
    [
      'a list of pipelines',
      `export default [definePipeline({ name: 'a', ${source}, steps: [{ type: 'shell', timeout: «'x'» }] } as never)];`,
    ],
    [
      'a pipeline kept in a constant',
      `const web = definePipeline({ ${source}, steps: [{ type: 'shell', timeout: «'x'» }] } as never);\nexport default web;`,
    ],
    [
      'a function with return',
      `export default definePipeline({}, () => {\n  return {\n    ${source},\n    steps: [{ type: 'shell', timeout: «'x'» }],\n  } as never;\n});`,
    ],
    [
      'an annotation',
      `const timeout: string = ('x' as const);\nexport default definePipeline({ ${source}, steps: [{ type: 'shell', «timeout» }] } satisfies object as never);`,
    ],
    ['no definePipeline', `export default { ${source}, steps: [{ type: 'shell', timeout: «'x'» }] };`],
  ])('%s', async (_, marked) => {
    const { text, place } = unmark(marked);
    const { failures } = await failuresOf(write(text));
    expect(failures.map((failure) => failure.message)).toEqual([
      `step ${text.includes('...base') ? 2 : 1} (shell): timeout: "x" is not a duration such as 90s, 10m or 1h30m`,
    ]);
    expect(failures[0]?.origin).toMatchObject({
      ...place,
      line: (place?.line ?? 0) + 1,
      endLine: (place?.endLine ?? 0) + 1,
    });
  });

  it('points into a helper file that calls definePipeline', async () => {
    const { text } = await failuresOf({
      'pipelines/_web.ts': `import { definePipeline } from 'imgpipe';\nexport const web = (suite: string) =>\n  definePipeline({ source: { type: 'bootstrap', suit: suite } } as never);\n`,
      'pipelines/a.ts': `import { web } from './_web.ts';\nexport default web('trixie');\n`,
    });
    expect(text).toBe(`error: source (bootstrap): unknown option "suit"
  pipelines/_web.ts:3:49
  3 |   definePipeline({ source: { type: 'bootstrap', suit: suite } } as never);
    |                                                 ~~~~
  help: did you mean "suite"?
`);
  });

  it.each([
    [
      'an exception',
      'export default definePipeline({}, ({ vars }) => {\n  throw new Error(`no ${Object.keys(vars).length}`);\n});',
      'a.ts threw Error: no 0',
      '3:9',
    ],
    [
      'a promise',
      `export default definePipeline({}, (async () => ({})) as never);`,
      "the template's function must return a map, not a promise",
      '2:16',
    ],
    [
      'nothing',
      `export default definePipeline({}, (() => undefined) as never);`,
      "the template's function must return a map, not nothing",
      '2:16',
    ],
    [
      'a sensitive variable in text',
      "export default definePipeline({ variables: { t: { sensitive: true, default: 'x' } } }, ({ vars }) => ({\n  source: { type: 'bootstrap', suite: `${vars.t}` },\n}) as never);",
      'the variable "t" is sensitive; here its value would end in a layer',
      '3:47',
    ],
    ['no default export', 'export const a = 1;', 'the template exports nothing by default', '1:1'],
    ['something else', 'export default 5;', 'the template must be a map, not number 5', '2:16'],
    ['a wrong import', "import x from './_none.ts';\nexport default x;", 'cannot find file "', '2:15'],
    [
      'a missing package',
      "import x from 'no-such-package';\nexport default x;",
      'cannot find package "no-such-package"',
      '2:15',
    ],
    [
      'a missing export',
      "import { x } from './_x.ts';\nexport default x;",
      "The requested module './_x.ts' does not provide an export named 'x'",
      '2:10',
    ],
    [
      'a name declared twice',
      'const a = 1;\nconst a = 2;\nexport default a;',
      "Identifier 'a' has already been declared",
      '3:7',
    ],
  ])('%s', async (_, rest, message, place) => {
    const { failures } = await failuresOf({ ...write(rest), 'pipelines/_x.ts': 'export const y = 1;\n' });
    expect(failures).toHaveLength(1);
    expect(failures[0]?.message).toContain(message);
    expect(`${failures[0]?.origin?.line}:${failures[0]?.origin?.column}`).toBe(place);
  });

  it('syntax that type stripping refuses (in a process of its own: the test runner changes stacks)', async () => {
    const folder = project({
      'pipelines/a.ts': 'const x: number = 1;\nexport default { a: 1,, };\n',
      'pipelines/b.ts': 'enum E { A }\nexport default {};\n',
      'main.ts': `
import { loadTemplate } from ${JSON.stringify(new URL('../../../src/template/load-template.ts', import.meta.url).pathname)};
const result = await loadTemplate({ folder: process.argv[2] });
console.log(JSON.stringify(result.failures.map(({ reason, message, origin }) => [reason, message, origin.file, origin.line, origin.column])));
`,
    });
    const { stdout } = await execFile(process.execPath, [
      '--no-warnings',
      path.join(folder, 'main.ts'),
      path.join(folder, 'pipelines'),
    ]);
    expect(JSON.parse(stdout)).toEqual([
      [
        'template-syntax',
        expect.stringContaining('Unexpected token'),
        path.join(folder, 'pipelines/a.ts'),
        2,
        23,
      ],
      [
        'template-syntax',
        'TypeScript enum is not supported in strip-only mode',
        path.join(folder, 'pipelines/b.ts'),
        1,
        1,
      ],
    ]);
  });
});

describe('YAML and JSON that cannot be read', () => {
  it.each([
    [
      'a.yaml',
      'a: [1\nb: 2\n',
      'template-syntax',
      'Flow sequence in block collection must be sufficiently indented and end with a ]',
      '2:1',
    ],
    ['a.yaml', 'a: 1\na: 2\n', 'template-syntax', 'Map keys must be unique', '2:1'],
    ['a.yaml', '\ta: 1\n', 'template-syntax', 'Tabs are not allowed as indentation', '1:1'],
    [
      'a.yaml',
      'a: *x\n',
      'template-syntax',
      'Unresolved alias (the anchor must be set before the alias): x',
      '1:1',
    ],
    [
      'a.yaml',
      'a: 1\n---\nb: 2\n',
      'template-syntax',
      'the file has several documents; write a list instead',
      '2:1',
    ],
    ['a.yaml', '', 'template-invalid', 'the template is empty', '1:1'],
    ['a.yaml', 'hello\n', 'template-invalid', 'the template must be a map, not "hello"', '1:1'],
    ['a.json', '{"a": 1,}', 'template-syntax', 'invalid JSON: Expected double-quoted property name', '1:9'],
    ['a.json', '{"a": ', 'template-syntax', 'invalid JSON: Unexpected end of JSON input', '1:6'],
    ['a.json', '', 'template-syntax', 'invalid JSON: Unexpected end of JSON input', '1:1'],
    ['a.json', '{\n  "a": tru\n}', 'template-syntax', 'invalid JSON: Unexpected token', '2:11'],
  ])('%s: %j', async (name, text, reason, message, place) => {
    const { failures } = await failuresOf({ [`pipelines/${name}`]: text });
    expect(failures).toHaveLength(1);
    expect(failures[0]?.reason).toBe(reason);
    expect(failures[0]?.message).toContain(message);
    expect(`${failures[0]?.origin?.line}:${failures[0]?.origin?.column}`).toBe(place);
  });

  it('aliases that multiply are stopped', async () => {
    const lines = ['a: &a [x, x, x, x, x, x, x, x, x]'];
    for (const [index, name] of [...'bcdefghi'].entries()) {
      const below = `*${'abcdefghi'[index]}`;
      lines.push(`${name}: &${name} [${Array.from({ length: 9 }, () => below).join(', ')}]`);
    }
    const { failures } = await failuresOf({ 'pipelines/a.yaml': `${lines.join('\n')}\n` });
    expect(failures).toMatchObject([
      { reason: 'template-syntax', message: 'Excessive alias count indicates a resource exhaustion attack' },
    ]);
  });

  it('deep nesting and huge files end in failures, not crashes', async () => {
    const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`;
    expect((await failuresOf({ 'pipelines/a.json': deep })).failures.length).toBeGreaterThan(0);
    expect((await failuresOf({ 'pipelines/a.yaml': `steps: ${deep}\n` })).failures.length).toBeGreaterThan(0);
  });

  it('no folder', async () => {
    const { failures } = await failuresOf({ 'readme.md': '' });
    expect(failures).toMatchObject([
      {
        reason: 'template-not-found',
        message: expect.stringContaining('there is no folder') as string,
        hint: expect.stringContaining('imgpipe init') as string,
      },
    ]);
  });
});
