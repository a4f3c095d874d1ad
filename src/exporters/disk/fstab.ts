import { sourceOf, type DiskLayout } from './layout.ts';

export const FSTAB = '/etc/fstab';

/**
 * The image's own fstab(5) with a line for each partition and logical volume that is to be mounted. An entry of the image for the
 * same mount point is left out: it cannot know the partition.
 */
export function fstabText(before: string, layout: DiskLayout): string {
  const lines: string[] = [];
  const volumes = (layout.volumes ?? []).toSorted((a, b) => a.mount.length - b.mount.length);
  for (const { mount, partition, fileSystem } of volumes) {
    const check = fileSystem === 'ext4' ? 2 : 0;
    lines.push(`${sourceOf(partition)} ${mount} ${fileSystem} defaults 0 ${check}`);
  }
  if (layout.espMount !== undefined && layout.esp !== undefined) {
    lines.push(`${sourceOf(layout.esp)} ${layout.espMount} vfat umask=0077 0 2`);
  }
  if (layout.swap !== undefined) lines.push(`${sourceOf(layout.swap.partition)} none swap sw 0 0`);
  const own = new Set(lines.map((line) => line.split(' ')[1]).filter((mount) => mount !== 'none'));
  const kept = before.split('\n').filter((line) => {
    const mount = line.trim().split(/\s+/)[1];
    return line.trim().startsWith('#') || mount === undefined || !own.has(mount);
  });
  while (kept.at(-1) === '') kept.pop();
  return [...kept, ...lines, ''].join('\n');
}
