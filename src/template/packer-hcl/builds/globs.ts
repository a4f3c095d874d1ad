/**
 * A pattern of `-only` and `-except`: `*` is any text, dots included, `?` one character, `[a-z]` one of a class,
 * `{a,b}` one of several. Never backtracks over more than one star at a time.
 */
export function matchesGlob(pattern: string, name: string): boolean {
  return alternativesOf(pattern).some((alternative) => matches(alternative, name));
}

function alternativesOf(pattern: string): string[] {
  const found = /^([^{}]*)\{([^{}]*)\}(.*)$/s.exec(pattern);
  if (found === null) return [pattern];
  const [, before = '', inside = '', after = ''] = found;
  return inside.split(',').flatMap((part) => alternativesOf(`${before}${part}${after}`).slice(0, 1000));
}

function matches(pattern: string, name: string): boolean {
  const pieces = pattern.split(/\*+/).map(toPiece);
  const [first, ...others] = pieces;
  if (first === undefined) return name === '';
  const last = others.pop();
  if (last === undefined) return first.length === name.length && first.test(name, 0);
  if (!first.test(name, 0)) return false;
  let at = first.length;
  for (const piece of others) {
    while (at + piece.length <= name.length && !piece.test(name, at)) at += 1;
    if (at + piece.length > name.length) return false;
    at += piece.length;
  }
  const tail = name.length - last.length;
  return tail >= at && last.test(name, tail);
}

interface Piece {
  readonly length: number;
  test(name: string, at: number): boolean;
}

type Place = (character: string) => boolean;

function toPiece(text: string): Piece {
  const places: Place[] = [];
  for (const [token] of text.matchAll(/\[!?[^\]]+\]|\\.|./gsu)) places.push(toPlace(token));
  return {
    length: places.length,
    test: (name, at) =>
      at + places.length <= name.length && places.every((place, index) => place(name[at + index] ?? '')),
  };
}

function toPlace(token: string): Place {
  if (token === '?') return () => true;
  if (token.length > 1 && token.startsWith('\\')) return (character) => character === token[1];
  if (token.length < 3 || !token.startsWith('[')) return (character) => character === token;
  const negated = token[1] === '!';
  const members = token.slice(negated ? 2 : 1, -1);
  const range = /^(.)-(.)$/s.exec(members);
  return (character) => {
    const inside =
      range === null
        ? members.includes(character)
        : character >= (range[1] ?? '') && character <= (range[2] ?? '');
    return inside !== negated;
  };
}
