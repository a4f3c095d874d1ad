import { execFileSync } from 'node:child_process';
import { readdirSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { erofsExporter } from '../../../src/exporters/erofs.ts';
import type { ExporterKind } from '../../../src/exporters/exporter.ts';
import { squashfsExporter } from '../../../src/exporters/squashfs.ts';
import type { Workspace } from '../../../src/layers/workspace.ts';
import { sha256 } from '../../rigs/disk.ts';
import { runExporter } from '../../rigs/run-exporter.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';
import { noWorkspace, WorkspaceRig } from '../../rigs/workspace.ts';

/** Exports of one layer with one cache, counting how often the tree is packed. */
async function counting(rig: WorkspaceRig) {
  const layers = [await rig.layer([], 'mkdir srv; seq 20000 > srv/numbers; ln -s numbers srv/link')];
  let packed = 0;
  const workspace: Pick<Workspace, 'spawn' | 'mountView' | 'discard'> = {
    spawn: (command) => {
      if (command.argv[0]?.startsWith('mk') === true && command.argv.length > 2) packed += 1;
      return rig.workspace.spawn(command);
    },
    mountView: (view) => rig.workspace.mountView(view),
    discard: (active) => rig.workspace.discard(active),
  };
  const cache = temporaryFolder();
  return {
    cache,
    layers,
    packed: () => packed,
    run: async (kind: ExporterKind, options: object, signal?: AbortSignal) => {
      const path = join(temporaryFolder(), 'out');
      const from = { layers, workspace: workspace as Workspace, cache };
      const result = await runExporter(
        kind,
        options,
        path,
        signal === undefined ? from : { ...from, signal },
      );
      return { path, result };
    },
  };
}

describe.skipIf(noWorkspace)('packed trees are kept', () => {
  test.each([squashfsExporter, erofsExporter])(
    '$type: two exports at a time and a later one pack once',
    async (kind) => {
      const rig = await WorkspaceRig.open();
      const { run, packed } = await counting(rig);
      const both = await Promise.all([run(kind, {}), run(kind, {})]);
      const later = await run(kind, {});
      expect(packed()).toBe(1);
      for (const { path, result } of [...both, later])
        expect(result).toEqual({ ok: true, value: { sha256: sha256(path) } });
      await run(kind, { compression: kind === erofsExporter ? 'none' : 'gzip' });
      expect(packed()).toBe(2);
    },
  );

  test('a kept file that is damaged is made anew', async () => {
    const rig = await WorkspaceRig.open();
    const { run, packed, cache } = await counting(rig);
    const first = await run(squashfsExporter, {});
    const kept = readdirSync(cache).find((name) => !name.endsWith('.json')) ?? '';
    truncateSync(join(cache, kept), 100);
    const second = await run(squashfsExporter, {});
    expect(packed()).toBe(2);
    execFileSync('cmp', [first.path, second.path]);
    expect((await run(squashfsExporter, {})).result).toMatchObject({ ok: true });
    expect(packed()).toBe(2);
  });

  test('an export whose twin is stopped packs for itself', async () => {
    const rig = await WorkspaceRig.open();
    const { run } = await counting(rig);
    const controller = new AbortController();
    const twin = run(squashfsExporter, {}, controller.signal);
    const other = run(squashfsExporter, {});
    controller.abort();
    expect((await twin).result).toMatchObject({ ok: false, failures: [{ reason: 'aborted' }] });
    expect((await other).result).toMatchObject({ ok: true });
  });
});
