import { existsSync, realpathSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { FailureError } from '../../diagnostics/failure.ts';
import { shellQuote } from '../../util/shell-quote.ts';

import { QmpError, type QmpClient } from './qmp-client.ts';

const statusSchema = z.object({ status: z.string(), running: z.boolean() });
const migrationSchema = z.object({ status: z.string().optional(), 'error-desc': z.string().optional() });
const blockSchema = z.array(
  z.object({
    device: z.string(),
    inserted: z.object({ file: z.string(), 'node-name': z.string().optional() }).optional(),
  }),
);

const POLL_MS = 20;
const anything = z.unknown();

/**
 * Saves memory and devices of a stopped machine, compressed.
 * @returns why this machine's state cannot be saved, or undefined
 */
export async function saveState(
  qmp: QmpClient,
  file: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    // Bytes a second; the usual limit is meant for networks.
    await qmp.execute('migrate-set-parameters', anything, { 'max-bandwidth': 10 ** 10 });
    // The machine stands still meanwhile: this level takes half the time of -1, for half as many bytes more.
    await qmp.execute('migrate', anything, { uri: `exec:zstd --fast=10 -q > ${shellQuote(file)}` });
  } catch (error) {
    if (error instanceof QmpError) return error.message;
    throw error;
  }
  for (;;) {
    if (signal.aborted) throw new FailureError({ reason: 'aborted', message: 'the run was stopped' });
    const { status, 'error-desc': why } = await qmp.execute('query-migrate', migrationSchema);
    if (status === 'completed') return undefined;
    if (status === 'failed' || status === 'cancelled') return why ?? 'QEMU could not write it';
    await sleep(POLL_MS);
  }
}

/** Where a machine's state comes from, for QEMU's `-incoming`. */
export const stateSource = (file: string): string => `exec:zstd -dcq < ${shellQuote(file)}`;

/**
 * Waits until a machine has its state back, and lets it run.
 * @throws FailureError `communicator-failed` when QEMU ends because it cannot take the state
 */
export async function awaitState(qmp: QmpClient): Promise<void> {
  for (;;) {
    const { status } = await qmp.execute('query-status', statusSchema);
    if (status !== 'inmigrate') break;
    await sleep(POLL_MS);
  }
  await qmp.execute('cont', anything);
}

/** Lets a machine's disks, by their present files, go on in others that stand on them; the old files change no more. */
export async function switchDisks(qmp: QmpClient, disks: ReadonlyMap<string, string>): Promise<void> {
  const blocks = await qmp.execute('query-block', blockSchema);
  const actions = [...disks].map(([from, to]) => {
    const block = blocks.find(
      ({ inserted }) => inserted !== undefined && fileOf(inserted.file) === realpathSync(from),
    );
    if (block === undefined) {
      throw new FailureError({
        reason: 'step-failed',
        message: `the machine does not use its disk ${from}, so its state cannot be kept`,
        hint: 'let the `-drive` of `qemuargs` name `{{ .OutputDir }}/{{ .Name }}`',
      });
    }
    const { device, inserted } = block;
    const which = device === '' ? { 'node-name': inserted?.['node-name'] } : { device };
    const data = { ...which, 'snapshot-file': to, format: 'qcow2', mode: 'existing' };
    return { type: 'blockdev-snapshot-sync', data };
  });
  await qmp.execute('transaction', anything, { actions });
}

/** Stops a machine's processors, runs `body`, and lets them go on. */
export async function whileStopped<T>(qmp: QmpClient, body: () => Promise<T>): Promise<T> {
  await qmp.execute('stop', anything);
  try {
    return await body();
  } finally {
    await qmp.execute('cont', anything).catch(() => undefined);
  }
}

const pseudoSchema = z.object({ file: z.object({ filename: z.string() }) });

/** File of a block device. One whose backing file is not the one its header names is told as `json:{…}`. */
function fileOf(name: string): string {
  const isPseudo = name.startsWith('json:');
  const file = isPseudo ? pseudoSchema.safeParse(JSON.parse(name.slice(5))).data?.file.filename : name;
  // The user's own `-drive` names the disk by a link.
  return file !== undefined && existsSync(file) ? realpathSync(file) : name;
}
