/** An element, already written. */
export type XmlNode = readonly string[];

/** An element of other elements. */
export function element(
  name: string,
  attributes: Readonly<Record<string, string | number>>,
  ...children: readonly XmlNode[]
): XmlNode {
  const open = `<${[name, ...written(attributes)].join('')}`;
  if (children.length === 0) return [`${open}/>`];
  return [`${open}>`, ...children.flat().map((line) => `  ${line}`), `</${name}>`];
}

/** An element of text. */
export function text(
  name: string,
  content: string,
  attributes: Readonly<Record<string, string>> = {},
): XmlNode {
  return [`<${[name, ...written(attributes)].join('')}>${escape(content)}</${name}>`];
}

function written(attributes: Readonly<Record<string, string | number>>): string[] {
  return Object.entries(attributes).map(([key, value]) => ` ${key}="${escape(String(value))}"`);
}

export function xmlDocument(root: XmlNode): string {
  return ['<?xml version="1.0" encoding="UTF-8"?>', ...root, ''].join('\n');
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Text in which XML sees no mark-up; characters that XML 1.0 does not have are left out. Lines end in a reference, so that indentation does not get in. */
function escape(value: string): string {
  return (
    value
      // oxlint-disable-next-line no-control-regex
      .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '')
      .replaceAll(/[&<>"]/g, (char) => ENTITIES[char] ?? char)
      .replaceAll(/[\n\r\t]/g, (char) => `&#${char.charCodeAt(0)};`)
  );
}
