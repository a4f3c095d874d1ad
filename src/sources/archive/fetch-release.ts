import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FailureError } from '../../diagnostics/failure.ts';
import { aptConfigText, hostAptSettings, hostProxyEnvironment } from '../../util/host-apt.ts';
import { runHostCommand } from '../../util/exec.ts';
import { explainApt } from '../apt-messages.ts';
import { releaseFolder, withoutUser } from './release-folder.ts';

const APT_HELPER = '/usr/lib/apt/apt-helper';

/**
 * Text of the InRelease file of a suite, or of its Release file where there is no other. Downloaded as the host's apt
 * does it (proxies, schemes, time-outs); hosts without apt fetch by HTTP. The signature is not looked at: apt checks it
 * when something is installed, and takes nothing but the state whose digest came from here.
 * @throws FailureError `archive-failed`, `aborted`
 */
export async function fetchRelease(uri: string, suite: string, signal: AbortSignal): Promise<string> {
  const folder = releaseFolder(uri, suite);
  const fetchFile = existsSync(APT_HELPER) ? downloadWithApt : download;
  const inRelease = await fetchFile(`${folder}InRelease`, signal);
  if (inRelease.text !== undefined) return inRelease.text;
  const release = await fetchFile(`${folder}Release`, signal);
  if (release.text !== undefined) return release.text;
  if (signal.aborted) throw new FailureError({ reason: 'aborted', message: 'stopped by the user' });
  throw new FailureError({
    reason: 'archive-failed',
    message: `the state of ${withoutUser(folder)} cannot be looked up: ${inRelease.problem ?? 'there is no Release file'}`,
    hint: 'Check the network, the address and the suite. With an entry in imgpipe.lock no network is needed.',
  });
}

interface Download {
  readonly text?: string;
  /** Why there is none. */
  readonly problem?: string;
}

async function downloadWithApt(url: string, signal: AbortSignal): Promise<Download> {
  const folder = await mkdtemp(join(tmpdir(), 'imgpipe-release-'));
  const output: string[] = [];
  try {
    const config = join(folder, 'apt.conf');
    await writeFile(
      config,
      `Acquire::Retries "1";\nAPT::Sandbox::User "root";\n${aptConfigText(await hostAptSettings())}`,
    );
    const target = join(folder, 'Release');
    const outcome = await runHostCommand({
      argv: [APT_HELPER, '-q', '-c', config, 'download-file', url, target],
      env: {
        ...hostProxyEnvironment(),
        PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
        LC_ALL: 'C.UTF-8',
        HOME: folder,
      },
      signal,
      onOutput: ({ text }) => void output.push(text),
    });
    if (outcome.type === 'exited' && outcome.code === 0) return { text: await readFile(target, 'utf8') };
    const text = output.join('');
    const known = explainApt(text)?.message;
    const last = text.split('\n').findLast((line) => line.startsWith('E: '));
    return { problem: known ?? last?.slice('E: '.length) ?? 'the download failed' };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function download(url: string, signal: AbortSignal): Promise<Download> {
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(60_000)]) });
    if (!response.ok) return { problem: `${response.status} ${response.statusText}` };
    return { text: await response.text() };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}
