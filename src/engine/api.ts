import type { PruneOutcome, VerifyOutcome } from '../cache/maintenance.ts';
import type { StoredItem } from '../cache/inventory.ts';
import type { RunState } from '../cache/journal.ts';
import type { PrunePolicy } from '../cache/prune.ts';
import type { Reaped } from '../cache/reap.ts';
import type { ProjectConfig } from '../config/load-config.ts';
import type { Failure, Result } from '../diagnostics/failure.ts';
import type { EventSink } from '../events/event-sink.ts';
import type { Artifact } from '../model/artifact.ts';
import type { NodeId } from '../model/ids.ts';
import type { LateOptions } from '../model/late-options.ts';
import type { Template } from '../model/pipeline.ts';
import type { Kinds } from '../plan/kinds.ts';
import type { Plan, PlanState } from '../plan/plan.ts';
import type { FullReport } from '../report/full-report.ts';
import type { CompiledProject } from './compile.ts';
import type { SuiteChange } from './lock-archives.ts';
import type { Change } from '../plan/explain.ts';
import type { AuditReport } from '../report/audit-report.ts';
import type { DiffReport } from '../report/diff/diff-report.ts';

/** What the commands call; `src/engine.ts` provides it. A value or a promise of it: commands await every call. */
export interface Engine {
  openProject(options: OpenProjectOptions): Awaitable<Result<Project>>;
  /** The project and the chosen part of it, checked; quick when it was compiled before and nothing has changed. */
  openCompiled(options: OpenProjectOptions, selection: TemplateSelection): Awaitable<Result<OpenedProject>>;
}

export type Awaitable<T> = T | Promise<T>;

export interface OpenedProject {
  readonly project: Project;
  readonly compiled: CompiledProject;
}

export interface OpenProjectOptions {
  /** Folder in which to look for the config, upwards; absolute. */
  readonly cwd: string;
  /** Config file named by the user; absolute. */
  readonly configFile?: string;
  /** Folders that take the place of the config's; absolute. */
  readonly cacheDirectory?: string;
  readonly output?: string;
}

/** Which pipelines of a project, with which variables. */
export interface TemplateSelection {
  /** Globs of pipeline names; empty: all. */
  readonly pipelines: readonly string[];
  /** Globs of pipelines, exports or checks to leave out everything but (`-only`). */
  readonly only: readonly string[];
  readonly except: readonly string[];
  /** `name=value`, in the order of the command line. */
  readonly vars: readonly string[];
  /** Absolute paths, in the order of the command line. */
  readonly varFiles: readonly string[];
  /** For `IMGPIPE_VAR_*`. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface Project {
  readonly config: ProjectConfig;
  loadTemplate(selection: TemplateSelection): Awaitable<Result<Template>>;
  /** A template that another front end made, ready to be planned. Its artifacts lie where its options say. */
  compile(template: Template, lateOptions: LateOptions): Awaitable<Result<CompiledProject>>;
  /** A template in YAML that is not in the project, as if it were the file `file`, with these values. */
  compileText(
    text: string,
    options: { readonly file: string; readonly values: ReadonlyMap<string, string> },
  ): Promise<Result<CompiledProject>>;
  plan(compiled: CompiledProject, options: CacheUse): Awaitable<Result<Plan>>;
  build(compiled: CompiledProject, request: BuildRequest): Promise<BuildOutcome>;
  /** Builds everything from nothing beside the cache and compares the two. */
  fullBuild(compiled: CompiledProject, request: BuildRequest): Promise<FullBuildOutcome>;
  why(compiled: CompiledProject, step: string): Awaitable<Result<WhyReport>>;
  /** One comparison for each pipeline that both names have. */
  diff(request: DiffRequest): Promise<Result<readonly DiffReport[]>>;
  /** Runs a step twice beside the cache and says what came out different. */
  audit(compiled: CompiledProject, request: AuditRequest): Promise<Result<AuditReport>>;
  shell(compiled: CompiledProject, request: ShellRequest): Promise<Result<number>>;
  /** All kinds there are in the project, built in or from plugins. */
  kinds(): Awaitable<Result<Kinds>>;
  variables(selection: TemplateSelection): Awaitable<Result<readonly VariableSummary[]>>;
  cacheUsage(): Awaitable<Result<CacheUsage>>;
  /** Without bounds in the options, the config's hold. */
  cachePrune(options: PruneOptions): Awaitable<Result<PruneOutcome>>;
  cacheVerify(
    onProgress: (done: number, total: number, digest: string) => void,
  ): Awaitable<Result<VerifyOutcome>>;
  /** Renews `imgpipe.lock`. */
  update(compiled: CompiledProject, request: UpdateRequest): Promise<Result<readonly UpdatedEntry[]>>;
  gc(): Awaitable<Result<Reaped>>;
  processes(): Awaitable<Result<readonly RunState[]>>;
}

export interface CacheUse {
  /** Looks nothing up; records are still written. */
  readonly noCache: boolean;
  /** Runs exports and checks again, and replaces what stands in the output folder. */
  readonly force: boolean;
  /** Grows package lists from cached parts of them. Undefined: as the config says. */
  readonly grow?: boolean;
}

export const ON_ERROR = ['cleanup', 'abort', 'ask', 'shell'] as const;
export type OnError = (typeof ON_ERROR)[number];

export interface BuildRequest extends CacheUse {
  readonly sink: EventSink;
  /** How many pipelines run side by side; 0: as many as the machine's processors and memory allow. */
  readonly parallel: number;
  /** Goes by `imgpipe.lock` as it is: nothing is looked up, and an archive without an entry is a failure. */
  readonly locked?: boolean;
  readonly failFast: boolean;
  /** `leave`: as `cleanup`, without the clean-up steps of pipelines. */
  readonly onError: OnError | 'leave';
  /** A host file that is missing fails its own node when its turn comes, and not the whole build before it begins. */
  readonly lateInputs?: boolean;
  /** Asks before every step whether to go on. */
  readonly stepwise?: boolean;
  readonly signal: AbortSignal;
}

export interface BuildOutcome {
  /** Of exports and post-processors that gave an artifact, taken from the cache or made now. */
  readonly artifacts?: ReadonlyMap<NodeId, Artifact>;
  readonly outcome: 'succeeded' | 'failed' | 'aborted';
  readonly failures: readonly Failure[];
}

/** `report` is missing when nothing could be built at all. */
export interface FullBuildOutcome extends BuildOutcome {
  readonly report?: FullReport;
}

export interface UpdateRequest {
  /** Globs of pipelines or of entries; empty: all. */
  readonly names: readonly string[];
  /** Takes out entries that nothing reads. */
  readonly prune: boolean;
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
}

/** What became of one entry of `imgpipe.lock`. */
export interface UpdatedEntry {
  readonly name: string;
  readonly state: 'new' | 'moved' | 'same' | 'removed';
  readonly suites: readonly SuiteChange[];
  readonly pipelines: readonly string[];
}

export interface WhyReport {
  readonly id: string;
  readonly state: PlanState;
  /** In a phrase; empty for a hit. */
  readonly reason: string;
  readonly changes: readonly Change[];
  /** When the record that it was compared with was written, ISO 8601. */
  readonly lastRun?: string;
}

export interface AuditRequest {
  /** A step's name, or its full id where several pipelines have one of that name. */
  readonly step: string;
  readonly sink: EventSink;
  readonly signal: AbortSignal;
  /** Called as each of the two runs begins. */
  readonly onRun: (run: 1 | 2) => void;
}

export interface DiffRequest {
  /** A pipeline, a step, a layer's digest, a run, or the path of an exported file. */
  readonly before: string;
  /** Undefined: what was before the image of the pipeline `before`. */
  readonly after?: string;
  /** Needed for names of pipelines and steps only. */
  readonly compiled: () => Promise<Result<CompiledProject>>;
}

export interface ShellRequest {
  /** A step's name, or its full id where several pipelines have one of that name. */
  readonly step: string;
  /** Undefined: an interactive shell. */
  readonly command?: readonly string[];
  readonly signal: AbortSignal;
}

export interface VariableSummary {
  readonly name: string;
  readonly type: string;
  readonly description?: string;
  /** Text form; undefined when the variable must be given or is sensitive. */
  readonly defaultValue?: string;
  readonly sensitive: boolean;
  readonly required: boolean;
}

export interface CacheUsage {
  readonly directory: string;
  readonly items: readonly StoredItem[];
  /** The config's size cap, bytes. */
  readonly limit?: number;
  /** Free bytes of the file system. */
  readonly free: number;
}

export type PruneOptions = Pick<PrunePolicy, 'maxSize' | 'maxAgeMs' | 'all'> & { readonly dryRun: boolean };
