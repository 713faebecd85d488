/**
 * The only importer of `debug` and `node:diagnostics_channel`. Nothing is built before somebody listens, be it with
 * `DEBUG=zk-conn:*` or by subscribing to a channel. What a subscriber throws becomes an uncaught exception in a later
 * turn: Node sees to that. So does what `debug` throws, whose `log` may be the user's own: we see to that.
 */
import { channel, tracingChannel } from 'node:diagnostics_channel';
import createDebug, { type Debugger } from 'debug';
import { printable } from '../protocol/readable.js';
import { usersCode } from './users-parts.js';

/** One namespace. */
export interface Log {
  readonly enabled: boolean;
  (format: string, ...args: unknown[]): void;
}

/**
 * A namespace of `debug`, to which no server can write a line of its own, or colours. It is made when somebody first asks
 * whether it is enabled, which each Conn does: `debug` is not loaded with us, as it is slow to load.
 */
function logOf(namespace: string): Log {
  let made: Debugger | undefined;
  const debug = (): Debugger => (made ??= createDebug(namespace));
  const log = (format: string, ...args: unknown[]): void =>
    usersCode(() => {
      debug()(format, ...args.map((arg) => (typeof arg === 'string' ? printable(arg) : arg)));
    });
  return Object.defineProperty(log, 'enabled', { get: () => debug().enabled }) as unknown as Log;
}

/** A duration as a log shows it. */
export function inMs(ms: number): string {
  return `${ms.toFixed(1)} ms`;
}

/** Servers tried, connected to, lost. */
export const connectionLog: Log = logOf('zk-conn:connection');

/** Sessions begun, resumed, ended; states. */
export const sessionLog: Log = logOf('zk-conn:session');

/** Requests, each when it is settled, and once more when its reply comes late. */
export const requestLog: Log = logOf('zk-conn:request');

/** Watch events. */
export const watchLog: Log = logOf('zk-conn:watch');

/** What makes a Conn do badly. */
export const warningLog: Log = logOf('zk-conn:warning');

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
