import { describe, expect, test } from 'vitest';
import { buildCommand, type BuildMachine } from '../../../../src/builders/qemu/build-command.ts';
import { stateIdentity } from '../../../../src/builders/qemu/machine-record.ts';
import { qemuSchema } from '../../../../src/builders/qemu/options.ts';
import { qemuTarget } from '../../../../src/builders/qemu/qemu-command.ts';

const target = qemuTarget('amd64');
if (target === undefined) throw new Error('no target');
const own = target;

function machine(options: object = {}, changes: Partial<BuildMachine> = {}): BuildMachine {
  return {
    options: qemuSchema.parse(options),
    target: own,
    accelerator: 'tcg',
    disks: ['/store/a,b/disk.qcow2'],
    cdroms: [],
    firmware: undefined,
    forwards: new Map([[22, 40_022]]),
    consoleFile: '/tmp/vm/console',
    qmpSocket: '/tmp/vm/qmp',
    noReboot: false,
    fromCd: false,
    overrides: [],
    ...changes,
  };
}

/** Values of a switch, in order. */
const valuesOf = (command: readonly string[], name: string): (string | undefined)[] =>
  command.flatMap((word, index) => (word === name ? [command[index + 1]] : []));

describe("the command of a build's machine", () => {
  test('ends with imgpipe, and is reached by loopback only', () => {
    const command = buildCommand(machine());
    expect(command.slice(0, 4)).toEqual(['setpriv', '--pdeathsig', 'KILL', 'qemu-system-x86_64']);
    expect(valuesOf(command, '-netdev')).toEqual(['user,id=user.0,hostfwd=tcp:127.0.0.1:40022-:22']);
    expect(valuesOf(command, '-drive')[0]).toMatch(/^file=\/store\/a,,b\/disk\.qcow2,format=qcow2,/);
    expect(valuesOf(command, '-display')).toEqual(['none']);
  });

  test('tells no password: every user of the host can read it', () => {
    const options = { vnc_use_password: true, vnc_password: 'hidden-1', ssh_password: 'hidden-2' };
    const command = buildCommand(machine(options, { vnc: 'unix:/tmp/vm/vnc,password=on' }));
    expect(valuesOf(command, '-vnc')).toEqual(['unix:/tmp/vm/vnc,password=on']);
    expect(command.join(' ')).not.toContain('hidden');
  });

  test('a given switch takes the place of all of its name, but not of what controls the machine', () => {
    const overrides = [['-cpu', 'max'], ['-device', 'e1000,netdev=user.0'], ['-no-acpi']];
    const command = buildCommand(machine({}, { overrides }));
    expect(valuesOf(command, '-cpu')).toEqual(['max']);
    expect(valuesOf(command, '-device')).toEqual([
      'e1000,netdev=user.0',
      'virtio-rng-pci',
      'vmgenid,guid=auto',
    ]);
    expect(command).toContain('-no-acpi');
    expect(valuesOf(command, '-qmp')).toHaveLength(1);
  });

  test('a switch that is given without a value has none, and one in many parts is joined', () => {
    const command = buildCommand(
      machine(
        {},
        {
          overrides: [
            ['-nographic', ''],
            ['-global', 'a.b', '=c'],
          ],
        },
      ),
    );
    expect(command.slice(command.indexOf('-nographic')).slice(0, 3)).toEqual([
      '-nographic',
      '-global',
      'a.b=c',
    ]);
  });

  test('the network card stays beside devices that are given', () => {
    const overrides = [['-device', 'virtio-balloon']];
    expect(valuesOf(buildCommand(machine({}, { overrides })), '-device').slice(0, 2)).toEqual([
      'virtio-balloon',
      'virtio-net,netdev=user.0',
    ]);
  });

  test.each([
    [['-machine', 'type=pc,accel=kvm']],
    [['-M', 'pc,accel=kvm']],
    [['-enable-kvm']],
    [['-accel', 'kvm']],
  ])('%j names the accelerator instead of the builder', (given) => {
    const command = buildCommand(machine({}, { overrides: [given] }));
    expect(command.join(' ')).not.toContain('-accel tcg');
  });

  test.each([
    [{}, '2'],
    [{ cpus: 3 }, '3'],
    [{ sockets: 2, cores: 2 }, '4,sockets=2,cores=2'],
    [{ cpus: 8, cores: 2 }, '2,cores=2'],
    [{ cpus: 1, cores: 4 }, '1,maxcpus=4,cores=4'],
  ])('processors %j', (options, value) => {
    expect(valuesOf(buildCommand(machine(options)), '-smp')).toEqual([value]);
  });

  test('options become devices', () => {
    const command = buildCommand(
      machine(
        {
          memory: 512,
          cpus: 4,
          sockets: 2,
          cores: 2,
          disk_interface: 'virtio-scsi',
          machine_type: 'pc',
          net_bridge: 'br0',
          ssh_host: 'vm',
          cpu_model: 'Nehalem',
          headless: false,
        },
        { cdroms: [{ path: '/seed.iso', interface: 'virtio' }], floppy: '/floppy.img', fromCd: true },
      ),
    );
    const text = command.join(' ');
    expect(text).toContain('-m 512M -smp 4,sockets=2,cores=2');
    expect(text).toContain('-machine pc');
    expect(text).toContain('-cpu Nehalem');
    expect(text).toContain('-device scsi-hd,drive=disk0,bus=disk0-bus.0');
    expect(text).toContain('file=/seed.iso,format=raw,readonly=on,if=virtio');
    expect(text).toContain('-netdev bridge,id=user.0,br=br0');
    expect(text).toContain('-fda /floppy.img -boot once=d');
    expect(text).toContain('-display gtk');
  });

  test("UEFI variables are the machine's own, a firmware file is not", () => {
    const uefi = { code: '/ovmf.fd', variables: '/vm/vars.fd', format: 'raw' };
    expect(valuesOf(buildCommand(machine({}, { firmware: uefi })), '-drive').slice(0, 2)).toEqual([
      'file=/ovmf.fd,if=pflash,unit=0,format=raw,readonly=on',
      'file=/vm/vars.fd,if=pflash,unit=1,format=raw',
    ]);
    expect(valuesOf(buildCommand(machine({}, { firmware: { file: '/seabios' } })), '-bios')).toEqual([
      '/seabios',
    ]);
  });

  test('a key for root goes in as a credential that systemd reads', () => {
    const command = buildCommand(machine({}, { publicKey: 'ssh-ed25519 AAAA me\n' }));
    const [value = ''] = valuesOf(command, '-smbios');
    const [name, encoded = ''] = (value ?? '').split(/ssh\.authorized_keys\.root=/);
    expect(name).toBe('type=11,value=io.systemd.credential.binary:');
    expect(Buffer.from(encoded, 'base64').toString()).toBe('ssh-ed25519 AAAA me\n');
  });
});

describe('which machine can take a kept memory', () => {
  const identity = (options: object, changes: object = {}, version = 'QEMU 7'): string =>
    stateIdentity({ ...machine(options), ports: [22], fillOverrides: () => [], ...changes }, version);

  test('one with the same devices and QEMU, wherever its files are', () => {
    const same = identity({});
    expect(identity({}, { disks: ['/elsewhere/disk.qcow2'] })).toBe(same);
    expect(identity({ headless: false })).toBe(same);
    expect(identity({}, { fromCd: true })).toBe(same);
    expect(identity({}, { incoming: 'exec:zstd -dcq < /x' })).toBe(same);
  });

  test('no other one', () => {
    const same = identity({});
    const others = [identity({ memory: '2G' }), identity({ cpus: 1 }), identity({ machine_type: 'pc' })];
    others.push(identity({}, {}, 'QEMU 8'), identity({}, { accelerator: 'kvm' }));
    others.push(identity({}, { cdroms: [{ path: '/seed.iso', interface: 'virtio' }] }));
    expect(others).not.toContain(same);
    expect(new Set(others).size).toBe(others.length);
  });
});

describe('options', () => {
  test.each([
    [{ memory: 512 }, { memory: 512 * 2 ** 20 }],
    [{ memory: '2G' }, { memory: 2 ** 31 }],
    [{ disk_size: '40960' }, { disk_size: 40 * 2 ** 30 }],
    [{ disk_size: '10G' }, { disk_size: 10 * 2 ** 30 }],
    [{ boot_wait: '-1s' }, { boot_wait: 0 }],
  ])('%j', (given, expected) => {
    expect(qemuSchema.parse(given)).toMatchObject(expected);
  });

  test.each([
    [{ http_directory: 'x', http_content: { '/a': 'b' } }, /exclude each other/],
    [{ boot_command: ['a'], boot_steps: [['b']] }, /exclude each other/],
    [{ net_bridge: 'br0' }, /needs `ssh_host`/],
    [{ host_port_min: 3000, host_port_max: 2000 }, /above host_port_max/],
    [{ ssh_certificate_file: 'c' }, /needs its key/],
    [{ memory: '0' }, /not a size/],
    [{ vnc_port_min: 5000 }, />=5900/],
    [{ http_interface: 'eth0', http_bind_address: '::' }, /exclude each other/],
    [{ communicator: 'winrm' }, /WinRM is not part of this version/],
  ])('%j is refused', (given, message) => {
    expect(() => qemuSchema.parse(given)).toThrow(message);
  });
});
