import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { PackerProject } from '../../../rigs/packer-command.ts';

const TEMPLATE = `variable "key" {
  type      = string
  default   = "not-for-logs"
  sensitive = true
}
source "null" "n" {
  communicator = "none"
  nonsense     = var.key
}
build {
  sources = ["null.n"]
  provisioner "nothing-like-\${var.key}" {
  }
}
`;
const STAMPED = /^\d{4}\/\d{2}\/\d{2} \d{2}:\d{2}:\d{2} /;

describe('PACKER_LOG and PACKER_LOG_PATH', () => {
  it('the log is on standard error, and what the screen shows is not in it', async () => {
    using project = new PackerProject().write('t.pkr.hcl', TEMPLATE);
    const quiet = await project.run(['validate', 't.pkr.hcl'], { env: { PACKER_LOG: '0' } });
    expect(quiet.stderr).toBe('');
    const told = await project.run(['validate', 't.pkr.hcl'], { env: { PACKER_LOG: '1' } });
    expect(told.stdout).toBe(quiet.stdout);
    const lines = told.stderr.trimEnd().split('\n');
    expect(lines.every((line) => STAMPED.test(line))).toBe(true);
    expect(lines[0]).toContain('[INFO] Packer version: 1.16.0 [imgpipe ');
    expect(told.stderr).toContain('[INFO] command: validate, in ');
    expect(told.stderr).not.toContain('ui error:');
  });

  it('a file starts anew with every run and holds the screen too, secrets hidden', async () => {
    using project = new PackerProject().write('t.pkr.hcl', TEMPLATE).write('log', 'of another run\n');
    const env = { PACKER_LOG_PATH: 'log' };
    const { code, stderr } = await project.run(['validate', 't.pkr.hcl'], { env });
    expect([code, stderr]).toEqual([1, '']);
    const log = readFileSync(path.join(project.folder, 'log'), 'utf8');
    expect(log).not.toContain('of another run');
    expect(log).not.toContain('not-for-logs');
    expect(log).toMatch(/^\S+ \S+ ui error: Error: /m);
  });

  it('a file that cannot be made ends the run', async () => {
    using project = new PackerProject().write('t.pkr.hcl', TEMPLATE);
    const run = await project.run(['validate', 't.pkr.hcl'], { env: { PACKER_LOG_PATH: 'nowhere/log' } });
    expect(run).toEqual({
      code: 1,
      stdout: '',
      stderr: "Couldn't setup log output: open nowhere/log: no such file or directory\n",
    });
  });
});
