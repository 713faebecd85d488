/** Tells `debug` and the channels what happens to connections and sessions, and counts it. */
import type { KeeperState } from '../protocol/constants.js';
import type { ZkError } from '../protocol/errors.js';
import { hex } from '../protocol/readable.js';
import type { SessionEvent } from '../session/ports.js';
import {
  connectionChannel,
  connectionLog,
  inMs,
  sessionChannel,
  sessionLog,
  watchLog,
} from './diagnostics.js';

/** What the channel `zk-conn:connection` carries: what became of one connection, or of the attempt at one. */
export interface ConnectionNote {
  /**
   * - `attempt`: a server is tried.
   * - `connected`: there is a session on the connection to it.
   * - `failed`: that did not come about.
   * - `lost`: the connection broke.
   * - `closed`: we ended it.
   */
  readonly event: 'attempt' | 'connected' | 'failed' | 'lost' | 'closed';
  /** `host:port`; undefined if there was none to try. */
  readonly server: string | undefined;
  /** The session, in hexadecimal; `0x0` for none. */
  readonly sessionId: string;
  /** Attempts since the last one that succeeded, this one included. */
  readonly attempt: number;
  /** Since the attempt began, or since the connection was made, ms; 0 for `attempt`. */
  readonly durationMs: number;
  /** Why it failed or was lost. */
  readonly error: ZkError | undefined;
}

/** What the channel `zk-conn:session` carries. */
export interface SessionNote {
  /** A session began, goes on on another connection, or is over; or the state changed. */
  readonly event: 'new' | 'resumed' | 'expired' | 'state';
  readonly state: KeeperState;
  /** The session that it is about, in hexadecimal; `0x0` for none. */
  readonly sessionId: string;
  /** How many sessions this Conn has had. */
  readonly sessionEpoch: number;
  /** Session timeout that the server granted, ms; the one asked for while there is no session. */
  readonly negotiatedTimeoutMs: number;
  /** `host:port` of the latest attempt. */
  readonly server: string | undefined;
  /** Why the state is a worse one. */
  readonly error: ZkError | undefined;
}

/** What only the driver knows. */
export interface ReportSource {
  readonly clock: { now(): number };
  readonly core: {
    readonly state: KeeperState;
    readonly sessionId: bigint;
    readonly sessionEpoch: number;
    readonly timeoutMs: number;
  };
  readonly latestServer: string | undefined;
}

/** States in which there is a session on a connection. */
const CONNECTED: ReadonlySet<KeeperState> = new Set<KeeperState>(['SyncConnected', 'ConnectedReadOnly']);

export class Reporter {
  /** Sessions that went on on another connection. */
  reconnects = 0;
  expiries = 0;
  failedAttempts = 0;
  /** Watch events that came. */
  watchEvents = 0;

  /** Since the last success. */
  private attempts = 0;
  /** When the attempt began, or the connection. */
  private since = 0;
  private isConnected = false;

  constructor(private readonly source: ReportSource) {}

  /** A server is tried. */
  attempt(): void {
    this.attempts++;
    this.since = this.source.clock.now();
    this.connection('attempt', undefined);
  }

  event(event: SessionEvent): void {
    switch (event.type) {
      case 'attemptFailed':
        this.failedAttempts++;
        this.connection('failed', event.error);
        return;
      case 'state':
        this.connectionOf(event.state, event.cause);
        this.session('state', null, event.cause);
        return;
      case 'session':
        if (event.what === 'resumed') this.reconnects++;
        if (event.what === 'expired') this.expiries++;
        this.session(event.what, event.id, undefined);
        return;
      case 'watch':
        this.watchEvents++;
        if (watchLog.enabled) watchLog('%s %s', event.event.type, event.event.path);
        return;
      default:
    }
  }

  /** What a state says of the connection. */
  private connectionOf(state: KeeperState, error: ZkError | undefined): void {
    const isConnected = CONNECTED.has(state);
    if (isConnected === this.isConnected) return;
    this.isConnected = isConnected;
    if (isConnected) this.connection('connected', undefined);
    else this.connection(error === undefined ? 'closed' : 'lost', error);
    if (isConnected) this.attempts = 0;
    this.since = this.source.clock.now();
  }

  private connection(event: ConnectionNote['event'], error: ZkError | undefined): void {
    if (!connectionLog.enabled && !connectionChannel.hasSubscribers) return;
    const { clock, core, latestServer: server } = this.source;
    const durationMs = event === 'attempt' ? 0 : clock.now() - this.since;
    if (connectionLog.enabled) {
      const why = error === undefined ? '' : `: ${error.message}`;
      connectionLog(
        '%s %s (attempt %d, %s)%s',
        server ?? 'no server',
        event,
        this.attempts,
        inMs(durationMs),
        why,
      );
    }
    if (!connectionChannel.hasSubscribers) return;
    const sessionId = hex(core.sessionId);
    const note: ConnectionNote = { event, server, sessionId, attempt: this.attempts, durationMs, error };
    connectionChannel.publish(note);
  }

  /** @param about the session; null for the one that there is */
  private session(event: SessionNote['event'], about: bigint | null, error: ZkError | undefined): void {
    if (!sessionLog.enabled && !sessionChannel.hasSubscribers) return;
    const { core, latestServer: server } = this.source;
    const { state, sessionEpoch, timeoutMs: negotiatedTimeoutMs } = core;
    const id = about ?? core.sessionId;
    if (sessionLog.enabled) {
      const why = error === undefined ? '' : `: ${error.message}`;
      const what = event === 'state' ? state : event;
      sessionLog('%s %s (%s, %d ms)%s', hex(id), what, server ?? 'no server', negotiatedTimeoutMs, why);
    }
    if (!sessionChannel.hasSubscribers) return;
    const sessionId = hex(id);
    const note: SessionNote = { event, state, sessionId, sessionEpoch, negotiatedTimeoutMs, server, error };
    sessionChannel.publish(note);
  }
}
