import type { BuildUi, UiOptions } from './build-ui.ts';

export const UI_NAMES = ['auto', 'ink', 'plain', 'json'] as const;
export type UiName = (typeof UI_NAMES)[number];

/** What `auto` means here: the live view on a terminal that can move its cursor, lines everywhere else. */
export function resolveUi(
  name: UiName,
  stderr: { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>>,
): Exclude<UiName, 'auto'> {
  const dumb = stderr.isTTY !== true || env['TERM'] === 'dumb';
  // A pipe cannot be drawn on, whatever was asked for.
  if (name === 'ink') return stderr.isTTY === true ? 'ink' : 'plain';
  if (name !== 'auto') return name;
  const ci = env['CI'] !== undefined && env['CI'] !== '' && env['CI'] !== 'false' && env['CI'] !== '0';
  return dumb || ci ? 'plain' : 'ink';
}

/** The user interface of that name. Each is loaded only when it is used. */
export async function createUi(name: Exclude<UiName, 'auto'>, options: UiOptions): Promise<BuildUi> {
  switch (name) {
    case 'ink': {
      const { createInkUi } = await import('./ink/ink-ui.ts');
      return createInkUi({ ...options, stderr: options.stderr as NodeJS.WriteStream });
    }
    case 'plain': {
      const { createPlainUi } = await import('./plain/plain-ui.ts');
      return createPlainUi(options);
    }
    case 'json': {
      const { createJsonUi } = await import('./json-ui.ts');
      return createJsonUi(options);
    }
  }
}
