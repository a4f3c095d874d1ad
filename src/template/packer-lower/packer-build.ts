import type { SourceRange } from '../../diagnostics/source-range.ts';
import type { Failure } from '../../diagnostics/failure.ts';
import type { ComponentOptions } from '../packer-kinds/component.ts';
import type { FunctionWorld } from '../packer-hcl/functions/function.ts';

/** A builder, provisioner or post-processor of a build, whichever form of template it comes from. */
export interface PackerPart {
  readonly type: string;
  /** Name that the user gave it; empty without. */
  readonly name: string;
  readonly options: ComponentOptions;
  readonly origin: SourceRange;
}

export interface PackerProvisioner extends PackerPart {
  readonly pauseBeforeMs: number;
  readonly timeoutMs: number;
  readonly maxRetries: number;
  readonly continueOnError: boolean;
}

export interface PackerPostProcessor extends PackerPart {
  /** Undefined: the kind decides. */
  readonly keepInputArtifact: boolean | undefined;
}

/** One build as it is to run: `-only`, `-except`, `only`, `except` and `override` are applied. */
export interface PackerBuild {
  /** As shown to the user and as `-only` names it. */
  readonly name: string;
  /** What its parts are told as the build's name: `PACKER_BUILD_NAME`. */
  readonly sourceName: string;
  readonly builder: PackerPart;
  readonly provisioners: readonly PackerProvisioner[];
  readonly cleanup: PackerProvisioner | undefined;
  readonly chains: readonly (readonly PackerPostProcessor[])[];
  /** Values that `{{user}}` gives; of legacy JSON only. */
  readonly userVariables: Readonly<Record<string, string>>;
  /** Something in it is wrong, so it cannot run. */
  readonly failed: boolean;
}

/** What the parts of a template are evaluated with, beside the template. */
export interface Surroundings {
  /** Clock and dice; the environment, where it is not that of the template's own world. */
  readonly world: Pick<FunctionWorld, 'now' | 'randomBytes'> & Partial<Pick<FunctionWorld, 'environment'>>;
  /** Values under `build.`; without them as before a build runs. */
  readonly buildValues?: (name: string) => string | undefined;
}

export interface PackerReading {
  readonly builds: readonly PackerBuild[];
  readonly failures: readonly Failure[];
  readonly warnings: readonly Failure[];
}

/** A loaded template: gives its builds as they are in certain surroundings. */
export interface PackerReader {
  readonly read: (surroundings: Surroundings) => PackerReading;
  /** Texts that must not be shown; more may come when servers answer what the first reading asked. */
  readonly secrets: readonly string[];
  readonly inputs: readonly PackerInput[];
  /** The same template with these texts as values of some inputs. */
  readonly withValues: (values: ReadonlyMap<string, string>) => PackerReader;
}

/** A variable of a template, with the value that it has now. */
export interface PackerInput {
  readonly name: string;
  readonly description: string;
  readonly sensitive: boolean;
  /** Undefined for what is not a text. */
  readonly value: string | undefined;
  /** Its default, or what a file of values says instead, when that is a text. */
  readonly default: string | undefined;
  /** Undefined, or what of its declaration has no words in a template of ours. */
  readonly lost: string | undefined;
}
