import { join } from 'node:path';
import { FailureError } from '../../diagnostics/failure.ts';
import type { KindUse } from '../../model/pipeline.ts';
import { cloudImageSource } from '../../sources/cloud-image.ts';
import { diskSource } from '../../sources/disk.ts';
import { isoSource, type IsoOptions } from '../../sources/iso.ts';
import { fetchMedium } from '../../sources/medium/fetch-medium.ts';
import type { MediumOptions } from '../../sources/medium/fields.ts';
import type { DriverContext } from '../machine-builder.ts';
import { makeOverlay, takeImage } from './disk-image.ts';
import { diskFile } from './machine-record.ts';
import type { QemuOptions } from './options.ts';

/** Disks of a machine at its first start. */
export interface SourceDisks {
  /** In bytes, the system's first. */
  readonly sizes: readonly number[];
  /** Files beside the disks that they stand on. */
  readonly files: readonly string[];
  /** The installation medium. */
  readonly medium?: { readonly path: string; readonly options: IsoOptions };
}

const BASE = 'base.qcow2';
const EMPTY_DISK = 40 * 2 ** 30;

/** Name by which the builder knows a source. */
export const sourceSort = (source: KindUse, context: DriverContext): string =>
  context.baseDisk === undefined ? source.type : 'pipeline';

/**
 * Makes the disks that a source gives, in `active`.
 * @throws FailureError `source-failed`, `input-missing`, `image-too-large`, `disk-full`, `aborted`
 */
export async function prepareSource(
  source: KindUse,
  active: string,
  options: QemuOptions,
  context: DriverContext,
): Promise<SourceDisks> {
  const { signal } = context;
  const create = options.qemu_img_args?.create ?? [];
  const additional = async (): Promise<void> => {
    for (const [index, size] of options.disk_additional_size.entries())
      await makeOverlay(join(active, diskFile(index + 1)), { size, signal, create });
  };
  const disk = join(active, diskFile(0));
  if (sourceSort(source, context) === isoSource.type) {
    const iso = source.options as IsoOptions;
    const path = await fetchMedium(iso, context);
    const size = options.disk_size ?? EMPTY_DISK;
    await makeOverlay(disk, { size, signal, create });
    await additional();
    return { sizes: [size, ...options.disk_additional_size], files: [], medium: { path, options: iso } };
  }
  const base = join(active, BASE);
  const size = await takeBase(source, base, options, context);
  const wanted = options.skip_resize_disk ? size : (options.disk_size ?? size);
  if (wanted < size) {
    throw new FailureError({
      reason: 'image-too-large',
      message: `the source's disk has ${size} bytes, more than the ${wanted} of \`disk_size\``,
      hint: 'raise `disk_size`, or set `skip_resize_disk: true`',
    });
  }
  await makeOverlay(disk, { below: BASE, size: wanted, signal, create });
  await additional();
  return { sizes: [wanted, ...options.disk_additional_size], files: [BASE] };
}

async function takeBase(
  source: KindUse,
  base: string,
  options: QemuOptions,
  context: DriverContext,
): Promise<number> {
  const { signal } = context;
  const convert = options.qemu_img_args?.convert ?? [];
  if (context.baseDisk !== undefined)
    return await takeImage(await context.baseDisk(), base, { signal, convert, mayLink: false });
  if (source.type !== cloudImageSource.type && source.type !== diskSource.type) {
    throw new FailureError({
      reason: 'template-invalid',
      message: `a virtual machine cannot begin with a source of type ${source.type}`,
    });
  }
  const medium = source.options as MediumOptions;
  const path = await fetchMedium(medium, context);
  context.status('takes the disk image');
  return await takeImage(path, base, { signal, convert, mayLink: medium.path === undefined });
}
