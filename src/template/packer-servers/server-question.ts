/** What a function of a template wants to know of a server. */
export type ServerQuestion =
  | {
      readonly service: 'aws-secrets-manager';
      readonly name: string;
      /** Empty: the only value of the secret. */
      readonly key: string;
      /** The whole secret, whatever is in it. */
      readonly raw: boolean;
    }
  | { readonly service: 'consul'; readonly key: string }
  | { readonly service: 'vault'; readonly path: string; readonly key: string };

export type ServerAnswer =
  | { readonly state: 'known'; readonly text: string }
  /** `message` is a clause for the user. */
  | { readonly state: 'failed'; readonly message: string }
  /** It was noted; the template is evaluated again once the server has answered. */
  | { readonly state: 'pending' };

/** Answers of servers, for an evaluation that cannot wait for them. */
export interface ServerAnswers {
  readonly find: (question: ServerQuestion) => ServerAnswer;
  /** Texts of the answers that must not be shown: those of Vault and AWS. */
  readonly secrets: () => readonly string[];
}

/** For evaluations that reach no server. */
export const NO_SERVERS: ServerAnswers = {
  find: () => ({ state: 'failed', message: 'no server can be asked here' }),
  secrets: () => [],
};
