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

/** Name in dist/ → entry. Every entry is a file that something starts or imports by path. */
const ENTRIES = {
  cli: 'src/cli/main.ts',
  index: 'src/index.ts',
  // The helper process in the mount namespace; started by path.
  agent: 'src/layers/overlayfs/agent/main.ts',
  ...Object.fromEntries(
    globSync('src/**/*.worker.ts').map((path) => [path.replace(/^.*\//, '').replace(/\.ts$/, ''), path]),
  ),
};

const emptyModule = fileURLToPath(new URL('empty-module.mjs', import.meta.url));
/** Leaves out zod's messages in fifty languages: our own are English, and every start would read them all. */
const withoutLocales = {
  name: 'without-locales',
  setup(build) {
    build.onResolve({ filter: /locales\/index\.js$/ }, () => ({ path: emptyModule, sideEffects: false }));
  },
};

const stampFile = 'dist/.stamp';
const stamp = stampOfSources();
if (!force && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) process.exit(0);

const began = performance.now();
const types = withTypes && existsSync(ENTRIES.index) ? emitTypes() : Promise.resolve();
try {
  await Promise.all([bundle(), types]);
} catch (error) {
  // esbuild has printed what is wrong and where.
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
  const { build } = await import('esbuild');
  mkdirSync('dist', { recursive: true });
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
  const { metafile } = await build({
    metafile: true,
    entryPoints: Object.fromEntries(Object.entries(ENTRIES).filter(([, path]) => existsSync(path))),
    outdir: 'dist',
    entryNames: '[name]',
    // Beside the entries: code that starts another entry by path finds it next to itself.
    chunkNames: '[name]-[hash]',
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node22.18',
    minify: true,
    // Names stay readable in stack traces; whitespace and syntax are what costs time to parse.
    minifyIdentifiers: false,
    legalComments: 'linked',
    // ssh2 looks for optional native add-ons beside its own files.
    external: ['ssh2', 'cpu-features'],
    alias: {
      'react-devtools-core': emptyModule,
      // Its ES modules: `await import()` of a bundled CommonJS module has no named exports.
      yaml: fileURLToPath(new URL('../node_modules/yaml/browser/index.js', import.meta.url)),
    },
    define: { 'process.env.NODE_ENV': '"production"', IMGPIPE_VERSION: JSON.stringify(version) },
    banner: {
      js: "import {createRequire as __createRequire} from 'node:module';const require=__createRequire(import.meta.url);",
    },
    plugins: [withoutLocales, lazyBuiltins],
    logLevel: 'warning',
  });
  // A running imgpipe may still load chunks of the build before: they stay for an hour.
  for (const path of globSync('dist/*.mjs*')) {
    if (!(path in metafile.outputs) && Date.now() - statSync(path).mtimeMs > 3_600_000) rmSync(path);
  }
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
