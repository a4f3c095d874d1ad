/** Numbers of an architecture: AUDIT_ARCH_… of linux/audit.h, and of system calls of its table. */
interface Table {
  readonly audit: number;
  readonly keys: readonly number[];
  readonly syslog: number;
}

const X86_64 = 0xc000003e;

/** All that run on hosts of amd64 and arm64. Calls of another table than these are those of emulators: allowed. */
const TABLES: readonly Table[] = [
  { audit: X86_64, keys: [248, 249, 250], syslog: 103 },
  { audit: 0x40000003, keys: [286, 287, 288], syslog: 103 },
  { audit: 0xc00000b7, keys: [217, 218, 219], syslog: 116 },
  { audit: 0x40000028, keys: [309, 310, 311], syslog: 103 },
];

/** x32, a second table behind the same architecture; Debian's kernels do not have it. */
const X32 = 0x40000000;

/** Codes of linux/filter.h: load a word, jump when equal, jump when greater or equal, return. */
const [LOAD, EQUAL, AT_LEAST, RETURN] = [0x20, 0x15, 0x35, 0x06] as const;
/** Places in struct seccomp_data, and what is returned, of linux/seccomp.h. */
const [NUMBER, ARCHITECTURE] = [0, 4] as const;
const [ALLOW, FAIL] = [0x7fff0000, 0x00050000] as const;
const [EPERM, ENOSYS] = [1, 38] as const;

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, value: number];

/**
 * A filter for seccomp(2), as bwrap(1) takes it: what no namespace of Linux keeps apart. A step of root would read keys
 * that the host's root holds in the kernel (Kerberos, encrypted disks), and any step the kernel's log. Keys answer
 * ENOSYS, as in a kernel without them, which programs expect.
 */
export function systemCallFilter(): Buffer {
  const program: Instruction[] = [[LOAD, 0, 0, ARCHITECTURE]];
  for (const { audit, keys, syslog } of TABLES) {
    const checks = [
      ...(audit === X86_64 ? [{ code: AT_LEAST, value: X32, fails: 'keys' }] : []),
      ...keys.map((value) => ({ code: EQUAL, value, fails: 'keys' })),
      { code: EQUAL, value: syslog, fails: 'syslog' },
    ];
    const jumps = checks.map(({ code, value, fails }, at): Instruction => {
      // To the second or third of the returns behind the checks.
      const target = checks.length + (fails === 'keys' ? 1 : 2);
      return [code, target - at - 1, 0, value];
    });
    const returns: Instruction[] = [ALLOW, FAIL | ENOSYS, FAIL | EPERM].map((value) => [RETURN, 0, 0, value]);
    const block: Instruction[] = [[LOAD, 0, 0, NUMBER], ...jumps, ...returns];
    program.push([EQUAL, 0, block.length, audit], ...block);
  }
  program.push([RETURN, 0, 0, ALLOW]);
  const bytes = Buffer.alloc(program.length * 8);
  for (const [index, [code, ifTrue, ifFalse, value]] of program.entries()) {
    bytes.writeUInt16LE(code, index * 8);
    bytes.writeUInt8(ifTrue, index * 8 + 2);
    bytes.writeUInt8(ifFalse, index * 8 + 3);
    bytes.writeUInt32LE(value, index * 8 + 4);
  }
  return bytes;
}
