/** A delete that goes on behind its caller until it is known what became of it (Curator: `guaranteed()`). */
import { KeeperError, NoAuthError, NoNodeError, UsageError, ZkError } from '../protocol/errors.js';
import type { Stat } from '../protocol/records.js';
import type { CallOptions } from './arguments.js';
import type { Attempting } from './idempotent.js';
import type { Mark } from './mark.js';

/** The calls that are needed here. */
export interface DeleterCalls {
  exists(path: string, options?: CallOptions): Promise<Stat | null>;
  sync(path: string, options?: CallOptions): Promise<string>;
  delete(path: string, version?: number, options?: CallOptions): Promise<void>;
}

/** How it goes about it. */
export interface Guarantee extends Attempting {
  /** As `retry`, after the call is over, until the Conn is. */
  readonly retryForEver: (work: () => Promise<void>) => Promise<void>;
}

/** Ends the attempts: the node that is there may be another's. */
class Unsettled extends Error {}

/** See `Conn.deleteGuaranteed`; the arguments are checked already. */
export function deleteGuaranteed(
  conn: DeleterCalls,
  path: string,
  version: number,
  how: Guarantee,
): Promise<void> {
  let began: Mark | null = null;
  /** What the delete that may have been applied was rejected with. */
  const doubt: { error: unknown } = { error: null };

  const remove = async (options: CallOptions): Promise<void> => {
    try {
      await conn.delete(path, version, options);
    } catch (error) {
      if (error instanceof NoNodeError) return;
      if (!ZkError.is(error) || error.outcome === 'unknown') doubt.error = error;
      throw error;
    }
  };
  const attempt = async (): Promise<void> => {
    const call = how.options();
    if (began === null || (began.stat === undefined && doubt.error === null)) {
      began = how.mark(path, call);
      // in the same turn, so that it keeps its place among the calls
      await remove(call);
    } else {
      await again(began, () => call);
    }
  };
  /** A node of the same name that came later is another's: only what was there at the call may go. */
  const again = async (known: Mark, options: () => CallOptions): Promise<void> => {
    if (known.stat === null) return;
    const call = options();
    const stat = await look(conn, path, call);
    if (stat === null) return;
    const isLater = comesLater(stat, known);
    if (isLater === 'unknown') throw new Unsettled();
    if (!isLater) await remove(call);
  };

  return how.retry(attempt).catch((error: unknown) => {
    const known = began;
    const mayGoOn = known !== null && !isSettled(error) && isKnown(known);
    if (mayGoOn) how.retryForEver(() => again(known, () => ({}))).catch(() => undefined);
    throw error instanceof Unsettled ? doubt.error : error;
  });
}

/** Is there anything by which a node of before the call can be told? */
function isKnown({ stat, zxid, before }: Mark): boolean {
  return stat !== undefined || (zxid ?? before) > 0n;
}

/** Did this node come after the call began? */
function comesLater(stat: Stat | 'hidden', known: Mark): boolean | 'unknown' {
  if (stat === 'hidden') return 'unknown';
  // null does not come here
  if (known.stat !== undefined) return stat.czxid !== known.stat?.czxid;
  if (stat.czxid <= (known.zxid ?? known.before)) return false;
  return known.zxid === null ? 'unknown' : true;
}

/** @returns `hidden` where the server does not say: 3.9 asks for READ, which a delete does not need */
async function look(conn: DeleterCalls, path: string, call: CallOptions): Promise<Stat | 'hidden' | null> {
  try {
    // the server that we are connected to now may not have seen yet what the last one did
    const [, stat] = await Promise.all([conn.sync(path, call), conn.exists(path, call)]);
    return stat;
  } catch (error) {
    if (error instanceof NoAuthError) return 'hidden';
    throw error;
  }
}

/** Has the server said no, was it never asked for anything that it could do, or can nobody tell? */
function isSettled(error: unknown): boolean {
  const isNo = error instanceof KeeperError && !error.retryable;
  return isNo || error instanceof UsageError || error instanceof Unsettled;
}
