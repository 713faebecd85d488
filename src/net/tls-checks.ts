/**
 * TLS options that Node looks at only when a connection is made: what would throw there, or abort the process, is
 * refused beforehand, and functions of the user's own are wrapped so that whatever they do is an error of this attempt.
 */
import { MAX_INT } from '../protocol/constants.js';
import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { InvalidOptionError } from '../protocol/errors.js';
import { asError } from './users-parts.js';

type Check = (value: unknown) => unknown;
type CheckServerIdentity = NonNullable<ConnectionOptions['checkServerIdentity']>;
type PskCallback = NonNullable<ConnectionOptions['pskCallback']>;

/** What OpenSSL has room for (`PSK_MAX_PSK_LEN`, `PSK_MAX_IDENTITY_LEN`), bytes. */
const MAX_PSK_BYTES = 512;
const MAX_IDENTITY_BYTES = 256;
/** Lengths on the wire have 8 bits for one protocol and 16 for all. */
const MAX_PROTOCOL_BYTES = 255;
const MAX_PROTOCOLS_BYTES = 0xffff;
const MAX_HOST_CHARS = 255;

const CHECKS: Readonly<Record<string, Check>> = {
  ALPNProtocols: protocols,
  allowPartialTrustChain: flag,
  checkServerIdentity: (value) => carefulIdentity(func(value) as CheckServerIdentity),
  enableTrace: flag,
  minDHSize: bits,
  pskCallback: (value) => carefulPsk(func(value) as PskCallback),
  rejectUnauthorized: flag,
  secureContext,
  servername: hostName,
};

/**
 * The same options, safe to connect with, and independent of what the user does with the given ones later.
 * @throws InvalidOptionError for one that Node would not take; it never shows a value
 */
export function checkedForConnect<T extends object>(options: T): T {
  const result = { ...options } as Record<string, unknown>;
  for (const [key, check] of Object.entries(CHECKS)) {
    if (!(key in result)) continue;
    try {
      result[key] = check(result[key]);
    } catch (error) {
      if (error instanceof Unfit) throw new InvalidOptionError(`tls: ${key} must be ${error.message}`);
      throw new InvalidOptionError(`tls: ${key} cannot be read: ${asError(error).message}`);
    }
  }
  return result as T;
}

/** What Node says of bad options or keys, unless it shows the value that it did not like. */
export function whyRefused(thrown: unknown): string {
  const { message } = asError(thrown);
  if (!showsValue(thrown)) return message;
  return `${/"(?:options\.)?(\w+)"/.exec(message)?.[1] ?? 'an option'} has a value of the wrong kind`;
}

/** Does the text of this error show the value that was refused? It may be a secret. */
export function showsValue(thrown: unknown): boolean {
  const { code } = asError(thrown) as NodeJS.ErrnoException;
  return typeof code === 'string' && /^ERR_(?:INVALID_ARG|OUT_OF_RANGE|INTERNAL_ASSERTION)/.test(code);
}

// ---------------------------------------------------------------- values

/** Says what it must be. */
class Unfit extends Error {}

function flag(value: unknown): boolean {
  if (typeof value !== 'boolean') throw new Unfit('true or false');
  return value;
}

function func(value: unknown): unknown {
  if (typeof value !== 'function') throw new Unfit('a function');
  return value;
}

function bits(value: unknown): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MAX_INT) return value;
  throw new Unfit('a whole number of bits, 1 at least');
}

function secureContext(value: unknown): unknown {
  const { context } = (value as { readonly context?: unknown } | null) ?? {};
  if (typeof value !== 'object' || typeof context !== 'object' || context === null) {
    throw new Unfit('made by createSecureContext');
  }
  return value;
}

function hostName(value: unknown): string {
  if (typeof value === 'string' && value.length <= MAX_HOST_CHARS && !value.includes('\0')) return value;
  throw new Unfit(`a string: a host name of ${MAX_HOST_CHARS} characters at most`);
}

/** The list as it stands on the wire. A protocol without a name, or a list that is cut off, makes Node abort the process. */
function protocols(value: unknown): Buffer {
  const unfit = new Unfit(`a list of names, each of 1 to ${MAX_PROTOCOL_BYTES} bytes`);
  let wire: Buffer;
  if (Array.isArray(value)) {
    const names = Array.from(value, (name: unknown) => {
      if (typeof name !== 'string' && !(name instanceof Uint8Array)) throw unfit;
      return Buffer.from(name as string);
    });
    if (names.some(({ length }) => length > MAX_PROTOCOL_BYTES)) throw unfit;
    wire = Buffer.concat(names.flatMap((name) => [Buffer.of(name.length), name]));
  } else if (ArrayBuffer.isView(value)) {
    wire = Buffer.from(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  } else {
    throw unfit;
  }
  let at = 0;
  while (at < wire.length) {
    if (wire[at] === 0) throw unfit;
    at += 1 + (wire[at] as number);
  }
  if (at !== wire.length || at > MAX_PROTOCOLS_BYTES) throw unfit;
  return wire;
}

// ---------------------------------------------------------------- functions

/** Node calls it from within a socket, where nobody catches. What it throws is a refusal of the server. */
function carefulIdentity(check: CheckServerIdentity): CheckServerIdentity {
  return (host, certificate) => {
    try {
      const verdict: unknown = check(host, certificate);
      if (isThenable(verdict)) return notAwaited('checkServerIdentity', verdict);
      if (verdict instanceof Error) return readableError('checkServerIdentity', verdict);
      // Node takes what is falsy for no objection
      return verdict ? new Error('checkServerIdentity gave something else than an Error') : undefined;
    } catch (thrown) {
      return readableError('checkServerIdentity', thrown);
    }
  };
}

/** What Node says of a key that it cannot use shows the key. */
function carefulPsk(ask: PskCallback): PskCallback {
  return (hint) => {
    let given: unknown;
    try {
      given = checkPsk(ask(hint));
    } catch (thrown) {
      throw readableError('pskCallback', thrown);
    }
    return given as ReturnType<PskCallback>;
  };
}

function checkPsk(given: unknown): unknown {
  if (given === null || given === undefined) return null;
  if (isThenable(given)) throw notAwaited('pskCallback', given);
  const { psk, identity } = given as { readonly psk: unknown; readonly identity: unknown };
  if (!ArrayBuffer.isView(psk) || psk.byteLength > MAX_PSK_BYTES) {
    throw new Error(`pskCallback must give psk as ${MAX_PSK_BYTES} bytes at most`);
  }
  if (typeof identity !== 'string' || Buffer.byteLength(identity) > MAX_IDENTITY_BYTES) {
    throw new Error(`pskCallback must give identity as a string of ${MAX_IDENTITY_BYTES} bytes at most`);
  }
  return { psk, identity };
}

/** Whatever was thrown, as an Error whose parts have the types that those of Node's errors have. */
function readableError(name: string, thrown: unknown): Error {
  const error = asError(thrown);
  try {
    const { message, code } = error as { readonly message: unknown; readonly code?: unknown };
    if (typeof message === 'string' && message !== '' && (code === undefined || typeof code === 'string')) {
      return error;
    }
  } catch {
    // a getter
  }
  return new Error(`${name} failed`, { cause: error });
}

/** Node does not wait for it; its rejection must not become an unhandled one. */
function notAwaited(name: string, promise: PromiseLike<unknown>): Error {
  promise.then(undefined, () => undefined);
  return new Error(`${name} gave a promise: it has to answer at once`);
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { readonly then?: unknown } | null)?.then === 'function';
}

/**
 * The name that the server is asked for, and the name that its certificate must bear. An address must not be asked for
 * (RFC 6066), and Node warns of it on every connection; it may be checked.
 */
export function namesOf(
  server: string,
  servername: string | undefined,
): { host: string; servername?: string } {
  // a zone belongs to this machine, a dot at the end to the resolver; neither stands in a certificate
  const host =
    servername === undefined || servername === ''
      ? server.replace(/%.*$/, '').replace(/\.$/, '')
      : servername;
  return isIP(host) === 0 && servername !== '' ? { host, servername: host } : { host };
}
