import { execFile as execFileCallback } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { SourceRange } from '../../../src/diagnostics/source-range.ts';
import { project } from '../../rigs/project.ts';
import { failuresOf, type Given } from '../../rigs/templates.ts';

const execFile = promisify(execFileCallback);

/**
 * Each mistake is written three times, with one meaning. All must give the same messages, and the first must point at
 * what stands between « and ».
 */
interface Mistake {
  readonly title: string;
  readonly reason: string;
  readonly messages: readonly string[];
  readonly hint?: string;
  /** Fields of the template: after the source, unless it has one itself. */
  readonly yaml: string;
  readonly json: string;
  /** Fields in an object literal; `head` are those that stand beside a function. */
  readonly ts: string;
  readonly tsHead?: string;
  readonly given?: Given;
}

const SOURCE = {
  yaml: 'source: { type: bootstrap, suite: bookworm }\n',
  json: '"source": { "type": "bootstrap", "suite": "bookworm" },\n',
  ts: "source: { type: 'bootstrap', suite: 'bookworm' },\n",
};

const MISTAKES: readonly Mistake[] = [
  {
    title: 'unknown step type',
    reason: 'unknown-kind',
    messages: ['step 1: unknown step type "pakage"'],
    hint: 'did you mean "package"?',
    yaml: 'steps:\n  - type: «pakage»\n    install: [nginx]\n',
    json: '"steps": [{ "type": «"pakage"», "install": ["nginx"] }]',
    ts: "steps: [{ type: «'pakage'», install: ['nginx'] }],",
  },
  {
    title: 'unknown option',
    reason: 'unknown-option',
    messages: ['step "web" (package): unknown option "instal"'],
    hint: 'did you mean "install"?',
    yaml: 'steps:\n  - type: package\n    name: web\n    «instal»: [nginx]\n',
    json: '"steps": [\n  { "type": "package", "name": "web",\n    «"instal"»: ["nginx"] }\n]',
    ts: "steps: [\n  { type: 'package', name: 'web',\n    «instal»: ['nginx'] },\n],",
  },
  {
    title: 'unknown option in a list',
    reason: 'unknown-option',
    messages: ['step 1 (shell): unknown option "envv" in secrets[0]'],
    hint: 'did you mean "env"?',
    yaml: 'steps:\n  - type: shell\n    secrets:\n      - secret: x\n        «envv»: X\n',
    json: '"steps": [{ "type": "shell", "secrets": [{ "secret": "x", «"envv"»: "X" }] }]',
    ts: "steps: [{ type: 'shell', secrets: [{ secret: 'x', «envv»: 'X' }] }],",
  },
  {
    title: 'unknown field',
    reason: 'unknown-option',
    messages: ['template: unknown field "export"'],
    hint: 'did you mean "exports"?',
    yaml: '«export»: []\n',
    json: '«"export"»: []',
    ts: '«export»: [],',
  },
  {
    title: 'wrong type',
    reason: 'template-invalid',
    messages: ['step 1 (package): install: must be a list, not "nginx"'],
    yaml: 'steps:\n  - type: package\n    install: «nginx»\n',
    json: '"steps": [{ "type": "package", "install": «"nginx"» }]',
    ts: "steps: [{ type: 'package', install: «'nginx'» }],",
  },
  {
    title: 'wrong type of an entry',
    reason: 'template-invalid',
    messages: [
      'step 1 (package): install[1]: must be text, not number 5',
      'step 1 (package): install[2]: must not be empty',
    ],
    yaml: 'steps:\n  - type: package\n    install: [nginx, «5», ""]\n',
    json: '"steps": [{ "type": "package", "install": ["nginx", «5», ""] }]',
    ts: "steps: [{ type: 'package', install: ['nginx', «5», ''] }],",
  },
  {
    title: 'number where quotes are needed',
    reason: 'template-invalid',
    messages: ['step 1 (file): mode: must be octal digits in quotes'],
    yaml: 'steps:\n  - { type: file, path: /a, content: "", mode: «644» }\n',
    json: '"steps": [{ "type": "file", "path": "/a", "content": "", "mode": «644» }]',
    ts: "steps: [{ type: 'file', path: '/a', content: '', mode: «644» }],",
  },
  {
    title: 'wrong choice',
    reason: 'template-invalid',
    messages: ['source (bootstrap): suite: must be "bookworm", "trixie" or "noble", not "bokworm"'],
    hint: 'did you mean "bookworm"?',
    yaml: 'source:\n  type: bootstrap\n  suite: «bokworm»\n',
    json: '"source": { "type": "bootstrap", "suite": «"bokworm"» }',
    ts: "source: { type: 'bootstrap', suite: «'bokworm'» },",
  },
  {
    title: 'none of several types',
    reason: 'template-invalid',
    messages: ['source (bootstrap): packages: must be text or a list, not number 1'],
    yaml: 'source: { type: bootstrap, suite: trixie, packages: «1» }\n',
    json: '"source": { "type": "bootstrap", "suite": "trixie", "packages": «1» }',
    ts: "source: { type: 'bootstrap', suite: 'trixie', packages: «1» },",
  },
  {
    title: 'wrong entry in one of several types',
    reason: 'template-invalid',
    messages: ['source (bootstrap): packages[1]: must be text, not true'],
    yaml: 'source: { type: bootstrap, suite: trixie, packages: [vim, «true»] }\n',
    json: '"source": { "type": "bootstrap", "suite": "trixie", "packages": ["vim", «true»] }',
    ts: "source: { type: 'bootstrap', suite: 'trixie', packages: ['vim', «true»] },",
  },
  {
    title: 'a rule of the kind',
    reason: 'template-invalid',
    messages: ['step 1 (file): path: must be an absolute path'],
    yaml: 'steps:\n  - type: file\n    content: x\n    path: «etc/motd»\n',
    json: '"steps": [{ "type": "file", "content": "x", "path": «"etc/motd"» }]',
    ts: "steps: [{ type: 'file', content: 'x', path: «'etc/motd'» }],",
  },
  {
    title: 'a rule over several options',
    reason: 'template-invalid',
    messages: ['step "motd" (file): needs exactly one of content, source'],
    yaml: 'steps:\n  - «name: motd»\n    type: file\n    path: /etc/motd\n',
    json: '"steps": [\n  «{ "name": "motd", "type": "file", "path": "/etc/motd" }»\n]',
    ts: "steps: [\n  «{ name: 'motd', type: 'file', path: '/etc/motd' }»,\n],",
  },
  {
    title: 'missing source',
    reason: 'template-invalid',
    messages: ['source: is missing (a map)'],
    yaml: '«name: web»\nsteps: []\n#nosource\n',
    json: '"steps": [] /*nosource*/',
    ts: 'steps: [], /*nosource*/',
  },
  {
    title: 'bad duration',
    reason: 'template-invalid',
    messages: ['step 1 (shell): timeout: "soon" is not a duration such as 90s, 10m or 1h30m'],
    yaml: 'steps:\n  - type: shell\n    timeout: «soon»\n',
    json: '"steps": [{ "type": "shell", "timeout": «"soon"» }]',
    ts: "steps: [{ type: 'shell', timeout: «'soon'» }],",
  },
  {
    title: 'bad size of the disk',
    reason: 'template-invalid',
    messages: ['disk: size: "big" is not a size such as 512MiB or 20GB'],
    yaml: 'disk:\n  size: «big»\n',
    json: '"disk": { "size": «"big"» }',
    ts: "disk: { size: «'big'» },",
  },
  {
    title: 'duplicate step names',
    reason: 'duplicate-name',
    messages: ['two things of this pipeline have the name "a"'],
    hint: 'Choose another name.',
    yaml: 'steps:\n  - { type: shell, name: a }\n  - { type: shell, name: «a» }\n',
    json: '"steps": [{ "type": "shell", "name": "a" }, { "type": "shell", "name": «"a"» }]',
    ts: "steps: [{ type: 'shell', name: 'a' }, { type: 'shell', name: «'a'» }],",
  },
  {
    title: 'reserved name',
    reason: 'duplicate-name',
    messages: ['the name "disk" is reserved'],
    yaml: 'exports:\n  - { type: raw, name: «disk» }\n',
    json: '"exports": [{ "type": "raw", "name": «"disk"» }]',
    ts: "exports: [{ type: 'raw', name: «'disk'» }],",
  },
  {
    title: 'a name that is none',
    reason: 'template-invalid',
    messages: [
      'step "a b" (shell): name: must be letters, digits, dots, dashes and underscores, beginning with a letter or digit',
    ],
    yaml: 'steps:\n  - { type: shell, name: «a b» }\n',
    json: '"steps": [{ "type": "shell", "name": «"a b"» }]',
    ts: "steps: [{ type: 'shell', name: «'a b'» }],",
  },
  {
    title: 'missing target of needs',
    reason: 'template-invalid',
    messages: ['step 2 (shell): needs: there is no step "setupp"'],
    hint: 'did you mean "setup"?',
    yaml: 'steps:\n  - { type: shell, name: setup }\n  - type: shell\n    needs: [setup, «setupp»]\n',
    json: '"steps": [{ "type": "shell", "name": "setup" }, { "type": "shell", "needs": ["setup", «"setupp"»] }]',
    ts: "steps: [{ type: 'shell', name: 'setup' }, { type: 'shell', needs: ['setup', «'setupp'»] }],",
  },
  {
    title: 'missing export of a check',
    reason: 'template-invalid',
    messages: ['check 1 (boot): export: there is no export "qcow3"'],
    hint: 'did you mean "qcow2"?',
    yaml: 'exports: [{ type: qcow2 }]\nchecks:\n  - { type: boot, export: «qcow3» }\n',
    json: '"exports": [{ "type": "qcow2" }], "checks": [{ "type": "boot", "export": «"qcow3"» }]',
    ts: "exports: [{ type: 'qcow2' }], checks: [{ type: 'boot', export: «'qcow3'» }],",
  },
  {
    title: 'unknown pipeline as source',
    reason: 'template-not-found',
    messages: ['source (pipeline): there is no pipeline "wep"'],
    hint: 'did you mean "web"?',
    yaml: 'name: web\nsource: { type: pipeline, name: «wep» }\n',
    json: '"name": "web", "source": { "type": "pipeline", "name": «"wep"» }',
    ts: "name: 'web', source: { type: 'pipeline', name: «'wep'» },",
  },
  {
    title: 'unknown axis in when',
    reason: 'template-invalid',
    messages: ['step 1: when: unknown matrix axis "varient"'],
    hint: 'did you mean "variant"?',
    yaml: 'matrix: { variant: [dev, prod] }\nsteps:\n  - { type: shell, when: { «varient»: prod } }\n',
    json: '"matrix": { "variant": ["dev", "prod"] }, "steps": [{ "type": "shell", "when": { «"varient"»: "prod" } }]',
    ts: "matrix: { variant: ['dev', 'prod'] }, steps: [{ type: 'shell', when: { «varient»: 'prod' } }],",
  },
  {
    title: 'a value in when that no variant has',
    reason: 'template-invalid',
    messages: ['step 1: when: no variant has variant "prd"'],
    hint: 'did you mean "prod"?',
    yaml: 'matrix: { variant: [dev, prod] }\nsteps:\n  - { type: shell, when: { variant: «prd» } }\n',
    json: '"matrix": { "variant": ["dev", "prod"] }, "steps": [{ "type": "shell", "when": { "variant": «"prd"» } }]',
    ts: "matrix: { variant: ['dev', 'prod'] }, steps: [{ type: 'shell', when: { variant: «'prd'» } }],",
  },
  {
    title: 'unknown architecture',
    reason: 'template-invalid',
    messages: [
      'architecture: must be "amd64", "arm64", "armhf", "i386", "ppc64el", "riscv64" or "s390x", not "amd46"',
    ],
    hint: 'did you mean "amd64"?',
    yaml: 'architecture: «amd46»\n',
    json: '"architecture": «"amd46"»',
    ts: "architecture: «'amd46'»,",
  },
  {
    title: 'a variable without value',
    reason: 'variable-missing',
    messages: ['variable "page" has no value (What it serves)'],
    hint: 'Set it with -var page=…, with IMGPIPE_VAR_page, or in a file given to -var-file.',
    yaml: 'variables:\n  «page»: { description: What it serves }\nsteps: [{ type: file, path: /p, content: "${var.page}" }]\n',
    json: '"variables": { «"page"»: { "description": "What it serves" } }, "steps": [{ "type": "file", "path": "/p", "content": "a ${var.page}" }]',
    tsHead: "variables: { «page»: { description: 'What it serves' } },",
    ts: "steps: [{ type: 'file', path: '/p', content: vars.page }],",
  },
  {
    title: 'a default of the wrong type',
    reason: 'variable-invalid',
    messages: ['variable "port": its default must be a number, not "http"'],
    yaml: 'variables:\n  port:\n    type: number\n    default: «http»\n',
    json: '"variables": { "port": { "type": "number", "default": «"http"» } }',
    tsHead: "variables: { port: { type: 'number', default: «'http'» } },",
    ts: 'steps: [],',
  },
  {
    title: 'a type that is none',
    reason: 'template-invalid',
    messages: ['variables: port.type: must be "string", "number", "bool", "list" or "map", not "int"'],
    yaml: 'variables:\n  port: { type: «int» }\n',
    json: '"variables": { "port": { "type": «"int"» } }',
    tsHead: "variables: { port: { type: «'int'» } },",
    ts: 'steps: [],',
  },
  {
    title: 'a value that breaks a rule',
    reason: 'variable-invalid',
    messages: ['variable "name": the value from -var must match [a-z]+, not "Web1"'],
    hint: 'Lower-case letters only.',
    yaml: 'variables:\n  «name»: { validation: { pattern: "[a-z]+", message: Lower-case letters only. } }\n',
    json: '"variables": { «"name"»: { "validation": { "pattern": "[a-z]+", "message": "Lower-case letters only." } } }',
    tsHead:
      "variables: { «name»: { validation: { pattern: '[a-z]+', message: 'Lower-case letters only.' } } },",
    ts: 'steps: [],',
    given: { flags: ['name=Web1'] },
  },
  {
    title: 'a secret that is not declared',
    reason: 'secret-missing',
    messages: ['step 1 (shell): the secret "tokn" is not declared'],
    hint: 'did you mean "token"?',
    yaml: 'secrets: { token: { env: TOKEN } }\nsteps:\n  - { type: shell, secrets: [{ secret: «tokn», env: T }] }\n',
    json: '"secrets": { "token": { "env": "TOKEN" } }, "steps": [{ "type": "shell", "secrets": [{ "secret": «"tokn"», "env": "T" }] }]',
    ts: "secrets: { token: { env: 'TOKEN' } }, steps: [{ type: 'shell', secrets: [{ secret: «'tokn'», env: 'T' }] }],",
  },
  {
    title: 'a sensitive variable where a layer would hold it',
    reason: 'secret-leak',
    messages: ['the variable "token" is sensitive; here its value would end in a layer'],
    yaml: 'variables: { token: { sensitive: true, default: x } }\nsteps:\n  - { type: file, path: /t, content: «"${var.token}"» }\n',
    json: '"variables": { "token": { "sensitive": true, "default": "x" } }, "steps": [{ "type": "file", "path": "/t", "content": «"${var.token}"» }]',
    tsHead: "variables: { token: { sensitive: true, default: 'x' } },",
    ts: "steps: [{ type: 'file', path: '/t', content: «vars.token» }],",
  },
];

const FORMATS = {
  yaml: ({ yaml }: Mistake) =>
    yaml.includes('source:') || yaml.includes('#nosource') ? yaml : SOURCE.yaml + yaml,
  json: ({ json }: Mistake) => {
    const clean = json.replace(' /*nosource*/', '');
    return `{\n${json.includes('"source"') || clean !== json ? '' : SOURCE.json}${clean}\n}\n`;
  },
  ts: ({ ts, tsHead }: Mistake) => {
    const body = `{\n${ts.includes('source:') || ts.includes('nosource') ? '' : SOURCE.ts}${ts}\n}`;
    const argument = tsHead === undefined ? body : `{\n${tsHead}\n}, ({ vars }) => (${body})`;
    return `import { definePipeline } from 'imgpipe';\n\ntype Unused = { a: string };\nexport default definePipeline(${argument} as never);\n`;
  },
};

/** Takes the marks out of a text; the place of what stood between them. */
function unmark(marked: string): { readonly text: string; readonly place?: Omit<SourceRange, 'file'> } {
  const start = marked.indexOf('«');
  if (start < 0) return { text: marked };
  const end = marked.indexOf('»');
  const at = (offset: number, less: number) => {
    const lines = marked.slice(0, offset).split('\n');
    return { line: lines.length, column: (lines.at(-1) ?? '').length + 1 - less };
  };
  const from = at(start, 0);
  const to = at(end, 1);
  const text = marked.slice(0, start) + marked.slice(start + 1, end) + marked.slice(end + 1);
  return { text, place: { ...from, endLine: to.line, endColumn: to.column } };
}

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
      { reason: 'template-not-found', message: expect.stringContaining('there is no folder') as string },
    ]);
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
