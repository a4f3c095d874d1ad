import { readFile } from 'node:fs/promises';
import type { Machine } from '../../builders/machine.ts';
import { capture, FailureError, unwrap, type Result } from '../../diagnostics/failure.ts';
import type { PackageOptions } from '../package.ts';
import type { StepRunContext } from '../provisioner.ts';
import { armoured } from './armour.ts';
import { managerFor } from './managers.ts';
import type { PackageRequest, Repository, WantedPackage } from './package-manager.ts';

/** Runs a `package` step. Fails with `package-failed` or `input-missing`. */
export function runPackageStep(
  options: PackageOptions,
  machine: Machine,
  context: StepRunContext,
): Promise<Result<void>> {
  return capture(async () => {
    const manager = unwrap(await managerFor(options.manager, machine));
    const { manager: _, repositories, install, targetRelease, ...same } = options;
    const request: PackageRequest = {
      ...same,
      install: install.map(wantedPackage),
      repositories: await Promise.all(repositories.map((one) => withKey(one, context))),
      ...(targetRelease === undefined ? {} : { targetRelease }),
    };
    unwrap(await manager.apply(request, machine, context));
  });
}

/** `name=version` taken apart; the version is everything after the first equals sign. */
export function wantedPackage(wanted: PackageOptions['install'][number]): WantedPackage {
  if (typeof wanted !== 'string') {
    return wanted.version === undefined
      ? { name: wanted.name }
      : { name: wanted.name, version: wanted.version };
  }
  const equals = wanted.indexOf('=');
  return equals < 0 ? { name: wanted } : { name: wanted.slice(0, equals), version: wanted.slice(equals + 1) };
}

async function withKey(
  repository: PackageOptions['repositories'][number],
  context: StepRunContext,
): Promise<Repository> {
  const { key, architectures, keyring, ...rest } = repository;
  const result = {
    ...rest,
    ...(architectures === undefined ? {} : { architectures }),
    ...(keyring === undefined ? {} : { keyring }),
  };
  if (key === undefined) return result;
  const path = context.resolvePath(key);
  try {
    return { ...result, key: armoured(await readFile(path)) };
  } catch (cause) {
    if (cause instanceof FailureError) throw cause;
    throw new FailureError({
      reason: 'input-missing',
      message: `repositories: the key ${path} cannot be read`,
      cause,
    });
  }
}
