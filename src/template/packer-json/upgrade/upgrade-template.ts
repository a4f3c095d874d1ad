import { isDeepStrictEqual } from 'node:util';
import { layOutHcl } from '../../packer-hcl/format/format.ts';
import { renderGoTemplate } from '../../packer-hcl/go-template/render-go.ts';
import { SourceText } from '../../packer-hcl/syntax/source-text.ts';
import { KNOWN_PLUGINS, knownPluginOf } from '../../packer-kinds/plugins.ts';
import { componentTypes } from '../../packer-kinds/table.ts';
import { type JsonObject, isObject } from '../json-value.ts';
import type { JsonTemplate } from '../template.ts';
import * as annotations from './annotations.ts';
import { UpgradeState, blockCalls, unhandledComment, variableCalls } from './calls.ts';
import { HclWriter, writeOptions } from './hcl-writer.ts';
import { postProcessorBlock, provisionerBlock } from './steps.ts';
import { textFunctions, transpose } from './transpose.ts';

export interface Upgraded {
  /** The template in HCL2, formatted. */
  readonly text: string;
  /** Builders of no plugin that Packer knows: their blocks are there, but cannot be checked. */
  readonly unknownBuilders: readonly string[];
}

/** Turns a JSON template into HCL2. What has no counterpart stays as it is, under a comment. */
export function upgradeTemplate(
  template: JsonTemplate,
  options: { readonly annotations: boolean },
): Upgraded {
  return new Upgrade(template, options.annotations).run();
}

interface Source {
  readonly type: string;
  readonly name: string;
  readonly config: JsonObject;
}

class Upgrade {
  readonly #template: JsonTemplate;
  readonly #annotated: boolean;
  readonly #state = new UpgradeState();

  constructor(template: JsonTemplate, annotated: boolean) {
    this.#template = template;
    this.#annotated = annotated;
  }

  run(): Upgraded {
    const { variables, locals } = this.#variables();
    const { text: images, sources } = this.#images(this.#sortedBuilders());
    const bodies = sources
      .map((source) =>
        this.#block(
          new HclWriter()
            .newline()
            .block('source', [source.type, source.name], (body) => writeOptions(body, source.config)),
        ),
      )
      .join('');
    const build = this.#build(sources);
    const parts = [
      this.#annotate(annotations.PACKER_HEADER, this.#packer()),
      this.#annotate(annotations.VARIABLES_HEADER, variables),
      this.#annotate(annotations.SECRETS_HEADER, this.#secrets()),
      this.#annotate(annotations.AMI_HEADER, images),
      this.#helpers(),
      this.#annotate(annotations.LOCALS_HEADER, locals),
      this.#annotate(annotations.SOURCES_HEADER, bodies),
      build,
    ];
    const text = parts.join('');
    const builtIn = componentTypes('builder');
    const unknown = sources
      .map(({ type }) => type)
      .filter((type) => !builtIn.includes(type) && knownPluginOf(type) === undefined);
    return {
      text: (this.#annotated ? annotations.FILE_HEADER : '') + layOutHcl(text),
      unknownBuilders: unknown,
    };
  }

  /** A part with the comment over it; nothing for an empty part. */
  #annotate(header: string, text: string): string {
    return text === '' ? '' : (this.#annotated ? header : '') + text;
  }

  /** The text of a block with its calls carried out. */
  #block(writer: HclWriter): string {
    const unhandled: string[] = [];
    const text = transpose(writer.text(), blockCalls(this.#state, unhandled));
    return unhandledComment(unhandled) + text;
  }

  #packer(): string {
    const { minVersion, builders, provisioners, postProcessors } = this.#template;
    const types = [...builders.values(), ...provisioners, ...postProcessors.flat()].map(({ type }) => type);
    const plugins = [...new Set(types.flatMap((type) => knownPluginOf(type) ?? []))].toSorted();
    if (minVersion === '' && plugins.length === 0) return '';
    return new HclWriter()
      .block('packer', [], (body) => {
        if (minVersion !== '') body.attribute('required_version', `>= ${minVersion}`);
        if (plugins.length === 0) return;
        body.block('required_plugins', [], (inner) => {
          for (const name of plugins) {
            inner.attribute(name, { source: KNOWN_PLUGINS.get(name) ?? '', version: '~> 1' });
          }
        });
      })
      .text();
  }

  #variables(): { readonly variables: string; readonly locals: string } {
    const all = new Map(this.#template.variables);
    for (const name of referencedVariables(this.#template.text)) {
      if (!all.has(name)) all.set(name, { default: '', required: true });
    }
    let variables = '';
    let sensitiveLocals = '';
    const plainLocals: (readonly [string, string])[] = [];
    for (const [name, variable] of [...all].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
      const sensitive = this.#template.sensitive.includes(name);
      let isLocal = false;
      transpose(
        variable.default,
        variableCalls(() => (isLocal = true)),
      );
      if (!isLocal) {
        const writer = new HclWriter().newline().block('variable', [name], (body) => {
          body.raw('type', 'string');
          if (variable.default !== '' || !variable.required) body.attribute('default', variable.default);
          if (sensitive) body.attribute('sensitive', true);
        });
        variables += transpose(
          writer.text(),
          variableCalls(() => undefined),
        );
        continue;
      }
      this.#state.locals.add(name);
      if (!sensitive) plainLocals.push([name, variable.default]);
      else {
        sensitiveLocals += this.#block(
          new HclWriter().newline().block('local', [name], (body) => {
            body.attribute('sensitive', true).attribute('expression', variable.default);
          }),
        );
      }
    }
    if (plainLocals.length === 0) return { variables, locals: sensitiveLocals };
    const writer = new HclWriter().newline().block('locals', [], (body) => {
      for (const [name, text] of plainLocals) body.attribute(name, text);
    });
    return { variables, locals: sensitiveLocals + this.#block(writer) };
  }

  #sortedBuilders(): Source[] {
    return [...this.#template.builders.values()]
      .toSorted((a, b) => (a.type + a.name < b.type + b.name ? -1 : 1))
      .map(({ type, name, config }, index) => ({
        type,
        name: name === type ? `autogenerated_${index + 1}` : name.trim().replaceAll(' ', '_'),
        config: structuredClone(config),
      }));
  }

  /** Filters for an image of Amazon become data blocks, equal ones only one. */
  #images(sources: readonly Source[]): { readonly text: string; readonly sources: readonly Source[] } {
    const filters: JsonObject[] = [];
    let text = '';
    const changed = sources.map((source) => {
      const filter = source.config['source_ami_filter'];
      if (!source.type.startsWith('amazon-') || !isObject(filter)) return source;
      const { source_ami_filter: _, ...config } = source.config;
      const full = { ...filter, ...accessOptions(config) };
      let index = filters.findIndex((known) => isDeepStrictEqual(known, full));
      if (index === -1) {
        index = filters.push(full) - 1;
        text += this.#block(
          new HclWriter()
            .newline()
            .block('data', ['amazon-ami', `autogenerated_${index + 1}`], (body) => writeOptions(body, full)),
        );
      }
      const image = `{{ data \`amazon-ami.autogenerated_${index + 1}.id\` }}`;
      return { ...source, config: { ...config, source_ami: image } };
    });
    return { text, sources: changed };
  }

  #secrets(): string {
    return this.#state
      .secrets()
      .map(([block, { name, key }]) =>
        new HclWriter()
          .newline()
          .block('data', ['amazon-secretsmanager', block], (body) =>
            writeOptions(body, { name, ...(key !== undefined && { key }) }),
          )
          .text(),
      )
      .join('');
  }

  /** The local and the comments that calls ask for. */
  #helpers(): string {
    const legacy = (name: string): string =>
      `# The "${name}" function has been provided for backwards compatability, but we recommend switching to the timestamp and formatdate functions.\n`;
    const { timestamp, isotime, strftime } = this.#state;
    const note = this.#annotated ? '# "timestamp" template function replacement\n' : '';
    return [
      timestamp ? `\n${note}locals { timestamp = regex_replace(timestamp(), "[- TZ:]", "") }\n` : '',
      isotime ? legacy('legacy_isotime') : '',
      strftime ? legacy('legacy_strftime') : '',
    ].join('');
  }

  #build(sources: readonly Source[]): string {
    if (sources.length === 0) return '';
    const { description, provisioners, cleanup, postProcessors } = this.#template;
    const head = new HclWriter();
    if (description !== '') head.attribute('description', description).newline();
    head.attribute(
      'sources',
      sources.map(({ type, name }) => `source.${type}.${name}`),
    );
    const steps = [
      ...provisioners.map((step) => provisionerBlock('provisioner', step)),
      ...(cleanup === undefined ? [] : [provisionerBlock('error-cleanup-provisioner', cleanup)]),
      ...postProcessors.flatMap(postProcessorBlock),
    ].map((writer) => this.#block(writer));
    const header = this.#annotated ? annotations.BUILD_HEADER : '\n';
    return `${header}build {\n${head.newline().text()}${steps.join('')}}\n`;
  }
}

/** Options of the access to Amazon that a filter shares with its builder. */
const ACCESS_OPTIONS = [
  'access_key',
  'assume_role',
  'custom_endpoint_ec2',
  'shared_credentials_file',
  'decode_authorization_messages',
  'insecure_skip_tls_verify',
  'max_retries',
  'mfa_code',
  'profile',
  'region',
  'secret_key',
  'skip_metadata_api_check',
  'skip_credential_validation',
  'token',
  'vault_aws_engine',
  'aws_polling',
];

function accessOptions(config: JsonObject): JsonObject {
  return Object.fromEntries(
    ACCESS_OPTIONS.flatMap((name) => {
      const value = config[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

/** User variables that a template without other calls reads: those it does not declare come from files of values. */
function referencedVariables(text: string): ReadonlySet<string> {
  const names = new Set<string>();
  const functions = textFunctions({
    user: (name = '') => {
      names.add(name);
      return '';
    },
  });
  const rendered = renderGoTemplate(new SourceText('template', text), { data: null, functions });
  return rendered.ok ? names : new Set();
}
