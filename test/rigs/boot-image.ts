import { expect } from 'vitest';
import { bootCheck } from '../../src/checks/boot.ts';
import type { CheckContext } from '../../src/checks/check.ts';
import type { QemuFormat } from '../../src/model/bootable.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** Boots an amd64 image by the boot check; a failure shows the last lines of the console. */
export async function boot(image: string, options: object, format: QemuFormat = 'qcow2'): Promise<void> {
  const lines: string[] = [];
  const context = {
    pipeline: { architecture: 'amd64', disk: { firmware: 'both' } },
    image: { path: image, format },
    scratch: temporaryFolder(),
    signal: new AbortController().signal,
    log: (line: string) => void lines.push(line),
    status: () => undefined,
    ledger: () => Promise.resolve(),
    resolvePath: (path: string) => path,
  };
  const outcome = await bootCheck.run(
    bootCheck.schema.parse({ timeout: '6m', grace: '2m', ...options }),
    context as unknown as CheckContext,
  );
  expect(outcome, lines.slice(-60).join('\n')).toEqual({ ok: true });
}
