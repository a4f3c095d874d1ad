import type { BuildFields } from './build-fields.ts';

export interface VariableOptions extends BuildFields {
  readonly environment_vars?: readonly string[] | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
}

/** Facts of the machine's HTTP server and the variables that tell scripts of it. */
const HTTP_VARIABLES = {
  PACKER_HTTP_ADDR: 'PackerHTTPAddr',
  PACKER_HTTP_IP: 'PackerHTTPIP',
  PACKER_HTTP_PORT: 'PackerHTTPPort',
};

/**
 * The environment of a script in the order of its names, each variable in the form of `format` (`%s='%s' `). `escape`
 * is for values that the user gives; `env` wins over `environment_vars`.
 */
export function flattenVariables(
  options: VariableOptions,
  facts: Readonly<Record<string, string>>,
  format: string,
  escape: (value: string) => string,
): string {
  const variables = new Map<string, string>([
    ['PACKER_BUILD_NAME', options.packer_build_name],
    ['PACKER_BUILDER_TYPE', options.packer_builder_type],
  ]);
  for (const [variable, fact] of Object.entries(HTTP_VARIABLES)) {
    const value = facts[fact];
    if (value !== undefined) variables.set(variable, value);
  }
  for (const variable of options.environment_vars ?? []) {
    const at = variable.indexOf('=');
    variables.set(variable.slice(0, at), escape(variable.slice(at + 1)));
  }
  for (const [name, value] of Object.entries(options.env ?? {})) variables.set(name, escape(value));
  return [...variables.keys()]
    .toSorted()
    .map((name) => goFormat(format, [name, variables.get(name) ?? '']))
    .join('');
}

/** A value between single quotes of a POSIX shell. */
export const escapeQuote = (value: string): string => value.replaceAll("'", `'"'"'`);

/** A value between double quotes of PowerShell. */
export const escapePowershell = (value: string): string => value.replaceAll(/[$"`']/g, (sign) => `\`${sign}`);

/** Go's Sprintf as far as `env_var_format` goes: texts by `%s`, `%v`, `%q`, by number (`%[2]s`), and `%%`. */
export function goFormat(format: string, values: readonly string[]): string {
  let next = 0;
  let last = 0;
  const text = format.replaceAll(
    /%(?:\[(\d+)\])?([svq%])/g,
    (_whole, index: string | undefined, verb: string) => {
      if (verb === '%') return '%';
      if (index !== undefined) next = Number(index) - 1;
      const value = values[next];
      next += 1;
      last = Math.max(last, next);
      if (value === undefined) return `%!${verb}(MISSING)`;
      return verb === 'q' ? JSON.stringify(value) : value;
    },
  );
  const extra = values.slice(last).map((value) => `string=${value}`);
  return extra.length === 0 || format.includes('%[') ? text : `${text}%!(EXTRA ${extra.join(', ')})`;
}
