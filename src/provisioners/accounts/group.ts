import type { Machine } from '../../builders/machine.ts';
import { capture, unwrap, type Result } from '../../diagnostics/failure.ts';
import type { GroupOptions } from '../group.ts';
import type { StepRunContext } from '../provisioner.ts';
import { readGroups } from './account-files.ts';
import { runTool } from './run-tool.ts';

/** Makes, changes or deletes a group. Fails with `step-failed`. */
export function runGroupStep(
  options: GroupOptions,
  machine: Machine,
  context: StepRunContext,
): Promise<Result<void>> {
  return capture(async () => {
    const gid = (await readGroups(machine)).get(options.group);
    if (options.remove) {
      if (gid !== undefined) unwrap(await runTool(machine, ['groupdel', options.group]));
      return;
    }
    const wanted = options.gid === undefined ? [] : ['--gid', String(options.gid)];
    if (gid === undefined) {
      unwrap(
        await runTool(machine, [
          'groupadd',
          ...(options.system ? ['--system'] : []),
          ...wanted,
          options.group,
        ]),
      );
    } else if (options.gid !== undefined && options.gid !== gid) {
      unwrap(await runTool(machine, ['groupmod', ...wanted, options.group]));
    } else context.log(`the group ${options.group} exists already`);
    for (const member of options.members) {
      unwrap(await runTool(machine, ['gpasswd', '--add', member, options.group]));
    }
  });
}
