import type { JsonData, JsonObject, JsonPlaces } from './json-value.ts';

/** A template of the legacy JSON form: its structure is right, its options are as written. */
export interface JsonTemplate {
  readonly file: string;
  readonly description: string;
  readonly minVersion: string;
  readonly variables: ReadonlyMap<string, JsonVariable>;
  readonly sensitive: readonly string[];
  readonly builders: ReadonlyMap<string, JsonBuilder>;
  readonly provisioners: readonly JsonProvisioner[];
  readonly cleanup: JsonProvisioner | undefined;
  /** Chains of post-processors. */
  readonly postProcessors: readonly (readonly JsonPostProcessor[])[];
  /** The text of the file. */
  readonly text: string;
  readonly data: JsonObject;
  readonly places: JsonPlaces;
}

export interface JsonVariable {
  readonly default: string;
  /** The default is null: a value must be given. */
  readonly required: boolean;
}

export interface JsonBuilder {
  readonly type: string;
  /** The type when no name is given; not rendered yet. */
  readonly name: string;
  readonly config: JsonObject;
  /** The object as written, for places. */
  readonly written: JsonObject;
}

export interface JsonProvisioner {
  readonly type: string;
  readonly config: JsonObject;
  readonly only: readonly string[];
  readonly except: readonly string[];
  readonly override: JsonObject;
  readonly pauseBefore: string;
  readonly timeout: string;
  readonly maxRetries: string;
  readonly written: JsonObject;
}

export interface JsonPostProcessor {
  readonly type: string;
  readonly name: string;
  readonly config: JsonObject;
  readonly only: readonly string[];
  readonly except: readonly string[];
  readonly keepInputArtifact: boolean | undefined;
  readonly written: JsonData;
}
