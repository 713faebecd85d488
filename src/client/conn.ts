/** The class that users touch: the calls on znodes, and the life of the connection. */
import { parseConnectString, parseServerAddress, type ServerAddress } from '../net/connect-string.js';
import { DnsSrvHostProvider } from '../net/dns-srv.js';
import { Driver } from '../net/driver.js';
import { RoundRobinHostProvider, type HostProvider } from '../net/host-provider.js';
import type { ConnStats } from '../net/stats.js';
import { Warner } from '../net/warner.js';
import type { KeeperState } from '../protocol/constants.js';
import {
  ConnClosedError,
  InvalidArgumentError,
  SessionExpiredError,
  type ZkError,
} from '../protocol/errors.js';
import { hex, withReadableJson } from '../protocol/readable.js';
import { isOutlived, stateBehind } from '../session/deadlines.js';
import { overError } from '../session/fates.js';
import type { SessionEvent } from '../session/ports.js';
import { WatchEventRecord } from '../session/watches.js';
import { SessionHandle, checkReconnect, type ReconnectOptions } from './hand-over.js';
import { throwIfAborted } from './stream.js';
import { abortReason, forget, onAbort, type Abortable } from './aborts.js';
import { checkAuth, checkCallOptions, type CallOptions } from './arguments.js';
import { Caller, rejecting } from './caller.js';
import { Connecting } from './connecting.js';
import { EventSource, connectionStateOf, type ConnEvents, type ConnectionState } from './events.js';
import { followConfig } from './follow-config.js';
import { resolveOptions, type ConnOptions } from './options.js';
import { TreeCalls } from './tree-calls.js';

/** Result of `close`. */
export interface CloseResult {
  /** The server acknowledged the end of the session, so its ephemeral nodes are gone. Else they go when it expires. */
  readonly confirmed: boolean;
}

/** Why a Conn is over. */
export interface ClosedReason {
  readonly state: Extract<KeeperState, 'Closed' | 'Expired' | 'AuthFailed'>;
  /** Missing after `close()`. */
  readonly error?: ZkError;
}

/**
 * A connection to a ZooKeeper ensemble, with a session that survives reconnects. See `docs/conn.md`.
 *
 * Methods return promises, never throw, and run in the order in which they are called. A rejection is a
 * {@link ZkError}, whose `outcome` says what may have happened on the server.
 */
export class Conn extends TreeCalls {
  private readonly sessionTimeoutMs: number;
  private readonly secure: boolean;
  /** Until the end of this life. */
  private following: Promise<void> | null = null;
  /** How often this Conn has ended. */
  private ends = 0;
  private readonly driver: Driver;
  /** @internal */
  protected readonly caller: Caller;
  private readonly events: EventSource;
  private failedAttempts = 0;
  private readonly connecting: Connecting;
  private connectionState: ConnectionState | null = null;
  private closing: Promise<CloseResult> | null = null;
  private confirmed = false;
  private over!: Promise<ClosedReason>;
  private resolveClosed: (reason: ClosedReason) => void = () => undefined;

  /**
   * Checks its arguments and does nothing else; `connect()` starts it.
   * @param connectString `host:port,host:port/chroot`
   * @throws InvalidConnectStringError, InvalidOptionError
   */
  constructor(connectString: string, options?: ConnOptions) {
    super();
    const resolved = resolveOptions(options);
    const { servers, srv, chroot } = parseConnectString(connectString);
    // the options are not kept: they hold secrets
    this.sessionTimeoutMs = resolved.sessionTimeoutMs;
    this.secure = resolved.tls !== null;
    const { offlineQueue, random, clock } = resolved;
    const warner = new Warner(clock, (warning) => this.events.emit('warning', warning));
    const { slowHandlerMs: thresholdMs } = resolved;
    this.events = new EventSource(thresholdMs === 0 ? null : { clock, thresholdMs, warner });
    this.driver = new Driver({
      hostProvider: resolved.hostProvider ?? providerOf(servers, srv, random),
      warner,
      loopLagMs: resolved.loopLagMs,
      dialer: resolved.tls ?? resolved.dialer,
      sasl: resolved.sasl,
      clock,
      random,
      onEvent: (event) => this.onSessionEvent(event),
      config: {
        sessionTimeoutMs: resolved.sessionTimeoutMs,
        connectTimeoutMs: resolved.connectTimeoutMs,
        requestTimeoutMs: resolved.requestTimeoutMs,
        closeTimeoutMs: resolved.closeTimeoutMs,
        maxResponseBytes: resolved.maxResponseBytes,
        maxRequestBytes: resolved.maxRequestBytes,
        maxRequests: offlineQueue.maxRequests,
        maxBytes: offlineQueue.maxBytes,
        queueOffline: offlineQueue.enabled,
        rearmWatches: resolved.rearmWatches,
        renewSession: resolved.sessionExpiry === 'renew',
        readOnly: resolved.readOnly,
        session: resolved.session,
        backoff: resolved.backoff,
      },
    });
    this.caller = new Caller(this.driver, chroot + resolved.chroot, resolved.captureStack);
    this.begin();
    this.connecting = new Connecting(this.driver, this.events);
    for (const auth of resolved.auth) this.connecting.present(auth);
  }

  // ---------------------------------------------------------------- lifecycle

  /**
   * Connects, and resolves with this Conn when there is a session.
   * @param options `timeoutMs`: how long to wait for one, default the session timeout, 0 for ever; `signal`: waits no
   * longer, and the Conn goes on trying as it does when time runs out
   * @throws NoServerError when time ran out (the Conn goes on trying; `close()` ends it), AuthFailedError, ConnClosedError
   */
  connect(options?: CallOptions): Promise<this> {
    return rejecting(() => {
      const { signal, timeoutMs = this.sessionTimeoutMs } = checkCallOptions(options, 'connect');
      if (signal?.aborted === true) throw abortReason(signal);
      return this.connecting.until(timeoutMs, signal).then(() => this);
    });
  }

  /**
   * Ends the session, if there is a connection, and this Conn in any case. What was called before is still answered, if
   * the server answers within `closeTimeoutMs`; the rest, and all later calls, reject with ConnClosedError. When it
   * resolves, no socket and no timer is left. Idempotent; never rejects.
   */
  close(): Promise<CloseResult> {
    this.closing ??= new Promise<CloseResult>((resolve) => {
      this.driver.onceGone(() => resolve({ confirmed: this.confirmed }));
      this.driver.close();
    });
    return this.closing;
  }

  /**
   * Takes another list of servers, and keeps the session. The same servers in another order change nothing. A server that
   * stays in the list is kept, unless servers were added: then some clients move, by chance, so that the load becomes even
   * (ZOOKEEPER-1355). If this one moves, calls that are under way may reject with ConnectionLossError.
   * @param servers a connect string without chroot or with that of this Conn, or a list of `host:port`
   * @returns true if the server that we were connected to was left for another one
   * @throws InvalidConnectStringError, InvalidArgumentError (also if the Conn has SRV records or a host provider without
   * `update`)
   */
  updateServers(servers: string | readonly (string | ServerAddress)[]): Promise<boolean> {
    return rejecting(() => Promise.resolve(this.driver.updateServers(this.parseServers(servers))));
  }

  /**
   * Ends this Conn and leaves the session as it is, so that another Conn can go on with it (option `session`) before it
   * expires. What is not answered yet is rejected as by {@link close}. Resolves when no socket is left.
   * @throws ConnClosedError, SessionExpiredError if there is no {@link session} to leave
   */
  detach(): Promise<SessionHandle> {
    return rejecting(() => {
      const { session } = this;
      if (session === null || this.closing !== null) {
        throw (
          overError(this.driver.core.phase, { op: 'detach', outcome: 'not-sent' }) ??
          new SessionExpiredError({ op: 'detach', outcome: 'not-sent' }, NONE_TO_LEAVE)
        );
      }
      this.closing = new Promise<CloseResult>((resolve) => {
        this.driver.onceGone(() => resolve({ confirmed: false }));
        this.driver.detach();
      });
      return this.closing.then(() => session);
    });
  }

  /**
   * Leaves the server for another one; the session goes on. Where the server had refused the credentials, this is the way
   * back: with other ones, on the same Conn. Resolves as {@link connect} does.
   * @param options `auth` are added to the credentials, `sasl` takes the place of the mechanism; besides those of `connect`
   * @throws as connect
   */
  reconnect(options?: ReconnectOptions): Promise<this> {
    return rejecting(() => {
      const { signal, timeoutMs = this.sessionTimeoutMs } = checkCallOptions(
        options,
        'reconnect',
        undefined,
        ['auth', 'sasl'],
      );
      throwIfAborted(signal);
      const { auth, sasl } = checkReconnect(options);
      const { phase } = this.driver.core;
      if (phase.name !== 'authFailed') {
        const ended = overError(phase, { op: 'reconnect', outcome: 'not-sent' });
        if (ended !== null) throw ended;
      } else {
        this.begin();
      }
      this.driver.reconnect(sasl);
      for (const each of auth) this.connecting.present(each);
      return this.connecting.until(timeoutMs, signal).then(() => this);
    });
  }

  /** Lets the process end although this Conn is connected, while nobody waits for a reply. The session expires then. */
  unref(): this {
    this.driver.keepAlive(false);
    return this;
  }

  /** Takes {@link unref} back. */
  ref(): this {
    this.driver.keepAlive(true);
    return this;
  }

  /** `await using conn = await connect(…)` closes it at the end of the block. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  // ---------------------------------------------------------------- state

  /**
   * State in ZooKeeper's own words; `Disconnected` before `connect()`. This and all that is said of the session looks at the
   * clock first: behind a standstill of the process it is not what was true before it.
   */
  get state(): KeeperState {
    const { core } = this.driver;
    return this.isOutlived ? stateBehind(core.state) : core.state;
  }

  /** Id of the session: 0n before the first and between two, and the last one's after `close()`. */
  get sessionId(): bigint {
    const { core } = this.driver;
    return this.isOutlived ? 0n : core.sessionId;
  }

  /** Resolves when this Conn is over, for whatever reason; never rejects. A new one after {@link reconnect}. */
  get closed(): Promise<ClosedReason> {
    return this.over;
  }

  /**
   * The session, to go on with on another Conn (option `session`); null while there is none, or only one that a server in
   * read-only mode has made by itself, which nobody else knows. It holds the session's password, which is as good as the
   * session itself; it shows up in no log and no JSON.
   */
  get session(): SessionHandle | null {
    const { sessionId, timeoutMs, passwd, isLocal } = this.driver.core;
    return sessionId === 0n || passwd === null || isLocal || this.driver.isOver || this.isOutlived
      ? null
      : new SessionHandle(sessionId, passwd, timeoutMs);
  }

  /**
   * How many sessions this Conn has had; changes when a new one begins. As long as it is the same and {@link session} is not
   * null, nothing is lost that belongs to the session.
   */
  get sessionEpoch(): number {
    return this.driver.core.sessionEpoch;
  }

  /** `host:port` of the server that the session is connected to. */
  get server(): string | undefined {
    return this.isOutlived ? undefined : this.driver.server;
  }

  /** Highest zxid seen in a reply of this session; no server that is behind it will be accepted. */
  get lastZxid(): bigint {
    return this.driver.core.lastZxid;
  }

  /** Session timeout that the server granted, ms; the one asked for while there is no session. */
  get negotiatedTimeoutMs(): number {
    return this.driver.core.timeoutMs;
  }

  /** How this Conn is doing: what waits, what has passed, how long the last ping took. Costs next to nothing. */
  stats(): ConnStats {
    return this.driver.stats();
  }

  /** What a log may show of this Conn: nothing secret, and no inside. */
  toJSON(): Record<string, unknown> {
    const { state, server, sessionEpoch, negotiatedTimeoutMs, chrootPath: chroot } = this;
    const ids = { sessionId: hex(this.sessionId), lastZxid: hex(this.lastZxid) };
    return { state, server, ...ids, sessionEpoch, negotiatedTimeoutMs, chroot };
  }

  /** `console.log(conn)`: the same. */
  [Symbol.for('nodejs.util.inspect.custom')](): unknown {
    return { Conn: this.toJSON() };
  }

  // ---------------------------------------------------------------- identity and events

  /**
   * Presents a credential, now and again on every later connection, before any call that is made behind it.
   * @throws AuthFailedError: the server refused it, which is the end of this Conn
   */
  addAuth(scheme: string, auth: string | Uint8Array, options?: CallOptions): Promise<void> {
    return rejecting(() => {
      const bytes = checkAuth(scheme, auth);
      const { signal, timeoutMs = null } = checkCallOptions(options, 'auth');
      if (signal?.aborted === true) throw abortReason(signal);
      return new Promise<void>((resolve, reject) => {
        const given: Abortable = { abort: reject };
        const settled = (settle: () => void): void => {
          if (signal !== undefined) forget(signal, given);
          settle();
        };
        if (signal !== undefined) onAbort(signal, given);
        const waiter = {
          resolve: () => settled(resolve),
          reject: (error: ZkError) => settled(() => reject(error)),
        };
        this.driver.addAuth(scheme, bytes, waiter, timeoutMs);
      });
    });
  }

  /** Listens to an event; see {@link ConnEvents}. What a listener throws becomes an uncaught exception. */
  on<E extends keyof ConnEvents>(event: E, listener: (payload: ConnEvents[E]) => void): this {
    this.events.on(event, listener);
    return this;
  }

  /** Listens to the next event of that name. */
  once<E extends keyof ConnEvents>(event: E, listener: (payload: ConnEvents[E]) => void): this {
    this.events.once(event, listener);
    return this;
  }

  /** Stops listening. */
  off<E extends keyof ConnEvents>(event: E, listener: (payload: ConnEvents[E]) => void): this {
    this.events.off(event, listener);
    return this;
  }

  // ---------------------------------------------------------------- inside

  /**
   * Follows the ensemble's own configuration, `/zookeeper/config`: takes the client addresses in it as the list of servers,
   * now and whenever `reconfig` changes it, until this Conn is over; call it again behind a {@link reconnect} from
   * `AuthFailed`. Resolves when it was taken for the first time; reads that fail later are made again. Server 3.5. A configuration without client addresses, as that of a server by itself, changes nothing.
   * @throws InvalidArgumentError with the option `tls`, as a configuration names plain ports alone; what `getConfig` throws
   */
  followConfig(): Promise<void> {
    return rejecting(() => {
      if (this.secure) {
        throw new InvalidArgumentError('a configuration names no secure ports', { op: 'followConfig' });
      }
      if (this.following !== null) return this.following;
      const { ends } = this;
      const following = followConfig(this, {
        isOver: () => this.ends !== ends,
        pause: (ms) => this.caller.delays.wait(ms, undefined, false),
      }).catch((error: unknown) => {
        if (this.following === following) this.following = null;
        throw error;
      });
      return (this.following = following);
    });
  }

  private parseServers(given: unknown): readonly ServerAddress[] {
    if (Array.isArray(given)) return given.map(parseServerAddress);
    const { servers, srv, chroot } = parseConnectString(given);
    if (srv !== undefined) throw new InvalidArgumentError('SRV records are no list of servers', AT_UPDATE);
    if (chroot !== '' && chroot !== this.chrootPath) {
      throw new InvalidArgumentError('a Conn cannot change its chroot', AT_UPDATE);
    }
    return servers;
  }

  /** Is the session over by our clock, which nobody has heard yet? */
  private get isOutlived(): boolean {
    return isOutlived(this.driver.core, this.driver.clock.now());
  }

  private begin(): void {
    this.caller.delays.begin();
    this.over = new Promise((resolve) => {
      this.resolveClosed = resolve;
    });
  }

  private onSessionEvent(event: SessionEvent): void {
    const { sessionId, sessionEpoch } = this.driver.core;
    switch (event.type) {
      case 'watch': {
        const { type, path, zxid } = event.event;
        const toClient = this.chrootPath !== '';
        this.events.emit(
          'watch',
          toClient ? new WatchEventRecord(type, this.caller.toClient(path), zxid) : event.event,
        );
        return;
      }
      case 'session':
        if (event.what !== 'expired') this.failedAttempts = 0;
        this.events.emit(
          'session',
          withReadableJson({ what: event.what, sessionId: event.id, sessionEpoch }),
        );
        this.emitConnection(event.what);
        return;
      case 'state':
        this.events.emit(
          'state',
          withReadableJson({
            state: event.state,
            server: this.server,
            sessionId,
            sessionEpoch,
            cause: event.cause,
          }),
        );
        this.emitConnection(event.state);
        return;
      case 'attemptFailed':
        this.failedAttempts++;
        this.events.emit('connectError', {
          server: this.driver.latestServer,
          attempt: this.failedAttempts,
          error: event.error,
        });
        return;
      case 'end':
        this.confirmed = event.confirmed;
        this.ends++;
        this.following = null;
        this.caller.delays.end(event.cause ?? new ConnClosedError({ outcome: 'not-sent' }));
        this.resolveClosed(
          event.cause === undefined ? { state: event.state } : { state: event.state, error: event.cause },
        );
        return;
      default:
    }
  }

  private emitConnection(change: Parameters<typeof connectionStateOf>[0]): void {
    const state = connectionStateOf(change, this.connectionState);
    if (state === null) return;
    this.connectionState = state;
    this.events.emit('connection', state);
  }
}

const NONE_TO_LEAVE = 'there is no session that another Conn could go on with';

const AT_UPDATE = { op: 'updateServers' } as const;

function providerOf(
  servers: readonly ServerAddress[],
  srv: string | undefined,
  random: () => number,
): HostProvider {
  return srv === undefined
    ? new RoundRobinHostProvider(servers, random)
    : new DnsSrvHostProvider(srv, { random });
}

/**
 * Connects to an ensemble: `const conn = await connect('host1:2181,host2:2181/chroot')`.
 * @throws InvalidConnectStringError, InvalidOptionError, NoServerError when there is no session within the session
 * timeout, AuthFailedError; the Conn is closed then
 * @param callOptions as `conn.connect` takes them: how long to wait for a session, and a signal that ends the wait
 */
export async function connect(
  connectString: string,
  options?: ConnOptions,
  callOptions?: CallOptions,
): Promise<Conn> {
  const conn = new Conn(connectString, options);
  try {
    return await conn.connect(callOptions);
  } catch (error) {
    await conn.close();
    throw error;
  }
}
