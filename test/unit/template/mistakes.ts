import type { Given } from '../../rigs/templates.ts';

/**
 * Each mistake is written three times, with one meaning. All must give the same messages, and the first must point at
 * what stands between « and ».
 */
export interface Mistake {
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

export const MISTAKES: readonly Mistake[] = [
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

/** A mistake as a whole file of each format. */
export const FORMATS = {
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
