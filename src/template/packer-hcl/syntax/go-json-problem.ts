import { quoteText } from '../values/print.ts';

/** Why Go does not take a text for JSON: its words, and how many bytes it had read. */
export interface GoJsonProblem {
  readonly message: string;
  readonly offset: number;
}

/** Read, or the clause that says where the next byte is wrong. */
type Step = 'ok' | { readonly wrong: string };

const BLANK = new Set([0x20, 0x09, 0x0d, 0x0a]);
const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;
const code = (sign: string): number => sign.charCodeAt(0);

/** Most levels of nesting that Go reads. */
const MOST_DEEP = 10_000;

/** The first thing in a text that is not JSON, as Go's reader words it; undefined when it is JSON. */
export function goJsonProblem(text: string | Uint8Array): GoJsonProblem | undefined {
  return new Scanner(typeof text === 'string' ? Buffer.from(text) : text).problem();
}

class Scanner {
  readonly #bytes: Uint8Array;
  #at = 0;
  /** What stands open: `k` a key, `v` a value of an object, `a` an item of an array. */
  readonly #open: ('k' | 'v' | 'a')[] = [];

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  problem(): GoJsonProblem | undefined {
    for (let step = this.#value(); ; step = this.#after()) {
      if (step !== 'ok') return this.#told(step.wrong);
      if (this.#open.length > 0) continue;
      this.#blanks();
      return this.#at < this.#bytes.length ? this.#told('after top-level value') : undefined;
    }
  }

  #told(where: string): GoJsonProblem {
    const byte = this.#bytes[this.#at];
    const offset = this.#bytes.length;
    // At the end Go tries a blank: a word, a number or an escape that stops short is told by it.
    if (byte === undefined && /^in (?:literal|exponent)|escape|numeric/.test(where))
      return { message: `invalid character ' ' ${where}`, offset };
    if (byte === undefined) return { message: 'unexpected end of JSON input', offset };
    if (where === 'exceeded max depth') return { message: where, offset: this.#at + 1 };
    return { message: `invalid character ${quoted(byte)} ${where}`, offset: this.#at + 1 };
  }

  #blanks(): void {
    while (BLANK.has(this.#bytes[this.#at] ?? 0)) this.#at += 1;
  }

  #is(sign: string): boolean {
    return this.#bytes[this.#at] === code(sign);
  }

  /** Reads a value, or the beginning of an object or array with what comes first in it. */
  #value(): Step {
    for (;;) {
      this.#blanks();
      if (this.#open.length >= MOST_DEEP && (this.#is('{') || this.#is('[')))
        return { wrong: 'exceeded max depth' };
      if (this.#is('{')) {
        this.#at += 1;
        this.#blanks();
        if (this.#is('}')) {
          this.#at += 1;
          return 'ok';
        }
        this.#open.push('k');
        const key = this.#key();
        if (key !== 'ok') return key;
      } else if (this.#is('[')) {
        this.#at += 1;
        this.#blanks();
        if (this.#is(']')) {
          this.#at += 1;
          return 'ok';
        }
        this.#open.push('a');
      } else return this.#scalar();
    }
  }

  /** Reads `"key":`; a value comes next. */
  #key(): Step {
    this.#blanks();
    if (!this.#is('"')) return { wrong: 'looking for beginning of object key string' };
    const text = this.#string();
    if (text !== 'ok') return text;
    this.#blanks();
    if (!this.#is(':')) return { wrong: 'after object key' };
    this.#at += 1;
    this.#open[this.#open.length - 1] = 'v';
    return 'ok';
  }

  /** What may come after a value in an object or array. */
  #after(): Step {
    this.#blanks();
    const isArray = this.#open.at(-1) === 'a';
    if (this.#is(isArray ? ']' : '}')) {
      this.#at += 1;
      this.#open.pop();
      return 'ok';
    }
    if (!this.#is(',')) return { wrong: isArray ? 'after array element' : 'after object key:value pair' };
    this.#at += 1;
    const key = isArray ? 'ok' : this.#key();
    return key === 'ok' ? this.#value() : key;
  }

  #scalar(): Step {
    if (this.#is('"')) return this.#string();
    for (const word of ['true', 'false', 'null']) if (this.#is(word.charAt(0))) return this.#word(word);
    return this.#is('-') || isDigit(this.#bytes[this.#at] ?? 0)
      ? this.#number()
      : { wrong: 'looking for beginning of value' };
  }

  #word(word: string): Step {
    for (const sign of word) {
      if (!this.#is(sign)) return { wrong: `in literal ${word} (expecting '${sign}')` };
      this.#at += 1;
    }
    return 'ok';
  }

  #string(): Step {
    this.#at += 1;
    while (!this.#is('"')) {
      if ((this.#bytes[this.#at] ?? 0) < 0x20) return { wrong: 'in string literal' };
      const isEscape = this.#is('\\');
      this.#at += 1;
      if (!isEscape) continue;
      if (this.#is('u')) {
        for (let digit = 0; digit < 4; digit += 1) {
          this.#at += 1;
          if (!/^[0-9a-fA-F]$/.test(String.fromCharCode(this.#bytes[this.#at] ?? 0)))
            return { wrong: String.raw`in \u hexadecimal character escape` };
        }
      } else if (!'bfnrt\\/"'.includes(String.fromCharCode(this.#bytes[this.#at] ?? 0)))
        return { wrong: 'in string escape code' };
      this.#at += 1;
    }
    this.#at += 1;
    return 'ok';
  }

  #number(): Step {
    if (this.#is('-')) this.#at += 1;
    if (this.#is('0')) this.#at += 1;
    else if (!this.#digits()) return { wrong: 'in numeric literal' };
    if (this.#is('.')) {
      this.#at += 1;
      if (!this.#digits()) return { wrong: 'after decimal point in numeric literal' };
    }
    if (this.#is('e') || this.#is('E')) {
      this.#at += 1;
      if (this.#is('+') || this.#is('-')) this.#at += 1;
      if (!this.#digits()) return { wrong: 'in exponent of numeric literal' };
    }
    return 'ok';
  }

  #digits(): boolean {
    const start = this.#at;
    while (isDigit(this.#bytes[this.#at] ?? 0)) this.#at += 1;
    return this.#at > start;
  }
}

function quoted(byte: number): string {
  const sign = String.fromCharCode(byte);
  if (sign === "'") return String.raw`'\''`;
  return sign === '"' ? `'"'` : `'${quoteText(sign).slice(1, -1)}'`;
}
