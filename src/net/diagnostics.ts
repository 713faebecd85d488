/**
 * The only importer of `debug` and `node:diagnostics_channel`. Nothing is built before somebody listens, be it with
 * `DEBUG=zk-conn:*` or by subscribing to a channel. What a subscriber throws becomes an uncaught exception in a later
 * turn: Node sees to that.
 */
import { channel, tracingChannel } from 'node:diagnostics_channel';
import createDebug from 'debug';

/** One namespace. */
export interface Log {
  readonly enabled: boolean;
  (format: string, ...args: unknown[]): void;
}

/** A duration as a log shows it. */
export function inMs(ms: number): string {
  return `${ms.toFixed(1)} ms`;
}

/** Servers tried, connected to, lost. */
export const connectionLog: Log = createDebug('zk-conn:connection');

/** Sessions begun, resumed, ended; states. */
export const sessionLog: Log = createDebug('zk-conn:session');

/** Requests, each when it is settled, and once more when its reply comes late. */
export const requestLog: Log = createDebug('zk-conn:request');

/** Watch events. */
export const watchLog: Log = createDebug('zk-conn:watch');

/** What makes a Conn do badly. */
export const warningLog: Log = createDebug('zk-conn:warning');

/** Carries a `RequestTrace`. */
export const requestChannel = tracingChannel('zk-conn:request');

/** Carries the `RequestTrace` of a request that its caller had given up, when its reply comes. */
export const lateReplyChannel = channel('zk-conn:request:late');

/** Carries a `ConnectionNote`. */
export const connectionChannel = channel('zk-conn:connection');

/** Carries a `SessionNote`. */
export const sessionChannel = channel('zk-conn:session');

/** Carries a `ConnWarning`. */
export const warningChannel = channel('zk-conn:warning');
