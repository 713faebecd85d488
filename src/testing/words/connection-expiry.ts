/** When connections are looked at that say nothing. */

/** A connection without a session that says nothing is dropped (`zookeeper.nio.sessionlessCnxnTimeout`). */
export const SESSIONLESS_TIMEOUT_MS = 10_000;
/** Deadlines of connections are multiples of it. */
export const CONNECTION_TICK_MS = 10_000;
