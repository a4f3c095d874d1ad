import * as z from 'zod';
import { describe, expect, test } from 'vitest';
import { fileKind } from '../../../src/provisioners/file.ts';
import { fstabKind } from '../../../src/provisioners/fstab.ts';
import { groupKind } from '../../../src/provisioners/group.ts';
import { hostnameKind } from '../../../src/provisioners/hostname.ts';
import { kernelArgsKind } from '../../../src/provisioners/kernel-args.ts';
import { localeKind } from '../../../src/provisioners/locale.ts';
import { packageKind } from '../../../src/provisioners/package.ts';
import { serviceKind } from '../../../src/provisioners/service.ts';
import { shellKind } from '../../../src/provisioners/shell.ts';
import { sysctlKind } from '../../../src/provisioners/sysctl.ts';
import { timezoneKind } from '../../../src/provisioners/timezone.ts';
import { userKind } from '../../../src/provisioners/user.ts';
import { keyOptions } from '../../../src/schema/kind.ts';
import { parseLocated } from '../../../src/schema/issues.ts';
import { looseObjects } from '../../../src/schema/schema-walk.ts';
import { bootstrapSource } from '../../../src/sources/bootstrap.ts';
import { ociImageSource } from '../../../src/sources/oci-image.ts';
import { pipelineSource } from '../../../src/sources/pipeline.ts';
import { rootfsSource } from '../../../src/sources/rootfs.ts';
import { failuresOf } from '../../rigs/kind-options.ts';

const place = { file: 'template.yaml', line: 1, column: 1 };

const steps = [
  ...[fileKind, fstabKind, groupKind, hostnameKind, kernelArgsKind, localeKind, packageKind, serviceKind],
  ...[shellKind, sysctlKind, timezoneKind, userKind],
];
const kinds = [...steps, bootstrapSource, ociImageSource, pipelineSource, rootfsSource];

describe.each(kinds.map((kind) => [kind.type, kind] as const))('%s', (_type, kind) => {
  test.each(kind.examples.good.map((example) => [example.title, example] as const))(
    'takes: %s',
    (_title, example) => {
      expect(kind.schema.safeParse(example.options)).toMatchObject({ success: true });
    },
  );

  test.each(kind.examples.bad.map((example) => [example.title, example] as const))(
    'refuses: %s',
    (_title, example) => {
      const context = { subject: 'step', locate: () => place, reason: 'template-invalid' as const };
      const failures = failuresOf(parseLocated(kind.schema, example.options, context));
      expect(failures.map(({ message }) => message).join('\n')).toContain(example.error);
    },
  );

  test('describes every option and drops no unknown one', () => {
    for (const [name, field] of Object.entries(kind.schema.shape)) {
      expect(
        z.globalRegistry.get(field as z.ZodType)?.description ?? innerDescription(field as z.ZodType),
        name,
      ).toBeTruthy();
    }
    expect(kind.schema.safeParse({ ...kind.examples.good[0]?.options, nonsense: 1 }).success).toBe(false);
    expect(looseObjects(kind.schema)).toEqual([]);
  });

  test('has a JSON Schema', () => {
    expect(z.toJSONSchema(kind.schema, { io: 'input' })).toMatchObject({
      type: 'object',
      additionalProperties: false,
    });
  });
});

test.each(steps.map((kind) => [kind.type, kind] as const))('%s has what its effect needs', (_type, kind) => {
  for (const example of kind.examples.good) {
    const effect = kind.effect(kind.schema.parse(example.options));
    expect(typeof (effect === 'write' ? kind.entries : kind.run)).toBe('function');
  }
});

test('keys hold the content of host files, not their names, at every depth', () => {
  const file = (source: string) =>
    keyOptions(fileKind.schema, { files: [{ path: '/etc/a', source, mode: '0600' }] });
  expect(file('one')).toEqual({ files: [{ path: '/etc/a', mode: '0600' }] });
  expect(file('one')).toEqual(file('another'));

  const options = { script: 'a.sh', env: { A: '1' }, inputs: [{ source: 'x', target: '/in' }] };
  const shell = keyOptions(shellKind.schema, shellKind.schema.parse(options));
  expect(shell).toMatchObject({ env: { A: '1' }, inputs: [{ target: '/in' }] });
  expect(JSON.stringify(shell)).not.toMatch(/a\.sh|"x"/);

  const units = { 'a.service': { source: 'x.service' }, 'b.service': '[Unit]' };
  expect(keyOptions(serviceKind.schema, { units })).toEqual({
    units: { 'a.service': {}, 'b.service': '[Unit]' },
  });
});

function innerDescription(field: z.ZodType): string | undefined {
  const inner = (field.def as unknown as { innerType?: z.ZodType }).innerType;
  return inner === undefined ? undefined : (inner.description ?? innerDescription(inner));
}
