/** os-release(5): shell-like assignments. */
export function parseOsRelease(text: string): Record<string, string> {
  const assignments = text.split('\n').map((line) => /^([A-Z0-9_]+)=(.*)$/.exec(line.trim()));
  return Object.fromEntries(
    assignments.flatMap((match) => (match === null ? [] : [[match[1] ?? '', unquote(match[2] ?? '')]])),
  );
}

function unquote(value: string): string {
  const inner = /^(["'])(.*)\1$/.exec(value)?.[2] ?? value;
  return inner.replace(/\\(.)/g, '$1');
}
