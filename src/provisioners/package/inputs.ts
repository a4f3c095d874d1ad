import type { HostInput } from '../../model/host-input.ts';
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
