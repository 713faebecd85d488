/** The only importer of `debug`. Nothing is built before somebody listens (`DEBUG=zk-conn:*`). */
import createDebug from 'debug';

/** One namespace. */
export interface Log {
  readonly enabled: boolean;
  (format: string, ...args: unknown[]): void;
}

/** Servers tried, connected to, lost. */
export const connectionLog: Log = createDebug('zk-conn:connection');

/** Sessions begun, resumed, ended; states. */
export const sessionLog: Log = createDebug('zk-conn:session');
