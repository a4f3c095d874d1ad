import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { referenceFiles } from '../../../scripts/reference/files.ts';
import { builtinKinds } from '../../../src/builtins.ts';

const root = new URL('../../../', import.meta.url);

it.each(Object.entries(referenceFiles(builtinKinds)))(
  '%s is what the declarations give (npm run generate)',
  (name, text) => {
    expect(readFileSync(new URL(name, root), 'utf8') === text).toBe(true);
  },
);
