import type { Redactor } from '../util/redact.ts';
import type { BuildEvent, UntimedEvent } from './build-event.ts';

export type EventListener = (event: BuildEvent) => void;

/** A typed question to the user. Without a terminal the default answers at once, so CI never hangs. */
export interface Question {
  readonly question: string;
  /** None: any text is an answer. */
  readonly choices: readonly string[];
  readonly defaultChoice: string;
  /** The answer is not shown while it is typed. */
  readonly secret?: boolean;
}

export type Asker = (question: Question) => Promise<string>;

/**
 * The only exit of facts. Stamps each event, hides secrets in it before any listener sees it, and hands it to all
 * listeners in order. Listeners must not throw.
 */
export class EventSink {
  readonly #listeners: EventListener[] = [];
  readonly #start = performance.now();
  readonly #redactor: Redactor;
  #asker: Asker = (question) => Promise.resolve(question.defaultChoice);

  constructor(redactor: Redactor) {
    this.#redactor = redactor;
  }

  get redactor(): Redactor {
    return this.#redactor;
  }

  listen(listener: EventListener): void {
    this.#listeners.push(listener);
  }

  /** Who answers questions; by default their default does. */
  answerWith(asker: Asker): void {
    this.#asker = asker;
  }

  emit(event: UntimedEvent): void {
    const stamped = { ...this.#redactor.value(event), time: performance.now() - this.#start } as BuildEvent;
    for (const listener of this.#listeners) listener(stamped);
  }

  async ask(question: Question): Promise<string> {
    const answer = await this.#asker(question);
    const shown = question.secret === true ? '' : answer;
    this.emit({ type: 'question', question: question.question, choices: question.choices, answer: shown });
    return answer;
  }
}
