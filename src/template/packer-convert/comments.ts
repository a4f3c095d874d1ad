import type { SourceRange } from '../../diagnostics/source-range.ts';

/** Gives the comment lines that stand right above a place, without their marks; undefined when there are none. */
export type CommentsOf = (origin: SourceRange) => string | undefined;

/** Finds comments in the texts of HCL files. @param read text of a file, or undefined */
export function commentFinder(read: (file: string) => string | undefined): CommentsOf {
  const files = new Map<string, readonly string[]>();
  return ({ file, line }) => {
    if (!file.endsWith('.hcl')) return undefined;
    const lines = files.get(file) ?? read(file)?.split(/\r?\n/) ?? [];
    files.set(file, lines);
    const found: string[] = [];
    for (let at = line - 2; at >= 0; at -= 1) {
      const comment = /^\s*(?:#|\/\/) ?(.*)$/.exec(lines[at] ?? '');
      if (comment === null) break;
      found.unshift(comment[1] ?? '');
    }
    return found.length === 0 ? undefined : found.map((text) => ` ${text}`).join('\n');
  };
}
