import { STRING } from '../values/type.ts';
import { type FunctionDefinition, FunctionError, parameter } from './function.ts';

/** A function that would ask a server. Reading a template touches no network, so the call fails with what to do. */
const outside = (names: readonly string[], rest: boolean, hint: string): FunctionDefinition => ({
  parameters: names.map((name) => parameter(name, STRING)),
  ...(rest && { rest: parameter('key', STRING) }),
  returns: STRING,
  call: () => {
    throw new FunctionError(
      `it would read from a server while the template is read, which imgpipe does not do; ${hint}`,
    );
  },
});

const VARIABLE = 'pass the value in a sensitive variable (PKR_VAR_name) instead';

export const EXTERNAL_FUNCTIONS: Readonly<Record<string, FunctionDefinition>> = {
  vault: outside(['path', 'key'], false, VARIABLE),
  consul_key: outside(['key'], false, 'pass the value in a variable (PKR_VAR_name) instead'),
  aws_secretsmanager: outside(['secret'], true, VARIABLE),
  aws_secretsmanager_raw: outside(['secret'], false, VARIABLE),
};
