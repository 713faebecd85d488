/**
 * Deadlines as pure functions of the session timeout T (negotiated; the requested one before the first session) and of
 * the number of servers H. All in ms. Source: Java `ClientCnxn.onConnected`, `SendThread.run`, ZOOKEEPER-4508.
 */

/** Longest that nothing may be heard on a live connection: 2T/3. */
export function readTimeoutMs(sessionMs: number): number {
  return (sessionMs * 2) / 3;
}

/** A server that accepts and says nothing must not cost the session, however few there are. */
const MIN_ATTEMPTS = 3;

/**
 * Budget for one server, from the look-up of its name to its answer to the handshake: T/H, at most T/3 (a real server
 * that is about to start may take a connection and never answer); less where so little is left of the session that not
 * all servers could be tried, but never below a quarter of that.
 * @param leftMs what is left of the session, Infinity without one
 */
export function connectTimeoutMs(sessionMs: number, leftMs: number, servers: number): number {
  const hosts = Math.max(1, servers);
  const share = sessionMs / Math.max(MIN_ATTEMPTS, hosts);
  return Math.max(1, Math.min(share, Math.max(leftMs / hosts, share / 4)));
}

/**
 * How long nothing is sent before a ping: T/3, a second less where that is more than a second, and never more than
 * ten seconds.
 */
export function pingAfterMs(sessionMs: number): number {
  const third = sessionMs / 3;
  return Math.min(10_000, third <= 1000 ? third : Math.max(1000, third - 1000));
}

/** After this long without a word from any server our own clock says that the session is over: 4T/3. */
export function expiryMs(sessionMs: number): number {
  return (sessionMs * 4) / 3;
}

/**
 * How long to go on listening when the read deadline was noticed late, because the event loop stood still: what the
 * server sent meanwhile lies unread in the socket.
 */
export function graceMs(sessionMs: number): number {
  return Math.min(1000, sessionMs / 6);
}

/** A deadline noticed later than this was missed by us, not by the server. */
export const LATE_MS = 100;

/** A connection that lasted this long was a success, if no pause was long; a shorter one does not reset the back-off. */
export const STABLE_MS = 1000;

/** Bounds of the back-off between two rounds over all servers. */
export interface Backoff {
  readonly baseMs: number;
  readonly maxMs: number;
}

/** Full jitter: anything between 0 and the exponentially growing bound. `round` counts from 0. */
export function backoffMs(round: number, { baseMs, maxMs }: Backoff, random: number): number {
  return random * Math.min(maxMs, baseMs * 2 ** Math.min(round, 30));
}
