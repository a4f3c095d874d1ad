import { builtinKinds } from '../../src/builtins.ts';
import { fail, ok, type Failure } from '../../src/diagnostics/failure.ts';
import type { BuildEvent } from '../../src/events/build-event.ts';
import type { BuildRequest, Engine, Project, TemplateSelection } from '../../src/engine/api.ts';
import { runCli } from '../../src/cli/run-cli.ts';
import type { CliContext } from '../../src/cli/context.ts';

/**
 * An engine that replays given events instead of building, and keeps what it was asked. Its contract is `Engine`: every
 * method answers as the real one does for an empty project, unless `overrides` says otherwise.
 */
export class FakeEngine {
  readonly selections: TemplateSelection[] = [];
  readonly requests: BuildRequest[] = [];
  readonly opened: { readonly cwd: string; readonly configFile?: string }[] = [];
  events: readonly BuildEvent[] = [];
  failures: readonly Failure[] = [];
  outcome: 'succeeded' | 'failed' | 'aborted' = 'succeeded';
  overrides: Partial<Project> = {};
  /** What loading the template gives instead of a template. */
  templateFailures: readonly Failure[] = [];

  readonly engine: Engine = {
    openProject: (options) => {
      this.opened.push(options);
      return ok({ ...this.#project(), ...this.overrides });
    },
    openCompiled: (options, selection) => {
      this.opened.push(options);
      this.selections.push(selection);
      if (this.templateFailures.length > 0) return fail(...this.templateFailures);
      const compiled = {
        graph: { nodes: [], dependencies: new Map() },
        descriptions: new Map(),
        secrets: [],
      };
      return ok({ project: { ...this.#project(), ...this.overrides }, compiled });
    },
  };

  #project(): Project {
    return {
      config: {
        root: '/project',
        pipelines: '/project/pipelines',
        output: '/project/output',
        cache: { directory: '/project/cache' },
        parallel: {},
        packages: { grow: false },
        defaults: { sourceDateEpoch: 0 },
        plugins: [],
        ui: 'auto',
      },
      loadTemplate: (selection) => {
        this.selections.push(selection);
        return this.templateFailures.length > 0
          ? fail(...this.templateFailures)
          : ok({ pipelines: [], secrets: [] });
      },
      compileText: () =>
        Promise.resolve(fail({ reason: 'template-invalid', message: 'nothing is compiled' })),
      plan: () => ok({ rows: [] }),
      build: (_compiled, request) => {
        this.requests.push(request);
        for (const event of this.events) request.sink.emit(event);
        return Promise.resolve({ outcome: this.outcome, failures: this.failures });
      },
      why: () => fail({ reason: 'template-not-found', message: 'no such step' }),
      diff: () => Promise.resolve(fail({ reason: 'template-not-found', message: 'no such step' })),
      audit: () => Promise.resolve(fail({ reason: 'template-not-found', message: 'no such step' })),
      shell: () => Promise.resolve(ok(0)),
      kinds: () => ok(builtinKinds),
      variables: () => ok([]),
      cacheUsage: () => ok({ directory: '/project/cache', items: [], free: 5e9 }),
      cachePrune: () => ok({ removed: [], kept: 0, freed: 0 }),
      cacheVerify: () =>
        ok({ checked: { layers: 0, states: 0, disks: 0 }, damaged: [], unproven: [], dangling: 0 }),
      fullBuild: (_compiled, request) => {
        this.requests.push(request);
        return Promise.resolve({ outcome: this.outcome, failures: this.failures });
      },
      update: () => Promise.resolve(ok([])),
      gc: () => ok({ runs: [], processes: [], paths: [] }),
      compile: () => ({
        ok: false,
        failures: [{ reason: 'internal', message: 'the fake compiles no templates' }],
      }),
      processes: () => ok([]),
    };
  }

  /** Runs a command line against this engine, away from the terminal. */
  async run(
    ...argv: readonly string[]
  ): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
    let out = '';
    let err = '';
    const context: CliContext = {
      stdout: { write: (text: string) => (out += text) },
      stderr: { write: (text: string) => (err += text) },
      stdin: process.stdin,
      env: {},
      cwd: '/project',
      signal: new AbortController().signal,
      takeSignals: () => undefined,
      engine: () => Promise.resolve(this.engine),
    };
    const code = await runCli(argv, context);
    return { code, out, err };
  }
}
