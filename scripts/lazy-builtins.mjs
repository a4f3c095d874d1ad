// Bundler plugin: how the bundle gets at Node's own modules without paying for what it does not use.
//
// An `import … from 'node:fs'` reads every export of the module once, also those that are getters which load further
// modules: `node:http` brings the whole of fetch (30 ms at start), `node:fs` brings streams and readline (5 ms). So all
// static imports take their values from `process.getBuiltinModule` instead; and functions of heavy modules look it up
// when they are called first, because a build with nothing to do starts no process and makes no request.

/** Not loaded by Node itself at start, and not cheap. Classes and constants are still read where they are imported. */
const HEAVY = new Set(
  ['http', 'https', 'net', 'tls', 'child_process', 'zlib', 'readline', 'worker_threads', 'fs/promises'].map(
    (name) => `node:${name}`,
  ),
);

/**
 * ES modules that CommonJS code of the same packages calls with `require`: the bundler wraps all that these import, and
 * would wrap our modules for `node:fs` with them, for everyone. They are loaded on demand as it is.
 */
const REQUIRED = /[\\/]node_modules[\\/]@(?:aws-sdk|aws-crypto|smithy)[\\/]/;

const PREFIX = '\0builtin:';

export const lazyBuiltins = {
  name: 'lazy-builtins',
  resolveId(source, importer, { kind }) {
    if (!source.startsWith('node:') || kind !== 'import-statement') return undefined;
    if (importer !== undefined && REQUIRED.test(importer)) return undefined;
    return { id: PREFIX + source, moduleSideEffects: false };
  },
  load(id) {
    return id.startsWith(PREFIX)
      ? { code: virtualModule(id.slice(PREFIX.length)), moduleSideEffects: false }
      : undefined;
  },
};

function virtualModule(name) {
  const keys = Object.keys(process.getBuiltinModule(name)).filter((key) => key !== 'default');
  const lines = keys.map((key, index) =>
    HEAVY.has(name) && isFunction(name, key)
      ? `const $${index} = (...args) => $module().${key}(...args); export { $${index} as ${key} };`
      : `const $${index} = /* @__PURE__ */ $read(${JSON.stringify(key)}); export { $${index} as ${key} };`,
  );
  return [
    `const $module = () => process.getBuiltinModule(${JSON.stringify(name)});`,
    'const $read = (key) => $module()[key];',
    ...lines,
    HEAVY.has(name)
      ? `export default { ${keys.map((key) => `get ${key}() { return $read(${JSON.stringify(key)}); }`).join(', ')} };`
      : 'export default /* @__PURE__ */ $module();',
  ].join('\n');
}

/** Classes begin with a capital letter in all of Node's modules. */
function isFunction(name, key) {
  return /^[a-z]/.test(key) && typeof process.getBuiltinModule(name)[key] === 'function';
}
