/**
 * The closed table of expected failures: one row each, with what it means and the exit code a command ends with.
 * Exit codes: 1 build failed, 2 template or usage, 130 aborted by the user.
 */
export const FAILURE_REASONS = {
  usage: { exitCode: 2, summary: 'The command line is not understood.' },
  'config-invalid': {
    exitCode: 2,
    summary: 'The project config cannot be read or does not match its schema.',
  },
  'template-not-found': { exitCode: 2, summary: 'No template, pipeline, step or export of that name.' },
  'template-syntax': { exitCode: 2, summary: 'A template file is not valid YAML, JSON or TypeScript.' },
  'template-invalid': { exitCode: 2, summary: 'A template has a value of the wrong type or form.' },
  'unknown-kind': {
    exitCode: 2,
    summary: 'A step, source, export or check names a type that does not exist.',
  },
  'unknown-option': { exitCode: 2, summary: 'An option does not exist for its kind.' },
  'duplicate-name': { exitCode: 2, summary: 'Two things that must differ have one name.' },
  'variable-missing': { exitCode: 2, summary: 'A variable without default has no value.' },
  'variable-invalid': { exitCode: 2, summary: 'A variable value has the wrong type or breaks a validation.' },
  'variable-unknown': { exitCode: 2, summary: 'A reference or flag names a variable that is not declared.' },
  'dependency-cycle': { exitCode: 2, summary: 'Steps or pipelines need each other in a circle.' },
  'input-missing': { exitCode: 2, summary: 'A file that a step reads does not exist or cannot be read.' },
  'lock-invalid': { exitCode: 2, summary: 'The file imgpipe.lock cannot be read.' },
  'input-changed': { exitCode: 1, summary: 'A file was changed while a step read it.' },
  'secret-missing': { exitCode: 2, summary: 'A declared secret has no value.' },
  'secret-leak': { exitCode: 1, summary: 'A secret would have ended in a layer.' },
  'tool-missing': { exitCode: 1, summary: 'A program that imgpipe calls is not installed.' },
  'permission-denied': { exitCode: 1, summary: 'The operating system refused an operation.' },
  'disk-full': { exitCode: 1, summary: 'No space is left where imgpipe writes.' },
  'storage-failed': { exitCode: 1, summary: 'A disk or file system could not read or write.' },
  'store-invalid': { exitCode: 1, summary: 'The cache folder is of another format or is not a cache.' },
  'store-busy': { exitCode: 1, summary: 'Another process holds what this one needs.' },
  'source-failed': { exitCode: 1, summary: 'A source could not be made (bootstrap, import).' },
  'step-failed': { exitCode: 1, summary: 'A step ran and failed.' },
  'step-timeout': { exitCode: 1, summary: 'A step ran longer than its timeout.' },
  'archive-failed': { exitCode: 1, summary: 'The state of a package archive could not be looked up.' },
  'archive-moved': {
    exitCode: 1,
    summary:
      'A package archive is no longer in the state that imgpipe.lock names, and that state is not kept here.',
  },
  'package-failed': { exitCode: 1, summary: 'The package manager could not do what was asked.' },
  'layer-conflict': { exitCode: 1, summary: 'Two steps that do not see each other change the same path.' },
  'disk-failed': { exitCode: 1, summary: 'The disk image could not be built.' },
  'image-too-large': { exitCode: 1, summary: 'The files do not fit the disk size asked for.' },
  'export-failed': { exitCode: 1, summary: 'An exporter failed.' },
  'post-failed': { exitCode: 1, summary: 'A post-processor failed.' },
  'verify-failed': {
    exitCode: 1,
    summary: 'A file is not what its digest, provenance or signature says.',
  },
  'check-failed': { exitCode: 1, summary: 'A check of the finished image failed.' },
  'communicator-failed': { exitCode: 1, summary: 'The machine could not be reached.' },
  aborted: { exitCode: 130, summary: 'The user stopped the run.' },
  internal: { exitCode: 1, summary: 'A bug in imgpipe.' },
} as const satisfies Record<string, { exitCode: number; summary: string }>;

export type FailureReason = keyof typeof FAILURE_REASONS;

/** The exit code of a command that ended with these failures: usage errors only count when nothing else failed. */
export function exitCodeOf(reasons: readonly FailureReason[]): number {
  const codes = reasons.map((reason) => FAILURE_REASONS[reason].exitCode);
  if (codes.includes(130)) return 130;
  if (codes.includes(1)) return 1;
  return codes[0] ?? 0;
}
