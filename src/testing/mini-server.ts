/** A ZooKeeper server in this process, to test with. It answers as a standalone 3.9.3 does and keeps all in memory. */
import { isIPv6, type Socket } from 'node:net';
import { InvalidArgumentError } from '../protocol/errors.js';
import { Connection } from './connection.js';
import type { ConnectionHost } from './connection-host.js';
import { ListenError } from './errors.js';
import type { Condition } from './faults/condition.js';
import { FaultBoard } from './faults/fault-board.js';
import { FaultTarget } from './faults/fault-target.js';
import { resetSocket } from './faults/reset.js';
import { startReadOnly, type ReadOnlyMode, type ReadOnlyOptions } from './faults/read-only-mode.js';
import { dialInMemory, type MemoryEvents, type MemoryTransport } from './memory-network.js';
import { Housekeeping } from './housekeeping.js';
import type { Membership } from './membership.js';
import { openPort, type OpenPort } from './open-port.js';
import { resolveOptions, type MiniServerOptions } from './options.js';
import { reapMortals } from './reaper.js';
import type { MiniServerTls } from './secure-listener.js';
import { ServerState } from './server-state.js';
import { parseSnapshot } from './snapshot-reader.js';
import { takeSnapshot, type Snapshot, type SnapshotOptions } from './snapshot.js';
import { answerFourLetterWord } from './words/four-letter-words.js';
import type { WordSource } from './words/word-source.js';
import { viewSessions, viewTree, type SessionView, type TreeView } from './views.js';

/** Addresses that stand for every one of this machine. */
const WILDCARDS: ReadonlySet<string> = new Set(['*', '0.0.0.0', '::']);

/** The next epoch would be the last: real servers never come near, and what lies behind has no sign any more. */
const MAX_ZXID = 0x7fff_fffe_ffff_ffffn;

/** What a server is made of. */
export interface ServerParts {
  /** @internal */
  readonly state: ServerState;
  /** The ensemble that it is a server of; null for a server by itself. @internal */
  readonly membership: Membership | null;
}

/**
 * A ZooKeeper server for tests. Nodes and sessions live as long as the object: they survive {@link MiniServer.stop} and
 * {@link MiniServer.restart}, as a real server's survive on its disk.
 */
export class MiniServer extends FaultTarget implements AsyncDisposable {
  /** Nodes, without asking any ACL. */
  readonly tree: TreeView;

  /**
   * The client's option `dialer`, for connections without sockets to this and every other mini-server of this process.
   * With it, a `VirtualClock` knows of every byte that is on its way. Not to ports with TLS.
   */
  readonly dialer: (
    server: { readonly host: string; readonly port: number },
    events: MemoryEvents,
  ) => MemoryTransport;

  /** @internal */
  protected readonly state: ServerState;
  private readonly hosted: ConnectionHost<Connection>;
  /** Those that are open now. */
  private openPorts: readonly OpenPort[] = [];
  private boundPort = 0;
  private boundSecurePort: number | null = null;
  private closed = false;
  /** Connections that serve a client. */
  private readonly serving = new Set<Connection>();
  /** All whose socket is open, also if they serve nobody any more. */
  private readonly open = new Set<Connection>();
  private readOnlyMode: ReadOnlyMode | null = null;
  private readonly housekeeping: Housekeeping;
  /** stop, restart and close run one after the other. */
  private lifecycle: Promise<void> = Promise.resolve();

  private readonly membership: Membership | null;

  protected constructor(parts: ServerParts) {
    // not in the head: that would show them in the types that are published, which leave them out
    const { state, membership } = parts;
    const { clock, juteMaxBufferBytes: maxRequestBytes, log, logCapacity } = state.options;
    const watchAll = (): void => this.watchAll();
    super(new FaultBoard({ clock, maxRequestBytes, log, logCapacity, watchAll }));
    this.state = state;
    this.membership = membership;
    if (state.options.snapshot !== null) state.restore(state.options.snapshot);
    this.tree = viewTree(state.tree);
    this.dialer = (server, events) => dialInMemory(state.clock, server, events);
    this.housekeeping = new Housekeeping(state, {
      isPaused: () => this.board.isStopped,
      keeps: (session) => this.readOnlyMode?.keeps(session) === true,
    });
    const askWhom = (): Membership | null =>
      this.readOnlyMode?.condition.standing === true ? this.readOnlyMode.membership : membership;
    this.hosted = {
      state,
      faults: this.board,
      get membership() {
        return askWhom();
      },
      answerWord: (word, behind, isSecure) => answerFourLetterWord(word, this.wordSource(isSecure), behind),
      ended: (connection) => this.ended(connection),
    };
  }

  /**
   * Starts a server on an empty tree, or that of a snapshot, and resolves when it listens.
   * @throws {@link InvalidOptionError} on an option that cannot be
   * @throws {@link SnapshotError} if the option `snapshot` is none
   * @throws {@link ListenError} if the port is taken or the host is not of this machine
   */
  static async start(options?: MiniServerOptions): Promise<MiniServer> {
    const server = new MiniServer({ state: new ServerState(resolveOptions(options)), membership: null });
    await server.listen(server.state.options.port);
    return server;
  }

  /** The address it was told to listen on. */
  get host(): string {
    return this.state.options.host;
  }

  /** The port it listens on, or did before it was stopped. */
  get port(): number {
    return this.boundPort;
  }

  /** The port with TLS: that of the option `securePort`, or the only one, with `tls` alone. null without TLS. */
  get securePort(): number | null {
    return this.boundSecurePort;
  }

  /** `host:port` for a client on this machine. */
  get connectString(): string {
    return this.addressOf(this.boundPort);
  }

  /** The same of {@link securePort}, for a client with the option `tls`. null without TLS. */
  get secureConnectString(): string | null {
    return this.boundSecurePort === null ? null : this.addressOf(this.boundSecurePort);
  }

  /** Is it listening? */
  get running(): boolean {
    return this.openPorts.length > 0;
  }

  /** zxid of the last change. */
  get lastZxid(): bigint {
    return this.state.lastZxid;
  }

  /** Live sessions, with a connection or without. */
  get sessions(): readonly SessionView[] {
    return viewSessions(this.state);
  }

  /** Connections that are open, those without a session included. */
  get connectionCount(): number {
    return this.serving.size;
  }

  /**
   * Watches as clients asked for them, on one path or all of them: for each connection and path one of each kind, data
   * (`exists` too), children, persistent, recursive.
   */
  watchCount(path?: string): number {
    return this.state.watches.count(path);
  }

  /**
   * Ends a session as if its time was up: its ephemeral nodes go, watchers are told, its connection is closed without a
   * word of why.
   * @returns false if there is no such session, and for one from before `readOnly()` while that stands: without a leader
   * nobody can end it
   */
  expireSession(id: bigint): boolean {
    const session = this.state.sessions.get(id);
    if (session === undefined || this.readOnlyMode?.keeps(session) === true) return false;
    this.state.expire(session);
    this.board.count('expireSession');
    return true;
  }

  /**
   * The session moves to another server, and its connection here does not know: reads, pings and sync are still answered
   * on it, as a follower does. The first write there is not applied, uses up a zxid and closes the connection, which is all
   * that a client ever sees of `SessionMoved`. A new connection can take the session up; when it ends, the old one ends too.
   * @returns false if there is no such session, or it has no connection
   */
  moveSession(id: bigint): boolean {
    const hasMoved = this.state.sessions.get(id)?.moveAway() === true;
    if (hasMoved) this.board.count('moveSession');
    return hasMoved;
  }

  /**
   * Behaves as a server that has lost its quorum, with `readonlymode.enabled=true`: all connections are closed, only
   * clients that ask for it (`readOnly`) are let in, writes and syncs are answered `NotReadOnly`, and no zxid is used up.
   * Sessions of before can neither be taken up nor expire. When it ends, all connections are closed again, the sessions of read-only clients are
   * forgotten, and those of before go on.
   * @throws {@link InvalidOptionError} if it is read-only already
   */
  readOnly(options?: ReadOnlyOptions): Condition {
    return (this.readOnlyMode = startReadOnly(this.board, this.state, options, this.readOnlyMode, () =>
      this.hangUpAll(),
    )).condition;
  }

  /**
   * Loses all nodes and sessions and cuts all connections, as a server does that comes back with an empty disk: its zxids
   * begin anew, and a client that has seen more is hung up on until the server has caught up.
   */
  wipe(): void {
    for (const connection of [...this.serving]) connection.reset();
    this.state.wipe();
    this.board.count('wipe');
  }

  /**
   * The next change has the zxid behind this one, as after an election (the upper half counts those) or after much that
   * others wrote. Nodes, sessions and watches do not notice.
   * @throws {@link InvalidArgumentError} if it is no bigint, behind the last zxid, or beyond 0x7ffffffeffffffff
   */
  jumpZxid(zxid: bigint): void {
    const { issued } = this.state.zxids();
    if (typeof zxid !== 'bigint' || zxid < issued || zxid > MAX_ZXID) {
      throw new InvalidArgumentError(
        `a zxid to go on from must be a bigint from ${issued}n to ${MAX_ZXID}n, not ${String(zxid)}`,
      );
    }
    this.state.continueFrom(zxid);
    this.board.count('jumpZxid');
  }

  /** Cuts every connection with a reset; sessions live on. @returns how many there were */
  dropConnections(): number {
    const all = [...this.serving];
    for (const connection of all) connection.reset();
    this.board.count('dropConnections', all.length);
    return all.length;
  }

  /** Deletes the containers and TTL nodes that are due, without waiting for the next check; none while it is read-only. */
  reap(): void {
    if (this.readOnlyMode?.keeps(null) !== true) reapMortals(this.state);
  }

  /** All nodes as they are now, as an object that can be written as JSON. */
  snapshot({ ephemerals = false }: SnapshotOptions = {}): Snapshot {
    return takeSnapshot(this.state, ephemerals);
  }

  /**
   * Puts the nodes of a snapshot in the place of all that there is, and its sessions. Those that there are end without a
   * word, as if they had expired: their clients come back with new ones. No watch fires. zxids go on from the higher one.
   * @throws {@link SnapshotError} if it is none; then nothing is changed
   */
  restore(snapshot: Snapshot): void {
    this.state.restore(parseSnapshot(snapshot, this.state.clock.wallMs()));
  }

  /** Closes the port and all sockets, and keeps the data. Resolves when they are closed; harmless if it is stopped. */
  stop(): Promise<void> {
    return this.serially(() => this.shutDown());
  }

  /**
   * Stops if need be, and listens on the same port again. Session timeouts begin anew; connections and their watches are
   * gone.
   * @throws {@link ListenError} if the port was taken meanwhile, or the server was closed
   */
  restart(): Promise<void> {
    return this.serially(async () => {
      if (this.closed) throw new ListenError('the mini-server was closed and cannot be started again');
      await this.shutDown();
      await this.listen(this.boundPort);
    });
  }

  /**
   * Stops for good. Nothing of it keeps the process alive afterwards. Harmless if it is closed. Whoever waits for a frame
   * (`log.next()`, `reached` of a rule) gets a `UsageError`.
   */
  close(): Promise<void> {
    this.closed = true;
    return this.stop().then(() => this.board.waits.close('mini-server'));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** What a log may show of it: the options hold passwords. */
  toJSON(): { readonly connectString: string; readonly running: boolean; readonly sessions: number } {
    const { connectString, running } = this;
    return { connectString, running, sessions: this.state.sessions.size };
  }

  /** `console.log(server)`: the same. */
  [Symbol.for('nodejs.util.inspect.custom')](
    _depth: number,
    options: object,
    inspect: (value: unknown, options: object) => string,
  ): string {
    return `MiniServer ${inspect(this.toJSON(), options)}`;
  }

  /** Closes all connections without a word. */
  protected hangUpAll(): void {
    for (const connection of [...this.serving]) connection.hangUp();
  }

  private serially(step: () => Promise<void>): Promise<void> {
    const done = this.lifecycle.then(step);
    this.lifecycle = done.catch(() => undefined);
    return done;
  }

  protected async listen(port: number): Promise<void> {
    const { tls, securePort } = this.state.options;
    const hasBoth = securePort !== undefined;
    const first = await this.openPort(port, hasBoth ? undefined : tls);
    this.openPorts = [first];
    this.boundPort = first.port;
    this.state.sessions.restart();
    this.state.stats.restart(this.state.clock.now());
    // of the servers of an ensemble the leader alone does that, by itself
    if (this.membership === null) this.housekeeping.start();
    if (!hasBoth) {
      this.boundSecurePort = tls === undefined ? null : first.port;
      return;
    }
    try {
      const second = await this.openPort(this.boundSecurePort ?? securePort, tls);
      this.openPorts = [first, second];
      this.boundSecurePort = second.port;
    } catch (error) {
      await this.shutDown();
      throw error;
    }
  }

  private openPort(port: number, tls: MiniServerTls | undefined): Promise<OpenPort> {
    const accept = (socket: Socket, bare?: Socket): void => this.accept(socket, bare);
    return openPort({ host: this.host, port, tls, accept });
  }

  private addressOf(port: number): string {
    const host = WILDCARDS.has(this.host) ? '127.0.0.1' : this.host;
    return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
  }

  private async shutDown(): Promise<void> {
    const { openPorts } = this;
    if (openPorts.length === 0) return;
    this.openPorts = [];
    this.housekeeping.stop();
    const allClosed = openPorts.map((each) => each.close());
    // a request that is still on its way may have outlived its socket
    for (const connection of [...this.open, ...this.serving]) connection.destroy();
    await Promise.all(allClosed);
  }

  private watchAll(): void {
    for (const connection of this.serving) connection.watch();
  }

  private accept(socket: Socket, bare = socket): void {
    if (this.board.refuses()) {
      resetSocket(bare);
      return;
    }
    const { maxClientCnxns } = this.state.options;
    const connection = new Connection(this.hosted, socket, bare);
    this.open.add(connection);
    socket.on('close', () => this.open.delete(connection));
    this.serving.add(connection);
    if (maxClientCnxns > 0 && this.countFrom(connection.remoteAddress) > maxClientCnxns) {
      this.state.stats.counters.connection_rejected++;
      connection.destroy();
    }
  }

  private countFrom(address: string): number {
    let count = 0;
    for (const connection of this.serving) if (connection.remoteAddress === address) count++;
    return count;
  }

  private ended(connection: Connection): void {
    this.serving.delete(connection);
  }

  /** @param isSecure on which port it is asked: of connections, each tells its own */
  private wordSource(isSecure: boolean): WordSource {
    const { state, serving, membership, boundPort, boundSecurePort } = this;
    let outstanding = 0;
    for (const each of serving) outstanding += each.outstanding;
    return {
      state,
      membership,
      ports: { plain: boundPort === boundSecurePort ? -1 : boundPort, secure: boundSecurePort ?? -1 },
      connections: [...serving].filter((each) => each.isSecure === isSecure),
      connectionCount: serving.size,
      outstanding,
      readOnly: this.readOnlyMode?.condition.standing === true,
    };
  }
}
