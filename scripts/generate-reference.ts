// Writes schemas/*.json and docs/reference/*.md from the declarations in src/. --check: only compares.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { builtinKinds } from '../src/builtins.ts';
import { referenceFiles } from './reference/files.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const isCheck = process.argv.includes('--check');

for (const [name, text] of Object.entries(referenceFiles(builtinKinds))) {
  const file = path.join(root, name);
  if (readOrEmpty(file) === text) continue;
  if (isCheck) {
    console.error(`${name} is not what the declarations give. Run: npm run generate`);
    process.exitCode = 1;
  } else {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
