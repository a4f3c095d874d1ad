import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** `unit` runs anywhere in milliseconds; `contract` calls real tools; `e2e` builds and boots images, one at a time. */
export default defineConfig({
  resolve: { alias: { imgpipe: fileURLToPath(new URL('src/index.ts', import.meta.url)) } },
  test: {
    maxWorkers: 2,
    projects: [
      project('unit', 0, { testTimeout: 20 * SECOND, hookTimeout: 20 * SECOND }),
      project('contract', 1, { testTimeout: 3 * MINUTE, hookTimeout: 3 * MINUTE }),
      project('e2e', 2, {
        testTimeout: 15 * MINUTE,
        hookTimeout: 15 * MINUTE,
        fileParallelism: false,
        maxWorkers: 1,
      }),
    ],
  },
});

interface Settings {
  readonly testTimeout: number;
  readonly hookTimeout: number;
  readonly fileParallelism?: boolean;
  readonly maxWorkers?: number;
}

/** Projects of different `groupOrder` run one after the other: a broken unit shows before an hour of boots. */
function project(name: string, groupOrder: number, settings: Settings) {
  return {
    extends: true as const,
    test: { name, include: [`test/${name}/**/*.test.ts`], sequence: { groupOrder }, ...settings },
  };
}
