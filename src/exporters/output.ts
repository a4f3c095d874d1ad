import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fail, ok, type Failure, type Result } from '../diagnostics/failure.ts';
import { noSpaceToWrite } from '../diagnostics/no-space.ts';
import { storageFailure } from '../diagnostics/storage-failure.ts';
import { isErrno, writeFileAtomic } from '../util/atomic-file.ts';
import { isStaleTemporary } from '../util/temporary-name.ts';
import type { OutputManifest } from './output-manifest.ts';

/**
 * The output folder of a pipeline:
 *
 *     <output>/<pipeline>/<pipeline>[-<export>].<extension>   the images; each appears by a rename, whole
 *                         SHA256SUMS                          for sha256sum -c
 *                         manifest.json                       schema in output-manifest.ts
 *                         <pipeline>.auto.tfvars.json         variables Terraform loads by itself
 */
export function pipelineFolder(outputFolder: string, pipelineId: string): string {
  return join(outputFolder, folderName(pipelineId));
}

/** `debian-web[arm64,prod]` as `debian-web@arm64,prod`: brackets would be patterns in every shell. */
function folderName(pipelineId: string): string {
  return pipelineId.replace('[', '@').replace(/\]$/, '').replaceAll('/', '_');
}

/** Name of the file of one export: `<pipeline>.qcow2`, or with a name of its own `<pipeline>-<name>.qcow2`. */
export function artifactFileName(
  pipelineId: string,
  item: { readonly name: string; readonly type: string; readonly suffix?: string },
  extension: string,
): string {
  const stem = folderName(pipelineId);
  const name = `${item.name === item.type ? stem : `${stem}-${item.name}`}${item.suffix ?? ''}`;
  return extension === '' ? name : `${name}.${extension}`;
}

/** What the name of an export's file may tell of. */
export interface FileNameFacts {
  readonly pipeline: { readonly id: string; readonly architecture: string; readonly sourceDateEpoch: number };
  readonly item: { readonly name: string; readonly type: string; readonly fileName?: string };
  readonly extension: string;
}

/**
 * Name of the file of one export, with the placeholders of its `fileName` replaced.
 * @param digest twelve digits that stand for what the image is made of; undefined: its placeholder stays
 */
export function exportFileName({ pipeline, item, extension }: FileNameFacts, digest?: string): string {
  if (item.fileName === undefined) return artifactFileName(pipeline.id, item, extension);
  const values: Readonly<Record<string, string | undefined>> = {
    pipeline: folderName(pipeline.id),
    name: item.name,
    type: item.type,
    architecture: pipeline.architecture,
    date: new Date(pipeline.sourceDateEpoch * 1000).toISOString().slice(0, 10).replaceAll('-', ''),
    digest,
  };
  const stem = item.fileName.replaceAll(/\{([a-z]+)\}/g, (text, name: string) => values[name] ?? text);
  return extension === '' ? stem : `${stem}.${extension}`;
}

/**
 * Writes SHA256SUMS, manifest.json and the Terraform variables of a pipeline, each only when it changes.
 * @returns `permission-denied`, `disk-full`
 */
export function writeOutputIndex(outputFolder: string, manifest: OutputManifest): Result<void> {
  const folder = pipelineFolder(outputFolder, manifest.pipeline);
  const files = manifest.artifacts.filter((artifact) => artifact.folder !== true);
  const sums = files.map(({ sha256, file }) => `${sha256}  ${file}\n`).toSorted();
  // The manifest last: where it stands, the others do.
  const texts = {
    [`${folderName(manifest.pipeline)}.auto.tfvars.json`]: `${JSON.stringify(terraformVariables(folder, manifest), undefined, 2)}\n`,
    SHA256SUMS: sums.join(''),
    'manifest.json': `${JSON.stringify(manifest, undefined, 2)}\n`,
  };
  try {
    const left = staleTemporaries(folder);
    for (const stale of left) rmSync(stale, { force: true, recursive: true });
    for (const [name, text] of Object.entries(texts)) writeIfChanged(join(folder, name), text);
    return ok();
  } catch (error) {
    const failure = outputFailure(error, folder);
    if (failure === undefined) throw error;
    return fail(failure);
  }
}

/**
 * Variables named after the pipeline, so that several pipelines' files can lie side by side: for each export the
 * path and the checksum.
 */
function terraformVariables(folder: string, manifest: OutputManifest): Record<string, unknown> {
  const name = folderName(manifest.pipeline)
    .replace(/[^A-Za-z0-9]+/g, '_')
    .replace(/^(?=\d)/, '_');
  const images = manifest.artifacts.map(({ name: artifact, type, file, size, sha256 }) => {
    return [artifact, { type, path: join(folder, file), size, sha256 }] as const;
  });
  return { [`${name}_images`]: Object.fromEntries(images) };
}

/** Whether `writeOutputIndex` writes, or wrote, a file of this name. */
export function isIndexName(name: string): boolean {
  return name === 'SHA256SUMS' || name === 'manifest.json' || name.endsWith('.auto.tfvars.json');
}

/** Deletes what `writeOutputIndex` wrote, before an image is replaced. */
export function removeOutputIndex(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (isIndexName(name)) rmSync(join(folder, name), { force: true });
  }
}

function writeIfChanged(path: string, text: string): void {
  try {
    if (readFileSync(path, 'utf8') === text) return;
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
  }
  writeFileAtomic(path, text);
}

/** Half-written files that a killed run left in a pipeline's folder (`temporaryName`). */
export function staleTemporaries(folder: string): string[] {
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return names.map((name) => join(folder, name)).filter((path) => isStaleTemporary(path));
}

/** The failure behind an error of the file system while writing output; undefined when it is none of them. */
export function outputFailure(error: unknown, path: string): Failure | undefined {
  if (isErrno(error, 'ENOSPC', 'EDQUOT')) {
    return { ...noSpaceToWrite(path), cause: error };
  }
  if (isErrno(error, 'EACCES', 'EPERM', 'EROFS')) {
    const hint = 'make the folder writable, or choose another one with --output';
    return {
      reason: 'permission-denied',
      message: `${basename(path)} cannot be written: ${path}`,
      hint,
      cause: error,
    };
  }
  if (isErrno(error, 'ENOENT') && (error as NodeJS.ErrnoException).syscall === 'mkdir') {
    // What Node's mkdir says that makes folders on the way, where mkdir(2) says EROFS.
    const message = `${path} cannot be made: the file system is read-only, or a part of the path is a link to nothing`;
    const hint = 'make it writable, or choose another folder with --output';
    return { reason: 'permission-denied', message, hint, cause: error };
  }
  if (isErrno(error, 'ENOTDIR', 'EEXIST')) {
    const message = `${path} cannot be made: a part of the path is a file`;
    return {
      reason: 'permission-denied',
      message,
      hint: 'move the file away, or choose another folder',
      cause: error,
    };
  }
  return storageFailure(error);
}
