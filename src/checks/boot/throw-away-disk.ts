import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FailureError } from '../../diagnostics/failure.ts';
import { isSuperblock } from '../../exporters/disk/ext4-geometry.ts';
import { findVolumes } from '../../exporters/disk/find-volumes.ts';
import { SECTOR } from '../../exporters/disk/gpt.ts';
import { runTool, type ToolContext } from '../../exporters/run-tool.ts';
import type { QemuFormat } from '../../model/bootable.ts';

/** Place of the label in ext4's superblock. */
const LABEL = 0x78;

/** What QEMU boots: never the image itself. */
export interface ThrowAwayDisk {
  readonly path: string;
  readonly format: 'raw' | 'qcow2';
}

export interface DiskSource {
  readonly path: string;
  readonly format: QemuFormat;
}

const DECOMPRESSORS: Readonly<Record<string, string>> = { '.zst': 'zstd', '.gz': 'gzip', '.xz': 'xz' };

/** A qcow2 overlay on the image, which takes all writes. */
export async function makeOverlay(
  context: ToolContext,
  image: DiskSource,
  scratch: string,
): Promise<ThrowAwayDisk> {
  const source = await decompressed(context, image, scratch);
  const path = join(scratch, 'overlay.qcow2');
  const backing = ['-b', source.path, '-F', source.format];
  await runTool(context, {
    argv: ['qemu-img', 'create', '-q', '-f', 'qcow2', ...backing, path],
    reason: 'check-failed',
  });
  return { path, format: 'qcow2' };
}

/**
 * A raw copy of the image into whose root file system an authorized key is written. Works with any ext4 root and any
 * init system, and needs no rights: systemd credentials over SMBIOS would need systemd 252 and are ignored where
 * root has an authorized_keys already. The copy is sparse; for 400 MB of files it takes 0.2 s.
 * @throws FailureError `check-failed` when the disk has no ext4 root, or the user no home folder
 */
export async function makeDiskWithKey(
  context: ToolContext,
  image: DiskSource,
  scratch: string,
  login: { readonly user: string; readonly publicKey: string },
): Promise<ThrowAwayDisk> {
  const source = await decompressed(context, image, scratch);
  const path = join(scratch, 'disk.raw');
  const convert = ['-f', source.format, '-O', 'raw', source.path, path];
  await runTool(context, {
    argv: ['qemu-img', 'convert', '-m', '8', '-W', ...convert],
    reason: 'check-failed',
  });
  const target = `${path}?offset=${await rootOffset(path)}`;
  const ask = async (request: string): Promise<string> => {
    return (await runTool(context, { argv: ['debugfs', '-R', request, target], reason: 'check-failed' }))
      .stdout;
  };
  const read = (file: string): Promise<string> => ask(`cat "${file}"`);
  const account = (await read('/etc/passwd')).split('\n').find((line) => line.startsWith(`${login.user}:`));
  const [, , uid, gid, , home] = account?.split(':') ?? [];
  if (uid === undefined || gid === undefined || !home?.startsWith('/')) {
    const message = `the image has no user ${login.user} whose authorized_keys could take the check's key`;
    throw new FailureError({ reason: 'check-failed', message, hint: 'name an existing user in `user`' });
  }
  const folder = `${home}/.ssh`;
  const keys = join(scratch, 'authorized_keys');
  const present = await read(`${folder}/authorized_keys`);
  await writeFile(keys, [...(present === '' ? [] : [present.trimEnd()]), login.publicKey, ''].join('\n'));
  const script = join(scratch, 'key.debugfs');
  const hasFolder = (await ask(`stat "${folder}"`)).includes('Inode:');
  await writeFile(script, keyScript(folder, hasFolder, keys, uid, gid));
  await runTool(context, { argv: ['debugfs', '-w', '-f', script, target], reason: 'check-failed' });
  if ((await read(`${folder}/authorized_keys`)).includes(login.publicKey)) return { path, format: 'raw' };
  throw new FailureError({
    reason: 'check-failed',
    message: `the check's SSH key could not be put into ${folder}`,
  });
}

function keyScript(folder: string, hasFolder: boolean, keys: string, uid: string, gid: string): string {
  const own = (path: string, mode: string): string[] => [
    `sif "${path}" mode ${mode}`,
    `sif "${path}" uid ${uid}`,
    `sif "${path}" gid ${gid}`,
  ];
  return [
    // debugfs leaves a lost inode behind when it is told to make a folder that is there.
    ...(hasFolder ? [] : [`mkdir "${folder}"`]),
    ...own(folder, '040700'),
    `rm "${folder}/authorized_keys"`,
    `cd "${folder}"`,
    `write "${keys}" authorized_keys`,
    ...own(`${folder}/authorized_keys`, '0100600'),
    '',
  ].join('\n');
}

/**
 * Byte at which the root file system starts: the ext4 partition or logical volume with the label `root`, or else the largest one.
 * @throws FailureError `check-failed` when there is none
 */
async function rootOffset(path: string): Promise<number> {
  await using file = await open(path, 'r');
  const superblock = Buffer.alloc(1024);
  const found: { readonly at: number; readonly label: string }[] = [];
  const volumes = (await findVolumes(file)) ?? [];
  for (const { start } of volumes.toSorted((a, b) => b.sectors - a.sectors)) {
    const at = start * SECTOR;
    await file.read(superblock, 0, superblock.length, at + 1024);
    if (!isSuperblock(superblock)) continue;
    found.push({ at, label: superblock.toString('latin1', LABEL, LABEL + 16).replace(/\0.*$/s, '') });
  }
  const root = found.find(({ label }) => label === 'root') ?? found[0];
  if (root !== undefined) return root.at;
  throw new FailureError({
    reason: 'check-failed',
    message:
      'the image has no ext4 root file system into which the key of `units` and `commands` could be put',
    hint: 'check other file systems from outside: with `console`, `ports` and `http`',
  });
}

/** Unpacks an export such as `raw.zst` into the scratch folder; gives other images back as they are. */
async function decompressed(context: ToolContext, image: DiskSource, scratch: string): Promise<DiskSource> {
  const program = Object.entries(DECOMPRESSORS).find(([ending]) => image.path.endsWith(ending))?.[1];
  if (program === undefined) return image;
  const path = join(scratch, 'unpacked.raw');
  const command = `${program} -dc <"$1" | dd of="$2" bs=1M conv=sparse iflag=fullblock status=none`;
  await runTool(context, { argv: ['sh', '-c', command, 'sh', image.path, path], reason: 'check-failed' });
  return { path, format: 'raw' };
}
