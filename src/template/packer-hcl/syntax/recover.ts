import { scanToken } from './token.ts';

const OPEN = new Set(['{', '[', '(']);
const CLOSE = new Set(['}', ']', ')']);

/**
 * Where to read on after a problem at `problem` in the item that starts at `start`: the end of the first line at or
 * after the problem on which all brackets of the item are closed, or the brace that ends the body around it.
 */
export function endOfItem(text: string, start: number, problem: number): number {
  let depth = 0;
  let at = start;
  for (;;) {
    const token = scanToken(text, at);
    if (token.kind === 'end') return text.length;
    if (token.kind === 'newline' && depth <= 0 && token.start >= problem) return token.start;
    if (OPEN.has(token.kind)) depth += 1;
    if (CLOSE.has(token.kind)) {
      depth -= 1;
      if (depth < 0 && token.start > start) return token.start;
    }
    at = token.kind === '"' ? endOfString(text, token.end) : token.end;
    if (token.kind === 'heredoc') at = endOfHeredoc(text, token.start, token.end);
  }
}

/** Roughly the end of a quoted string: it never goes past the line. */
function endOfString(text: string, start: number): number {
  let depth = 0;
  let at = start;
  for (; at < text.length; at += 1) {
    const sign = text[at];
    if (sign === '\n') return at;
    if (sign === '\\') at += text[at + 1] === '\n' ? 0 : 1;
    else if ((sign === '$' || sign === '%') && text[at + 1] === '{') depth += 1;
    else if (sign === '}' && depth > 0) depth -= 1;
    else if (sign === '"' && depth === 0) return at + 1;
  }
  return text.length;
}

function endOfHeredoc(text: string, start: number, end: number): number {
  const marker = text.slice(start, end).trim().replace(/^<<-?/, '');
  const pattern = new RegExp(`^[ \\t]*${marker}[ \\t\\r]*$`, 'm');
  const rest = text.indexOf('\n', end);
  const match = rest === -1 ? null : pattern.exec(text.slice(rest));
  return match === null ? end : rest + match.index + match[0].length;
}
