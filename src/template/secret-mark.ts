import { FailureError } from '../diagnostics/failure.ts';

/** Stands for the value of a sensitive variable until it is known whether the option takes a secret. */
export class SecretMark {
  readonly secret: string;

  constructor(secret: string) {
    this.secret = secret;
  }

  /** Called when a template builds text out of it. */
  toString(): string {
    throw new FailureError(leak(this.secret));
  }

  toJSON(): string {
    return this.toString();
  }
}

/** The failure of a secret in a place from which it would get into a layer or log. */
export function leak(secret: string) {
  return {
    reason: 'secret-leak',
    message: `the variable "${secret}" is sensitive; here its value would end in a layer`,
    hint: `Name it where an option takes a secret, for example shell's \`secrets: [{ secret: ${secret} }]\`.`,
  } as const;
}
