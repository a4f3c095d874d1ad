import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { STRING } from '../values/type.ts';
import { stringValue } from '../values/value.ts';
import { type FunctionDefinition, FunctionError, parameter, textOf } from './function.ts';

/** The name spaces of RFC 4122, appendix C. */
const NAMESPACES: Readonly<Record<string, string>> = {
  dns: '6ba7b810-9dad-11d1-80b4-00c04fd430c8',
  url: '6ba7b811-9dad-11d1-80b4-00c04fd430c8',
  oid: '6ba7b812-9dad-11d1-80b4-00c04fd430c8',
  x500: '6ba7b814-9dad-11d1-80b4-00c04fd430c8',
};

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

function layout(bytes: Uint8Array, version: number): string {
  const data = Buffer.from(bytes.subarray(0, 16));
  data[6] = ((data[6] ?? 0) & 0x0f) | (version << 4);
  data[8] = ((data[8] ?? 0) & 0x3f) | 0x80;
  return data.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function nameBased(namespace: string, name: string): string {
  const known = Object.hasOwn(NAMESPACES, namespace) ? NAMESPACES[namespace] : undefined;
  const uuid = known ?? namespace.replace(/^urn:uuid:/i, '').replace(/^\{(.*)\}$/, '$1');
  if (!UUID.test(uuid)) {
    throw new FunctionError(
      `${JSON.stringify(namespace)} is not a name space: use "dns", "url", "oid", "x500" or a UUID`,
      0,
    );
  }
  const hash = createHash('sha1')
    .update(Buffer.from(uuid.replaceAll('-', ''), 'hex'))
    .update(name, 'utf8');
  return layout(hash.digest(), 5);
}

export const UUID_FUNCTIONS: Readonly<Record<string, FunctionDefinition>> = {
  uuidv4: {
    parameters: [],
    returns: STRING,
    call: (_, world) => stringValue(layout(world.randomBytes(16), 4)),
  },
  uuidv5: {
    parameters: [parameter('namespace', STRING), parameter('name', STRING)],
    returns: STRING,
    call: ([namespace, name]) => stringValue(nameBased(textOf(namespace), textOf(name))),
  },
};
