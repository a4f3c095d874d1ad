import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import type { BuildRequest } from '../../../engine/api.ts';
import { EventSink } from '../../../events/event-sink.ts';
import type { Artifact } from '../../../model/artifact.ts';
import { hideSecrets } from '../../../template/packer-hcl/console.ts';
import { lowerPacker, type LoweredPacker } from '../../../template/packer-lower/lower.ts';
import { notingWorld } from '../../../template/packer-lower/noting-world.ts';
import { packerRunId } from '../../../template/packer-lower/run-facts.ts';
import { Redactor } from '../../../util/redact.ts';
import { askInWords } from '../build/ask-in-words.ts';
import { BuildOutput } from '../build/build-output.ts';
import { finalArtifacts, type KeepRule } from '../build/final-artifacts.ts';
import { spanText } from '../build/go-text.ts';
import { PackerView, type ViewedBuild } from '../build/packer-view.ts';
import { openReader } from '../build/open-reader.ts';
import { type CommandWork, type PackerCommand, printProblems } from '../command.ts';
import { packerCache } from '../packer-cache.ts';
import { hidingUi, type PackerUi } from '../packer-ui.ts';
import { TEMPLATE_FLAGS, templateFlags } from '../template-flags.ts';

export const buildCommand: PackerCommand = {
  help: `Usage: packer build [options] TEMPLATE

  Builds the images that the template describes, several at a time. Steps that
  have not changed since the last build come from the cache.

Options:

  -color=false                  No colours.
  -debug                        One build after the other, with a pause before
                                every provisioner.
  -except=foo,bar,baz           Run all builds and post-processors but these.
  -only=foo,bar,baz             Run only these builds.
  -force                        Make artifacts again, and replace those there are.
  -machine-readable             Write lines for machines.
  -no-cache                     Run every step, as Packer does.
  -on-error=cleanup|abort|ask|run-cleanup-provisioner
                                What to do when a build fails: clean up, leave
                                it without the clean-up provisioner, ask, or run
                                that provisioner.
  -parallel-builds=1            How many builds run at a time; 0: all of them.
  -timestamp-ui                 Put the time before every line.
  -var 'key=value'              Give a variable its value; may be repeated.
  -var-file=path                Read values from a file; may be repeated.
  -warn-on-undeclared-var       Warn of values for variables that the template
                                does not declare.
  -ignore-prerelease-plugins    Taken for the sake of scripts; no effect.
  -use-sequential-evaluation    Evaluate locals and data sources in their order.
  -skip-enforcement             Taken for the sake of scripts; no effect.`,
  examples: [
    ['packer build web.pkr.hcl', 'build it; what has not changed comes from the cache'],
    ["packer build -var release=3 -only='docker.*' .", 'a folder of files, some of its builds'],
    ['packer build -force -on-error=ask template.json', 'ask what to do when a step fails'],
  ],
  flags: {
    ...TEMPLATE_FLAGS,
    color: 'switch',
    debug: 'switch',
    force: 'switch',
    'machine-readable': 'switch',
    'no-cache': 'switch',
    'timestamp-ui': 'switch',
    'parallel-builds': 'whole',
    'on-error': ['cleanup', 'abort', 'ask', 'run-cleanup-provisioner'],
    'warn-on-undeclared-var': 'switch',
    'ignore-prerelease-plugins': 'switch',
    'skip-enforcement': 'switch',
  },
  run: async (work) => {
    const [path] = work.flags.args;
    if (path === undefined || work.flags.args.length !== 1) return 'usage';
    // Set anew for every run, as Packer does: templates and programs of the host see it.
    process.env['PACKER_RUN_UUID'] = randomUUID();
    const environment = { ...work.context.env, PACKER_RUN_UUID: packerRunId() };
    const noting = notingWorld(new Date(), environment);
    const opened = await openReader(work, templateFlags(work.flags, path), noting);
    if (typeof opened === 'number') return opened;
    let secrets: readonly string[] = [];
    const learn = (): readonly string[] => {
      const lines = opened.reader.secrets.flatMap((secret) => [secret, ...secret.split('\n')]);
      secrets = lines.filter((line) => line.trim() !== '');
      return secrets;
    };
    learn();
    const ui = hidingUi(work.ui, (text) => hideSecrets(text, secrets));
    return await new BuildRun({ ...work, ui }, learn).run(opened.reader, noting);
  },
};

class BuildRun {
  readonly #work: CommandWork;
  readonly #ui: PackerUi;
  readonly #learnSecrets: () => readonly string[];

  /** @param learnSecrets gives the texts that must not be shown, as they are known by now, and hides them */
  constructor(work: CommandWork, learnSecrets: () => readonly string[]) {
    this.#work = work;
    this.#ui = work.ui;
    this.#learnSecrets = learnSecrets;
  }

  async run(
    reader: Parameters<typeof lowerPacker>[0]['reader'],
    noting: Parameters<typeof lowerPacker>[0]['noting'],
  ): Promise<number> {
    const { context } = this.#work;
    const engine = await context.engine();
    const opened = await engine.openProject({ cwd: context.cwd, ...packerCache(context) });
    if (!opened.ok) return printProblems(this.#work, opened);
    const project = opened.value;
    this.#work.log.info(`Setting cache directory: ${project.config.cache.directory}`);
    const kinds = await project.kinds();
    if (!kinds.ok) return printProblems(this.#work, kinds);
    const lowering = {
      reader,
      noting,
      kinds: kinds.value,
      directory: context.cwd,
      force: this.#work.flags.switches.get('force') === true,
      noCache: this.#work.flags.switches.get('no-cache') === true,
      sourceDateEpoch: project.config.defaults.sourceDateEpoch,
    };
    const lowered = await this.#work.servers.answering(context.signal, () => lowerPacker(lowering));
    const secrets = this.#learnSecrets();
    const code = printProblems(this.#work, lowered);
    if (lowered.builds.length === 0) return code === 0 ? this.#nothingToRun() : code;
    const compiled = await project.compile(lowered.template, lowered.lateOptions);
    if (!compiled.ok) return printProblems(this.#work, compiled);
    const { switches } = this.#work.flags;
    if (switches.get('skip-enforcement') === true)
      this.#ui.say('Skipping HCP Packer enforced provisioners (--skip-enforcement flag set)');
    if (switches.get('debug') === true) this.#ui.say('Debug mode enabled. Builds will not be parallelized.');
    const builds = this.#views(lowered, compiled.value.graph.nodes);
    const onError = this.#work.flags.lists.get('on-error')?.[0] ?? 'cleanup';
    const view = new PackerView(builds, { plain: this.#work.machineReadable, onError });
    const sink = new EventSink(new Redactor());
    for (const secret of secrets) sink.redactor.add(secret);
    sink.listen(this.#work.log.listen);
    sink.listen(view.listen);
    if (context.stdin.isTTY && !this.#work.machineReadable)
      sink.answerWith(async (question) => await askInWords(question, this.#ui, context));
    const start = performance.now();
    context.takeSignals();
    const interrupted = (): void => this.#ui.error('Cancelling build after receiving interrupt');
    context.signal.addEventListener('abort', interrupted, { once: true });
    const outcome = await project.build(compiled.value, this.#request(sink));
    context.signal.removeEventListener('abort', interrupted);
    this.#ui.say(`\n==> Wait completed after ${spanText(performance.now() - start)}`);
    if (outcome.outcome === 'aborted') {
      this.#ui.say('Cleanly cancelled builds after being interrupted.');
      return 1;
    }
    const keepRule: KeepRule = (type) => kinds.value.posts.mustGet(type).keepInput;
    const finished = builds.map((viewed) => ({
      name: viewed.build.name,
      ...finalArtifacts(viewed.build, viewed.nodes, outcome.artifacts ?? new Map(), keepRule),
    }));
    for (const { dropped } of finished) await deleteFiles(dropped);
    // What ended all builds before one of them began.
    if (view.errors.size === 0) printProblems(this.#work, { failures: outcome.failures });
    this.#tellErrors(view.errors);
    this.#tellArtifacts(finished.filter(({ name, kept }) => !view.errors.has(name) && kept.length > 0));
    return view.errors.size > 0 || outcome.outcome !== 'succeeded' ? 1 : code;
  }

  #nothingToRun(): number {
    return printProblems(this.#work, {
      failures: [
        {
          reason: 'usage',
          message:
            'No builds to run: A build command cannot run without at least one build to process. If the only or except flags have been specified at run time check that at least one build is selected for execution.',
        },
      ],
    });
  }

  #views(lowered: LoweredPacker, nodes: ViewedBuild['nodes']): ViewedBuild[] {
    const { switches } = this.#work.flags;
    const { machineReadable, context } = this.#work;
    const color =
      switches.get('color') !== false && !machineReadable && (context.env['PACKER_NO_COLOR'] ?? '') === '';
    const announces = switches.get('color') !== false && !machineReadable;
    const options = { color, timestamps: switches.get('timestamp-ui') === true };
    const views = lowered.builds.map((build, index) => ({
      build,
      nodes: nodes.filter(({ pipeline }) => pipeline.id === lowered.template.pipelines[index]?.id),
      output: new BuildOutput(this.#ui, index, options),
    }));
    if (announces) {
      for (const [index, { build }] of views.entries()) {
        new BuildOutput(this.#ui, index, { ...options, timestamps: false }).say(
          `${build.name}: output will be in this color.`,
        );
      }
      this.#ui.say('');
    }
    return views;
  }

  #request(sink: EventSink): BuildRequest {
    const { flags, context } = this.#work;
    const chosen = flags.lists.get('on-error')?.[0];
    const isDebug = flags.switches.get('debug') === true;
    const parallel = Number(flags.lists.get('parallel-builds')?.[0] ?? 0);
    return {
      sink,
      noCache: flags.switches.get('no-cache') === true,
      force: flags.switches.get('force') === true,
      parallel: isDebug ? 1 : Math.max(0, parallel),
      failFast: false,
      lateInputs: true,
      stepwise: isDebug,
      onError: chosen === 'abort' ? 'leave' : chosen === 'ask' ? 'ask' : 'cleanup',
      signal: context.signal,
    };
  }

  #tellErrors(errors: ReadonlyMap<string, string>): void {
    if (errors.size === 0) return;
    this.#ui.machine('error-count', String(errors.size));
    this.#ui.error("\n==> Some builds didn't complete successfully and had errors:");
    for (const [name, error] of errors) {
      this.#ui.machineOf(name, 'error', error);
      this.#ui.error(`--> ${name}: ${error}`);
    }
  }

  #tellArtifacts(builds: readonly { readonly name: string; readonly kept: readonly Artifact[] }[]): void {
    if (builds.length === 0) {
      this.#ui.say('\n==> Builds finished but no artifacts were created.');
      return;
    }
    this.#ui.say('\n==> Builds finished. The artifacts of successful builds are:');
    for (const { name, kept } of builds) {
      const machine = (...data: readonly string[]): void => this.#ui.machineOf(name, 'artifact', ...data);
      this.#ui.machineOf(name, 'artifact-count', String(kept.length));
      for (const [index, artifact] of kept.entries()) {
        const { builderId, id, description = id, files } = artifact;
        const number = String(index);
        machine(number, 'builder-id', builderId);
        machine(number, 'id', id);
        machine(number, 'string', description);
        machine(number, 'files-count', String(files.length));
        for (const [at, { path, written = path }] of files.entries())
          machine(number, 'file', String(at), written);
        machine(number, 'end');
        this.#ui.say(`--> ${name}: ${description}`);
      }
    }
  }
}

async function deleteFiles(artifacts: readonly Artifact[]): Promise<void> {
  for (const { files } of artifacts) {
    for (const { path } of files) await rm(path, { recursive: true, force: true });
  }
}
