const MASK = '<sensitive>';

/** Shortest secret that is searched for in its own right; shorter ones would mask ordinary text. */
const SHORTEST = 4;

/**
 * Replaces secret values in text by `<sensitive>`: as they are, base64 (also in lines), in hexadecimal digits, URL- and
 * shell-escaped, JSON-escaped, as echo(1) prints them, and each line of a value of several lines.
 */
export class Redactor {
  #needles: string[] = [];

  /** Adds a value to hide. Values shorter than 4 characters are not searched for. */
  add(secret: string): void {
    const forms = new Set<string>();
    for (const value of [secret, ...secret.split('\n')]) {
      const text = value.trimEnd();
      if (text.length < SHORTEST) continue;
      forms.add(text);
      const encoded = [...jsonForms(text), ...shellForms(text), ...urlForms(text), ...base64Forms(text)];
      for (const form of [...encoded, ...hexForms(text)]) if (form.length >= SHORTEST) forms.add(form);
    }
    for (const line of wrappedBase64(secret)) forms.add(line);
    this.#needles = [...new Set([...this.#needles, ...forms])].toSorted((a, b) => b.length - a.length);
  }

  text(text: string): string {
    let clean = text;
    for (const needle of this.#needles) clean = clean.replaceAll(needle, MASK);
    return clean;
  }

  /** A deep copy with every string cleaned; the same object when there is nothing to hide. */
  value<T>(value: T): T {
    return this.#needles.length === 0 ? value : (this.#deep(value) as T);
  }

  #deep(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value);
    if (Array.isArray(value)) return value.map((item) => this.#deep(item));
    if (value instanceof Error) return this.text(String(value));
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.#deep(item)]));
    }
    return value;
  }
}

/** Inside a JSON string as JavaScript, Go (for HTML), Python (ASCII only) and PHP write it, and in JSON within JSON. */
function jsonForms(text: string): string[] {
  const json = jsonText(text);
  const escape = (sign: string): string => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`;
  const ascii = json.replaceAll(/[^ -~]/g, escape);
  const forHtml = (form: string): string => form.replaceAll(/[<>&\u2028\u2029]/g, escape);
  return [
    json,
    ascii,
    forHtml(json),
    forHtml(ascii),
    json.replaceAll('/', '\\/'),
    jsonText(json),
    jsonText(ascii),
  ];
}

const jsonText = (text: string): string => JSON.stringify(text).slice(1, -1);

/** Quoted for POSIX shells and by bash's `printf %q`, and as the `echo` of POSIX shells prints it. */
function shellForms(text: string): string[] {
  const ansi = text.replaceAll(/[\\']/g, '\\$&');
  const octal = Array.from(Buffer.from(ansi), (byte) =>
    byte < 0x80 ? String.fromCharCode(byte) : `\\${byte.toString(8)}`,
  ).join('');
  return [
    text.replaceAll("'", `'\\''`),
    text.replaceAll("'", `'"'"'`),
    text.replaceAll(/[^\w@%+=:./-]/gu, '\\$&'),
    ansi,
    octal,
    ...echoed(text)
      .split('\n')
      .filter((part) => part.length >= SHORTEST_PART),
  ];
}

/** Shorter parts of a text that echo cuts would mask ordinary words. */
const SHORTEST_PART = 8;

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
};

/** What echo(1p) makes of backslashes. */
const echoed = (text: string): string =>
  text
    .replace(/\\c.*$/s, '')
    .replaceAll(
      /\\(?:([abfnrtv\\])|0([0-7]{0,3}))/g,
      (_, sign: string | undefined, octal: string | undefined) =>
        sign === undefined ? String.fromCharCode(Number.parseInt(octal || '0', 8)) : (ESCAPES[sign] ?? ''),
    );

function hexForms(text: string): string[] {
  const hex = Buffer.from(text).toString('hex');
  return [hex, hex.toUpperCase()];
}

/** Percent-encoded, with digits of either case, and as forms send it. */
function urlForms(text: string): string[] {
  const encoded = encodeURIComponent(text.toWellFormed());
  const strict = encoded.replaceAll(
    /[!'()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return [encoded, strict].flatMap((form) => [
    form,
    form.replaceAll(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase()),
    form.replaceAll('%20', '+'),
  ]);
}

/** Columns at which base64(1) and OpenSSL break lines. */
const BASE64_COLUMNS = [76, 64];
/** Shorter ends of a wrapped text would mask ordinary text. */
const SHORTEST_WRAPPED = 12;

/** Lines of the base64 of a text that is too long for one, with and without a line end after the text. */
export function wrappedBase64(text: string): string[] {
  return [text, `${text}\n`].flatMap((whole) => {
    const encoded = Buffer.from(whole).toString('base64');
    return BASE64_COLUMNS.flatMap((columns) => {
      if (encoded.length <= columns) return [];
      const lines = encoded.match(new RegExp(`.{1,${columns}}`, 'g')) ?? [];
      return lines.filter((line) => line.length >= SHORTEST_WRAPPED);
    });
  });
}

/** Base64 of the text at each of the three alignments it can have inside a longer encoded text. */
export function base64Forms(text: string): string[] {
  const bytes = Buffer.from(text);
  return [0, 1, 2].flatMap((shift) => {
    const encoded = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    // The first and last characters of a shifted form also hold bits of its neighbours.
    const whole = encoded.slice(
      shift === 0 ? 0 : shift + 1,
      (shift + bytes.length) % 3 === 0 ? undefined : -1,
    );
    return whole.length < 6 ? [] : [whole, whole.replaceAll('+', '-').replaceAll('/', '_')];
  });
}
