import type { Failure, Result } from '../../../diagnostics/failure.ts';
import type { Attribute, Block, Body, BodyItem, Expression, Label } from './ast.ts';
import {
  type JsonMember,
  type JsonNode,
  type JsonString,
  jsonStringOffsets,
  parseJsonText,
} from './json-text.ts';
import { type ParsedFile, parseTemplateText } from './parse-file.ts';
import { SourceText, type Span, decodeSource } from './source-text.ts';

/** The blocks of a body: how many labels each has and which blocks may stand in it. */
export interface BlockShape {
  readonly labels: number;
  /** Left out: every property of the block is an attribute. */
  readonly blocks?: BlockShapes;
}
export type BlockShapes = { readonly [name: string]: BlockShape };

/** `dynamic "x" { content { … } }`, where blocks of a component or of a build may stand. */
const dynamic = (inside: () => BlockShapes): BlockShape => ({
  labels: 1,
  get blocks() {
    return { content: { labels: 0, blocks: inside() } };
  },
});
const COMPONENT: BlockShapes = { dynamic: dynamic(() => COMPONENT) };
const STEP: BlockShape = { labels: 1, blocks: COMPONENT };
const CHAIN: BlockShapes = { 'post-processor': STEP, dynamic: dynamic(() => CHAIN) };
const BUILD: BlockShapes = {
  dynamic: dynamic(() => CHAIN),
  source: STEP,
  provisioner: STEP,
  'error-cleanup-provisioner': STEP,
  'post-processor': STEP,
  'post-processors': { labels: 0, blocks: CHAIN },
  hcp_packer_registry: { labels: 0 },
};

/** The blocks of a template; what a component's own body holds are attributes until its decoder says more. */
export const TEMPLATE_BLOCKS: BlockShapes = {
  packer: { labels: 0, blocks: { required_plugins: { labels: 0 } } },
  variable: { labels: 1, blocks: { validation: { labels: 0 } } },
  variables: { labels: 0 },
  local: { labels: 1 },
  locals: { labels: 0 },
  source: { labels: 2, blocks: COMPONENT },
  data: { labels: 2 },
  build: { labels: 0, blocks: BUILD },
  hcp_packer_registry: { labels: 0 },
  communicator: { labels: 2 },
};

export interface JsonOptions {
  readonly blocks: BlockShapes;
  /** Files of variable values: strings are plain text, not templates. */
  readonly literalStrings?: boolean;
}

/**
 * Reads a file of the JSON form to the same tree as the native form: an object of a block's name holds its labels
 * and bodies, an array repeats it, a string is a template, "//" is a comment. HCL JSON syntax specification.
 */
export function parseJsonFile(name: string, content: Uint8Array | string, options: JsonOptions): ParsedFile {
  const decoded: Result<SourceText> =
    typeof content === 'string'
      ? { ok: true, value: new SourceText(name, content) }
      : decodeSource(name, content);
  if (!decoded.ok) return { source: new SourceText(name, ''), file: undefined, failures: decoded.failures };
  const source = decoded.value;
  const root = parseJsonText(source);
  if (!root.ok) return { source, file: undefined, failures: root.failures };
  const reader = new Reader(options.literalStrings === true);
  const body = reader.body(root.value, options.blocks);
  return { source, file: { file: name, body }, failures: reader.failures };
}

class Reader {
  readonly failures: Failure[] = [];
  readonly #literalStrings: boolean;

  constructor(literalStrings: boolean) {
    this.#literalStrings = literalStrings;
  }

  body(node: JsonNode, shapes: BlockShapes): Body {
    const items: BodyItem[] = [];
    const attributes = new Map<string, Attribute>();
    for (const object of this.#objects(node)) {
      for (const member of object.members) {
        const shape = Object.hasOwn(shapes, member.key.value) ? shapes[member.key.value] : undefined;
        if (shape !== undefined) this.#blocks(member, member.value, shape, [], items);
        else if (member.key.value !== '//') items.push(this.#attribute(member, attributes));
      }
    }
    return { span: node.span, items };
  }

  #attribute(member: JsonMember, attributes: Map<string, Attribute>): Attribute {
    const { key } = member;
    const earlier = attributes.get(key.value);
    if (earlier !== undefined) {
      const related = [{ message: 'It was first set here.', range: earlier.nameSpan.range }];
      this.#report(`Attribute redefined: the argument "${key.value}" was already set.`, key.span, related);
    }
    const attribute: Attribute = {
      type: 'attribute',
      span: key.span.to(member.value.span),
      name: key.value,
      nameSpan: key.span,
      value: this.expression(member.value),
    };
    attributes.set(key.value, attribute);
    return attribute;
  }

  #blocks(
    member: JsonMember,
    node: JsonNode,
    shape: BlockShape,
    labels: readonly Label[],
    into: BodyItem[],
  ): void {
    if (node.type === 'keyword' && node.value === null) return;
    for (const object of this.#objects(node)) {
      if (labels.length === shape.labels) {
        into.push(this.#block(member, object, shape, labels));
        continue;
      }
      for (const { key, value } of object.members) {
        if (key.value === '//') continue;
        this.#blocks(member, value, shape, [...labels, { span: key.span, value: key.value }], into);
      }
    }
  }

  #block(member: JsonMember, node: JsonNode, shape: BlockShape, labels: readonly Label[]): Block {
    return {
      type: 'block',
      span: node.span,
      name: member.key.value,
      nameSpan: member.key.span,
      labels,
      headerSpan: labels.at(-1)?.span ?? member.key.span,
      body: this.body(node, shape.blocks ?? {}),
    };
  }

  /** An object, or the objects of an array. */
  #objects(node: JsonNode): (JsonNode & { type: 'object' })[] {
    if (node.type === 'object') return [node];
    if (node.type === 'array') return node.items.flatMap((item) => this.#objects(item));
    this.#report(
      'Incorrect JSON value type: an object is required here, to define arguments and blocks.',
      node.span,
    );
    return [];
  }

  expression(node: JsonNode): Expression {
    const { span } = node;
    switch (node.type) {
      case 'number':
        return { type: 'number', span, text: node.text };
      case 'keyword':
        return { type: 'keyword', span, value: node.value };
      case 'string':
        return this.#string(node);
      case 'array':
        return { type: 'tuple', span, items: node.items.map((item) => this.expression(item)) };
      case 'object':
        return {
          type: 'object',
          span,
          items: node.members
            .filter((member) => member.key.value !== '//')
            .map(({ key, value }) => ({
              key: this.#string(key),
              bareKey: undefined,
              value: this.expression(value),
            })),
        };
    }
  }

  #string(node: JsonString): Expression {
    const { span } = node;
    const literal: Expression = {
      type: 'template',
      span,
      form: 'quoted',
      parts: node.value === '' ? [] : [{ type: 'text', span, value: node.value }],
    };
    if (this.#literalStrings || !/[$%]\{/.test(node.value)) return literal;
    const inner = new SourceText(span.source.file, node.value, {
      source: span.source,
      offsetOf: jsonStringOffsets(node),
    });
    const parsed = parseTemplateText(inner);
    if (parsed.ok) return parsed.value;
    this.failures.push(...parsed.failures);
    return literal;
  }

  #report(message: string, span: Span, related?: Failure['related']): void {
    this.failures.push({
      reason: 'template-syntax',
      message,
      origin: span.range,
      ...(related && { related }),
    });
  }
}
