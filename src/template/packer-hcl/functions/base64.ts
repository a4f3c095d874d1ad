import { Buffer, isUtf8 } from 'node:buffer';
import { constants, deflateRawSync, crc32 } from 'node:zlib';
import iconv from 'iconv-lite';
import { STRING } from '../values/type.ts';
import { stringValue } from '../values/value.ts';
import { type FunctionDefinition, FunctionError, parameter, textOf } from './function.ts';

const STR = parameter('str', STRING);

/** The bytes of a base64 text. Throws `FunctionError` for anything else; padding is required. */
function fromBase64(text: string): Buffer {
  const compact = text.replace(/[\r\n]/g, '');
  if (compact.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(compact)) {
    throw new FunctionError('the text is not valid base64', 0);
  }
  return Buffer.from(compact, 'base64');
}

/** A gzip stream as Go writes it: no time, unknown system, a sync flush before the empty last block. */
function gzip(bytes: Buffer): Buffer {
  const header = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
  const body =
    bytes.length === 0 ? EMPTY_FLUSH : deflateRawSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH });
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc32(bytes), 0);
  trailer.writeUInt32LE(bytes.length % 2 ** 32, 4);
  return Buffer.concat([header, body, LAST_BLOCK, trailer]);
}

const EMPTY_FLUSH = Buffer.from([0, 0, 0, 0xff, 0xff]);
const LAST_BLOCK = Buffer.from([1, 0, 0, 0xff, 0xff]);

function checkEncoding(name: string): string {
  if (!iconv.encodingExists(name))
    throw new FunctionError(`${JSON.stringify(name)} is not a supported encoding`, 1);
  return name;
}

/** Percent-encoding of a query: letters, digits and `-_.~` stay, a blank becomes `+`. */
export function urlEncode(text: string): string {
  return Buffer.from(text, 'utf8')
    .toString('latin1')
    .replace(/[^A-Za-z0-9\-_.~]/g, (byte) =>
      byte === ' ' ? '+' : `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
    );
}

const encoding = (change: (text: string) => string): FunctionDefinition => ({
  parameters: [STR],
  returns: STRING,
  call: ([text]) => stringValue(change(textOf(text))),
});

const withEncoding = (first: string, change: (text: string, name: string) => string): FunctionDefinition => ({
  parameters: [parameter(first, STRING), parameter('encoding', STRING)],
  returns: STRING,
  call: ([text, name]) => stringValue(change(textOf(text), checkEncoding(textOf(name)))),
});

export const BASE64_FUNCTIONS: Readonly<Record<string, FunctionDefinition>> = {
  base64encode: encoding((text) => Buffer.from(text, 'utf8').toString('base64')),
  base64decode: encoding((text) => {
    const bytes = fromBase64(text);
    if (!isUtf8(bytes)) throw new FunctionError('the result of decoding the text is not valid UTF-8', 0);
    return bytes.toString('utf8');
  }),
  base64gzip: encoding((text) => gzip(Buffer.from(text, 'utf8')).toString('base64')),
  urlencode: encoding(urlEncode),
  textencodebase64: withEncoding('string', (text, name) => {
    const bytes = iconv.encode(text, name, { addBOM: false });
    if (iconv.decode(bytes, name, { stripBOM: false }).normalize('NFC') !== text) {
      throw new FunctionError(`the text holds characters that ${name} cannot express`, 0);
    }
    return bytes.toString('base64');
  }),
  textdecodebase64: withEncoding('source', (text, name) => {
    const decoded = iconv.decode(fromBase64(text), name);
    if (decoded.includes('\uFFFD')) throw new FunctionError(`the bytes are not valid ${name}`, 0);
    return decoded;
  }),
};
