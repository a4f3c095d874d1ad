import { readFile } from 'node:fs/promises';
import type { Result } from '../../diagnostics/failure.ts';
import { capture, FailureError } from '../../diagnostics/failure.ts';
import type { HostInput } from '../../model/host-input.ts';
import type { TreeEntry } from '../../model/tree-entry.ts';
import type { StepContext } from '../provisioner.ts';
import type { ServiceOptions } from '../service.ts';
import { rootLink, textFile } from '../text-file.ts';
import { readInstallSection } from './install-section.ts';

const FOLDER = '/etc/systemd/system';

type UnitContent = ServiceOptions['units'][string];

/** The full name of a unit: a name without ending is a service. */
export const fullName = (unit: string): string =>
  /\.(service|socket|device|mount|automount|swap|target|path|timer|slice|scope)$/.test(unit)
    ? unit
    : `${unit}.service`;

/** The links that enable a unit of this step's own, or undefined when `systemctl` must find them out. */
function ownLinks(unit: string, options: ServiceOptions): readonly TreeEntry[] | undefined {
  const name = fullName(unit);
  const content = options.units[name];
  if (typeof content !== 'string' || name.includes('@')) return undefined;
  const install = readInstallSection(content);
  if (install === undefined) return undefined;
  const target = `${FOLDER}/${name}`;
  return [
    ...install.wantedBy.map((by) => rootLink(`${FOLDER}/${by}.wants/${name}`, target)),
    ...install.requiredBy.map((by) => rootLink(`${FOLDER}/${by}.requires/${name}`, target)),
    ...install.aliases.map((alias) => rootLink(`${FOLDER}/${alias}`, target)),
  ];
}

/** `write` when everything asked for is known from the options alone. */
export function serviceEffect(options: ServiceOptions): 'write' | 'run' {
  const isOwn = options.enable.every((unit) => ownLinks(unit, options) !== undefined);
  return isOwn && options.disable.length === 0 && options.unmask.length === 0 ? 'write' : 'run';
}

/** Host files of a `service` step. */
export function serviceInputs(options: ServiceOptions, context: StepContext): readonly HostInput[] {
  const sources = (field: 'units' | 'dropIns'): readonly HostInput[] =>
    Object.entries(options[field]).flatMap(([unit, content]) =>
      typeof content === 'string'
        ? []
        : [
            {
              path: context.resolvePath(content.source),
              type: 'file',
              option: `${field}.${unit}.source`,
              modes: false,
            },
          ],
    );
  return [...sources('units'), ...sources('dropIns')];
}

/** Unit files, drop-ins, masks and the links of own units. */
export function serviceEntries(
  options: ServiceOptions,
  context: StepContext,
): Promise<Result<readonly TreeEntry[]>> {
  return capture(async () => [
    ...(await writtenFiles(options, context)),
    ...options.mask.map((unit) => rootLink(`${FOLDER}/${fullName(unit)}`, '/dev/null')),
    ...options.enable.flatMap((unit) => ownLinks(unit, options) ?? []),
  ]);
}

/** The unit files and drop-ins alone. @throws FailureError `input-missing` */
export async function writtenFiles(
  options: ServiceOptions,
  context: StepContext,
): Promise<readonly TreeEntry[]> {
  const files: TreeEntry[] = [];
  for (const [unit, content] of Object.entries(options.units)) {
    files.push(textFile(`${FOLDER}/${unit}`, await textOf(content, `units.${unit}`, context)));
  }
  for (const [unit, content] of Object.entries(options.dropIns)) {
    const text = await textOf(content, `dropIns.${unit}`, context);
    files.push(textFile(`${FOLDER}/${fullName(unit)}.d/50-imgpipe.conf`, text));
  }
  return files;
}

async function textOf(content: UnitContent, option: string, context: StepContext): Promise<string> {
  if (typeof content === 'string') return content;
  const path = context.resolvePath(content.source);
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new FailureError({
      reason: 'input-missing',
      message: `${option}.source: ${path} cannot be read`,
      cause,
    });
  }
}
