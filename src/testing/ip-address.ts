/**
 * Addresses for ACLs of the scheme `ip` (Java `IPAuthenticationProvider`). IPv4 alone: an IPv6 address is no valid id
 * for a 3.9.3, and a client that comes over IPv6 matches none.
 */
import { isIPv4 } from 'node:net';

/** The address of a socket's other end as ZooKeeper shows it: an IPv4 address that came over IPv6 is IPv4 again. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return '';
  const bare = address.split('%', 1)[0] as string;
  return bare.startsWith(MAPPED) && isIPv4(bare.slice(MAPPED.length)) ? bare.slice(MAPPED.length) : bare;
}

/** Is this an id of the scheme `ip`: an address, or an address and a number of bits? */
export function isAddressRange(id: string): boolean {
  return parseRange(id) !== null;
}

/** Is the address within the range `address[/bits]`? */
export function inAddressRange(id: string, address: string): boolean {
  const range = parseRange(id);
  const value = parseAddress(address);
  if (range === null || value === null) return false;
  // a shift by 32 would be one by 0
  const mask = range.bits === 0 ? 0 : -1 << (32 - range.bits);
  return (value & mask) === (range.value & mask);
}

const MAPPED = '::ffff:';

interface Range {
  readonly value: number;
  readonly bits: number;
}

function parseRange(id: string): Range | null {
  const [address = '', ...rest] = id.split('/');
  const value = parseAddress(address);
  if (value === null || rest.length > 1) return null;
  const bits = rest[0] === undefined ? 32 : parseNumber(rest[0], 32);
  return bits === null ? null : { value, bits };
}

/** All four bytes in one 32-bit number. */
function parseAddress(text: string): number | null {
  const bytes = text.split('.').map((part) => parseNumber(part, 255));
  if (bytes.length !== 4) return null;
  let value = 0;
  for (const byte of bytes) {
    if (byte === null) return null;
    value = (value << 8) | byte;
  }
  return value;
}

/** A number as Java's `Integer.parseInt` takes it: a sign and leading zeros are fine. */
function parseNumber(text: string, max: number): number | null {
  if (!/^[+-]?\d+$/.test(text)) return null;
  const value = Number(text);
  return value >= 0 && value <= max ? Math.abs(value) : null;
}
