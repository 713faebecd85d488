/** Checks of what callers pass: a clear error before anything is encoded. */
import { CREATE_FLAGS, MAX_TTL_MS, isTtl, type CreateMode } from '../protocol/constants.js';
import { OPEN_ACL_UNSAFE } from '../protocol/acls.js';
import { InvalidArgumentError } from '../protocol/errors.js';
import { isWellFormed } from '../protocol/jute.js';
import type { Acl } from '../protocol/records.js';
import { asObject, refuseUnknownKeys } from './options.js';

/** Data of a znode: bytes, or a text that is stored as UTF-8. `null` is stored as null, which is not the same as empty. */
export type ZnodeData = Uint8Array | string | null;

/** Options of `create` and `createWithStat`. */
export interface CreateOptions {
  /** Default: `PERSISTENT`. */
  readonly mode?: CreateMode | undefined;
  /** Default: {@link OPEN_ACL_UNSAFE}. */
  readonly acl?: readonly Acl[] | undefined;
  /** Time to live in ms, for the TTL modes and only for them: 1 to 2^40 - 1. */
  readonly ttlMs?: number | undefined;
}

/** Checked options of a create. */
export interface ResolvedCreate {
  readonly flags: number;
  readonly acl: readonly Acl[];
  /** null for modes without a time to live. */
  readonly ttlMs: number | null;
}

/** Anything over this many bytes is refused by `maxRequestBytes` before it gets to a server; see `RequestQueue`. */
export function toData(data: unknown, op: string, path: string): Uint8Array | null {
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

/** Checks the options of a create and fills in the defaults. */
export function checkCreate(options: unknown, op: string, path: string): ResolvedCreate {
  const given = asObject(options ?? {}, 'the options of create');
  refuseUnknownKeys(given, ['mode', 'acl', 'ttlMs'], 'option of create');
  const { mode = 'PERSISTENT', acl = OPEN_ACL_UNSAFE, ttlMs } = given;
  if (typeof mode !== 'string' || !Object.hasOwn(CREATE_FLAGS, mode)) {
    const known = Object.keys(CREATE_FLAGS).join(', ');
    throw new InvalidArgumentError(`mode must be one of ${known}`, { op, path });
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
