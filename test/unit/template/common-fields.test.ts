import { describe, expect, it } from 'vitest';
import { builtinKinds } from '../../../src/builtins.ts';
import {
  checkFields,
  exportFields,
  postFields,
  sourceFields,
  stepFields,
} from '../../../src/template/template-schema.ts';

describe('fields that all entries of a list have', () => {
  it.each([
    ['steps', stepFields],
    ['exports', exportFields],
    ['posts', postFields],
    ['checks', checkFields],
    ['sources', sourceFields],
  ] as const)('of %s are no options of any kind, which would hide them', (table, fields) => {
    const hidden = builtinKinds[table].all.flatMap(({ type, schema }) =>
      Object.keys(schema.shape)
        .filter((option) => option in fields.shape)
        .map((option) => `${type}: ${option}`),
    );
    expect(hidden).toEqual([]);
  });
});
