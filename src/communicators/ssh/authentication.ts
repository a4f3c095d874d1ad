import type { AnyAuthMethod, AuthHandlerMiddleware, ParsedKey } from 'ssh2';
import { FailureError } from '../../diagnostics/failure.ts';
import { certifiedKey } from './certificate.ts';
import { describeTarget, type SshTarget } from './ssh-target.ts';

/** One login: what is offered in which order, and what the server said to it. */
export interface Authentication {
  readonly handler: AuthHandlerMiddleware;
  /** Whether it got as far as asking the server to let somebody in. */
  readonly wasAsked: () => boolean;
  /** What to say when the server took nothing. */
  readonly explain: () => string;
}

interface Offer {
  /** The method's name in the protocol, by which servers say what they take. */
  readonly name: string;
  /** As it is shown to the user. */
  readonly shown: string;
  readonly method: AnyAuthMethod;
}

/**
 * Offers the agent's keys, the key (with its certificate first), the password, and the password again as the answer to
 * interactive questions, leaving out what the server does not take.
 * @throws FailureError `communicator-failed` when the key or the certificate cannot be read
 */
export async function authenticate(target: SshTarget): Promise<Authentication> {
  const offers = await listOffers(target);
  const tried: string[] = [];
  let accepted: readonly string[] | undefined;
  let asked = false;
  return {
    // `none` first, as OpenSSH does: its refusal lists what the server takes.
    handler: (left, _partial, next) => {
      if (!asked) {
        asked = true;
        return next({ type: 'none', username: target.user });
      }
      if (left !== null) accepted = left;
      while (offers.length > 0) {
        const offer = offers.shift();
        if (offer === undefined || (accepted !== undefined && !accepted.includes(offer.name))) continue;
        tried.push(offer.shown);
        return next(offer.method);
      }
      // The types leave this out: `false` is how ssh2 is told that nothing is left.
      (next as unknown as (nothing: false) => void)(false);
    },
    wasAsked: () => asked,
    explain: () => {
      const takes = accepted === undefined ? '' : `; it takes ${accepted.join(', ')}`;
      return tried.length === 0
        ? `there is no way to log in that the server takes${takes}`
        : `the server refused ${tried.join(', ')}${takes}`;
    },
  };
}

async function listOffers(target: SshTarget): Promise<Offer[]> {
  const { user: username, agent, privateKey, certificate, password, prompt } = target;
  const offers: Offer[] = [];
  if (agent !== undefined)
    offers.push({ name: 'publickey', shown: "the agent's keys", method: { type: 'agent', username, agent } });
  if (privateKey !== undefined) {
    const key = await parsePrivateKey(privateKey, target);
    if (certificate !== undefined) {
      const certified = certifiedKey(key, certificate);
      if (certified === undefined)
        throw invalid(target, 'the certificate is not an OpenSSH certificate of a known kind');
      offers.push(publicKey(username, certified, 'the certificate'));
    }
    offers.push(publicKey(username, key, 'the key'));
  }
  if (password !== undefined)
    offers.push({
      name: 'password',
      shown: 'the password',
      method: { type: 'password', username, password },
    });
  if (password !== undefined || prompt !== undefined)
    offers.push({
      name: 'keyboard-interactive',
      shown: 'the answers to its questions',
      method: { type: 'keyboard-interactive', username, prompt: answer(target) },
    });
  return offers;
}

function publicKey(username: string, key: ParsedKey, shown: string): Offer {
  return { name: 'publickey', shown, method: { type: 'publickey', username, key } };
}

async function parsePrivateKey(text: string, target: SshTarget): Promise<ParsedKey> {
  const { utils } = (await import('ssh2')).default;
  const parsed = utils.parseKey(text);
  if (parsed instanceof Error) {
    if (/encrypted|passphrase/i.test(parsed.message))
      throw invalid(
        target,
        'the private key has a passphrase',
        'add it to an SSH agent, or take a key without one',
      );
    throw invalid(target, `the private key cannot be read: ${parsed.message}`);
  }
  // OpenSSH's form could hold several keys and never does.
  const key = [parsed].flat()[0];
  if (key?.isPrivateKey() === true) return key;
  throw invalid(target, 'what was given as the private key is a public one');
}

function invalid(target: SshTarget, message: string, hint?: string): FailureError {
  return new FailureError({
    reason: 'communicator-failed',
    message: `cannot log in to ${describeTarget(target)}: ${message}`,
    ...(hint !== undefined && { hint }),
  });
}

type Questions = Extract<AnyAuthMethod, { type: 'keyboard-interactive' }>['prompt'];

function answer({ prompt, password }: SshTarget): Questions {
  return (_name, _instructions, _language, questions, finish) => {
    if (prompt === undefined) return finish(questions.map(() => password ?? ''));
    const answers = (async () => {
      const given: string[] = [];
      for (const question of questions)
        given.push(await prompt(question.prompt, { secret: question.echo !== true }));
      return given;
    })();
    // Nobody answered (the run was stopped, or there is no terminal): empty answers end the login.
    answers.then(finish, () => finish(questions.map(() => '')));
  };
}
