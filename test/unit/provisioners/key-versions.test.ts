import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as z from 'zod';
import { expect, onTestFinished, test, vi } from 'vitest';
import { builtinKinds } from '../../../src/builtins.ts';
import { unwrap } from '../../../src/diagnostics/failure.ts';
import { DEFAULT_DROPS } from '../../../src/provisioners/default-drops.ts';
import type { ProvisionerKind } from '../../../src/provisioners/provisioner.ts';
import { FakeMachine, stepRunContext } from '../../rigs/fake-machine.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

// They steer downloads and differ from host to host.
vi.mock(import('../../../src/util/host-apt.ts'), async (original) => ({
  ...(await original()),
  hostAptSettings: () => Promise.resolve([]),
  hostProxyEnvironment: () => ({}),
}));

/**
 * What each step kind does for its examples, by the `keyVersion` under which it does it. A kind that does something else
 * under the same version would be taken for what it was: images of an upgraded imgpipe would be stale. So this file
 * is written anew, with `IMGPIPE_GOLDEN=write`, only for kinds whose version was raised.
 */
const FILE = fileURLToPath(new URL('../../golden/step-kinds.json', import.meta.url));
const goldens = z.record(
  z.string(),
  z.object({ keyVersion: z.number(), does: z.record(z.string(), z.array(z.string())) }),
);
const golden = existsSync(FILE) ? goldens.parse(JSON.parse(readFileSync(FILE, 'utf8'))) : {};
const writes = process.env['IMGPIPE_GOLDEN'] === 'write';

// Those of Packer act on machines of builders, whose states no other imgpipe takes over by a key alone.
const kinds = builtinKinds.steps.all.filter(({ type }) => !type.startsWith('packer-'));

test.each(kinds.map((kind) => [kind.type, kind] as const))(
  '%s does what its key version stands for',
  async (type, kind) => {
    const does: Record<string, string[]> = {};
    for (const { title, options } of kind.examples.good) does[title] = await whatItDoes(kind, options);
    const known = golden[type];
    if (writes && known?.keyVersion !== kind.keyVersion) {
      golden[type] = { keyVersion: kind.keyVersion, does };
      const sorted = Object.fromEntries(Object.entries(golden).toSorted(([a], [b]) => (a < b ? -1 : 1)));
      writeFileSync(FILE, `${JSON.stringify(sorted, undefined, 2)}\n`);
      return;
    }
    expect(does, `raise the keyVersion of ${type}, then run this test with IMGPIPE_GOLDEN=write`).toEqual(
      known?.does,
    );
    expect(kind.keyVersion).toBe(known?.keyVersion);
  },
);

test('the golden file knows no other kinds', () => {
  expect(Object.keys(golden).toSorted()).toEqual(kinds.map(({ type }) => type).toSorted());
});

async function whatItDoes(
  kind: ProvisionerKind,
  written: Readonly<Record<string, unknown>>,
): Promise<string[]> {
  const folder = temporaryFolder();
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const options = kind.schema.parse(written);
  const context = stepRunContext(folder);
  for (const input of kind.inputs?.(options, context) ?? []) {
    mkdirSync(dirname(input.path), { recursive: true });
    writeFileSync(input.path, `content of ${input.option}\n`);
  }
  const lines: string[] = (kind.drop ?? []).map((path) => `drops ${path}`);
  if (kind.drop === undefined && kind.type === 'shell')
    lines.push(...DEFAULT_DROPS.map((path) => `every layer drops ${path}`));
  const steps = kind.expand?.(options).map((step) => step.options) ?? [options];
  for (const step of steps) {
    if (kind.effect(step) === 'write') {
      const entries = unwrap((await kind.entries?.(step, context)) ?? { ok: true, value: [] });
      lines.push(...entries.map((entry) => JSON.stringify(entry)));
      continue;
    }
    const machine = new FakeMachine(
      {
        '/etc/os-release': 'ID=debian\nVERSION_CODENAME=bookworm\n',
        '/etc/passwd': 'root:x:0:0:root:/root:/bin/sh\n',
        '/etc/group': 'root:x:0:\nadm:x:4:\nsudo:x:27:\n',
        '/usr/share/i18n/SUPPORTED': 'de_DE.UTF-8 UTF-8\nen_US.UTF-8 UTF-8\n',
      },
      [{ when: /find \. ! -type d/, stdout: 'Europe/Berlin\nEtc/UTC\n' }],
    );
    const before = new Set(machine.files.values());
    const result = await kind.run?.(step, machine, context);
    lines.push(...machine.commands.flatMap((command) => JSON.stringify(command, undefined, 1).split('\n')));
    for (const [path, file] of machine.files)
      if (!before.has(file)) lines.push(`${path} ${JSON.stringify(file)}`);
    if (result?.ok === false)
      lines.push(...result.failures.map(({ reason, message }) => `fails: ${reason}: ${message}`));
  }
  return lines.map((line) => line.replaceAll(folder, '/project').replaceAll(/run-[0-9a-f]{12}/g, 'run-ID'));
}
