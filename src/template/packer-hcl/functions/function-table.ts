import { STRING } from '../values/type.ts';
import { stringValue } from '../values/value.ts';
import { BASE64_FUNCTIONS } from './base64.ts';
import { COLLECTION_FUNCTIONS } from './collections.ts';
import { CSV_FUNCTIONS } from './csv.ts';
import { DATE_FUNCTIONS } from './dates.ts';
import { EXTERNAL_FUNCTIONS } from './external.ts';
import { FILE_FUNCTIONS } from './files.ts';
import { FORMAT_FUNCTIONS } from './format.ts';
import { type FunctionTable, parameter, textOf } from './function.ts';
import { HASH_FUNCTIONS } from './hashes.ts';
import { JSON_FUNCTIONS } from './json.ts';
import { NETWORK_FUNCTIONS } from './network.ts';
import { NUMBER_FUNCTIONS } from './numbers.ts';
import { REGEX_FUNCTIONS } from './regexes.ts';
import { SET_FUNCTIONS } from './sets.ts';
import { STRING_FUNCTIONS } from './strings.ts';
import { templateFile } from './template-file.ts';
import { UUID_FUNCTIONS } from './uuids.ts';
import { YAML_FUNCTIONS } from './yaml.ts';

/** Every function a template may call, but `try`, `can` and `convert`, which take expressions and not values. */
export const FUNCTIONS: FunctionTable = new Map(
  Object.entries({
    ...BASE64_FUNCTIONS,
    ...COLLECTION_FUNCTIONS,
    ...CSV_FUNCTIONS,
    ...DATE_FUNCTIONS,
    ...EXTERNAL_FUNCTIONS,
    ...FILE_FUNCTIONS,
    ...FORMAT_FUNCTIONS,
    ...HASH_FUNCTIONS,
    ...JSON_FUNCTIONS,
    ...NETWORK_FUNCTIONS,
    ...NUMBER_FUNCTIONS,
    ...REGEX_FUNCTIONS,
    ...SET_FUNCTIONS,
    ...STRING_FUNCTIONS,
    ...UUID_FUNCTIONS,
    ...YAML_FUNCTIONS,
    templatefile: templateFile(() => FUNCTIONS),
  }),
);

/** The functions of a variable's default: `env` alone. */
export const DEFAULT_FUNCTIONS: FunctionTable = new Map([
  [
    'env',
    {
      parameters: [parameter('key', STRING)],
      returns: STRING,
      call: ([name], world) => stringValue(world.environment[textOf(name)] ?? ''),
    },
  ],
]);
