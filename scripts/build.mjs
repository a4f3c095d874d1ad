// Bundles src/ into dist/ (ES modules, chunks loaded on demand) and emits the declarations of the public API.
// Does nothing when no source has changed since the last build. Flags: --force, --no-types.
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { lazyBuiltins } from './lazy-builtins.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const force = process.argv.includes('--force');
const withTypes = !process.argv.includes('--no-types');

/** Name in dist/ → entry. */
const ENTRIES = { cli: 'src/cli/main.ts', index: 'src/index.ts' };

/**
 * Programs that are started by path: the helper process in the mount namespace, and threads. Each is a file of its own,
 * because it starts more often than it shares anything.
 */
const HELPERS = {
  agent: 'src/layers/overlayfs/agent/main.ts',
  ...Object.fromEntries(
    globSync('src/**/*[-.]worker.ts').map((path) => [path.replace(/^.*\//, '').replace(/\.ts$/, ''), path]),
  ),
};

/**
 * What a build with nothing to do loads, with all that these import statically: one chunk, because reading fifty small
 * ones takes longer than the build itself. The entry is not in it: it waits for the program at its top level, and the
 * program loads parts of this chunk by `import()`.
 */
const WARM_START = [
  'src/cli/run-cli.ts',
  'src/cli/load-engine.ts',
  'src/cli/commands/build.ts',
  'src/engine.ts',
  'src/engine/build.ts',
  'src/engine/output-folders.ts',
  'src/index.ts',
  'src/ui/plain/plain-ui.ts',
];

const emptyModule = fileURLToPath(new URL('empty-module.mjs', import.meta.url));
/** Leaves out zod's messages in fifty languages: our own are English, and every start would read them all. */
const withoutLocales = {
  name: 'without-locales',
  resolveId: (source) =>
    /locales\/index\.js$/.test(source) ? { id: emptyModule, moduleSideEffects: false } : undefined,
};

const stampFile = 'dist/.stamp';
const stamp = stampOfSources();
if (!force && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) process.exit(0);

const began = performance.now();
const types = withTypes ? emitTypes() : Promise.resolve();
try {
  await Promise.all([bundle(), types]);
} catch (error) {
  console.error(error instanceof Error ? error.message.split('\n')[0] : error);
  process.exit(1);
}
writeFileSync(stampFile, stamp);
console.error(`built dist/ in ${((performance.now() - began) / 1000).toFixed(1)} s`);

/** Path, size and time of every file that shapes dist/. */
function stampOfSources() {
  const hash = createHash('sha256').update(process.version + String(withTypes));
  const fixed = [
    'package.json',
    'package-lock.json',
    'tsconfig.json',
    'tsconfig.build.json',
    'scripts/build.mjs',
    'scripts/lazy-builtins.mjs',
  ];
  for (const path of [...fixed, ...globSync('src/**/*.{ts,json,txt,py,c,S}').toSorted()]) {
    const { size, mtimeMs } = statSync(path);
    hash.update(`${path}\0${size}\0${mtimeMs}\n`);
  }
  return hash.digest('hex');
}

async function bundle() {
  mkdirSync('dist', { recursive: true });
  const warm = new Set(WARM_START.map((path) => fileURLToPath(new URL(`../${path}`, import.meta.url))));
  const codeSplitting = { groups: [{ name: 'warm', test: (id) => warm.has(id) }] };
  const outputs = [
    write({ input: ENTRIES, codeSplitting }),
    ...Object.entries(HELPERS).map(([name, path]) =>
      write({ input: { [name]: path }, codeSplitting: false }),
    ),
  ];
  const current = new Set((await Promise.all(outputs)).flat());
  // A running imgpipe may still load chunks of the build before: they stay for an hour.
  for (const path of globSync('dist/*.mjs*')) {
    if (!current.has(path) && Date.now() - statSync(path).mtimeMs > 3_600_000) rmSync(path);
  }
}

/** Bundles some entries into dist/ and gives the paths of all files written. */
async function write({ input, codeSplitting }) {
  const { rolldown } = await import('rolldown');
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
  const bundle = await rolldown({
    input,
    platform: 'node',
    // ssh2 looks for optional native add-ons beside its own files.
    external: ['ssh2', 'cpu-features'],
    resolve: {
      alias: {
        'react-devtools-core': emptyModule,
        yaml: fileURLToPath(new URL('../node_modules/yaml/browser/index.js', import.meta.url)),
      },
    },
    transform: {
      target: 'node22.18',
      define: { 'process.env.NODE_ENV': '"production"', IMGPIPE_VERSION: JSON.stringify(version) },
    },
    checks: { ineffectiveDynamicImport: false },
    plugins: [withoutLocales, lazyBuiltins],
  });
  const { output } = await bundle.write({
    dir: 'dist',
    format: 'esm',
    entryFileNames: '[name].mjs',
    // Beside the entries: code that starts another entry by path finds it next to itself.
    chunkFileNames: '[name]-[hash].mjs',
    codeSplitting,
    // Names stay readable in stack traces; whitespace and syntax are what costs time to parse.
    minify: { compress: true, mangle: false, codegen: { removeWhitespace: true } },
  });
  await bundle.close();
  return output.map(({ fileName }) => `dist/${fileName}`);
}

/** dist/types: what an editor reads for `import … from 'imgpipe'`. */
function emitTypes() {
  return new Promise((resolve, reject) => {
    const tsc = fileURLToPath(new URL('../node_modules/.bin/tsc', import.meta.url));
    const child = spawn(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { stdio: ['ignore', 2, 2] });
    child.on('error', reject);
    child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`tsc ended with ${code}`))));
  });
}
