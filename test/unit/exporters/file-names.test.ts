import { expect, test } from 'vitest';
import { exportFileName } from '../../../src/exporters/output.ts';
import { exportFields } from '../../../src/template/template-schema.ts';

const pipeline = { id: 'web[arm64,prod]', architecture: 'arm64', sourceDateEpoch: 1_700_000_000 };
const name = (fileName?: string, digest?: string): string => {
  const item = { name: 'small', type: 'qcow2', ...(fileName === undefined ? {} : { fileName }) };
  return exportFileName({ pipeline, item, extension: 'qcow2' }, digest);
};

test('placeholders of names', () => {
  expect(name()).toBe('web@arm64,prod-small.qcow2');
  expect(name('{pipeline}_{name}_{type}_{architecture}_{date}_{digest}', '0123456789ab')).toBe(
    'web@arm64,prod_small_qcow2_arm64_20231114_0123456789ab.qcow2',
  );
  // In keys, which must not depend on themselves, the digest stays open.
  expect(name('x-{digest}')).toBe('x-{digest}.qcow2');
});

test.each<[string, string]>([
  ['../x', 'must be letters'],
  ['a/b', 'must be letters'],
  ['.hidden', 'must be letters'],
  ['x-{digets}', 'no placeholder {digets}'],
  ['x-{', 'must be letters'],
  ['', 'Too small'],
])('%s is no name', (fileName, message) => {
  const issues = exportFields.safeParse({ type: 'raw', fileName }).error?.issues ?? [];
  expect(issues.map((issue) => issue.message).join()).toContain(message);
});
