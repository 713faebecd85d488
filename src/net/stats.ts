/** What `conn.stats()` tells. */
import type { KeeperState } from '../protocol/constants.js';
import type { WatchKind } from '../protocol/op.js';
import { withReadableJson } from '../protocol/readable.js';
import type { SessionCore } from '../session/core.js';
import { isOutlived, stateBehind } from '../session/deadlines.js';
import type { Reporter } from './reporter.js';

/**
 * How a Conn is doing. Sums and counts are those since it was made. In JSON the session id is a hexadecimal text.
 */
export interface ConnStats {
  readonly state: KeeperState;
  /** `host:port` of the server that the session is connected to. */
  readonly server: string | undefined;
  /** 0n before the first session and between two. */
  readonly sessionId: bigint;
  /** How many sessions there have been. */
  readonly sessionEpoch: number;
  /** Session timeout that the server granted, ms; the one asked for while there is no session. */
  readonly negotiatedTimeoutMs: number;
  /** Round trip of the last ping that was answered, ms. A ping goes out only when nothing else does. */
  readonly pingMs: number | undefined;
  /** How long ago bytes came from a server, ms. */
  readonly lastReceivedMs: number | undefined;
  /** Requests that were not handed to a socket yet. */
  readonly queued: number;
  /** Their size. */
  readonly queuedBytes: number;
  /** Requests that were sent and have no reply yet. */
  readonly inFlight: number;
  /** Watched paths, per kind. */
  readonly watches: Readonly<Record<WatchKind, number>>;
  /** Bytes handed to sockets, pings and handshakes included. */
  readonly bytesOut: number;
  /** Bytes that came from servers. */
  readonly bytesIn: number;
  /** Requests that were encoded, those of the session itself included; not pings and credentials. */
  readonly requests: number;
  /** Replies to them. */
  readonly replies: number;
  /** Events of watches that came. */
  readonly watchEvents: number;
  /** Longest request, bytes without its length prefix; compare it with `maxRequestBytes`. */
  readonly largestRequestBytes: number;
  /** Longest reply, bytes without its length prefix; compare it with `maxResponseBytes`. */
  readonly largestReplyBytes: number;
  /** How often a session went on on another connection. */
  readonly reconnects: number;
  /** Sessions that were lost. */
  readonly expiries: number;
  /** Attempts to connect that failed. */
  readonly failedAttempts: number;
}

/** What the driver counts itself. */
export interface Flow {
  readonly bytesOut: number;
  readonly bytesIn: number;
  /** When bytes came last, ms of the clock; -1 for never. */
  readonly receivedAt: number;
}

export function statsOf(
  core: SessionCore,
  reporter: Reporter,
  flow: Flow,
  server: string | undefined,
  now: number,
): ConnStats {
  const { queue, watches } = core.traffic;
  const { pending, waiting } = queue.load;
  const { pingMs } = core.liveness;
  return withReadableJson({
    ...(isOutlived(core, now)
      ? { state: stateBehind(core.state), server: undefined, sessionId: 0n }
      : { state: core.state, server, sessionId: core.sessionId }),
    sessionEpoch: core.sessionEpoch,
    negotiatedTimeoutMs: core.timeoutMs,
    pingMs: pingMs < 0 ? undefined : pingMs,
    lastReceivedMs: flow.receivedAt < 0 ? undefined : now - flow.receivedAt,
    queued: waiting,
    queuedBytes: queue.waitingBytes,
    inFlight: pending - waiting,
    watches: watches.counts(),
    bytesOut: flow.bytesOut,
    bytesIn: flow.bytesIn,
    requests: queue.requests,
    replies: queue.replies,
    watchEvents: reporter.watchEvents,
    largestRequestBytes: queue.largestRequestBytes,
    largestReplyBytes: queue.largestReplyBytes,
    reconnects: reporter.reconnects,
    expiries: reporter.expiries,
    failedAttempts: reporter.failedAttempts,
  });
}
