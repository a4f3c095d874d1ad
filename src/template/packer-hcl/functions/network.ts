import { NUMBER, STRING, listOf } from '../values/type.ts';
import { type Value, listValue, stringValue } from '../values/value.ts';
import {
  type FunctionDefinition,
  FunctionError,
  integerOf,
  numberOf,
  parameter,
  textOf,
} from './function.ts';
import { formatAddress, parseAddress } from './ip-address.ts';

interface Network {
  readonly address: bigint;
  readonly bits: 32 | 128;
  readonly prefix: number;
}

function parseNetwork(text: string): Network {
  const [host = '', length = '', ...more] = text.split('/');
  const address = parseAddress(host);
  const prefix = Number(length);
  if (address === undefined || more.length > 0 || !/^\d{1,3}$/.test(length) || prefix > address.bits) {
    throw new FunctionError(
      `invalid CIDR expression: ${JSON.stringify(text)} is not an address with a prefix, such as 10.0.0.0/8`,
      0,
    );
  }
  const hostBits = BigInt(address.bits - prefix);
  return { address: (address.value >> hostBits) << hostBits, bits: address.bits, prefix };
}

const show = ({ address, bits, prefix }: Network): string => `${formatAddress(address, bits)}/${prefix}`;

/** A host counted from the first address of the network, or with a negative number from its end. */
function host(network: Network, number: bigint): string {
  const size = 1n << BigInt(network.bits - network.prefix);
  if (number >= size || -number > size) {
    throw new FunctionError(`prefix of ${network.prefix} does not accommodate a host numbered ${number}`, 1);
  }
  return formatAddress(network.address + (number < 0n ? size + number : number), network.bits);
}

function subnet(network: Network, newBits: number, number: bigint): Network {
  const prefix = network.prefix + newBits;
  if (newBits < 0 || prefix > network.bits) {
    throw new FunctionError(
      `insufficient address space to extend prefix of ${network.prefix} by ${newBits}`,
      1,
    );
  }
  const count = 1n << BigInt(newBits);
  if (number >= count || -number > count) {
    throw new FunctionError(
      `prefix extension of ${newBits} does not accommodate a subnet numbered ${number}`,
      2,
    );
  }
  const index = number < 0n ? count + number : number;
  return { ...network, prefix, address: network.address + (index << BigInt(network.bits - prefix)) };
}

/** Subnets one after the other, each at the first address after the last one where its size allows. */
function subnets(network: Network, sizes: readonly Value[]): Value {
  const end = network.address + (1n << BigInt(network.bits - network.prefix));
  let next = network.address;
  const found = sizes.map((value, index) => {
    const newBits = integerOf(value, index + 1);
    if (newBits < 1) throw new FunctionError('must extend prefix by at least one bit', index + 1);
    const prefix = network.prefix + newBits;
    if (prefix > network.bits)
      throw new FunctionError(`would extend prefix to ${prefix} bits, which is too long`, index + 1);
    const size = 1n << BigInt(network.bits - prefix);
    const address = ((next + size - 1n) / size) * size;
    if (address + size > end)
      throw new FunctionError(
        `not enough remaining address space for a subnet with a prefix of ${prefix} bits`,
        index + 1,
      );
    next = address + size;
    return stringValue(show({ ...network, address, prefix }));
  });
  return listValue(STRING, found);
}

function integer(value: Value | undefined, argument: number): bigint {
  const number = numberOf(value);
  if (!number.isInteger()) throw new FunctionError('a whole number is required', argument);
  return number.truncate();
}

const PREFIX = parameter('prefix', STRING);

export const NETWORK_FUNCTIONS: Readonly<Record<string, FunctionDefinition>> = {
  cidrhost: {
    parameters: [PREFIX, parameter('hostnum', NUMBER)],
    returns: STRING,
    call: ([prefix, number]) => stringValue(host(parseNetwork(textOf(prefix)), integer(number, 1))),
  },
  cidrnetmask: {
    parameters: [PREFIX],
    returns: STRING,
    call: ([text]) => {
      const { bits, prefix } = parseNetwork(textOf(text));
      const all = (1n << BigInt(bits)) - 1n;
      return stringValue(formatAddress(all ^ ((1n << BigInt(bits - prefix)) - 1n), bits));
    },
  },
  cidrsubnet: {
    parameters: [PREFIX, parameter('newbits', NUMBER), parameter('netnum', NUMBER)],
    returns: STRING,
    call: ([prefix, bits, number]) =>
      stringValue(show(subnet(parseNetwork(textOf(prefix)), integerOf(bits, 1), integer(number, 2)))),
  },
  cidrsubnets: {
    parameters: [PREFIX],
    rest: parameter('newbits', NUMBER),
    returns: listOf(STRING),
    call: ([prefix, ...sizes]) => subnets(parseNetwork(textOf(prefix)), sizes),
  },
};
