import type { ServerQuestion } from '../../packer-servers/server-question.ts';
import { STRING } from '../values/type.ts';
import { markSensitive, stringValue, unknownValue } from '../values/value.ts';
import { type FunctionDefinition, FunctionError, type Parameter, parameter, textOf } from './function.ts';

/** A function that asks a server. Its result is unknown until the server has answered. */
const asking = (
  parameters: readonly Parameter[],
  question: (texts: readonly string[]) => ServerQuestion,
): FunctionDefinition => ({
  parameters,
  returns: STRING,
  call: (args, { servers }) => {
    const asked = question(args.map(textOf));
    const answer = servers.find(asked);
    if (answer.state === 'failed') throw new FunctionError(answer.message);
    const value = answer.state === 'pending' ? unknownValue(STRING) : stringValue(answer.text);
    return markSensitive(value, asked.service !== 'consul');
  },
});

export const EXTERNAL_FUNCTIONS: Readonly<Record<string, FunctionDefinition>> = {
  vault: asking([parameter('path', STRING), parameter('key', STRING)], ([path = '', key = '']) => ({
    service: 'vault',
    path,
    key,
  })),
  consul_key: asking([parameter('key', STRING)], ([key = '']) => ({ service: 'consul', key })),
  aws_secretsmanager: asking(
    [parameter('name', STRING), parameter('key', STRING, { allowNull: true })],
    ([name = '', key = '']) => ({ service: 'aws-secrets-manager', name, key, raw: false }),
  ),
  aws_secretsmanager_raw: asking([parameter('name', STRING)], ([name = '']) => ({
    service: 'aws-secrets-manager',
    name,
    key: '',
    raw: true,
  })),
};
