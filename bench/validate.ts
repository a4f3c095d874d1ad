import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Command, report, timeInTurn } from './measure.ts';
import { ROOT } from './project.ts';

/**
 * Packer's `validate` of a folder of about 1,000 lines in ten files: 50 variables, 60 locals, 10 sources and a build
 * with 50 provisioners, all valid for Debian's Packer 1.6.6 too.
 */
export async function run(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'imgpipe-bench-'));
  try {
    const lines = writeTemplate(folder);
    const program = join(ROOT, 'bin', 'imgpipe-packer.mjs');
    const env = { CHECKPOINT_DISABLE: '1' };
    const ours: Command = {
      name: 'imgpipe packer validate',
      argv: [process.execPath, program, 'validate', '.'],
      cwd: folder,
    };
    const peer: Command = {
      name: 'packer 1.6.6 validate',
      argv: ['packer', 'validate', '.'],
      cwd: folder,
      env,
    };
    const node: Command = { name: 'bare Node', argv: [process.execPath, '-e', ''] };
    return report(
      `validate of a folder of ${lines} lines (whole process)`,
      await timeInTurn([ours, peer, node], 3),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Returns how many lines were written. */
function writeTemplate(folder: string): number {
  let lines = 0;
  const write = (name: string, text: string): void => {
    lines += text.split('\n').length - 1;
    writeFileSync(join(folder, name), text);
  };
  const many = (count: number, block: (at: number) => string): string =>
    Array.from({ length: count }, (_, at) => block(at)).join('\n');
  const variables = (from: number): string =>
    many(
      25,
      (at) => `variable "v${from + at}" {
  type        = string
  description = "Value ${from + at}."
  default     = "value-${from + at}"
  validation {
    condition     = length(var.v${from + at}) > 2
    error_message = "Must be longer than two characters."
  }
}
`,
    );
  write('variables-a.pkr.hcl', variables(0));
  write('variables-b.pkr.hcl', variables(25));
  write(
    'locals.pkr.hcl',
    many(
      30,
      (at) => `locals {
  name${at} = "\${upper(var.v${at})}-${at}"
  list${at} = [for x in ["a", "b", "c"] : "\${x}-\${local.name${at}}"]
}
`,
    ),
  );
  write(
    'sources.pkr.hcl',
    many(
      10,
      (at) => `source "null" "s${at}" {
  communicator = "none"
}
`,
    ),
  );
  const provisioners = many(
    50,
    (at) => `
  provisioner "shell" {
    inline = [
      "echo \${local.name${at % 30}}",
      "echo \${join(",", local.list${at % 30})}",
    ]
    environment_vars = [
      "A=\${var.v${at}}",
    ]
  }
`,
  );
  const sources = many(10, (at) => `    "null.s${at}",`);
  write('build.pkr.hcl', `build {\n  sources = [\n${sources}\n  ]\n${provisioners}}\n`);
  return lines;
}
