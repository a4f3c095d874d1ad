import { spawn } from 'node:child_process';
import { hostArchitecture, type Architecture } from '../../model/platform.ts';

let probed: Promise<boolean> | undefined;

/**
 * Whether KVM truly runs a machine of this architecture here. That /dev/kvm opens says little: in some clouds
 * and containers the first instruction fails; so a machine without a disk is started for a moment. Done once.
 */
export function kvmWorks(qemu: string, architecture: Architecture): Promise<boolean> {
  if (architecture !== hostArchitecture()) return Promise.resolve(false);
  probed ??= probe(qemu);
  return probed;
}

/** QEMU's `-accel` for a machine: as wanted, else what works here. */
export async function chooseAccelerator(
  wanted: 'kvm' | 'tcg' | 'hvf' | 'whpx' | 'xen' | 'hax' | 'none' | undefined,
  qemu: string,
  architecture: Architecture,
  platform: NodeJS.Platform = process.platform,
): Promise<string> {
  if (wanted === 'tcg' || wanted === 'none') return EMULATION;
  if (wanted !== undefined) return wanted;
  if (architecture !== hostArchitecture()) return EMULATION;
  if (platform === 'darwin') return 'hvf';
  if (platform === 'win32') return 'whpx';
  return (await kvmWorks(qemu, architecture)) ? 'kvm' : EMULATION;
}

const EMULATION = 'tcg,thread=multi,tb-size=512';

const PROBE_MS = 5000;

function probe(qemu: string): Promise<boolean> {
  return new Promise((resolve) => {
    const machine = [
      '-accel',
      'kvm',
      '-cpu',
      'host',
      '-m',
      '32',
      '-nodefaults',
      '-display',
      'none',
      '-monitor',
      'stdio',
    ];
    const child = spawn(qemu, machine, {
      stdio: ['pipe', 'pipe', 'ignore'],
      timeout: PROBE_MS,
      killSignal: 'SIGKILL',
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      // The first prompt comes before the processor has run; a broken KVM aborts QEMU right after it.
      if (output === '') setTimeout(() => child.stdin.write('info status\nquit\n'), 200);
      output += text;
    });
    child.stdin.on('error', () => undefined);
    child.once('error', () => resolve(false));
    child.once('close', (code) => resolve(code === 0 && output.includes('VM status: running')));
  });
}
