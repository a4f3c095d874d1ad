import type { KeyInputs } from '../cache/key-inputs.ts';
import type { SourceRange } from '../diagnostics/source-range.ts';
import type { LockedArchive } from '../model/archive.ts';
import type { HostInput } from '../model/host-input.ts';
import { archiveStates } from './archives.ts';
import type { NodeDescription } from './describe.ts';
import type { InputHasher } from './input-digest.ts';
import type { SecretResolver } from './secret-resolver.ts';
import type { ToolVersions } from './tool-versions.ts';

export interface DefinitionContext {
  readonly hasher: InputHasher;
  readonly secrets: SecretResolver;
  readonly tools: ToolVersions;
  /** `imgpipe.lock`: states of package archives by name. */
  readonly lock: ReadonlyMap<string, LockedArchive>;
}

/**
 * The part of a node's key that is known before anything below it: its description with the digests of its host files,
 * the keyed hashes of its secrets, the versions of its tools and the locked state of the archives it installs from.
 * @throws FailureError `input-missing`, `secret-missing`
 */
export function defineNode(
  description: NodeDescription,
  origin: SourceRange,
  context: DefinitionContext,
): KeyInputs {
  const { inputs, hostInputs = [], secrets = [], tools = [], archives } = description;
  return {
    ...inputs,
    inputs: inputDigests(hostInputs, origin, context.hasher),
    secrets: recordOf(secrets.map((name) => [name, context.secrets.keyedHash(name)])),
    tools: recordOf(tools.map((name) => [name, context.tools.version(name)])),
    ...(archives && { archives: archiveStates(archives, context.lock, inputs.kind.startsWith('source:')) }),
  };
}

/**
 * Digests of host files by the option that names them; an option that names several (`cd_files`) has a number from the
 * second on.
 * @throws FailureError `input-missing`
 */
export function inputDigests(
  hostInputs: readonly HostInput[],
  origin: SourceRange,
  hasher: InputHasher,
): Record<string, string> | undefined {
  return recordOf(inputNames(hostInputs).map(([name, input]) => [name, hasher.digest(input, origin)]));
}

/** Names of host inputs in a key, no two of them the same: of two with one name the key would hold the last alone. */
export function inputNames(hostInputs: readonly HostInput[]): (readonly [string, HostInput])[] {
  const used = new Map<string, number>();
  return hostInputs.map((input) => {
    const count = (used.get(input.option) ?? 0) + 1;
    used.set(input.option, count);
    return [count === 1 ? input.option : `${input.option}#${count}`, input] as const;
  });
}

/** Undefined for an empty record, so that an absent and an empty list give one key. */
function recordOf(entries: readonly (readonly [string, string])[]): Record<string, string> | undefined {
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}
