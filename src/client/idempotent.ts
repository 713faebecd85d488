/**
 * Writes that are repeated until their answer arrives, and whose answer is right although an earlier one was lost. What
 * a refusal means then is found out from zxids, versions and data (CURATOR-584).
 */
import {
  BadVersionError,
  InvalidArgumentError,
  NoNodeError,
  NodeExistsError,
  NotEmptyError,
  ZkError,
} from '../protocol/errors.js';
import type { Stat } from '../protocol/records.js';
import type { CallOptions, CreateOptions, ZnodeData } from './arguments.js';
import type { GetResult } from './calls.js';
import type { Mark } from './mark.js';
import type { RetryPolicy } from './retry.js';
import { unlessVanished } from './walk.js';

/** Options of `setIdempotent` and `deleteIdempotent`. `timeoutMs` is for all attempts together. */
export interface IdempotentOptions extends CallOptions {
  /** When to try again. Default: {@link exponentialBackoff}. */
  readonly retry?: RetryPolicy | undefined;
}

/** Options of `createIdempotent` and `createProtected`. */
export interface IdempotentCreateOptions extends CreateOptions, IdempotentOptions {}

/** The calls that are needed here. */
export interface WriterCalls {
  create(path: string, data?: ZnodeData, options?: CreateOptions & CallOptions): Promise<string>;
  get(path: string, options?: CallOptions): Promise<GetResult>;
  exists(path: string, options?: CallOptions): Promise<Stat | null>;
  set(path: string, data: ZnodeData, version?: number, options?: CallOptions): Promise<Stat>;
  delete(path: string, version?: number, options?: CallOptions): Promise<void>;
}

/** How attempts are made. */
export interface Attempting {
  /** Asked for before each call. */
  readonly options: () => CallOptions;
  /** Repeats; a write whose outcome is unknown as well. */
  readonly retry: <T>(work: () => Promise<T>) => Promise<T>;
  /** An error after which nothing of ours can have been applied. */
  readonly withoutDoubt: (error: unknown) => unknown;
  /** Id of the session now. */
  readonly sessionId: () => bigint;
  /** Asks what there is at this path before whatever is called next in this turn. */
  readonly mark: (path: string, options: CallOptions) => Mark;
}

/**
 * What a refusal says about the attempt whose answer was lost: it was applied, with this result; it was not; or nobody
 * can tell. null: look again.
 */
type Verdict<T> = { readonly applied: T } | 'refused' | 'unknown' | null;

/** Ends the attempts: what happened cannot be found out. */
class Unsettled extends Error {}

/** What is known of the time before the first attempt. A node that changed no later was not changed by us. */
interface Since {
  readonly zxid: bigint;
  /** Is that all that there was? Where it is not, it proves nothing that a node is younger. */
  readonly isExact: boolean;
}

function repeat<T>(
  { options, retry, withoutDoubt, mark }: Attempting,
  write: (options: CallOptions) => Promise<T>,
  judge: (refusal: ZkError, since: Since) => Promise<Verdict<T>>,
): Promise<T> {
  const doubt: { lost: ZkError | null } = { lost: null };
  // kept over all attempts, also if there is another session by then
  let began: Mark | null = null;
  const attempt = async (): Promise<T> => {
    const call = options();
    // what is asked behind a write that may have been applied says nothing of the time before it
    if (began === null || (began.zxid === null && doubt.lost === null)) began = mark('/', call);
    const known = began;
    try {
      // in the same turn, so that it keeps its place among the calls
      return await write(call);
    } catch (error) {
      if (!ZkError.is(error)) throw error;
      if (error.outcome === 'unknown') doubt.lost = error;
      if (doubt.lost === null || error.outcome !== 'rejected') throw error;
      const { zxid, before } = known;
      const verdict = await judge(error, { zxid: zxid ?? before, isExact: zxid !== null });
      if (verdict === null) throw doubt.lost;
      if (verdict === 'unknown') throw new Unsettled();
      if (verdict !== 'refused') return verdict.applied;
      doubt.lost = null;
      throw error;
    }
  };
  return retry(attempt).catch((error: unknown) => {
    // whatever came last: the write may have been applied
    if (doubt.lost !== null && (error instanceof Unsettled || ZkError.is(error))) throw doubt.lost;
    throw withoutDoubt(error);
  });
}

/** See `Conn.createIdempotent`. */
export function createIdempotent(
  conn: WriterCalls,
  path: string,
  data: ZnodeData,
  create: CreateOptions,
  how: Attempting,
): Promise<string> {
  const { mode = 'PERSISTENT' } = create;
  if (mode.includes('SEQUENTIAL')) {
    const text = 'a sequential node has a new name each time: use createProtected';
    throw new InvalidArgumentError(text, { op: 'createIdempotent', path });
  }
  return repeat(
    how,
    (options) => conn.create(path, data, { ...create, ...options }),
    async (refusal, since) => {
      if (!(refusal instanceof NodeExistsError)) return 'refused';
      const node = await unlessVanished(conn.get(path, how.options()));
      if (node === null) return null;
      const { stat } = node;
      // it was there before we began
      if (stat.czxid <= since.zxid) return 'refused';
      // one of an earlier session of ours will go with it
      if (stat.ephemeralOwner !== (mode === 'EPHEMERAL' ? how.sessionId() : 0n)) return 'refused';
      if (!sameData(node.data, data)) return stat.version === 0 ? 'refused' : 'unknown';
      // nobody but this Conn makes nodes of its session; one of before would be older than what it has seen of it
      const isOurs = stat.ephemeralOwner !== 0n && since.zxid > 0n;
      return since.isExact || isOurs ? { applied: path } : 'unknown';
    },
  );
}

/** See `Conn.setIdempotent`. */
export function setIdempotent(
  conn: WriterCalls,
  path: string,
  data: ZnodeData,
  version: number,
  how: Attempting,
): Promise<Stat> {
  return repeat(
    how,
    (options) => conn.set(path, data, version, options),
    async (refusal, since) => {
      // it may have been set before it was deleted
      if (refusal instanceof NoNodeError) return 'unknown';
      if (!(refusal instanceof BadVersionError)) return 'refused';
      const node = await unlessVanished(conn.get(path, how.options()));
      if (node === null) return 'unknown';
      const { stat } = node;
      // it was so before we began
      if (stat.mzxid <= since.zxid) return 'refused';
      // versions wrap
      if (stat.version !== ((version + 1) | 0)) return 'unknown';
      if (!sameData(node.data, data)) return 'refused';
      return since.isExact ? { applied: stat } : 'unknown';
    },
  );
}

/** See `Conn.deleteIdempotent`. */
export function deleteIdempotent(
  conn: WriterCalls,
  path: string,
  version: number,
  how: Attempting,
): Promise<void> {
  return repeat<undefined>(
    how,
    async (options) => {
      await conn.delete(path, version, options);
      return undefined;
    },
    async (refusal, since) => {
      if (refusal instanceof NoNodeError) return { applied: undefined };
      if (!(refusal instanceof BadVersionError || refusal instanceof NotEmptyError)) return 'refused';
      const stat = await conn.exists(path, how.options());
      if (stat === null) return { applied: undefined };
      // a node that is older than our first attempt was not deleted by it; another one may stand in its place
      return stat.czxid <= since.zxid ? 'refused' : 'unknown';
    },
  );
}

function sameData(stored: Buffer | null, data: ZnodeData): boolean {
  if (stored === null || data === null) return stored === data;
  return stored.equals(typeof data === 'string' ? Buffer.from(data, 'utf8') : data);
}
