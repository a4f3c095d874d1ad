/** A value of LVM's text form. */
export type LvmValue = number | string | LvmSection | readonly LvmValue[];

/** Fields and sections by their names. */
export interface LvmSection {
  readonly [name: string]: LvmValue;
}

const TOKEN = /\s+|#[^\n]*|"(?:[^"\\]|\\.)*"|[\w.+-]+|[{}[\]=,]/y;

/**
 * Reads LVM's text form, in which it keeps the metadata of volume groups: `name = value`, `name { … }`, lists in brackets.
 * @returns undefined for anything else
 */
export function parseLvmText(text: string): LvmSection | undefined {
  const tokens = tokenize(text);
  if (tokens === undefined) return undefined;
  let at = 0;
  const section = (end: string | undefined): LvmSection | undefined => {
    const fields = new Map<string, LvmValue>();
    for (let name = tokens[at++]; name !== end; name = tokens[at++]) {
      if (name === undefined) return undefined;
      const sign = tokens[at++];
      const value = sign === '{' ? section('}') : sign === '=' ? valueOf() : undefined;
      if (value === undefined) return undefined;
      fields.set(name, value);
    }
    return Object.fromEntries(fields);
  };
  const valueOf = (): LvmValue | undefined => {
    const token = tokens[at++];
    if (token === '[') return list();
    if (token?.startsWith('"') === true) return token.slice(1, -1).replaceAll(/\\(.)/g, '$1');
    return token !== undefined && /^-?\d+$/.test(token) ? Number(token) : undefined;
  };
  const list = (): readonly LvmValue[] | undefined => {
    const values: LvmValue[] = [];
    while (tokens[at] !== ']') {
      if (tokens[at] === ',') at += 1;
      const value = valueOf();
      if (value === undefined) return undefined;
      values.push(value);
    }
    at += 1;
    return values;
  };
  return section(undefined);
}

function tokenize(text: string): string[] | undefined {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const [token] = TOKEN.exec(text) ?? [];
    if (token === undefined) return undefined;
    if (!/^[\s#]/.test(token)) tokens.push(token);
  }
  return tokens;
}

/** A value as a section: without fields when it is none. */
export function asLvmSection(value: LvmValue | undefined): LvmSection {
  return isLvmSection(value) ? value : {};
}

/** A value as a list: without items when it is none. */
export function asLvmList(value: LvmValue | undefined): readonly LvmValue[] {
  return typeof value === 'object' && !isLvmSection(value) ? value : [];
}

export function isLvmSection(value: LvmValue | undefined): value is LvmSection {
  return typeof value === 'object' && !Array.isArray(value);
}
