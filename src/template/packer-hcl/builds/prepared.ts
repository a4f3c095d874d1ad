import type { ComponentOptions, PackerComponent } from '../../packer-kinds/component.ts';
import type { BuildBlock, BuildSource } from '../load/parsed-template.ts';
import type { Span } from '../syntax/source-text.ts';
import type { Value } from '../values/value.ts';

/** A component of a build whose block was read and checked. */
export interface PreparedComponent {
  readonly type: string;
  /** Undefined for a kind that is not there; its options are then not known. */
  readonly kind: PackerComponent | undefined;
  readonly options: ComponentOptions;
  /** Options as values of the language: what data sources will tell is unknown, `build.*` is `<unknown>` as text. */
  readonly values: ReadonlyMap<string, Value>;
  /** Something is wrong with it, so its build cannot run. */
  readonly failed: boolean;
  readonly span: Span;
}

export interface PreparedProvisioner extends PreparedComponent {
  readonly name: string;
  readonly pauseBeforeMs: number;
  /** Not applied where there is a pause, as in Packer. */
  readonly timeoutMs: number;
  readonly maxRetries: number;
  readonly continueOnError: boolean;
}

export interface PreparedPostProcessor extends PreparedComponent {
  readonly name: string;
  /** Undefined: the kind decides. */
  readonly keepInputArtifact: boolean | undefined;
}

/** One build: a source with the provisioners and post-processors that apply to it. */
export interface PreparedBuild {
  /** As shown to the user: `[build.]type.name`. */
  readonly name: string;
  readonly build: BuildBlock;
  readonly source: BuildSource;
  readonly builder: PreparedComponent;
  readonly provisioners: readonly PreparedProvisioner[];
  readonly cleanup: PreparedProvisioner | undefined;
  readonly postProcessors: readonly (readonly PreparedPostProcessor[])[];
  /** Something in it is wrong, so it cannot run. */
  readonly failed: boolean;
}
