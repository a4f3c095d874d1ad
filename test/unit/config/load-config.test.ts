import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatFailures } from '../../../src/diagnostics/printer.ts';
import { loadConfig } from '../../../src/config/load-config.ts';
import { nativeImport } from '../../rigs/native-import.ts';
import { project } from '../../rigs/project.ts';

const load = (cwd: string, env: Record<string, string> = { HOME: '/home/me' }, file?: string) =>
  loadConfig({ cwd, env, importer: nativeImport, ...(file === undefined ? {} : { file }) });

async function loaded(cwd: string, env?: Record<string, string>) {
  const result = await load(cwd, env);
  if (!result.ok) throw new Error(formatFailures(result.failures));
  return result.value;
}

/** All failures printed, the temporary folder taken out. */
async function printed(cwd: string, file?: string): Promise<string> {
  const result = await load(cwd, {}, file);
  return result.ok ? 'no failure' : formatFailures(result.failures, { cwd }).replaceAll(`${cwd}/`, '');
}

const TS = `import { defineConfig } from 'imgpipe';
const size: string = '20GB';
export default defineConfig({ cache: { directory: 'cache', maxSize: size }, plugins: ['./kinds.ts', 'imgpipe-zfs'] });
`;

describe('loadConfig', () => {
  it('gives defaults where there is no config', async () => {
    const folder = project({});
    expect(await loaded(folder)).toEqual({
      root: folder,
      pipelines: path.join(folder, 'pipelines'),
      output: path.join(folder, 'output'),
      cache: { directory: '/home/me/.cache/imgpipe' },
      parallel: {},
      packages: { grow: false },
      defaults: { sourceDateEpoch: 1_735_689_600 },
      plugins: [],
      ui: 'auto',
    });
  });

  it('takes XDG_CACHE_HOME when it is absolute', async () => {
    const folder = project({});
    expect((await loaded(folder, { XDG_CACHE_HOME: '/xdg' })).cache.directory).toBe('/xdg/imgpipe');
    expect((await loaded(folder, { XDG_CACHE_HOME: 'xdg', HOME: '/h' })).cache.directory).toBe(
      '/h/.cache/imgpipe',
    );
  });

  it.each([
    ['imgpipe.config.ts', TS],
    [
      'imgpipe.config.mjs',
      `export default { cache: { directory: 'cache', maxSize: '20GB' }, plugins: ['./kinds.ts', 'imgpipe-zfs'] };`,
    ],
    ['imgpipe.config.yaml', 'cache: {directory: cache, maxSize: 20GB}\nplugins: [./kinds.ts, imgpipe-zfs]\n'],
    [
      'imgpipe.config.json',
      '{"cache": {"directory": "cache", "maxSize": 20000000000}, "plugins": ["./kinds.ts", "imgpipe-zfs"]}',
    ],
    [
      'package.json',
      '{"name": "x", "imgpipe": {"cache": {"directory": "cache", "maxSize": "20GB"}, "plugins": ["./kinds.ts", "imgpipe-zfs"]}}',
    ],
  ])('reads %s from a folder above', async (name, text) => {
    const folder = project({ [name]: text, 'a/b/package.json': '{"name": "inner"}' });
    const config = await loaded(path.join(folder, 'a/b'));
    expect(config).toMatchObject({
      file: path.join(folder, name),
      root: folder,
      pipelines: path.join(folder, 'pipelines'),
      cache: { directory: path.join(folder, 'cache'), maxSize: 20e9 },
      plugins: [path.join(folder, 'kinds.ts'), 'imgpipe-zfs'],
    });
  });

  it('an empty YAML file is a config with defaults', async () => {
    const folder = project({ 'imgpipe.config.yaml': '# nothing yet\n' });
    expect((await loaded(folder)).pipelines).toBe(path.join(folder, 'pipelines'));
  });

  it('prefers the config to SOURCE_DATE_EPOCH, and that to the default', async () => {
    const with_ = project({ 'imgpipe.config.yaml': 'defaults: {sourceDateEpoch: 5}\n' });
    expect((await loaded(with_, { SOURCE_DATE_EPOCH: '7' })).defaults.sourceDateEpoch).toBe(5);
    expect((await loaded(project({}), { SOURCE_DATE_EPOCH: '7' })).defaults.sourceDateEpoch).toBe(7);
    const result = await load(project({}), { SOURCE_DATE_EPOCH: 'today' });
    expect(result).toMatchObject({ ok: false, failures: [{ reason: 'config-invalid' }] });
  });

  it('reads durations', async () => {
    const folder = project({
      'imgpipe.config.yaml': 'cache: {maxAge: 30d, minFree: 2GiB}\nparallel: {memory: 512MiB}\n',
    });
    const config = await loaded(folder);
    expect(config.cache).toMatchObject({ maxAge: 30 * 86_400_000, minFree: 2 ** 31 });
    expect(config.parallel.memory).toBe(2 ** 29);
  });
});

describe('a bad config shows place and mend', () => {
  it.each([
    [
      'imgpipe.config.yaml',
      'cache:\n  directory: cache\n  maxsize: 20GB\nui: inky\n',
      `error: config: unknown field "maxsize" in cache
  imgpipe.config.yaml:3:3
  3 |   maxsize: 20GB
    |   ~~~~~~~
  help: did you mean "maxSize"?

error: config: ui: must be "auto", "ink", "plain" or "json", not "inky"
  imgpipe.config.yaml:4:5
  4 | ui: inky
    |     ~~~~
  help: did you mean "ink"?
`,
    ],
    [
      'imgpipe.config.json',
      '{\n  "plugins": "zfs",\n  "pipline": "x"\n}\n',
      `error: config: plugins: must be a list, not "zfs"
  imgpipe.config.json:2:14
  2 |   "plugins": "zfs",
    |              ~~~~~

error: config: unknown field "pipline"
  imgpipe.config.json:3:3
  3 |   "pipline": "x"
    |   ~~~~~~~~~
  help: did you mean "pipelines"?
`,
    ],
    [
      'package.json',
      '{\n  "name": "x",\n  "imgpipe": { "cache": { "maxSize": "lots" } }\n}\n',
      `error: config: cache.maxSize: "lots" is not a size such as 512MiB or 20GB
  package.json:3:38
  3 |   "imgpipe": { "cache": { "maxSize": "lots" } }
    |                                      ~~~~~~
`,
    ],
    [
      'imgpipe.config.ts',
      `import { defineConfig } from 'imgpipe';\nconst cache = {\n  maxAge: 'soon',\n} as const;\nexport default defineConfig({ cache, parallel: { cpu: 2 } } as never);\n`,
      `error: config: cache.maxAge: "soon" is not a duration such as 90s, 10m or 1h30m
  imgpipe.config.ts:3:11
  3 |   maxAge: 'soon',
    |           ~~~~~~

error: config: unknown field "cpu" in parallel
  imgpipe.config.ts:5:50
  5 | export default defineConfig({ cache, parallel: { cpu: 2 } } as never);
    |                                                  ~~~
  help: did you mean "cpus"?
`,
    ],
    [
      'imgpipe.config.js',
      `export default { pipelines: 3 };\n`,
      `error: config: pipelines: must be text, not number 3
  imgpipe.config.js:1:29
  1 | export default { pipelines: 3 };
    |                             ~
`,
    ],
    [
      'imgpipe.config.yaml',
      'cache:\n  directory: [cache\nui: ink\n',
      `error: Flow sequence in block collection must be sufficiently indented and end with a ]
  imgpipe.config.yaml:3:1
  3 | ui: ink
    | ~
`,
    ],
    [
      'imgpipe.config.json',
      '{\n  "ui": "ink",\n}\n',
      `error: invalid JSON: Expected double-quoted property name
  imgpipe.config.json:3:1
  3 | }
    | ~
`,
    ],
    [
      'imgpipe.config.mjs',
      `const ui = 'ink';\nconst ui = 'plain';\nexport default { ui };\n`,
      `error: Identifier 'ui' has already been declared
  imgpipe.config.mjs:2:7
  2 | const ui = 'plain';
    |       ~
`,
    ],
    [
      'imgpipe.config.ts',
      `\nthrow new RangeError('no luck');\n`,
      `error: imgpipe.config.ts threw RangeError: no luck
  imgpipe.config.ts:2:7
  2 | throw new RangeError('no luck');
    |       ~
`,
    ],
    [
      'imgpipe.config.ts',
      `import kinds from './missing.ts';\nexport default { plugins: kinds };\n`,
      `error: cannot find file "missing.ts"
  imgpipe.config.ts:1:19
  1 | import kinds from './missing.ts';
    |                   ~~~~~~~~~~~~~~
  help: Check the path; imports need the file ending.
`,
    ],
    [
      'imgpipe.config.ts',
      `export const config = {};\n`,
      `error: the config exports nothing by default
  imgpipe.config.ts:1:1
  1 | export const config = {};
    | ~
  help: Write: export default defineConfig({ … })
`,
    ],
  ])('%s: %j', async (name, text, expected) => {
    expect(await printed(project({ [name]: text }))).toBe(expected);
  });

  it('a named file that does not exist, a folder, bytes that are no UTF-8', async () => {
    const folder = project({ 'bad.yaml': Buffer.from([0x75, 0x69, 0x3a, 0x0a, 0xff, 0xfe]) });
    mkdirSync(path.join(folder, 'folder.yaml'));
    expect(await printed(folder, 'none.yaml')).toBe('error: config file none.yaml does not exist\n');
    expect(await printed(folder, 'folder.yaml')).toBe('error: folder.yaml is a folder, not a file\n');
    expect(await printed(folder, 'bad.yaml')).toContain(
      'error: the file is not valid UTF-8\n  bad.yaml:2:1\n',
    );
  });
});
