// Writes every generated file (reference pages, JSON Schemas, docs/commands.md …): runs each scripts/generate-*.ts.
// With --check they only compare, and exit 1 when a file on disk differs from what its declaration gives.
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const args = process.argv.slice(2);
for (const script of globSync('scripts/generate-*.ts').toSorted()) {
  const { status } = spawnSync(process.execPath, [script, ...args], { stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}
