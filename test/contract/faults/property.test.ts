import fc from 'fast-check';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { addTinyRoot, CliProject } from '../../rigs/cli.ts';
import { noWorkspace } from '../../rigs/workspace.ts';

/** `IMGPIPE_PROPERTY_RUNS=100` for a long run. */
const RUNS = Number(process.env['IMGPIPE_PROPERTY_RUNS'] ?? 5);

/** Steps on few paths, so that they meet: write, append, delete, replace, link, read. */
type Step =
  | {
      readonly type: 'shell';
      readonly script: number;
      readonly at: number;
      readonly text: string;
      readonly needs?: readonly number[];
    }
  | { readonly type: 'file'; readonly through: number; readonly at: number; readonly text: string }
  | { readonly type: 'host-file'; readonly at: number };

interface Pipeline {
  readonly steps: readonly Step[];
  /** Content of the host file that `host-file` steps copy. */
  readonly hostFile: string;
}

const SCRIPTS: readonly ((at: number, text: string) => string)[] = [
  (at, text) => `mkdir -p /d${at}; echo ${text} > /d${at}/f || true`,
  (at, text) => `mkdir -p /d${at}; echo ${text} >> /d${at}/log || true`,
  (at) => `rm -rf /d${at}`,
  (at, text) => `rm -rf /d${at}; echo ${text} > /d${at}`,
  (at, text) => `rm -rf /d${at}; mkdir /d${at}; echo ${text} > /d${at}/new; chmod 700 /d${at}`,
  (at) => `rm -rf /link; mkdir -p /d${at}; ln -s d${at} /link`,
  () => 'cat /d[0-9]/* /d[0-9] > /sum 2>/dev/null || true',
  (_, text) => `echo ${text} > /tmp/gone; touch /etc/passwd`,
  (at) => `chmod 755 /d${at} 2>/dev/null || true`,
];
const FOLDERS = ['/srv', '/lib/x', '/link', '/d0', '/etc'];

const text = fc.constantFrom('one', 'two', 'three');
const at = fc.integer({ min: 0, max: 2 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record(
      {
        type: fc.constant('shell' as const),
        script: fc.nat(SCRIPTS.length - 1),
        at,
        text,
        needs: fc.array(fc.nat(5), { maxLength: 2 }),
      },
      { requiredKeys: ['type', 'script', 'at', 'text'] },
    ),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('file' as const),
      through: fc.nat(FOLDERS.length - 1),
      at,
      text,
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('host-file' as const), at }) },
);

type Edit = (pipeline: Pipeline) => Pipeline;
const position = (pipeline: Pipeline, index: number): number => index % Math.max(1, pipeline.steps.length);
const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc
    .tuple(fc.nat(9), step)
    .map(([index, one]): Edit => (old) => ({ ...old, steps: old.steps.with(position(old, index), one) })),
  fc.tuple(fc.nat(9), step).map(([index, one]): Edit => (old) => ({
    ...old,
    steps: old.steps.toSpliced(position(old, index), 0, one),
  })),
  fc.nat(9).map(
    (index): Edit =>
      (old) =>
        old.steps.length < 2 ? old : { ...old, steps: old.steps.toSpliced(position(old, index), 1) },
  ),
  fc.tuple(fc.nat(9), fc.nat(9)).map(([a, b]): Edit => (old) => {
    const [first, second] = [old.steps[position(old, a)], old.steps[position(old, b)]];
    if (first === undefined || second === undefined) return old;
    return { ...old, steps: old.steps.with(position(old, a), second).with(position(old, b), first) };
  }),
  text.map((hostFile): Edit => (old) => ({ ...old, hostFile })),
);

function template({ steps }: Pipeline): string {
  return JSON.stringify({
    source: { type: 'rootfs', path: 'tiny.tar' },
    disk: { size: '40MiB', firmware: 'bios' },
    steps: [
      { type: 'file', name: 'kernel', path: '/boot/vmlinuz-1.0', content: 'kernel' },
      ...steps.map((one, index) => {
        const name = `s${index}`;
        if (one.type === 'host-file')
          return { type: 'file', name, path: `/srv/host${one.at}`, source: 'host.txt' };
        if (one.type === 'file')
          return { type: 'file', name, path: `${FOLDERS[one.through]}/w${one.at}`, content: one.text };
        const needs = one.needs?.filter((other) => other < index).map((other) => `s${other}`);
        return {
          type: 'shell',
          name,
          inline: SCRIPTS[one.script]?.(one.at, one.text),
          ...(needs === undefined ? {} : { needs: [...new Set(needs)] }),
        };
      }),
    ],
    exports: [{ type: 'raw' }],
  });
}

describe.skipIf(noWorkspace !== undefined)('random pipelines', () => {
  test(
    'built in two stores give the same bytes, and built after edits the same as from nothing',
    async () => {
      const warm = new CliProject({});
      const cold = new CliProject({});
      for (const project of [warm, cold]) addTinyRoot(project);
      let succeeded = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.record({ steps: fc.array(step, { minLength: 2, maxLength: 6 }), hostFile: text }),
          fc.array(edit, { minLength: 1, maxLength: 3 }),
          async (first, edits) => {
            const states: Pipeline[] = [first];
            for (const change of edits) states.push(change(states.at(-1) ?? first));
            const results: string[] = [];
            // The store is kept from one example to the next: the older it is, the more there is to get wrong.
            for (const state of states) results.push(await build(warm, state));
            for (const at of new Set([0, states.length - 1])) {
              rmSync(cold.path('cache'), { recursive: true, force: true });
              expect(results[at], template(states[at] ?? first)).toEqual(
                await build(cold, states[at] ?? first),
              );
            }
            if (results.at(-1)?.startsWith('{')) succeeded += 1;
          },
        ),
        { numRuns: RUNS, endOnFailure: true },
      );
      // Pipelines that fail the same way on both sides prove little.
      expect(succeeded).toBeGreaterThan(RUNS / 3);
    },
    (RUNS + 4) * 60_000,
  );
});

/** All layers and images as a build leaves them, or how it failed. */
async function build(project: CliProject, pipeline: Pipeline): Promise<string> {
  rmSync(project.path('output'), { recursive: true, force: true });
  project.write('pipelines/host.txt', pipeline.hostFile);
  project.write('pipelines/p.json', template(pipeline));
  const result = await project.run('build', '--ui=plain');
  const manifest = project.path('output/p/manifest.json');
  if (result.code !== 0 || !existsSync(manifest))
    return `code ${result.code}: ${/error: (.*)/.exec(result.stderr)?.[1] ?? result.stderr}`;
  const { layers, artifacts } = JSON.parse(readFileSync(manifest, 'utf8')) as Record<
    'layers' | 'artifacts',
    readonly { name: string; digest?: string; sha256?: string }[]
  >;
  return JSON.stringify(
    Object.fromEntries([...layers, ...artifacts].map((one) => [one.name, one.digest ?? one.sha256])),
    undefined,
    1,
  );
}
