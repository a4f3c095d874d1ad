import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from './project.ts';

/** Benchmarks by name; each prints its own report. `npm run bench [name…]`, as root on Linux. */
const BENCHMARKS: Record<string, () => Promise<{ run: () => Promise<string> }>> = {
  noop: () => import('./noop.ts'),
  edit: () => import('./edit.ts'),
  formats: () => import('./formats.ts'),
  first: () => import('./first.ts'),
  package: () => import('./package.ts'),
  'packer-docker': () => import('./packer-docker.ts'),
  plan: () => import('./plan.ts'),
  qemu: () => import('./qemu.ts'),
  validate: () => import('./validate.ts'),
  store: () => import('./store.ts'),
  commit: () => import('./commit.ts'),
};

const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(BENCHMARKS);
execFileSync(process.execPath, [join(ROOT, 'scripts', 'build.mjs'), '--no-types'], { stdio: 'inherit' });
for (const name of names) {
  const load = BENCHMARKS[name];
  if (load === undefined) {
    console.error(`no benchmark ${name}; there are ${Object.keys(BENCHMARKS).join(', ')}`);
    process.exitCode = 2;
    continue;
  }
  console.log(`${await (await load()).run()}\n`);
}
