/**
 * Quotas: nodes below `/zookeeper/quota` that name the limits of a subtree, beside which the server keeps its usage
 * (Java: `Quotas`, `StatsTrack`, `SetQuotaCommand`). All paths here are the server's own, without a chroot.
 */
import { Errno } from '../protocol/error-codes.js';
import {
  BadVersionError,
  InvalidArgumentError,
  InvalidPathError,
  MultiError,
  NoNodeError,
  NodeExistsError,
  NotEmptyError,
  keeperError,
} from '../protocol/errors.js';
import { parentPath } from '../protocol/paths.js';
import type { Stat } from '../protocol/records.js';
import type { CallOptions, ZnodeData } from './arguments.js';
import { asObject, refuseUnknownKeys } from './options.js';
import { op, type Operation } from './transaction.js';
import { ensurePath, type PathMaker } from './tree.js';
import { Walk, readNode, unlessVanished, type NodeReader } from './walk.js';

/** What a quota can limit. The soft limits make the server write a warning, the hard ones make it refuse (3.7). */
export interface QuotaLimits {
  /** Nodes of the subtree, its root included. */
  readonly count: number | null;
  /** Bytes of data of the subtree. */
  readonly bytes: number | null;
  /** As `count`; more is refused, where the server has `zookeeper.enforceQuota=true`. Server 3.7. */
  readonly countHardLimit: number | null;
  /** As `bytes`; more is refused, where the server has `zookeeper.enforceQuota=true`. Server 3.7. */
  readonly bytesHardLimit: number | null;
}

/** Name of a limit. */
export type QuotaLimit = keyof QuotaLimits;

/** What `getQuota` gives. */
export interface Quota {
  /** null where there is no limit. */
  readonly limits: QuotaLimits;
  /** What the server counts; null while it has not counted yet. */
  readonly usage: { readonly count: number; readonly bytes: number } | null;
}

/** The calls that are needed here. */
export interface QuotaCalls extends NodeReader, PathMaker {
  set(path: string, data: ZnodeData, version?: number, options?: CallOptions): Promise<Stat>;
  delete(path: string, version?: number, options?: CallOptions): Promise<void>;
  multi(list: readonly Operation<unknown>[], options?: CallOptions): Promise<unknown>;
}

const ROOT = '/zookeeper/quota';
const LIMITS = 'zookeeper_limits';
const STATS = 'zookeeper_stats';

/** Our names of the limits, and the server's. */
const KEYS: Readonly<Record<QuotaLimit, string>> = {
  count: 'count',
  bytes: 'bytes',
  bytesHardLimit: 'byteHardLimit',
  countHardLimit: 'countHardLimit',
};

/** All of them. */
export const QUOTA_LIMITS = Object.keys(KEYS) as readonly QuotaLimit[];

const NONE = '-1';

/** Reads under way at once. */
const READS = 16;

/** So often a quota is read anew because others have changed it, before its deletion is given up. */
const ATTEMPTS = 10;

// ---------------------------------------------------------------- checks

/** @throws InvalidPathError where no quota can be */
export function checkQuotaPath(serverPath: string, opName: string, path: string): void {
  const bad = (text: string): never => {
    throw new InvalidPathError(text, { op: opName, path });
  };
  if (serverPath === '/') bad('the root cannot have a quota');
  if (serverPath === ROOT || serverPath.startsWith(`${ROOT}/`)) bad(`there are no quotas under ${ROOT}`);
  // the server would take the node of that name for the limits of its parent
  if (serverPath.split('/').some((name) => name === LIMITS || name === STATS)) {
    bad(`a path with ${LIMITS} or ${STATS} in it cannot have a quota`);
  }
}

/** @throws InvalidOptionError, InvalidArgumentError unless it has at least one limit, and none that cannot be */
export function checkLimits(given: unknown, path: string): Partial<QuotaLimits> {
  const limits = asObject(given, 'the limits of setQuota');
  refuseUnknownKeys(limits, QUOTA_LIMITS, 'limit of setQuota');
  const named = QUOTA_LIMITS.filter((name) => limits[name] !== undefined);
  const bad = (text: string): never => {
    throw new InvalidArgumentError(text, { op: 'setQuota', path });
  };
  if (named.length === 0) bad(`a quota needs at least one of ${QUOTA_LIMITS.join(', ')}`);
  for (const name of named) {
    const limit = limits[name];
    if (limit === null) continue;
    if (typeof limit !== 'number' || !Number.isSafeInteger(limit) || limit < 0) {
      bad(`${name} must be a whole number from 0 on, or null for no limit`);
    }
  }
  return Object.fromEntries(named.map((name) => [name, limits[name]]));
}

/** @throws InvalidArgumentError unless it is a list of limits' names */
export function checkLimitNames(given: unknown, path: string): readonly QuotaLimit[] {
  const names = given as readonly QuotaLimit[];
  if (Array.isArray(given) && given.length > 0 && names.every((name) => QUOTA_LIMITS.includes(name)))
    return names;
  const text = `the limits to delete must be a list of some of ${QUOTA_LIMITS.join(', ')}`;
  throw new InvalidArgumentError(text, { op: 'deleteQuota', path });
}

// ---------------------------------------------------------------- the text form

/** Keys and values, those that we do not know as well. */
type Track = ReadonlyMap<string, string>;

/** Reads `count=1,bytes=2=;byteHardLimit=3;countHardLimit=4`, in any order, as lenient as the server. */
export function parseTrack(data: Uint8Array | null): Track {
  const pairs = Buffer.from(data ?? [])
    .toString('utf8')
    .split(/[,;]+/);
  const track = new Map<string, string>();
  for (const pair of pairs) {
    const [key = '', value = ''] = pair.split('=');
    if (key !== '') track.set(key, /^-?\d+$/.test(value) ? value : NONE);
  }
  return track;
}

/**
 * The text that servers write themselves. The parser of 3.4 wants `count` and `bytes` in this order and stops at the
 * second `=`, so the newer keys, sorted, hide behind one.
 */
export function formatTrack(track: Track): string {
  const { count, bytes } = KEYS;
  const old = `${count}=${track.get(count) ?? NONE},${bytes}=${track.get(bytes) ?? NONE}`;
  const newer = [...track]
    .filter(([key]) => key !== count && key !== bytes)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return newer.length === 0 ? old : `${old}=${newer.map(([key, value]) => `;${key}=${value}`).join('')}`;
}

function limitsOf(track: Track): QuotaLimits {
  const limit = (name: QuotaLimit): number | null => {
    const value = Number(track.get(KEYS[name]) ?? NONE);
    return value < 0 ? null : value;
  };
  return {
    count: limit('count'),
    bytes: limit('bytes'),
    countHardLimit: limit('countHardLimit'),
    bytesHardLimit: limit('bytesHardLimit'),
  };
}

function changed(track: Track, limits: Partial<QuotaLimits>): Track {
  const merged = new Map(track);
  for (const name of QUOTA_LIMITS) {
    const limit = limits[name];
    if (limit !== undefined) merged.set(KEYS[name], limit === null ? NONE : String(limit));
  }
  return merged;
}

// ---------------------------------------------------------------- calls

/** See `Conn.getQuota`. @param path the server's */
export async function getQuota(
  conn: QuotaCalls,
  path: string,
  options: () => CallOptions,
): Promise<Quota | null> {
  const read = (name: string): Promise<{ readonly data: Buffer | null; readonly stat: Stat } | null> =>
    unlessVanished(conn.get(`${ROOT}${path}/${name}`, options()));
  const limits = await read(LIMITS);
  if (limits === null) return null;
  const stats = await read(STATS);
  if (stats === null) return { limits: limitsOf(parseTrack(limits.data)), usage: null };
  const { count, bytes } = limitsOf(parseTrack(stats.data));
  return { limits: limitsOf(parseTrack(limits.data)), usage: { count: count ?? 0, bytes: bytes ?? 0 } };
}

/**
 * See `Conn.setQuota`.
 * @param path the server's
 * @param given the caller's
 */
export async function setQuota(
  conn: QuotaCalls,
  path: string,
  given: string,
  limits: Partial<QuotaLimits>,
  options: () => CallOptions,
): Promise<void> {
  // others may set and delete quotas meanwhile
  for (let done = false; !done;) {
    if ((await conn.exists(path, options())) === null) {
      throw keeperError(Errno.NoNode, { op: 'setQuota', path: given, outcome: 'rejected' });
    }
    await refuseRelatives(conn, path, given, options);
    done = (await update(conn, path, limits, options)) ?? (await begin(conn, path, limits, options));
  }
}

/** Changes limits that are there. @returns null if there are none, false if somebody was faster */
async function update(
  conn: QuotaCalls,
  path: string,
  limits: Partial<QuotaLimits>,
  options: () => CallOptions,
): Promise<boolean | null> {
  const node = `${ROOT}${path}/${LIMITS}`;
  const present = await unlessVanished(conn.get(node, options()));
  if (present === null) return null;
  const text = formatTrack(changed(parseTrack(present.data), limits));
  try {
    await conn.set(node, text, present.stat.version, options());
    return true;
  } catch (error) {
    if (error instanceof BadVersionError || error instanceof NoNodeError) return false;
    throw error;
  }
}

/** Makes both nodes. @returns false if somebody was faster */
async function begin(
  conn: QuotaCalls,
  path: string,
  limits: Partial<QuotaLimits>,
  options: () => CallOptions,
): Promise<boolean> {
  const folder = ROOT + path;
  await ensurePath(conn, folder, undefined, options, null);
  const nothing: Track = new Map([
    [KEYS.count, '0'],
    [KEYS.bytes, '0'],
  ]);
  // the server counts what is there when the second one is created
  const both = [
    op.create(`${folder}/${LIMITS}`, formatTrack(changed(new Map(), limits))),
    op.create(`${folder}/${STATS}`, formatTrack(nothing)),
  ];
  try {
    await conn.multi(both, options());
    return true;
  } catch (error) {
    if (!(error instanceof MultiError)) throw error;
    const { cause, index } = error;
    if (cause instanceof NodeExistsError) {
      // left over without its limits
      if (index === 1) await unlessVanished(conn.delete(`${folder}/${STATS}`, -1, options()));
      return false;
    }
    if (cause instanceof NoNodeError) return false;
    throw cause;
  }
}

/** @throws InvalidArgumentError if a node above or below has a quota: servers count only one of them */
async function refuseRelatives(
  conn: QuotaCalls,
  path: string,
  given: string,
  options: () => CallOptions,
): Promise<void> {
  const refuse = (which: string, other: string): never => {
    const text = `${which} it has a quota already: ${other}`;
    throw new InvalidArgumentError(text, { op: 'setQuota', path: given });
  };
  for (let above = parentPath(path); above !== '/'; above = parentPath(above)) {
    if ((await conn.exists(`${ROOT}${above}/${LIMITS}`, options())) !== null) refuse('a node above', above);
  }
  const read = (node: string): ReturnType<typeof readNode> => readNode(conn, node, false, options);
  const walk = new Walk(ROOT + path, false, READS, (node) => unlessVanished(read(node)));
  for await (const node of walk) {
    const owner = node.path.slice(ROOT.length);
    if (owner !== path && node.children.includes(LIMITS)) refuse('a node below', owner);
  }
}

/**
 * See `Conn.deleteQuota`.
 * @param path the server's
 * @param given the caller's
 * @returns false if there was none
 */
export async function deleteQuota(
  conn: QuotaCalls,
  path: string,
  given: string,
  names: readonly QuotaLimit[],
  options: () => CallOptions,
): Promise<boolean> {
  const node = `${ROOT}${path}/${LIMITS}`;
  for (let attempt = 1; ; attempt++) {
    const present = await unlessVanished(conn.get(node, options()));
    if (present === null) return false;
    const limits = limitsOf(parseTrack(present.data));
    const stays = QUOTA_LIMITS.some((name) => limits[name] !== null && !names.includes(name));
    const gone = Object.fromEntries(names.map((name) => [name, null]));
    const done = stays
      ? await update(conn, path, gone, options)
      : await end(conn, path, present.stat.version, options);
    if (done === true) return true;
    if (attempt === ATTEMPTS) {
      throw keeperError(Errno.BadVersion, { op: 'deleteQuota', path: given, outcome: 'rejected' });
    }
  }
}

/** Deletes both nodes, if the limits are those that were read. @returns false if somebody was faster */
async function end(
  conn: QuotaCalls,
  path: string,
  version: number,
  options: () => CallOptions,
): Promise<boolean> {
  const folder = ROOT + path;
  const limits = op.delete(`${folder}/${LIMITS}`, version);
  try {
    await conn.multi([limits, op.delete(`${folder}/${STATS}`)], options());
  } catch (error) {
    if (!(error instanceof MultiError)) throw error;
    const { cause, index } = error;
    // without the usage, which not everybody writes
    if (index === 1 && cause instanceof NoNodeError) return endLimits(conn, path, version, options);
    if (cause instanceof BadVersionError || cause instanceof NoNodeError) return false;
    throw cause;
  }
  await prune(conn, folder, options);
  return true;
}

async function endLimits(
  conn: QuotaCalls,
  path: string,
  version: number,
  options: () => CallOptions,
): Promise<boolean> {
  try {
    await conn.delete(`${ROOT}${path}/${LIMITS}`, version, options());
  } catch (error) {
    if (error instanceof BadVersionError || error instanceof NoNodeError) return false;
    throw error;
  }
  await prune(conn, ROOT + path, options);
  return true;
}

/** Deletes the folders that hold no other quota. */
async function prune(conn: QuotaCalls, folder: string, options: () => CallOptions): Promise<void> {
  for (let node = folder; node !== ROOT; node = parentPath(node)) {
    try {
      await conn.delete(node, -1, options());
    } catch (error) {
      if (error instanceof NotEmptyError) return;
      if (!(error instanceof NoNodeError)) throw error;
    }
  }
}
