import type { ArchiveReference } from '../../model/archive.ts';
import type { HostInput } from '../../model/host-input.ts';
import { archivesAt } from '../../sources/bootstrap/references.ts';
import type { PackageOptions } from '../package.ts';
import type { StepContext } from '../provisioner.ts';

/** Host files of a `package` step: the keys of its repositories. */
export function packageInputs(options: PackageOptions, context: StepContext): readonly HostInput[] {
  return options.repositories.flatMap((repository, index) =>
    repository.key === undefined
      ? []
      : [
          {
            path: context.resolvePath(repository.key),
            type: 'file' as const,
            option: `repositories[${index}].key`,
            modes: false,
          },
        ],
  );
}

/** The archives that a `package` step adds. */
export function packageArchives(
  { repositories }: PackageOptions,
  { architecture }: StepContext,
): readonly ArchiveReference[] {
  return repositories.map((repository) => archivesAt([repository], architecture));
}

/** Whether the index matters: removing and holding need none. */
export function installsFromArchive(
  options: Pick<PackageOptions, 'update' | 'upgrade'> & { readonly install: readonly unknown[] },
): boolean {
  return options.update && (options.upgrade || options.install.length > 0);
}

/** The list of a step that only adds packages: taking some away, or newer ones of all, must see the whole. */
export function growingList(options: PackageOptions): readonly unknown[] | undefined {
  const { install, remove, purge, hold, autoremove, upgrade } = options;
  const adds = install.length > 1 && [remove, purge, hold].every((list) => list.length === 0);
  return adds && !autoremove && !upgrade ? install : undefined;
}
