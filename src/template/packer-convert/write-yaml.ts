import type { Document } from 'yaml';
import type { ConvertedTemplate } from './convert.ts';

/** The text of a converted template. @param heading lines of a comment at its head */
export async function writeYaml(converted: ConvertedTemplate, heading: readonly string[]): Promise<string> {
  const yaml = await import('yaml');
  const { pipelines } = converted;
  const [first] = pipelines;
  const alone = pipelines.length === 1;
  const document = new yaml.Document(alone ? first : pipelines, { aliasDuplicateObjects: false });
  for (const { path, text } of converted.comments) {
    const at = alone ? path.slice(1) : path;
    // What stands before the whole is a part of the heading.
    if (at.length > 0) setComment(document, at, text);
  }
  const top = converted.comments.filter(({ path }) => alone && path.length === 1).map(({ text }) => text);
  document.commentBefore = [...heading.map((line) => ` ${line}`), ...top].join('\n');
  return document.toString({ lineWidth: 0, indentSeq: true });
}

function setComment(document: Document, path: readonly (string | number)[], text: string): void {
  const node = document.getIn(path, true);
  if (typeof node !== 'object' || node === null) return;
  const last = path.at(-1);
  const parent = typeof last === 'string' ? document.getIn(path.slice(0, -1), true) : undefined;
  const holder = keyOf(parent, last) ?? node;
  (holder as { commentBefore?: string }).commentBefore = text;
}

/** A comment of a field stands before its name, not between name and value. */
function keyOf(parent: unknown, name: unknown): object | undefined {
  if (typeof parent !== 'object' || parent === null || !('items' in parent)) return undefined;
  const items = parent.items as readonly { readonly key?: unknown }[];
  const key = items.find((item) => {
    const value = item.key;
    return typeof value === 'object' && value !== null && 'value' in value && value.value === name;
  })?.key;
  return typeof key === 'object' && key !== null ? key : undefined;
}
