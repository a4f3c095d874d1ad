import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Communicator } from '../../communicators/communicator.ts';
import { FailureError } from '../../diagnostics/failure.ts';
import { OwnerLookup } from '../../layers/owners.ts';
import type { TreeEntry } from '../../model/tree-entry.ts';
import { shellQuote } from '../../util/shell-quote.ts';
import type { Machine } from '../machine.ts';
import { writeEntryArchive, type ArchivedEntry } from './entry-archive.ts';

/**
 * Puts what a write-only step writes into a running machine, as it would be in a layer: links of the machine in
 * folders on the way are followed, a last part that is a link is replaced, missing folders become 0755 of root,
 * owners are looked up by the machine's own names. Host files are streamed.
 * @param options.sourceDateEpoch time of all entries, seconds since 1970
 * @throws FailureError `template-invalid` for owners that do not exist and for files where folders are needed;
 * `input-missing`, `disk-full`, `step-failed`
 */
export async function applyEntries(
  machine: Machine & { readonly communicator: Communicator },
  entries: readonly TreeEntry[],
  options: { readonly sourceDateEpoch: number },
): Promise<void> {
  const real = await realFolders(machine, [...new Set(entries.map(({ path }) => folderOf(path)))]);
  const pathOf = ({ path }: TreeEntry): string => `${real.get(folderOf(path)) ?? ''}/${nameOf(path)}`;
  const removed = entries.filter(({ type }) => type === 'remove').map((entry) => shellQuote(pathOf(entry)));
  if (removed.length > 0) await script(machine, `rm -rf -- ${removed.join(' ')}`, 'deleting files');
  const written = await withOwners(machine, entries, pathOf);
  if (written.length === 0) return;
  const folder = await mkdtemp(join(tmpdir(), 'imgpipe-entries-'));
  const upload = `/var/tmp/imgpipe-${randomUUID()}.tar`;
  try {
    const archive = join(folder, 'entries.tar');
    await writeEntryArchive(archive, written, options.sourceDateEpoch);
    await machine.communicator.uploadFile({ path: archive }, upload, { mode: 0o600 });
    // p and root: modes and owners as they are in the archive.
    const extract = `umask 022; code=0; tar -xpf ${upload} -C / || code=$?; rm -f ${upload}; exit $code`;
    await script(machine, extract, 'writing files');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function withOwners(
  machine: Machine,
  entries: readonly TreeEntry[],
  pathOf: (entry: TreeEntry) => string,
): Promise<ArchivedEntry[]> {
  const written = entries.filter((entry) => entry.type !== 'remove');
  const named = written.some(({ owner, group }) => [owner, group].some((id) => id !== 0 && id !== 'root'));
  const texts = new Map<string, string>();
  if (named) {
    for (const path of ['/etc/passwd', '/etc/group']) texts.set(path, (await machine.readFile(path)) ?? '');
  }
  const owners = new OwnerLookup((path) => texts.get(path));
  return written.map((entry) => ({
    entry,
    path: pathOf(entry),
    uid: owners.uid(entry.owner),
    gid: owners.gid(entry.group),
  }));
}

/** Where folders of entries truly are, also those that are yet to be made. */
async function realFolders(machine: Machine, folders: readonly string[]): Promise<Map<string, string>> {
  const answer = await script(
    machine,
    [REAL, ...folders.map((folder) => `real ${shellQuote(folder === '' ? '/' : folder)}`)].join('\n'),
    'looking at folders',
  );
  const found = answer.split('\0');
  return new Map(folders.map((folder, index) => [folder, found[index] ?? folder]));
}

const NOT_A_FOLDER = 47;
const REAL = `real() {
  p=$1 rest=
  while [ ! -d "$p" ]; do
    if [ -e "$p" ] || [ -L "$p" ]; then echo "$p" >&2; exit ${NOT_A_FOLDER}; fi
    rest=/\${p##*/}$rest p=\${p%/*}
    [ -n "$p" ] || p=/
  done
  (cd -P "$p" && printf '%s\\0' "\${PWD%/}$rest")
}`;

async function script(machine: Machine, text: string, what: string): Promise<string> {
  const said = { stdout: '', stderr: '' };
  const outcome = await machine.exec({ argv: ['/bin/sh', '-s'], stdin: text, quiet: true }, (chunk) => {
    said[chunk.stream] += chunk.text;
  });
  if (outcome.type === 'exited' && outcome.code === 0) return said.stdout;
  const excerpt = said.stderr.split('\n').filter((line) => line.trim() !== '');
  const last = excerpt.at(-1) ?? (outcome.type === 'exited' ? `exit code ${outcome.code}` : outcome.type);
  if (outcome.type === 'exited' && outcome.code === NOT_A_FOLDER) {
    throw new FailureError({ reason: 'template-invalid', message: `${last} is not a folder of the machine` });
  }
  const full = excerpt.some((line) => line.includes('No space left on device'));
  throw new FailureError({
    reason: full ? 'disk-full' : 'step-failed',
    message: `${what} on the machine failed: ${last}`,
    excerpt,
  });
}

const folderOf = (path: string): string => path.replace(/\/+$/, '').slice(0, path.lastIndexOf('/'));
const nameOf = (path: string): string => path.replace(/\/+$/, '').split('/').at(-1) ?? '';
