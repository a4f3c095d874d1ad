import { unwrap } from '../../diagnostics/failure.ts';
import { nodeWorld } from '../../template/packer-hcl/functions/node-world.ts';
import { engineFunctions } from '../../template/packer-hcl/go-template/packer-functions.ts';
import { printGo } from '../../template/packer-hcl/go-template/go-value.ts';
import { renderGoTemplate } from '../../template/packer-hcl/go-template/render-go.ts';
import { SourceText } from '../../template/packer-hcl/syntax/source-text.ts';
import { packerRunId } from '../../template/packer-lower/run-facts.ts';
import type { BuildFields } from './build-fields.ts';

export interface RenderContext {
  readonly build: BuildFields;
  /** What `{{ build … }}` and the dot know of the live machine. */
  readonly facts: Readonly<Record<string, string>>;
  /** Folder of the template. */
  readonly directory: string;
}

/**
 * Renders the `{{ … }}` actions of a text that Packer renders when the step runs. `data` is what the dot has besides
 * the facts of the machine.
 * @throws FailureError `template-invalid`
 */
export function renderText(
  text: string,
  context: RenderContext,
  data: Readonly<Record<string, string | number>> = {},
): string {
  if (!text.includes('{{')) return text;
  const { build, facts, directory } = context;
  const functions = engineFunctions({
    world: nodeWorld({ baseDirectory: directory }),
    buildName: build.packer_build_name,
    buildType: build.packer_builder_type,
    templateDirectory: directory,
    userVariables: new Map(Object.entries(build.packer_user_variables)),
    extra: new Map([
      [
        'build',
        {
          arity: [1, 1] as const,
          call: ([name]) => factOf(facts, printGo(name ?? '')),
        },
      ],
    ]),
  });
  return unwrap(renderGoTemplate(new SourceText('<text>', text), { data: { ...facts, ...data }, functions }));
}

/** A fact of the machine as templates see it; one that its builder does not know is a text that says so. */
export function factOf(facts: Readonly<Record<string, string>>, name: string): string {
  if (Object.hasOwn(facts, name)) return facts[name] ?? '';
  if (name === 'PackerRunUUID') return packerRunId();
  const words = name.replace(/^Packer/, '').replaceAll(/([a-z])([A-Z])|(HTTP)(?=[A-Z])/g, '$1$3_$2');
  return `ERR_${words.toUpperCase()}_NOT_IMPLEMENTED_BY_BUILDER`;
}
