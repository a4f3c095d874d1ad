import { fail, ok, type Result } from '../../diagnostics/failure.ts';
import type { Machine } from '../../builders/machine.ts';
import { aptManager } from './apt.ts';
import type { ManagerName } from './manager-names.ts';
import type { PackageManager } from './package-manager.ts';

/** All drivers: one row each. */
export const PACKAGE_MANAGERS: readonly PackageManager[] = [aptManager];

/** The driver that was asked for, or that of the machine's distribution. Fails with `package-failed`. */
export async function managerFor(
  asked: ManagerName | 'auto',
  machine: Machine,
): Promise<Result<PackageManager>> {
  if (asked !== 'auto') {
    const manager = PACKAGE_MANAGERS.find((candidate) => candidate.name === asked);
    if (manager !== undefined) return ok(manager);
  }
  const release = await machine.osRelease();
  const ids = `${release['ID'] ?? ''} ${release['ID_LIKE'] ?? ''}`.split(/\s+/).filter((id) => id !== '');
  const manager = PACKAGE_MANAGERS.find((candidate) =>
    ids.some((id) => candidate.distributions.includes(id)),
  );
  if (manager !== undefined) return ok(manager);
  const known = PACKAGE_MANAGERS.map((candidate) => candidate.name).join(', ');
  return fail({
    reason: 'package-failed',
    message:
      ids.length === 0
        ? 'the image has no /etc/os-release, so its package manager is not known'
        : `no package manager is known for the distribution "${ids[0]}"`,
    hint: `Set \`manager\` to one of: ${known}.`,
  });
}
