/** A delete that goes on behind its caller until it is known what became of it (Curator: `guaranteed()`). */
import { KeeperError, NoAuthError, NoNodeError, UsageError } from '../protocol/errors.js';
import type { Stat } from '../protocol/records.js';
import type { CallOptions } from './arguments.js';
import type { Attempting } from './idempotent.js';

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

/** See `Conn.deleteGuaranteed`. */
export async function deleteGuaranteed(
  conn: DeleterCalls,
  path: string,
  version: number,
  how: Guarantee,
): Promise<void> {
  /** czxid of the node that is to go; null while nobody has seen it. One of the same name that comes later is another's. */
  let meant: bigint | null = null;
  let attempts = 0;
  const attempt = async (options: () => CallOptions): Promise<void> => {
    const isFirst = attempts++ === 0;
    const stat = await look(conn, path, isFirst, options);
    if (stat === null) return;
    if (stat !== 'hidden') {
      meant ??= stat.czxid;
      if (stat.czxid !== meant) return;
    }
    try {
      await conn.delete(path, version, options());
    } catch (error) {
      if (!(error instanceof NoNodeError)) throw error;
    }
  };
  try {
    await how.retry(() => attempt(how.options));
  } catch (error) {
    if (!isSettled(error)) how.retryForEver(() => attempt(() => ({}))).catch(() => undefined);
    throw error;
  }
}

/** @returns `hidden` where the server does not say: 3.9 asks for READ, which a delete does not need */
async function look(
  conn: DeleterCalls,
  path: string,
  isFirst: boolean,
  options: () => CallOptions,
): Promise<Stat | 'hidden' | null> {
  const both = options();
  try {
    // the server that we are connected to now may not have seen yet what the last one did
    const [, stat] = await Promise.all([isFirst ? null : conn.sync(path, both), conn.exists(path, both)]);
    return stat;
  } catch (error) {
    if (error instanceof NoAuthError) return 'hidden';
    throw error;
  }
}

/** Has the server said no, or was it never asked for anything that it could do? */
function isSettled(error: unknown): boolean {
  return (error instanceof KeeperError && !error.retryable) || error instanceof UsageError;
}
