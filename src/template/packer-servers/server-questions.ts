import type { ServerAnswer, ServerAnswers, ServerQuestion } from './server-question.ts';

/** Environment of the servers: `VAULT_ADDR`, `CONSUL_HTTP_ADDR`, `AWS_REGION` and so on. */
export type ServerEnvironment = Readonly<Record<string, string | undefined>>;

/** Asks one server. Throws an error whose message is a clause for the user. */
export type AskServer = (
  question: ServerQuestion,
  environment: ServerEnvironment,
  signal: AbortSignal,
) => Promise<string>;

/** More rounds than any template needs whose questions hang on each other. */
const MOST_ROUNDS = 100;

/**
 * Lets a template that is evaluated without waiting know what servers say: what it asks is noted, asked when the
 * evaluation is through, and the evaluation starts again with the answers. Each question is asked once in a run.
 */
export class ServerQuestions implements ServerAnswers {
  readonly #environment: ServerEnvironment;
  readonly #ask: AskServer;
  readonly #answers = new Map<string, ServerAnswer>();
  readonly #pending = new Map<string, ServerQuestion>();
  readonly #secrets: string[] = [];
  #evaluating = 0;

  constructor(environment: ServerEnvironment, ask: AskServer = askServer) {
    this.#environment = environment;
    this.#ask = ask;
  }

  find(question: ServerQuestion): ServerAnswer {
    const id = JSON.stringify(question);
    const known = this.#answers.get(id);
    if (known !== undefined) return known;
    if (this.#evaluating === 0)
      return { state: 'failed', message: 'servers are asked before the build, not while it runs' };
    this.#pending.set(id, question);
    return { state: 'pending' };
  }

  secrets(): readonly string[] {
    return this.#secrets;
  }

  /** Runs `evaluate`, again and again until it asks nothing new, and gives its last result. */
  async answering<T>(signal: AbortSignal, evaluate: () => T | Promise<T>): Promise<T> {
    this.#evaluating += 1;
    try {
      for (let round = 0; ; round += 1) {
        const result = await evaluate();
        if (this.#pending.size === 0 || round >= MOST_ROUNDS) return result;
        await this.#askAll(signal);
      }
    } finally {
      this.#evaluating -= 1;
      this.#pending.clear();
    }
  }

  async #askAll(signal: AbortSignal): Promise<void> {
    const questions = [...this.#pending];
    this.#pending.clear();
    await Promise.all(
      questions.map(async ([id, question]) => {
        this.#answers.set(id, await this.#answer(question, signal));
      }),
    );
  }

  async #answer(question: ServerQuestion, signal: AbortSignal): Promise<ServerAnswer> {
    try {
      const text = await this.#ask(question, this.#environment, signal);
      if (question.service !== 'consul')
        this.#secrets.push(...[text, ...text.split('\n')].filter((part) => part.trim() !== ''));
      return { state: 'known', text };
    } catch (cause) {
      return { state: 'failed', message: cause instanceof Error ? cause.message : String(cause) };
    }
  }
}

/** Loads the client of the service that is asked. */
const askServer: AskServer = async (question, environment, signal) => {
  switch (question.service) {
    case 'aws-secrets-manager': {
      const { readAwsSecret } = await import('./read-aws-secret.ts');
      return await readAwsSecret(question, environment, signal);
    }
    case 'consul': {
      const { readConsulKey } = await import('./read-consul.ts');
      return await readConsulKey(question.key, environment, signal);
    }
    case 'vault': {
      const { readVaultSecret } = await import('./read-vault.ts');
      return await readVaultSecret(question, environment, signal);
    }
  }
};
