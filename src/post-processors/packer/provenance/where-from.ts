import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { runHostCommand } from '../../../util/exec.ts';

/** A state of sources, in the form of SLSA's `ResourceDescriptor`. */
export interface SourceState {
  readonly uri: string;
  readonly digest?: { readonly gitCommit: string };
}

export type Environment = Readonly<Record<string, string | undefined>>;

const first = (environment: Environment, names: readonly string[]): string | undefined =>
  names.map((name) => environment[name]?.trim()).find((value) => value !== undefined && value !== '');

/** Who builds, by the variables of CI systems. */
export const builderId = (environment: Environment): string =>
  first(environment, ['GITHUB_WORKFLOW_REF', 'CI_JOB_URL', 'CI_PIPELINE_URL', 'BUILD_URL']) ??
  'https://packer.io/local-build';

/** Which run of the CI system it is; undefined outside of one. */
export const invocationId = (environment: Environment): string | undefined =>
  first(environment, ['GITHUB_RUN_ID', 'CI_PIPELINE_ID', 'CI_JOB_ID', 'BUILD_ID']);

/** The sources that are built from: what GitHub or GitLab say, else the Git repository around a folder. */
export async function sourceState(
  folder: string,
  environment: Environment,
  signal: AbortSignal,
): Promise<SourceState | undefined> {
  return ofGithub(environment) ?? ofGitlab(environment) ?? (await ofGit(folder, signal));
}

function ofGithub(environment: Environment): SourceState | undefined {
  const repository = first(environment, ['GITHUB_REPOSITORY']);
  const commit = first(environment, ['GITHUB_SHA']);
  if (repository === undefined || commit === undefined) return undefined;
  const server = (environment['GITHUB_SERVER_URL'] ?? '').trim().replace(/\/+$/, '') || 'https://github.com';
  const ref = first(environment, ['GITHUB_REF']);
  return {
    uri: `git+${server}/${repository.replace(/^\/+/, '')}${ref === undefined ? '' : `@${ref}`}`,
    digest: { gitCommit: commit },
  };
}

function ofGitlab(environment: Environment): SourceState | undefined {
  const project = first(environment, ['CI_PROJECT_URL']);
  const commit = first(environment, ['CI_COMMIT_SHA']);
  if (project === undefined || commit === undefined) return undefined;
  const branch = first(environment, ['CI_COMMIT_REF_NAME']);
  return {
    uri: `git+${project.replace(/\/+$/, '')}${branch === undefined ? '' : `@refs/heads/${branch}`}`,
    digest: { gitCommit: commit },
  };
}

const ENVIRONMENT = Object.fromEntries(
  Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
);

async function ofGit(folder: string, signal: AbortSignal): Promise<SourceState | undefined> {
  const git = async (...args: readonly string[]): Promise<string | undefined> => {
    let said = '';
    try {
      const outcome = await runHostCommand({
        argv: ['git', ...args],
        cwd: folder,
        env: ENVIRONMENT,
        signal,
        onOutput: ({ stream, text }) => {
          if (stream === 'stdout') said += text;
        },
      });
      return outcome.type === 'exited' && outcome.code === 0 && said.trim() !== '' ? said.trim() : undefined;
    } catch {
      // There is no git here.
      return undefined;
    }
  };
  const commit = await git('rev-parse', 'HEAD');
  if (commit === undefined) return undefined;
  const remote = await git('config', '--get', 'remote.origin.url');
  const top = remote === undefined ? await git('rev-parse', '--show-toplevel') : undefined;
  const address = remote ?? (top === undefined ? undefined : pathToFileURL(path.normalize(top)).href);
  if (address === undefined) return undefined;
  const branch = await git('rev-parse', '--abbrev-ref', 'HEAD');
  const suffix = branch === undefined || branch === 'HEAD' ? '' : `@refs/heads/${branch}`;
  return { uri: `git+${withoutUser(address)}${suffix}`, digest: { gitCommit: commit } };
}

/** An address without the name and password that may stand in it. */
function withoutUser(address: string): string {
  if (!address.includes('://') || !URL.canParse(address)) return address;
  const url = new URL(address);
  if (url.username === '' && url.password === '') return address;
  url.username = '';
  url.password = '';
  return url.href;
}
