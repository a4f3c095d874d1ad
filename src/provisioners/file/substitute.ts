import type { Result } from '../../diagnostics/failure.ts';
import { fail, ok } from '../../diagnostics/failure.ts';
import { nearestName } from '../../diagnostics/nearest-name.ts';

const TAG = /\{\{\s*(?:"([^"]*)"|([^}"]*?))\s*\}\}/g;

/**
 * Replaces `{{ name }}` by the variable's value and `{{ "text" }}` by the text itself; nothing else is touched.
 * @param where names the text in messages, e.g. `source motd.tmpl`
 * @returns failures `template-invalid`, one for each unknown name
 */
export function substitute(
  text: string,
  variables: Readonly<Record<string, string | number | boolean>>,
  where: string,
): Result<string> {
  const unknown = new Map<string, number>();
  const filled = text.replace(
    TAG,
    (_tag, literal: string | undefined, name: string | undefined, offset: number) => {
      if (literal !== undefined) return literal;
      if (name !== undefined && Object.hasOwn(variables, name)) return String(variables[name]);
      unknown.set(name ?? '', offset);
      return '';
    },
  );
  if (unknown.size === 0) return ok(filled);
  return fail(
    ...[...unknown].map(([name, offset]) => {
      const close = nearestName(name, Object.keys(variables));
      return {
        reason: 'template-invalid' as const,
        message: `${where}, line ${lineAt(text, offset)}: unknown variable "${name}"`,
        hint:
          close === undefined
            ? `Add "${name}" to \`variables\`, or write {{ "{{" }} for two braces.`
            : `Did you mean "${close}"?`,
      };
    }),
  );
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}
