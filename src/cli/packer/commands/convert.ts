import { readFileSync } from 'node:fs';
import { access } from 'node:fs/promises';
import path from 'node:path';
import { comparePlans } from '../../../engine/same-plan.ts';
import { commentFinder } from '../../../template/packer-convert/comments.ts';
import { type ConvertedTemplate, convertTemplate } from '../../../template/packer-convert/convert.ts';
import { writeYaml } from '../../../template/packer-convert/write-yaml.ts';
import { hideSecrets } from '../../../template/packer-hcl/console.ts';
import { lowerPacker, type LowerOptions } from '../../../template/packer-lower/lower.ts';
import { notingWorld } from '../../../template/packer-lower/noting-world.ts';
import { writeFileAtomic } from '../../../util/atomic-file.ts';
import { openReader } from '../build/open-reader.ts';
import { type CommandWork, type PackerCommand, printProblems } from '../command.ts';
import { packerCache } from '../packer-cache.ts';
import { hidingUi, textUi } from '../packer-ui.ts';
import { TEMPLATE_FLAGS, templateFlags } from '../template-flags.ts';

export const convertCommand: PackerCommand = {
  help: `Usage: packer convert [options] TEMPLATE

  Turns a template of Packer's (HCL2, JSON or a folder) into a template of
  imgpipe's own, in YAML, and proves that both make the same plan: it compiles
  both and compares every node, its options and the inputs of its key. What
  cannot be expressed is an error with its place; nothing is left out silently.

  Variables whose values stand in texts stay variables. What else depends on a
  value is decided now. Values that files of values give become defaults; those
  of -var do not, and those of sensitive variables are not written.

Options:

  -o FILE, -output=FILE         Write into this file instead of standard output.
  -force                        Replace the file when it is there.
  -except=foo,bar,baz           Convert all builds but these.
  -only=foo,bar,baz             Convert only these builds.
  -var 'key=value'              Give a variable its value; may be repeated.
  -var-file=path                Read values from a file; may be repeated.`,
  examples: [
    ['packer convert -o pipelines/web.yaml web.pkr.hcl', 'into a project'],
    ["packer convert -var-file=prod.pkrvars.hcl -only='docker.*' .", 'some builds, to standard output'],
  ],
  flags: {
    ...TEMPLATE_FLAGS,
    o: 'text',
    output: 'text',
    force: 'switch',
  },
  run: async (work) => {
    const [template] = work.flags.args;
    if (template === undefined || work.flags.args.length !== 1) return 'usage';
    const noting = notingWorld(new Date());
    // Standard output is for the template.
    const told: CommandWork = work.machineReadable ? work : { ...work, ui: textUi(work.context.stderr) };
    const opened = await openReader(told, templateFlags(work.flags, template), noting);
    if (typeof opened === 'number') return opened;
    const { reader } = opened;
    const ui = hidingUi(told.ui, (text) => hideSecrets(text, reader.secrets));
    return await convert({ ...told, ui }, template, { reader, noting });
  },
};

async function convert(
  work: CommandWork,
  template: string,
  given: Pick<LowerOptions, 'reader' | 'noting'>,
): Promise<number> {
  const { context, flags, ui } = work;
  const named = flags.lists.get('output')?.[0] ?? flags.lists.get('o')?.[0];
  const file = path.resolve(context.cwd, named ?? 'converted.yaml');
  if (named !== undefined && flags.switches.get('force') !== true && (await exists(file))) {
    ui.error(`${named} is there already. Use -force to replace it.`);
    return 1;
  }
  const engine = await context.engine();
  const opened = await engine.openProject({ cwd: context.cwd, ...packerCache(context) });
  if (!opened.ok) return printProblems(work, opened);
  const project = opened.value;
  const kinds = await project.kinds();
  if (!kinds.ok) return printProblems(work, kinds);
  const { sourceDateEpoch, architecture } = project.config.defaults;
  const options: LowerOptions = {
    ...given,
    kinds: kinds.value,
    directory: context.cwd,
    force: false,
    noCache: false,
    sourceDateEpoch,
  };
  const lowered = await work.servers.answering(context.signal, () => lowerPacker(options));
  const code = printProblems(work, lowered);
  if (code !== 0) return code;
  if (lowered.builds.length === 0) {
    ui.error('No builds to convert: the template has none, or -only and -except leave none.');
    return 1;
  }
  const folder = path.relative(path.dirname(file), context.cwd);
  const converted = convertTemplate({
    lowered,
    options,
    comments: commentFinder((name) => readIfThere(path.resolve(context.cwd, name))),
    directory: folder === '' ? undefined : folder,
    architecture: architecture ?? lowered.template.pipelines[0]?.architecture,
  });
  if (converted.failures.length > 0) return printProblems(work, { failures: converted.failures });
  const text = await writeYaml(converted, heading(template, converted));
  const proven = await prove(work, { text, file, converted, project });
  if (proven !== 0) return proven;
  if (named === undefined) context.stdout.write(text);
  else {
    writeFileAtomic(file, text);
    ui.say(`Successfully created ${named}.`);
  }
  for (const note of converted.notes) ui.say(`Note: ${note}`);
  return 0;
}

interface Claim {
  readonly text: string;
  readonly file: string;
  readonly converted: ConvertedTemplate;
  readonly project: Pick<
    Extract<
      Awaited<ReturnType<Awaited<ReturnType<CommandWork['context']['engine']>>['openProject']>>,
      { ok: true }
    >['value'],
    'compile' | 'compileText'
  >;
}

/** Compiles both templates and compares them; tells the outcome and gives the exit code. */
async function prove(work: CommandWork, { text, file, converted, project }: Claim): Promise<number> {
  const { lowered, values } = converted;
  const before = await project.compile(lowered.template, lowered.lateOptions);
  if (!before.ok) return printProblems(work, before);
  const after = await project.compileText(text, { file, values });
  if (!after.ok) return printProblems(work, after);
  const { nodes, secret, differences } = comparePlans(before.value, after.value);
  if (differences.length > 0) {
    work.ui.error(
      `The new template would not make the same plan, so it was not written:\n${differences.map((line) => `  ${line}`).join('\n')}`,
    );
    return 1;
  }
  work.ui.say(`Both templates make the same plan: ${nodes} nodes with equal options and keys.`);
  if (secret > 0) {
    work.ui.say(
      `Note: the keys of ${secret} of them hold secrets, which have other names in the new template: these run once more.`,
    );
  }
  return 0;
}

const heading = (template: string, { notes }: ConvertedTemplate): string[] => [
  `Converted by imgpipe from the Packer template ${template}.`,
  ...notes,
];

const exists = async (file: string): Promise<boolean> =>
  await access(file).then(
    () => true,
    () => false,
  );

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
