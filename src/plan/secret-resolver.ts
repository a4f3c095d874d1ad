import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readSecretKey } from '../cache/open-store.ts';
import { FailureError, unreachable } from '../diagnostics/failure.ts';
import type { SecretSpec } from '../model/pipeline.ts';
import { keyedHashHex } from '../util/hash.ts';
import type { Redactor } from '../util/redact.ts';

/**
 * Values of declared secrets, read when first used and from then on hidden from every log.
 * @throws FailureError `secret-missing`
 */
export class SecretResolver {
  readonly #specs: ReadonlyMap<string, SecretSpec>;
  readonly #values = new Map<string, string>();
  readonly #redactor: Redactor;
  readonly #keyFile: string;

  constructor(specs: readonly SecretSpec[], redactor: Redactor, keyFile: string) {
    this.#specs = new Map(specs.map((spec) => [spec.name, spec]));
    this.#redactor = redactor;
    this.#keyFile = keyFile;
  }

  get(name: string): string {
    const known = this.#values.get(name);
    if (known !== undefined) return known;
    const spec = this.#specs.get(name);
    if (spec === undefined)
      throw missing(name, `secret \`${name}\` is not declared`, 'Declare it under `secrets`.');
    const value = read(spec);
    if (spec.shown !== true) this.#redactor.add(value);
    this.#values.set(name, value);
    return value;
  }

  /** The store's own key, for hashes from which nothing can be guessed. */
  get storeKey(): Uint8Array {
    return readSecretKey(this.#keyFile);
  }

  /** HMAC of the value under the store's own key: changes with the secret, tells nothing of it. */
  keyedHash(name: string): string {
    return keyedHashHex(this.storeKey, `${name}\0${this.get(name)}`);
  }
}

function read(spec: SecretSpec): string {
  const { from } = spec;
  switch (from.type) {
    case 'value':
      return from.value;
    case 'env': {
      const value = process.env[from.variable];
      if (value !== undefined) return value;
      throw missing(
        spec.name,
        `secret \`${spec.name}\`: ${from.variable} is not set`,
        `Set ${from.variable}.`,
        spec,
      );
    }
    case 'file':
      return attempt(spec, `${from.path} cannot be read`, () => readFileSync(from.path));
    case 'command':
      return attempt(spec, `${from.argv[0] ?? ''} failed`, () =>
        execFileSync(from.argv[0] ?? '', from.argv.slice(1), {
          encoding: 'buffer',
          stdio: ['ignore', 'pipe', 'inherit'],
        }),
      );
    default:
      return unreachable(from);
  }
}

/** The text that `body` gives, without the line end at its end. */
function attempt(spec: SecretSpec, what: string, body: () => Buffer): string {
  let bytes;
  try {
    bytes = body();
  } catch (cause) {
    throw missing(spec.name, `secret \`${spec.name}\`: ${what}`, undefined, spec, cause);
  }
  const text = bytes.toString('utf8');
  if (Buffer.from(text).equals(bytes)) return text.replace(/\r?\n$/, '');
  // Taken for text it would reach the step as other bytes, and a leak of the true ones would not be found.
  throw missing(
    spec.name,
    `secret \`${spec.name}\` is not text`,
    'Keep it as base64, and decode it in the step.',
    spec,
  );
}

function missing(
  name: string,
  message: string,
  hint?: string,
  spec?: SecretSpec,
  cause?: unknown,
): FailureError {
  return new FailureError({ reason: 'secret-missing', message, hint, origin: spec?.origin, cause });
}
