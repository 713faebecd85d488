/** Checks of what callers pass: a clear error before anything is encoded. */
import { CREATE_FLAGS, MAX_TTL_MS, isTtl, type CreateMode } from '../protocol/constants.js';
import { OPEN_ACL_UNSAFE } from '../protocol/acls.js';
import { InvalidArgumentError } from '../protocol/errors.js';
import { isWellFormed } from '../protocol/jute.js';
import type { Acl } from '../protocol/records.js';
import { asObject, refuseUnknownKeys } from './options.js';

/** Data of a znode: bytes, or a text that is stored as UTF-8. `null` is stored as null, which is not the same as empty. */
export type ZnodeData = Uint8Array | string | null;

/** What every call takes as its last argument, on its own or among other options. */
export interface CallOptions {
  /**
   * Gives the call up: it rejects with `signal.reason`. What was not sent yet never will be; what was sent may have been
   * carried out, and its late reply is dropped.
   */
  readonly signal?: AbortSignal | undefined;
  /** How long to wait for the reply, ms; 0 for ever. Default: the Conn's `requestTimeoutMs`. */
  readonly timeoutMs?: number | undefined;
}

/** Options of `create` and `createWithStat`. */
export interface CreateOptions {
  /** Default: `PERSISTENT`. */
  readonly mode?: CreateMode | undefined;
  /** Default: {@link OPEN_ACL_UNSAFE}. */
  readonly acl?: readonly Acl[] | undefined;
  /** Time to live in ms, for the TTL modes and only for them: 1 to 2^40 - 1. */
  readonly ttlMs?: number | undefined;
}

/** Options of `delete`. */
export interface DeleteOptions extends CallOptions {
  /** It is no error if there is no such node. Default: false. */
  readonly ifExists?: boolean | undefined;
}

/** Checked options of a create. */
export interface ResolvedCreate {
  readonly flags: number;
  readonly acl: readonly Acl[];
  /** null for modes without a time to live. */
  readonly ttlMs: number | null;
}

/** The keys of {@link CallOptions}. */
export const CALL_OPTION_KEYS = ['signal', 'timeoutMs'] as const;

const NO_CALL_OPTIONS: CallOptions = Object.freeze({});

/**
 * Checks what a call was given as its last argument, and leaves out what is none of {@link CallOptions}.
 * @param own further keys that the call knows
 * @throws InvalidOptionError, InvalidArgumentError
 */
export function checkCallOptions(
  options: unknown,
  op: string,
  path?: string,
  own: readonly string[] = [],
): CallOptions {
  if (options === undefined) return NO_CALL_OPTIONS;
  let given: Record<string, unknown>;
  if (hasCallOptionsAlone(options)) {
    given = options;
  } else {
    given = asObject(options, `the options of ${op}`);
    refuseUnknownKeys(given, [...own, ...CALL_OPTION_KEYS], `option of ${op}`);
  }
  return readCallOptions(given, op, path);
}

/** {@link checkCallOptions} of options whose keys were checked before. @throws InvalidOptionError, InvalidArgumentError */
export function readCallOptions(options: unknown, op: string, path?: string): CallOptions {
  if (options === undefined) return NO_CALL_OPTIONS;
  const { signal, timeoutMs } = asObject(options, `the options of ${op}`);
  if (signal !== undefined && !isSignal(signal)) {
    throw new InvalidArgumentError(`signal must be an AbortSignal, not ${nameOf(signal)}`, { op, path });
  }
  if (timeoutMs !== undefined) checkTimeout(timeoutMs, op, path);
  return { signal, timeoutMs };
}

/** The usual case, told without making anything: this is asked for every call that has options. */
function hasCallOptionsAlone(options: unknown): options is Record<string, unknown> {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) return false;
  for (const key in options) if (key !== 'signal' && key !== 'timeoutMs') return false;
  return true;
}

/** A duration in ms, 0 for ever. */
export function checkTimeout(timeoutMs: unknown, op: string, path?: string): asserts timeoutMs is number {
  const isWhole = typeof timeoutMs === 'number' && Number.isInteger(timeoutMs);
  if (isWhole && timeoutMs >= 0 && timeoutMs <= 0x7fffffff) return;
  throw new InvalidArgumentError('timeoutMs must be a whole number of ms, 0 for ever', { op, path });
}

/** By what it can do: another realm's AbortSignal will do as well. */
function isSignal(value: unknown): value is AbortSignal {
  const signal = value as Partial<AbortSignal> | null;
  return (
    typeof signal === 'object' &&
    typeof signal?.aborted === 'boolean' &&
    typeof signal.addEventListener === 'function' &&
    typeof signal.removeEventListener === 'function'
  );
}

/** Anything over this many bytes is refused by `maxRequestBytes` before it gets to a server; see `RequestQueue`. */
export function toData(data: unknown, op: string, path: string | undefined): Uint8Array | null {
  if (data === null || data instanceof Uint8Array) return data;
  if (typeof data === 'string' && isWellFormed(data)) return Buffer.from(data, 'utf8');
  throw new InvalidArgumentError(`data must be bytes, well-formed text or null, not ${nameOf(data)}`, {
    op,
    path,
  });
}

/** -1 for any version. */
export function checkVersion(version: unknown, op: string, path: string): asserts version is number {
  if (typeof version !== 'number' || !Number.isInteger(version) || version < -1 || version > 0x7fffffff) {
    throw new InvalidArgumentError(
      `version must be -1 (any) or a whole number up to 2147483647, not ${nameOf(version)}`,
      {
        op,
        path,
      },
    );
  }
}

/** A list of at least one entry, each with permissions, a scheme and an id. */
export function checkAcl(acl: unknown, op: string, path: string): asserts acl is readonly Acl[] {
  const bad = (text: string): never => {
    throw new InvalidArgumentError(text, { op, path });
  };
  // nobody can change it
  if (acl === OPEN_ACL_UNSAFE) return;
  if (!Array.isArray(acl) || acl.length === 0) return bad('an ACL must be a list of at least one entry');
  for (const entry of acl as unknown[]) {
    if (typeof entry !== 'object' || entry === null)
      return bad('an entry of an ACL must be { perms, scheme, id }');
    const { perms, scheme, id } = entry as Partial<Acl>;
    if (typeof perms !== 'number' || !Number.isInteger(perms) || perms < 0 || perms > 31) {
      return bad('perms of an ACL entry must be a sum of Perms, 0 to 31');
    }
    if (typeof scheme !== 'string' || scheme === '') return bad('scheme of an ACL entry must be a name');
    if (typeof id !== 'string') return bad('id of an ACL entry must be a string');
    if (!isWellFormed(scheme) || !isWellFormed(id))
      return bad('scheme and id of an ACL entry must be well-formed text');
  }
}

/** The keys of {@link CreateOptions}. */
export const CREATE_OPTION_KEYS = ['mode', 'acl', 'ttlMs'] as const;

/** Those of a create that is a call by itself. */
export const CREATE_CALL_KEYS = [...CREATE_OPTION_KEYS, ...CALL_OPTION_KEYS] as const;

/** Checks the options of a create and fills in the defaults. @param known the keys that they may have */
export function checkCreate(
  options: unknown,
  op: string,
  path: string,
  known: readonly string[] = CREATE_OPTION_KEYS,
): ResolvedCreate {
  const given = asObject(options ?? {}, 'the options of create');
  refuseUnknownKeys(given, known, 'option of create');
  const { mode = 'PERSISTENT', acl = OPEN_ACL_UNSAFE, ttlMs } = given;
  if (typeof mode !== 'string' || !Object.hasOwn(CREATE_FLAGS, mode)) {
    const modes = Object.keys(CREATE_FLAGS).join(', ');
    throw new InvalidArgumentError(`mode must be one of ${modes}`, { op, path });
  }
  const flags = CREATE_FLAGS[mode as CreateMode];
  checkAcl(acl, op, path);
  if (!isTtl(flags)) {
    if (ttlMs !== undefined) throw new InvalidArgumentError(`mode ${mode} has no time to live`, { op, path });
    return { flags, acl, ttlMs: null };
  }
  if (typeof ttlMs !== 'number' || !Number.isInteger(ttlMs) || ttlMs < 1 || ttlMs > MAX_TTL_MS) {
    throw new InvalidArgumentError(`ttlMs must be a whole number of ms from 1 to ${MAX_TTL_MS}`, {
      op,
      path,
    });
  }
  return { flags, acl, ttlMs };
}

/** A scheme and its secret, which never appears in an error. */
export function checkAuth(scheme: unknown, auth: unknown): Buffer {
  if (typeof scheme !== 'string' || scheme === '' || !isWellFormed(scheme)) {
    throw new InvalidArgumentError('scheme must be a name such as "digest"', { op: 'auth' });
  }
  if (typeof auth === 'string' && isWellFormed(auth)) return Buffer.from(auth, 'utf8');
  if (auth instanceof Uint8Array) return Buffer.from(auth);
  throw new InvalidArgumentError('auth must be well-formed text or bytes', { op: 'auth' });
}

function nameOf(value: unknown): string {
  if (typeof value === 'number') return String(value);
  // never a text: it may be long, or a secret
  return value === null ? 'null' : typeof value;
}
