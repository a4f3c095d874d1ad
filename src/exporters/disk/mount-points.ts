import { fail, ok, type Failure, type Result } from '../../diagnostics/failure.ts';
import { textOf } from '../../layers/manifest.ts';
import type { DiskRequest } from '../../model/disk-request.ts';
import { entryBytes, type TreeSize } from './file-system-size.ts';
import type { MergedTree } from './merged-tree.ts';

/** Bytes of an ESP that FAT and the boot loader take. */
const ESP_OVERHEAD = 4 * 2 ** 20;

/** Whether the root file system is all there is and is one that files can be patched into. */
export function isPatchable(spec: DiskRequest['spec']): boolean {
  return (spec.fileSystem ?? 'ext4') === 'ext4' && !needsFstab(spec);
}

/** Whether the disk has partitions that the image has to be told of. */
export function needsFstab(spec: DiskRequest['spec']): boolean {
  return (spec.partitions ?? []).length > 0 || spec.swap !== undefined || spec.espMount !== undefined;
}

/** What the files of each file system need, by mount point; those of the ESP by its own. */
export function treeSizes(
  tree: MergedTree,
  spec: Pick<DiskRequest['spec'], 'partitions' | 'espMount'>,
): ReadonlyMap<string, Required<TreeSize>> {
  const mounts = mountsOf(spec);
  const sizes = new Map<string, { bytes: number; entries: number; linkedBytes: number }>();
  for (const mount of ['/', ...mounts]) sizes.set(mount, { bytes: 0, entries: 0, linkedBytes: 0 });
  for (const [path, { entry }] of tree) {
    const size = sizes.get(mounts.find((mount) => path.startsWith(`${mount}/`)) ?? '/');
    if (size === undefined) continue;
    size.bytes += entryBytes(entry);
    size.entries += 1;
    const linked = entry.type === 'hard-link' ? tree.get(entry.target)?.entry : undefined;
    if (linked !== undefined) size.linkedBytes += entryBytes(linked);
  }
  return sizes;
}

/**
 * Whether the image's tree can be divided as asked, and the image told of it.
 * @returns `disk-failed`, `image-too-large` when the ESP cannot hold its files
 */
export function checkMountPoints(tree: MergedTree, spec: DiskRequest['spec']): Result<void> {
  const failures = checkDivision(tree, spec);
  if (needsFstab(spec)) {
    failures.push(...mustBe(tree, '/etc', 'directory'), ...mustBe(tree, '/etc/fstab', 'file'));
  }
  const esp = checkEsp(tree, spec);
  if (esp !== undefined) failures.push(esp);
  return failures.length > 0 ? fail(...failures) : ok();
}

/**
 * What is wrong with mount points and file systems: links on the way could lead out of the image, and some file systems
 * cannot hold all that a tree can.
 */
export function checkDivision(
  tree: MergedTree,
  spec: Pick<DiskRequest['spec'], 'fileSystem' | 'partitions' | 'espMount'>,
): Failure[] {
  const failures: Failure[] = [];
  for (const mount of mountsOf(spec)) {
    for (let at = mount.indexOf('/', 1); at !== -1; at = mount.indexOf('/', at + 1)) {
      failures.push(...mustBe(tree, mount.slice(0, at), 'directory'));
    }
    failures.push(...mustBe(tree, mount, 'directory'));
  }
  return [...failures, ...checkXfs(tree, spec), ...checkBtrfs(tree, spec)];
}

/** mkfs.btrfs gives the top folder to root, with mode 0755, whatever the folder is that it copies. */
function checkBtrfs(
  tree: MergedTree,
  { fileSystem, partitions = [] }: Pick<DiskRequest['spec'], 'fileSystem' | 'partitions'>,
): Failure[] {
  const mounts = partitions.filter((item) => item.fileSystem === 'btrfs').map(({ mount }) => mount);
  if (fileSystem === 'btrfs') mounts.push('/');
  return mounts.flatMap((mount): Failure[] => {
    const top = tree.get(mount)?.entry;
    if (top?.type !== 'directory' || (top.mode === 0o755 && top.uid === 0 && top.gid === 0)) return [];
    const message = `${mount} cannot be the top folder of a btrfs file system: mkfs.btrfs gives that to root, with mode 0755`;
    return [{ reason: 'disk-failed', message, hint: 'choose ext4 or xfs for it, or mount its parent' }];
  });
}

function mustBe(tree: MergedTree, path: string, type: 'directory' | 'file'): Failure[] {
  const found = tree.get(path)?.entry.type;
  if (found === undefined || found === type) return [];
  const what = type === 'file' ? 'partitions cannot be named in it' : 'no file system can be mounted there';
  return [{ reason: 'disk-failed', message: `${path} of the image is a ${found}, so ${what}` }];
}

function checkEsp(tree: MergedTree, spec: DiskRequest['spec']): Failure | undefined {
  const { espMount, espSize } = spec;
  if (espMount === undefined) return undefined;
  let bytes = ESP_OVERHEAD;
  for (const [path, { entry }] of tree) {
    if (!path.startsWith(`${espMount}/`)) continue;
    if (entry.type !== 'file' && entry.type !== 'directory') {
      const message = `${textOf(path)} is a ${entry.type}, which the EFI system partition cannot hold`;
      return { reason: 'disk-failed', message };
    }
    bytes += entryBytes(entry);
  }
  if (bytes <= espSize) return undefined;
  const mebibytes = (size: number): string => `${Math.ceil(size / 2 ** 20)} MiB`;
  return {
    reason: 'image-too-large',
    message: `the files below ${espMount} do not fit an EFI system partition of ${mebibytes(espSize)}`,
    hint: `give disk.espSize at least ${mebibytes(bytes)}`,
  };
}

/** What mkfs.xfs can take from a prototype file: no blanks in names, no extended attributes. */
function checkXfs(
  tree: MergedTree,
  spec: Pick<DiskRequest['spec'], 'fileSystem' | 'partitions' | 'espMount'>,
): Failure[] {
  const mounts = mountsOf(spec);
  const xfs = new Set(
    (spec.partitions ?? []).filter((item) => item.fileSystem === 'xfs').map((item) => item.mount),
  );
  if (spec.fileSystem === 'xfs') xfs.add('/');
  if (xfs.size === 0) return [];
  const names: string[] = [];
  const attributes: string[] = [];
  for (const [path, { entry }] of tree) {
    if (!xfs.has(mounts.find((mount) => path.startsWith(`${mount}/`)) ?? '/')) continue;
    const texts = [path, ...(entry.type === 'symlink' ? [entry.target] : [])];
    if (texts.some((text) => /[^!-~]|\/[:$]|^[:$]/.test(text))) names.push(path);
    if (entry.type !== 'hard-link' && entry.xattrs.length > 0) attributes.push(path);
  }
  const failure = (what: string, paths: readonly string[]): Failure[] =>
    paths.length === 0
      ? []
      : [
          {
            reason: 'disk-failed',
            message: `an XFS file system cannot be made with ${what}: ${paths.slice(0, 3).map(textOf).join(', ')}${paths.length > 3 ? ` and ${paths.length - 3} more` : ''}`,
            hint: 'remove them in a step, or choose ext4 or btrfs for this partition',
          },
        ];
  return [
    ...failure('extended attributes (capabilities, ACLs)', attributes),
    ...failure('blanks and other special characters in names', names),
  ];
}

/** Mount points, one inside another before it. */
function mountsOf({
  partitions = [],
  espMount,
}: Pick<DiskRequest['spec'], 'partitions' | 'espMount'>): string[] {
  const mounts = [...partitions.map(({ mount }) => mount), ...(espMount === undefined ? [] : [espMount])];
  return mounts.toSorted((a, b) => b.length - a.length);
}
