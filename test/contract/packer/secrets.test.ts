import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { engine } from '../../../src/engine.ts';
import { PackerProject } from '../../rigs/packer-command.ts';

const before = process.env['XDG_CACHE_HOME'];
const cache = mkdtempSync(path.join(tmpdir(), 'imgpipe-packer-cache-'));
beforeAll(() => {
  process.env['XDG_CACHE_HOME'] = cache;
});
afterAll(() => {
  if (before === undefined) delete process.env['XDG_CACHE_HOME'];
  else process.env['XDG_CACHE_HOME'] = before;
  rmSync(cache, { recursive: true, force: true });
});

const SECRET = 'cor\'rect "horse", <b>&é st\\aple\nsecond line of it';

/** What is left of the secret whatever was done to it. */
const TRACES = [
  ...['horse', 'aple', 'second line', 'rect%20', 'rect+%22', 'ine of it'],
  ...[SECRET, `x${SECRET}`, `xy${SECRET}`, 'second line of it'].flatMap((text) => [
    Buffer.from(text).toString('base64').slice(8, 24),
    Buffer.from(text).toString('hex').slice(0, 24),
    Buffer.from(text).toString('hex').toUpperCase().slice(0, 24),
  ]),
];

/** Prints the secret of its environment in every form that programs give texts. */
const ENCODE = `const secret = process.env.S ?? '';
const json = JSON.stringify(secret);
const hex = (sign) => '\\\\u' + sign.charCodeAt(0).toString(16).padStart(4, '0');
const bytes = Buffer.from(secret);
const forms = [
  secret,
  secret.replaceAll('\\n', '\\r\\n'),
  json,
  JSON.stringify({ message: json }),
  json.replaceAll(/[<>&]/g, hex),
  json.replaceAll(/[^ -~]/g, hex),
  encodeURIComponent(secret),
  new URLSearchParams({ q: secret }).toString(),
  bytes.toString('base64'),
  bytes.toString('base64url'),
  Buffer.from('x' + secret).toString('base64'),
  Buffer.from('xy' + secret + '=').toString('base64'),
  bytes.toString('hex'),
  bytes.toString('hex').toUpperCase(),
  'x'.repeat(65_530) + secret,
];
for (const form of forms) {
  console.log('[' + form + ']');
  console.error(form);
}
process.stdout.write('progress 1\\r' + secret.split('\\n')[0] + '\\rprogress 2\\n');
for (const byte of Buffer.from('in pieces: ' + secret)) {
  process.stdout.write(Buffer.of(byte));
  await new Promise((resolve) => setTimeout(resolve, 1));
}
`;

const TEMPLATE = `variable "s" {
  sensitive = true
}
variable "fail" {
  default = false
}
variable "target" {
  default = "kept.txt"
}
local "made" {
  expression = "derived-from-\${substr(var.s, 0, 3)}-hidden"
  sensitive  = true
}
source "null" "a" {
  communicator = "none"
}
source "file" "kept" {
  content = "plain"
  target  = var.target
}
build {
  sources = ["null.a", "file.kept"]
  provisioner "shell-local" {
    only             = ["null.a"]
    environment_vars = ["S=\${var.s}"]
    inline           = ["\\"$NODE\\" encode.mjs", "printf '%q\\\\n' \\"$S\\"", "echo; echo the end"]
    inline_shebang   = "/bin/bash -e"
  }
  provisioner "shell-local" {
    only            = ["null.a"]
    inline          = ["echo '\${local.made}'", var.fail ? "exit 3" : "true"]
    execute_command = ["/bin/sh", "-c", ": '\${base64encode(var.s)}'; {{.Vars}} {{.Script}}"]
  }
  post-processor "shell-local" {
    environment_vars = ["S=\${var.s}"]
    inline           = ["echo \\"after: $S\\""]
  }
  post-processor "checksum" {
    output = "sums.md5"
  }
}
`;

async function build(...args: readonly string[]) {
  using project = new PackerProject().write('t.pkr.hcl', TEMPLATE).write('encode.mjs', ENCODE);
  process.env['NODE'] = process.execPath;
  const { code, stdout, stderr } = await project.run(['build', ...args, '-var', `s=${SECRET}`, '.'], {
    engine,
  });
  return { code, said: stdout + stderr };
}

const traces = (text: string): readonly string[] =>
  text.split('\n').filter((line) => TRACES.some((trace) => line.includes(trace)));

describe('a sensitive value is in nothing that a build says', () => {
  test.each([
    ['as it is', [], 0],
    ['with colours and times', ['-color=true', '-timestamp-ui'], 0],
    ['for machines', ['-machine-readable'], 0],
    ['step by step', ['-debug'], 0],
    ['of one that fails', ['-var', 'fail=true', '-on-error=abort'], 1],
    ['of one that fails, for machines', ['-machine-readable', '-var', 'fail=true'], 1],
  ])('%s', async (_what, args, expected) => {
    const { code, said } = await build(...args);
    expect(code, said).toBe(expected);
    expect(said).toContain('the end');
    expect(said).toContain('<sensitive>');
    expect(said).toContain('in pieces: ');
    expect(traces(said)).toEqual([]);
    expect(said).not.toContain('-hidden');
  });

  test('nor in anything that is kept: records, keys, logs', () => {
    const found = spawnSync('grep', ['-raFo', ...TRACES.flatMap((trace) => ['-e', trace]), cache], {
      encoding: 'utf8',
    });
    // 1: grep read everything and found nothing.
    expect({ code: found.status, found: found.stdout }).toEqual({ code: 1, found: '' });
  });

  test('names of files with it are hidden where they are told', async () => {
    const { code, said } = await build('-var', `target=kept ${SECRET.split('\n')[0] ?? ''}.txt`);
    expect(code, said).toBe(0);
    expect(said).toContain('--> file.kept: Stored file: kept <sensitive>.txt');
    expect(traces(said)).toEqual([]);
  });
});
