import type { ServerQuestion } from '../../packer-servers/server-question.ts';
import { formatGoTime, formatStrftime } from '../functions/legacy-time.ts';
import { formatRfc3339 } from '../functions/calendar.ts';
import { runTime } from '../functions/dates.ts';
import { FunctionError, type FunctionWorld } from '../functions/function.ts';
import { UUID_FUNCTIONS } from '../functions/uuids.ts';
import { GO_BUILTINS } from './go-builtins.ts';
import { GoCallError, type GoFunction, type GoFunctions, type GoValue, printGo } from './go-value.ts';

/** What the template engine's functions may tell; what is left out is "not available". */
export interface EngineFacts {
  readonly world: FunctionWorld;
  readonly buildName?: string;
  readonly buildType?: string;
  readonly templateDirectory?: string;
  readonly packerVersion?: string;
  /** User variables; an unknown one is the empty string. */
  readonly userVariables?: ReadonlyMap<string, string>;
  /** `env` is allowed only where variables are declared. */
  readonly allowEnvironment?: boolean;
  readonly extra?: GoFunctions;
}

/** The functions of Packer's `{{ … }}` engine, over those of the language. */
export function engineFunctions(facts: EngineFacts): GoFunctions {
  const { world } = facts;
  const own: Readonly<Record<string, GoFunction>> = {
    upper: texts(1, ([text]) => text!.toUpperCase()),
    lower: texts(1, ([text]) => text!.toLowerCase()),
    replace: {
      arity: [4, 4],
      call: ([from, to, count, text]) =>
        replaceTimes(printGo(from!), printGo(to!), Number(count), printGo(text!)),
    },
    replace_all: texts(3, ([from, to, text]) => text!.replaceAll(from!, () => to!)),
    split: {
      arity: [3, 3],
      call: ([text, separator, index]) => part(printGo(text!), printGo(separator!), Number(index)),
    },
    clean_resource_name: texts(1, ([name]) => name!.replace(/[^A-Za-z0-9_-]/g, '-')),
    timestamp: texts(0, () => String(runTime(world).unix)),
    isotime: optional((layout) => legacyTime(world, layout, formatGoTime)),
    strftime: optional((format) => legacyTime(world, format, formatStrftime)),
    uuid: texts(0, () => String(UUID_FUNCTIONS['uuidv4']?.call([], world).data)),
    pwd: texts(0, () => world.workingDirectory),
    user: texts(1, ([name]) => facts.userVariables?.get(name!) ?? ''),
    env: texts(1, ([name]) => {
      if (facts.allowEnvironment !== true) throw new GoCallError('env vars are not allowed here');
      return world.environment[name!] ?? '';
    }),
    build: texts(1, ([name]) => {
      throw new GoCallError(
        `Error validating build variable: the given variable ${name!} will not be passed into your plugin.`,
      );
    }),
    build_name: fact('build_name', facts.buildName),
    build_type: fact('build_type', facts.buildType),
    template_dir: fact('template path', facts.templateDirectory),
    packer_version: fact('packer_version', facts.packerVersion),
    sed: texts(2, () => {
      throw new GoCallError(
        'template function `sed` is deprecated use `replace` or `replace_all` instead.Documentation: https://www.packer.io/docs/templates/engine',
      );
    }),
    consul_key: asking(facts, [1, 1], 'consul_key is not allowed here', ([key = '']) => ({
      service: 'consul',
      key,
    })),
    vault: asking(
      facts,
      [2, 2],
      'Vault vars are only allowed in the variables section',
      ([path = '', key = '']) => ({ service: 'vault', path, key }),
    ),
    aws_secretsmanager: asking(facts, [1, 2], AWS_ELSEWHERE, ([name = '', key = '']) => ({
      service: 'aws-secrets-manager',
      name,
      key,
      raw: false,
    })),
    aws_secretsmanager_raw: asking(facts, [1, 1], AWS_ELSEWHERE, ([name = '']) => ({
      service: 'aws-secrets-manager',
      name,
      key: '',
      raw: true,
    })),
  };
  return new Map([...Object.entries({ ...GO_BUILTINS, ...own }), ...(facts.extra ?? [])]);
}

const texts = (count: number, call: (args: readonly string[]) => string): GoFunction => ({
  arity: [count, count],
  call: (args) => call(args.map(printGo)),
});

const optional = (call: (text: string | undefined) => string): GoFunction => ({
  arity: [0, 1],
  call: ([text]: readonly GoValue[]) => call(text === undefined ? undefined : printGo(text)),
});

const fact = (name: string, value: string | undefined): GoFunction =>
  texts(0, () => {
    if (value === undefined) throw new GoCallError(`${name} not available`);
    return value;
  });

const AWS_ELSEWHERE = 'AWS Secrets Manager is only allowed in the variables section';

/** A function that asks a server; like `env` only where variables are declared. */
const asking = (
  { world, allowEnvironment }: EngineFacts,
  arity: GoFunction['arity'],
  elsewhere: string,
  question: (texts: readonly string[]) => ServerQuestion,
): GoFunction => ({
  arity,
  call: (args) => {
    if (allowEnvironment !== true) throw new GoCallError(elsewhere);
    const answer = world.servers.find(question(args.map(printGo)));
    if (answer.state === 'failed') throw new GoCallError(answer.message);
    // Until the answer is there any text will do: what is made of it is thrown away.
    return answer.state === 'pending' ? '' : answer.text;
  },
});

function replaceTimes(from: string, to: string, count: number, text: string): string {
  if (count < 0) return text.replaceAll(from, () => to);
  const pieces = text.split(from);
  const kept = pieces.slice(0, count + 1).join(to);
  return [kept, ...pieces.slice(count + 1)].join(from);
}

function part(text: string, separator: string, index: number): string {
  const parts = separator === '' ? [...text] : text.split(separator);
  const found = parts[index];
  if (found === undefined)
    throw new GoCallError(
      `the substring ${index} was unavailable using the separator value, ${separator}, only ${parts.length} values were found`,
    );
  return found;
}

function legacyTime(world: FunctionWorld, layout: string | undefined, format: typeof formatGoTime): string {
  try {
    return layout === undefined ? formatRfc3339(runTime(world)) : format(layout, runTime(world));
  } catch (error) {
    if (error instanceof FunctionError) throw new GoCallError(error.message);
    throw error;
  }
}
