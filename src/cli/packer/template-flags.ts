import type { ParsedFlags } from './flags.ts';
import type { FlagTable } from './flags.ts';

/** Flags of every command that reads a template. */
export const TEMPLATE_FLAGS: FlagTable = {
  only: 'names',
  except: 'names',
  var: 'pairs',
  'var-file': 'each',
  'config-type': ['json', 'hcl2'],
  'use-sequential-evaluation': 'switch',
};

export interface TemplateFlags {
  readonly path: string | undefined;
  readonly only: readonly string[];
  readonly except: readonly string[];
  /** The last one of a name counts. */
  readonly variables: readonly (readonly [name: string, text: string])[];
  readonly variableFiles: readonly string[];
  readonly configType: 'json' | 'hcl2';
  /** `-use-sequential-evaluation`: the order of old versions of Packer. */
  readonly sequential: boolean;
}

export function templateFlags(flags: ParsedFlags, path: string | undefined): TemplateFlags {
  const variables = new Map(
    (flags.lists.get('var') ?? []).map((pair) => {
      const equals = pair.indexOf('=');
      return [pair.slice(0, equals), pair.slice(equals + 1)] as const;
    }),
  );
  return {
    path,
    only: namesOf(flags, 'only'),
    except: namesOf(flags, 'except'),
    variables: [...variables],
    variableFiles: flags.lists.get('var-file') ?? [],
    sequential: flags.switches.get('use-sequential-evaluation') === true,
    configType: flags.lists.get('config-type')?.[0] === 'hcl2' ? 'hcl2' : 'json',
  };
}

/** `-except=` names nothing. */
const namesOf = (flags: ParsedFlags, name: string): string[] =>
  (flags.lists.get(name) ?? []).filter((word) => word !== '');
