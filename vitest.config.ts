import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** Files that last longest, most of all first: none of them may be what all processors wait for at the end. */
const LONGEST: readonly string[] = [
  'e2e/qemu',
  'e2e/sample',
  'e2e/boot',
  'contract/freshness/debian',
  'contract/machines/step-kinds',
  // Between two that start from the same Debian: the second need not wait until the first has made it.
  'contract/faults/kill',
  'contract/kinds/steps',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line unicorn/no-array-sort -- vitest's method, not an array's
    const sorted = await super.sort(files);
    const longest = LONGEST.flatMap((name) =>
      sorted.filter(({ moduleId }) => moduleId.endsWith(`/test/${name}.test.ts`)),
    );
    return [...longest, ...sorted.filter((file) => !longest.includes(file))];
  }
}

/** `unit` runs anywhere in milliseconds; `contract` calls real tools; `e2e` builds and boots images. */
export default defineConfig({
  resolve: { alias: { imgpipe: fileURLToPath(new URL('src/index.ts', import.meta.url)) } },
  test: {
    // As many as a small machine has processors: with more, emulated machines are too slow for their own time limits.
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    projects: [
      project('unit', 0, { testTimeout: 20 * SECOND, hookTimeout: 20 * SECOND }),
      project('contract', 1, {
        testTimeout: 3 * MINUTE,
        hookTimeout: 3 * MINUTE,
        globalSetup: ['test/rigs/shared-folder.ts'],
      }),
      project('e2e', 1, { testTimeout: 15 * MINUTE, hookTimeout: 15 * MINUTE }),
    ],
  },
});

interface Settings {
  readonly testTimeout: number;
  readonly hookTimeout: number;
  readonly globalSetup?: string[];
}

/** Projects of different `groupOrder` run one after the other: a broken unit shows before the boots. */
function project(name: string, groupOrder: number, settings: Settings) {
  return {
    extends: true as const,
    test: { name, include: [`test/${name}/**/*.test.ts`], sequence: { groupOrder }, ...settings },
  };
}
