import type { Machine } from '../../builders/machine.ts';
import { capture, FailureError, unwrap, type Result } from '../../diagnostics/failure.ts';
import { nearestName } from '../../diagnostics/nearest-name.ts';
import type { LocaleOptions } from '../locale.ts';
import type { StepRunContext } from '../provisioner.ts';
import { mustRun, programCommand } from '../run-program.ts';

/** Built into the C library. */
const BUILT_IN = ['C', 'POSIX', 'C.UTF-8'];

/** Every locale that can be generated, with its character set: one `NAME CHARSET` a line (package locales). */
const SUPPORTED = '/usr/share/i18n/SUPPORTED';

/** Generates locales and sets the system's. Fails with `step-failed`. */
export function runLocaleStep(
  options: LocaleOptions,
  machine: Machine,
  context: StepRunContext,
): Promise<Result<void>> {
  return capture(async () => {
    const wanted = [...new Set([options.locale, ...options.generate])].filter(
      (name) => !BUILT_IN.includes(name),
    );
    if (wanted.length > 0) await generate(wanted, machine, context);
    const lines = [
      `LANG=${options.locale}`,
      ...(options.language === undefined ? [] : [`LANGUAGE=${options.language}`]),
    ];
    const text = `${lines.join('\n')}\n`;
    // Debian reads the first (libpam, init scripts), systemd the second.
    await machine.writeFile('/etc/default/locale', text, { mode: 0o644 });
    await machine.writeFile('/etc/locale.conf', text, { mode: 0o644 });
  });
}

async function generate(wanted: readonly string[], machine: Machine, context: StepRunContext): Promise<void> {
  const supported = await machine.readFile(SUPPORTED);
  if (supported === undefined) {
    throw new FailureError({
      reason: 'step-failed',
      message: `the locale ${wanted[0]} cannot be generated: the image has no ${SUPPORTED}`,
      hint: 'Install the package locales in a step below.',
    });
  }
  const lines = supported.split('\n').filter((line) => line !== '');
  const names = lines.map((line) => line.split(' ', 1)[0] ?? '');
  const chosen = wanted.map((name) => {
    const line = lines.find((candidate) => candidate.startsWith(`${name} `));
    if (line !== undefined) return line;
    const near = nearestName(name, names);
    throw new FailureError({
      reason: 'step-failed',
      message: `there is no locale "${name}"`,
      ...(near === undefined ? {} : { hint: `Did you mean "${near}"?` }),
    });
  });
  const current = (await machine.readFile('/etc/locale.gen')) ?? '';
  const added = chosen.filter((line) => !current.split('\n').includes(line));
  const text = current === '' || current.endsWith('\n') ? current : `${current}\n`;
  await machine.writeFile('/etc/locale.gen', text + added.map((line) => `${line}\n`).join(''), {
    mode: 0o644,
  });
  context.log(`generating ${chosen.map((line) => line.split(' ', 1)[0]).join(', ')}`);
  unwrap(await mustRun(machine, programCommand('locale-gen'), 'locale-gen'));
}
