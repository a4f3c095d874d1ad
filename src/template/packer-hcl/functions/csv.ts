import { DYNAMIC, STRING } from '../values/type.ts';
import { type Value, listValue, objectValue, stringValue } from '../values/value.ts';
import { type FunctionDefinition, FunctionError, parameter, textOf } from './function.ts';

/** Records of a CSV text (RFC 4180); empty lines do not count. */
function readCsv(text: string): string[][] {
  const records: string[][] = [];
  let at = 0;
  let line = 1;
  const fail = (why: string): never => {
    throw new FunctionError(`parse error on line ${line}: ${why}`, 0);
  };
  const field = (): string => {
    if (text[at] !== '"') {
      const end = /[,\r\n]|$/g;
      end.lastIndex = at;
      const stop = end.exec(text)?.index ?? text.length;
      const value = text.slice(at, stop);
      at = stop;
      return value.includes('"') ? fail('bare " in non-quoted field') : value;
    }
    const parts: string[] = [];
    for (at += 1; ;) {
      const quote = text.indexOf('"', at);
      if (quote === -1) return fail('extraneous or missing " in quoted field');
      parts.push(text.slice(at, quote));
      line += text.slice(at, quote).split('\n').length - 1;
      at = quote + 1;
      if (text[at] !== '"') break;
      parts.push('"');
      at += 1;
    }
    if (at < text.length && !/[,\r\n]/.test(text[at]!)) fail('extraneous or missing " in quoted field');
    return parts.join('').replaceAll('\r\n', '\n');
  };
  while (at < text.length) {
    if (text[at] === '\n' || text.startsWith('\r\n', at)) {
      at += text[at] === '\n' ? 1 : 2;
      line += 1;
      continue;
    }
    const record = [field()];
    while (text[at] === ',') {
      at += 1;
      record.push(field());
    }
    if (text[at] === '\r') at += 1;
    if (at < text.length && text[at] !== '\n') fail('a carriage return must be followed by a line break');
    const first = records[0];
    if (first !== undefined && first.length !== record.length) {
      throw new FunctionError(`record on line ${line}: wrong number of fields`, 0);
    }
    records.push(record);
    at += 1;
    line += 1;
  }
  return records;
}

function decodeCsv(text: string): Value {
  const [header, ...rows] = readCsv(text);
  if (header === undefined) throw new FunctionError('missing header line', 0);
  const doubled = header.find((name, index) => header.indexOf(name) !== index);
  if (doubled !== undefined) throw new FunctionError(`duplicate column name ${JSON.stringify(doubled)}`, 0);
  const attributes = new Map(header.map((name) => [name, STRING]));
  const objects = rows.map((row) =>
    objectValue(new Map(header.map((name, index) => [name, stringValue(row[index] ?? '')]))),
  );
  return listValue({ kind: 'object', attributes }, objects);
}

export const CSV_FUNCTIONS: Readonly<Record<string, FunctionDefinition>> = {
  csvdecode: {
    parameters: [parameter('str', STRING)],
    returns: DYNAMIC,
    call: ([text]) => decodeCsv(textOf(text)),
  },
};
