import path from 'node:path';
import { defineCommand } from '../define-command.ts';
import { workingDirectory } from '../options/common-options.ts';
import { addTemplateOptions, type TemplateOptions } from '../options/template-options.ts';

interface ConvertOptions extends TemplateOptions {
  readonly o?: string;
  readonly force?: boolean;
  readonly configType?: string;
}

/** Exit code for a template that is wrong or cannot be expressed. */
const WRONG_TEMPLATE = 2;

export const convertCommand = defineCommand<ConvertOptions>({
  name: 'convert',
  summary: "Turn a template of Packer into one of imgpipe's own, and prove that both make the same plan",
  description:
    'Takes HCL2, JSON or a folder. Compiles both templates and compares every node, its options and the inputs of its ' +
    'key. What cannot be expressed is an error with its place. Variables whose values stand in texts stay variables; ' +
    'what else depends on a value is decided now. Values of sensitive variables are not written.',
  examples: [
    { line: 'imgpipe convert web.pkr.hcl -o pipelines/web.yaml', about: 'into the project' },
    { line: 'imgpipe convert -var-file=prod.pkrvars.hcl .', about: 'a folder, to standard output' },
    { line: "imgpipe convert --only='docker.*' --force -o web.yaml template.json", about: 'some builds' },
  ],
  declare: (command) =>
    addTemplateOptions(
      command.argument('<template>', 'file or folder of a Packer template; - is standard input'),
    )
      .option('-o <file>', 'write into this file instead of standard output; so does --output')
      .option('--config-type <type>', 'form of a template whose name does not tell it: json or hcl2')
      .option('--force', 'replace the file when it is there'),
  run: async (context, [template], options) => {
    const { runPacker } = await import('../packer/run-packer.ts');
    const output = options.o ?? options.output;
    const cwd = workingDirectory(context, options);
    const code = await runPacker(
      [
        'convert',
        ...(options.var ?? []).flatMap((pair) => ['-var', pair]),
        ...(options.varFile ?? []).map((name) => `-var-file=${name}`),
        ...(options.only === undefined ? [] : [`-only=${options.only.join(',')}`]),
        ...(options.except === undefined ? [] : [`-except=${options.except.join(',')}`]),
        ...(options.configType === undefined ? [] : [`-config-type=${options.configType}`]),
        ...(output === undefined ? [] : [`-output=${output}`]),
        ...(options.force === true ? ['-force'] : []),
        template as string,
      ],
      cwd === path.resolve(context.cwd) ? context : { ...context, cwd },
    );
    return code === 0 ? 0 : WRONG_TEMPLATE;
  },
});
