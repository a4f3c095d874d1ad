import type { Machine } from '../../builders/machine.ts';
import type { Result } from '../../diagnostics/failure.ts';
import type { StepRunContext } from '../provisioner.ts';
import type { ManagerName } from './manager-names.ts';

/** A package to install; without version the one that the archives and preferences lead to. */
export interface WantedPackage {
  readonly name: string;
  readonly version?: string;
}

/** A further archive. */
export interface Repository {
  /** Stem of file names under /etc. */
  readonly name: string;
  readonly uris: readonly string[];
  readonly suites: readonly string[];
  readonly components: readonly string[];
  readonly architectures?: readonly string[];
  /** Public key as OpenPGP ASCII armour, to be put into the image. */
  readonly key?: string;
  /** Keyring that is in the image already. */
  readonly keyring?: string;
}

/** What a `package` step asks for, without a word of any one package manager where that can be. */
export interface PackageRequest {
  readonly install: readonly WantedPackage[];
  readonly remove: readonly string[];
  readonly purge: readonly string[];
  readonly autoremove: boolean;
  readonly upgrade: boolean;
  /** Refresh the index first. */
  readonly update: boolean;
  readonly recommends: boolean;
  readonly targetRelease?: string;
  readonly hold: readonly string[];
  readonly repositories: readonly Repository[];
  readonly preferences: readonly {
    readonly package: string;
    readonly pin: string;
    readonly priority: number;
  }[];
  readonly debconf: readonly {
    readonly package: string;
    readonly question: string;
    readonly type: string;
    readonly value: string;
  }[];
}

/**
 * Driver of one package manager. It works in the machine with the machine's own programs, keeps downloads in a cache
 * mount that never enters the layer, and leaves nothing behind that differs between equal runs.
 *
 * A driver that does not know a part of the request (debconf outside of Debian) fails with `template-invalid`.
 */
export interface PackageManager {
  readonly name: ManagerName;
  /** Values of ID or ID_LIKE in /etc/os-release that it serves. */
  readonly distributions: readonly string[];
  /** Carries out the request, index update first. Fails with `package-failed`. */
  readonly apply: (
    request: PackageRequest,
    machine: Machine,
    context: StepRunContext,
  ) => Promise<Result<void>>;
}
