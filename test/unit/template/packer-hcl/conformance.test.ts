import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { runConsole } from '../../../../src/template/packer-hcl/console.ts';

interface Case {
  readonly id: string;
  readonly argv: readonly string[];
  readonly stdin: string;
  readonly rc: number | 'nonzero';
  readonly stdout?: string;
  readonly regex?: readonly string[];
}

const here = import.meta.dirname;
const cases = JSON.parse(readFileSync(path.join(here, 'conformance.json'), 'utf8')) as readonly Case[];

describe('what packer console prints', () => {
  test.each(cases.map((one) => [one.id, one] as const))('%s', (_, one) => {
    const outcome = runConsole(one.stdin.replace(/\n$/, '').split('\n'), {
      packerVersion: '1.16.0',
      configType: one.argv.includes('--config-type=hcl2') ? 'hcl2' : 'json',
      world: { workingDirectory: here },
    });
    if (one.rc === 'nonzero') expect(outcome.exitCode, outcome.stdout).not.toBe(0);
    else expect(outcome.exitCode, outcome.failures.map(({ message }) => message).join('\n')).toBe(one.rc);
    if (one.stdout !== undefined) expect(outcome.stdout).toBe(one.stdout);
    for (const pattern of one.regex ?? []) expect(outcome.stdout).toMatch(new RegExp(pattern));
  });
});
