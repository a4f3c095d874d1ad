import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ActionStore } from '../src/cache/action-store.ts';
import { keyOf, type KeyInputs } from '../src/cache/key-inputs.ts';
import { openStore } from '../src/cache/open-store.ts';
import { unwrap } from '../src/diagnostics/failure.ts';
import { formatInfo } from '../src/layers/layer-store.ts';
import { formatManifest } from '../src/layers/manifest.ts';
import { currentBootId } from '../src/util/process-identity.ts';
import { sha256Hex } from '../src/util/hash.ts';
import { median, timeInTurn } from './measure.ts';
import { copyProject } from './project.ts';

const STEPS = 10_000;

/** Upkeep of a store that holds the layers and records of 10,000 steps. */
export async function run(): Promise<string> {
  using project = copyProject();
  const root = join(project.directory, 'cache');
  fill(root);
  const cwd = project.directory;
  const command = (name: string, ...args: string[]) => ({ name, cwd, argv: [...project.imgpipe, ...args] });
  const looks = await timeInTurn(
    [
      command('cache ls', 'cache', 'ls', '--json'),
      command('cache du', 'cache', 'du'),
      command('cache prune, nothing to delete', 'cache', 'prune', '--max-age=30d'),
    ],
    3,
  );
  const all = { ...command('cache prune --all', 'cache', 'prune', '--all'), before: () => fill(root) };
  // The floor: nothing but the deletions.
  const remove = {
    name: 'rm -rf of the same files',
    argv: ['rm', '-rf', join(root, 'layers'), join(root, 'actions')],
    before: () => fill(root),
  };
  const timings = [...looks, ...(await timeInTurn([all, remove], 2))];
  return [
    `A store of ${STEPS} steps (whole process)`,
    ...timings.map(({ name, seconds }) => `  ${name.padEnd(32)} ${median(seconds).toFixed(3)} s`),
  ].join('\n');
}

/** Layers of one small file each, and a record for each, as a build writes them. */
function fill(root: string): void {
  const layout = unwrap(openStore(root));
  const actions = new ActionStore(layout, root);
  const attributes = { mode: 0o644, uid: 0, gid: 0, mtime: 0, xattrs: [] };
  for (let at = 0; at < STEPS; at += 1) {
    const content = `step ${at}\n`;
    const manifest = formatManifest([
      { type: 'directory', path: '/', opaque: false, ...attributes, mode: 0o755 },
      { type: 'file', path: '/file', size: content.length, sha256: sha256Hex(content), ...attributes },
    ]);
    const hex = sha256Hex(manifest);
    const folder = join(layout.folder('layers'), hex);
    mkdirSync(join(folder, 'tree'), { recursive: true });
    writeFileSync(join(folder, 'tree/file'), content);
    writeFileSync(join(folder, 'manifest'), manifest);
    writeFileSync(
      join(folder, 'info.json'),
      formatInfo({ size: content.length, entries: 2, bootId: currentBootId() }),
    );
    const inputs: KeyInputs = { kind: 'step:file', keyVersion: 1, options: { path: '/file', content } };
    actions.put({
      key: keyOf(inputs),
      node: `many/step-${at}`,
      inputs,
      output: { type: 'layer', digest: `sha256:${hex}`, size: content.length, entries: 2 },
      durationMs: 1,
      createdAt: '2025-01-01T00:00:00.000Z',
      bootId: currentBootId(),
    });
  }
}
