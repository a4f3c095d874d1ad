import type { ServerEnvironment } from './server-questions.ts';

/**
 * Reads a secret of AWS Secrets Manager: a plain one whole, of one with keys the value of `key`. Credentials, region and
 * `AWS_ENDPOINT_URL` come from the surroundings as with AWS's own tools. Throws errors in Packer's words.
 */
export async function readAwsSecret(
  question: { readonly name: string; readonly key: string; readonly raw: boolean },
  environment: ServerEnvironment,
  signal: AbortSignal,
): Promise<string> {
  const { name, key, raw } = question;
  if (name === '') throw new Error('At least one secret name must be provided');
  const { SecretsManagerClient, GetSecretValueCommand } = await import('@aws-sdk/client-secrets-manager');
  const region = environment['AWS_REGION'] ?? environment['AWS_DEFAULT_REGION'];
  const client = new SecretsManagerClient({ ...(region !== undefined && { region }) });
  try {
    const command = new GetSecretValueCommand({ SecretId: name, VersionStage: 'AWSCURRENT' });
    const { SecretString: text } = await client.send(command, { abortSignal: signal });
    if (text === undefined) throw new Error('Secret is not string');
    return raw ? text : valueOf(text, key);
  } catch (cause) {
    signal.throwIfAborted();
    if (!(cause instanceof Error) || cause.name === 'Error') throw cause;
    throw new Error(`${cause.name}: ${cause.message}`, { cause });
  } finally {
    client.destroy();
  }
}

function valueOf(text: string, key: string): string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return text;
  }
  if (parsed === null || typeof parsed !== 'object' || Array.isArray(parsed))
    throw new Error('the secret is JSON without keys; aws_secretsmanager_raw gives it whole');
  const values = new Map<string, unknown>(Object.entries(parsed));
  if (key === '' && values.size > 1) throw new Error('Secret has multiple values and no key was set');
  const chosen = key === '' ? [...values.keys()][0] : key;
  if (chosen === undefined || !values.has(chosen))
    throw new Error(`No secret found for key ${JSON.stringify(key)}`);
  const value = values.get(chosen);
  if (typeof value === 'string') return value;
  // As Go prints a float without decimals.
  if (typeof value === 'number') return BigInt(roundHalfEven(value)).toString();
  throw new Error(`Unsupported secret value type: ${goType(value)}`);
}

function roundHalfEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 !== 0) ? below + 1 : below;
}

const goType = (value: unknown): string =>
  value === null
    ? '<nil>'
    : typeof value === 'boolean'
      ? 'bool'
      : Array.isArray(value)
        ? '[]interface {}'
        : 'map[string]interface {}';
