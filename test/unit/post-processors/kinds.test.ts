import { describe, expect, it } from 'vitest';
import { builtinKinds } from '../../../src/builtins.ts';
import { parseLocated, type ParseContext } from '../../../src/schema/issues.ts';

const CONTEXT: ParseContext = {
  subject: 'post-processor',
  locate: () => ({ file: 'web.yaml', line: 1, column: 1 }),
  reason: 'template-invalid',
  unknownReason: 'unknown-option',
};

const kinds = builtinKinds.posts.all;

describe('kinds of post-processors', () => {
  it.each(kinds)('$type takes its good examples and refuses its bad ones', (kind) => {
    for (const { options } of kind.examples.good) {
      const parsed = kind.schema.safeParse(options);
      expect(parsed.error?.issues ?? []).toEqual([]);
    }
    for (const { options, error } of kind.examples.bad) {
      const parsed = parseLocated(kind.schema, options, CONTEXT);
      const told = parsed.ok ? [] : parsed.failures.map(({ message }) => message);
      expect(told.join('\n')).toContain(error);
    }
  });

  it('name the secrets that they ask for, so that a missing one is told before anything runs', () => {
    const secretsOf = (type: string, options: object): readonly string[] => {
      const kind = builtinKinds.posts.mustGet(type);
      return kind.secrets?.(kind.schema.parse(options)) ?? [];
    };
    expect(secretsOf('sign', { secret: 'a', passphrase: 'b' })).toEqual(['a', 'b']);
    expect(secretsOf('push', { to: 'r.io/x', user: 'u', password: 'p', signingKey: 'k' })).toEqual([
      'p',
      'k',
    ]);
    expect(secretsOf('upload', { to: 'https://x/', secretHeaders: { Authorization: 'token' } })).toEqual([
      'token',
    ]);
    expect(secretsOf('provenance', { secret: 's' })).toEqual(['s']);
    expect(secretsOf('shell-local', { command: 'x', secrets: { A: 'one' } })).toEqual(['one']);
  });

  it('say which commands imgpipe cannot see through', () => {
    const kind = builtinKinds.posts.mustGet('shell-local');
    const untracked = (options: object) => kind.untracked?.(kind.schema.parse(options));
    expect(untracked({ command: 'x' })).toContain('every time');
    expect(untracked({ command: 'x', inputs: [] })).toBeUndefined();
    expect(untracked({ command: 'x', outputs: ['a'] })).toBeUndefined();
  });

  it('have the version of zlib or zstd in the key where it makes the bytes, and only there', () => {
    const factsOf = (type: string, options: object): unknown => {
      const kind = builtinKinds.posts.mustGet(type);
      return kind.keyFacts?.(kind.schema.parse(options));
    };
    const zlib = { 'version of zlib': process.versions.zlib };
    expect(['gz', 'zip', 'zstd', 'xz'].map((method) => factsOf('compress', { method }))).toEqual([
      zlib,
      zlib,
      { 'version of zstd': process.versions['zstd'] },
      undefined,
    ]);
    expect(
      ['a.zip', 'a.bgzf', 'a.tar.gz', 'a'].map((output) => factsOf('packer-compress', { output })),
    ).toEqual([zlib, zlib, undefined, undefined]);
  });
});
