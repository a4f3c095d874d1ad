import { Ajv } from 'ajv';
import { parse } from 'yaml';
import * as z from 'zod';
import { describe, expect, it } from 'vitest';
import { builtinKinds } from '../../../src/builtins.ts';
import { configSchema } from '../../../src/config/config-schema.ts';
import { allowReferences, toJsonSchema } from '../../../src/schema/json-schema.ts';
import { looseObjects } from '../../../src/schema/schema-walk.ts';
import { templateJsonSchema } from '../../../src/template/template-json-schema.ts';

const ajv = new Ajv({
  strict: true,
  validateFormats: false,
  allowUnionTypes: true,
  strictTypes: false,
  strictRequired: false,
});
const template = ajv.compile(templateJsonSchema(builtinKinds));
const SOURCE = { type: 'bootstrap', suite: 'bookworm' };

const KINDS = [
  ...builtinKinds.sources.all.map((kind) => ['source', kind] as const),
  ...builtinKinds.steps.all.map((kind) => ['steps', kind] as const),
  ...builtinKinds.exports.all.map((kind) => ['exports', kind] as const),
  ...builtinKinds.checks.all.map((kind) => ['checks', kind] as const),
];

describe('JSON Schema of templates', () => {
  it('takes a template with everything in it', () => {
    const value: unknown = parse(`
variables:
  page: { default: hello }
  on: { type: bool, default: true }
secrets: { token: { env: TOKEN } }
matrix:
  variant: [dev, prod]
  architecture: [amd64]
  exclude: [{ variant: dev }]
architecture: \${matrix.architecture}
builder: { type: rootfs }
source: { type: bootstrap, suite: bookworm }
steps:
  - { type: package, name: base, install: [nginx], recommends: "\${var.on}", when: { variant: [prod] }, timeout: 10m }
  - { type: file, path: /srv/page, content: "\${var.page} is here", needs: [base] }
  - { type: shell, inline: "true", secrets: [{ secret: token, env: TOKEN }] }
disk: { size: 2GiB, firmware: uefi }
exports: [{ type: qcow2 }]
`);
    expect(template(value), JSON.stringify(template.errors)).toBe(true);
    expect(template([value, value])).toBe(true);
  });

  it.each([
    ['no source', {}],
    ['an unknown field', { source: SOURCE, step: [] }],
    ['an unknown type', { source: SOURCE, steps: [{ type: 'pakage' }] }],
    ['an unknown option', { source: SOURCE, steps: [{ type: 'hostname', hostname: 'a', hosst: {} }] }],
    ['a missing option', { source: SOURCE, steps: [{ type: 'hostname' }] }],
    ['a wrong type', { source: SOURCE, steps: [{ type: 'hostname', hostname: 5 }] }],
    ['a wrong type in a list', [{ source: SOURCE, exports: [{ type: 5 }] }]],
  ])('refuses %s', (_, value) => {
    expect(template(value)).toBe(false);
  });
});

describe.each(KINDS.map(([field, kind]) => [field, kind.type, kind] as const))('%s: %s', (field, _, kind) => {
  it('has examples that editors accept', () => {
    for (const { title, options } of kind.examples.good) {
      const use = { type: kind.type, ...options };
      const value = field === 'source' ? { source: use } : { source: SOURCE, [field]: [use] };
      expect(template(value), `${title}: ${JSON.stringify(template.errors)}`).toBe(true);
    }
  });

  it('describes every field and drops none silently', () => {
    expect(looseObjects(kind.schema)).toEqual([]);
    for (const [name, option] of Object.entries(toJsonSchema(kind.schema).properties ?? {})) {
      expect(option.description, `${kind.type}.${name}`).toBeTruthy();
    }
  });
});

describe('JSON Schema of the config', () => {
  const config = ajv.compile(toJsonSchema(configSchema));

  it('takes what the config takes', () => {
    expect(config({})).toBe(true);
    expect(config({ cache: { maxSize: '20GB', maxAge: '30d' }, plugins: ['x'], ui: 'plain' })).toBe(true);
    expect(config({ cache: { maxsize: 1 } })).toBe(false);
    expect(config({ ui: 'inky' })).toBe(false);
  });
});

describe('allowReferences', () => {
  const ref = ajv.compile({
    ...allowReferences(
      toJsonSchema(
        z.strictObject({
          n: z.number().optional(),
          list: z.array(z.boolean()).optional(),
          e: z.enum(['a']).optional(),
        }),
      ),
      '#/definitions/reference',
    ),
    definitions: { reference: { type: 'string', pattern: '^\\$' } },
  });

  it('puts a reference beside every value that is no text', () => {
    expect(ref({ n: '$x', list: '$x', e: '$x' })).toBe(true);
    expect(ref({ list: [true, '$x'] })).toBe(true);
    expect(ref({ n: 'x' })).toBe(false);
    expect(ref({ e: 'b' })).toBe(false);
  });
});
