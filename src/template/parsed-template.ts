import type { Locator } from '../schema/locator.ts';
import type { BodyContext } from './define-pipeline.ts';

/** One pipeline as its front end read it: values as written, every one with its place. */
export interface ParsedPipeline {
  /** Absolute path of the template. */
  readonly file: string;
  /** Name when the template says none. */
  readonly fallbackName: string;
  /** All fields of a plain template; of one with a function those that do not depend on it. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Makes the other fields for one variant. Throws what the user's code throws. */
  readonly body?: (context: BodyContext) => unknown;
  /** Whether texts hold `${…}` references. In TypeScript the language itself does that. */
  readonly interpolates: boolean;
  readonly locate: Locator;
}

/** All pipelines of a project. */
export interface ParsedTemplate {
  /** Folder with the templates, absolute. */
  readonly folder: string;
  readonly pipelines: readonly ParsedPipeline[];
}
