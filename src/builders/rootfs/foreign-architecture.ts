import { readFileSync } from 'node:fs';
import { FailureError } from '../../diagnostics/failure.ts';
import { hostArchitecture, type Architecture } from '../../model/platform.ts';

/** Architectures whose programs another one's processor runs by itself. */
const NATIVE: Partial<Record<Architecture, readonly Architecture[]>> = { amd64: ['i386'], arm64: ['armhf'] };

/** Names of binfmt_misc(5) entries as the qemu-user packages register them. */
const EMULATORS: Record<Architecture, string> = {
  amd64: 'qemu-x86_64',
  arm64: 'qemu-aarch64',
  armhf: 'qemu-arm',
  i386: 'qemu-i386',
  ppc64el: 'qemu-ppc64le',
  riscv64: 'qemu-riscv64',
  s390x: 'qemu-s390x',
};

/**
 * Makes sure that this host can run programs of an architecture: its own, or through QEMU's user emulation.
 * @throws FailureError `tool-missing`
 */
export function requireRunnable(
  architecture: Architecture,
  readText: (path: string) => string = readUtf8,
): void {
  const host = hostArchitecture();
  if (host === undefined || host === architecture || NATIVE[host]?.includes(architecture) === true) return;
  const entry = EMULATORS[architecture];
  if (hasFlagF(entry, readText)) return;
  throw new FailureError({
    reason: 'tool-missing',
    message: `this host (${host}) cannot run programs for ${architecture}: no binfmt handler ${entry} is registered`,
    hint: 'Install the package `qemu-user-static` (with `binfmt-support` where it is separate).',
  });
}

/** Only an emulator that the kernel holds open itself (flag F) is found inside the image's tree. */
function hasFlagF(entry: string, readText: (path: string) => string): boolean {
  try {
    const text = readText(`/proc/sys/fs/binfmt_misc/${entry}`);
    return text.startsWith('enabled') && /^flags: .*F/m.test(text);
  } catch {
    return false;
  }
}

function readUtf8(path: string): string {
  return readFileSync(path, 'utf8');
}
