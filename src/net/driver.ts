/** Joins the session core to sockets, the clock and the host provider. All I/O of a Conn happens here. */
import { ConnectionError, LinkError, NoServerError, type ZkError } from '../protocol/errors.js';
import type { AnyOp } from '../protocol/op.js';
import { operations } from '../protocol/operations.js';
import { SessionCore } from '../session/core.js';
import type { AuthWaiter } from '../session/credentials.js';
import { isOutlived } from '../session/deadlines.js';
import { PendingRequest } from '../session/pending.js';
import { isTerminal } from '../session/phases.js';
import type { Ports, SessionEvent } from '../session/ports.js';
import { Alarm } from './alarm.js';
import { Choices } from './choices.js';
import { defer, type Clock } from './clock.js';
import { formatServer, type ServerAddress } from './connect-string.js';
import { requestLog } from './diagnostics.js';
import type { DriverParts } from './driver-parts.js';
import { Link, whyEnded, type LinkOwner } from './link.js';
import { Remains } from './remains.js';
import { Reporter } from './reporter.js';
import { statsOf, type ConnStats } from './stats.js';
import { TracedRequest, isTracing } from './traced-request.js';
import { SaslClient, type SaslMechanism } from './sasl.js';
import { Scout } from './scout.js';
import { borrowing, type TransportEvents } from './transport.js';
import { UnknownOps } from './unknown-ops.js';
import { Usable } from './usable.js';
import { asError, bytesOf, checkTransport, usersNumber } from './users-parts.js';

const SETTLED = Promise.resolve();

/**
 * Runs something behind every continuation of the promises that are settled by now, however many there are in a row, and
 * behind the flush that they ask for; yet before the next I/O, so that what waits for it does not grow meanwhile.
 */
function behindContinuations(run: () => void): void {
  void SETTLED.then(() => process.nextTick(run));
}

export class Driver implements Ports {
  readonly core: SessionCore;
  private readonly reporter = new Reporter(this);
  private readonly sasl: SaslClient;
  private readonly flow = { bytesOut: 0, bytesIn: 0, receivedAt: -1 };
  /** Asked for once a connection: the question costs more than that for a subscriber. */
  private logsRequests = requestLog.enabled;
  private readonly scout: Scout;
  private readonly choices: Choices;
  private readonly unknownOps = new UnknownOps();
  private link: Link | null = null;
  /** The server of the latest attempt. */
  private latest: ServerAddress | null = null;
  private readonly alarm: Alarm;
  private readonly remains: Remains;
  /** For those who wait for a session on a connection. */
  readonly usable = new Usable(() => this.core.phase.name === 'live' || this.isOver);
  private ended = false;
  /** Does the connection keep the process alive also while nobody waits for anything? */
  private keepsAlive = true;
  /** Does it at this moment? */
  private isHolding = true;
  /** Calls into the core that are under way. */
  private depth = 0;
  private readonly owner: LinkOwner = { isBusy: () => this.depth > 0, enter: (run) => this.enter(run) };
  /** The latest failure of each server, for the error of a connect that never succeeded. */
  readonly failures = new Map<string, ZkError>();

  constructor(private readonly parts: DriverParts) {
    this.core = new SessionCore(this, parts.config);
    this.alarm = new Alarm(parts.clock, () => this.enter((now) => this.ring(now)));
    const { dialer, clock } = parts;
    this.remains = new Remains(clock, () => this.ended);
    this.choices = new Choices(parts.hostProvider);
    this.scout = new Scout({ dialer, clock, next: () => this.choices.another() });
    const { securing } = this.core;
    this.sasl = new SaslClient(parts.sasl ?? null, {
      token: (epoch, token, done) => this.awake((now) => securing.token(epoch, token, done, now)),
      failed: (epoch, error) => this.enter((now) => securing.failed(epoch, error, now)),
    });
  }

  /** `host:port` that we are connected to, with a session. */
  get server(): string | undefined {
    const { name } = this.core.phase;
    return (name === 'live' || name === 'closing') && this.link !== null
      ? formatServer(this.link.server)
      : undefined;
  }

  /** `host:port` of the latest attempt. */
  get latestServer(): string | undefined {
    return this.latest === null ? undefined : formatServer(this.latest);
  }

  get clock(): Clock {
    return this.parts.clock;
  }

  /** Longest single request, bytes. */
  get maxRequestBytes(): number {
    return this.parts.config.maxRequestBytes;
  }

  start(): void {
    this.enter((now) => this.core.open(now));
  }

  /** A request to be submitted; one that tells about itself if somebody wants to know. */
  request(
    op: PendingRequest['op'],
    record: unknown,
    path: string | undefined,
    resolve: PendingRequest['resolve'],
    reject: PendingRequest['reject'],
    shape: PendingRequest['shape'],
    watcher: PendingRequest['watcher'],
    absentErrno: number,
  ): PendingRequest {
    return this.logsRequests || isTracing()
      ? new TracedRequest(this, op, record, path, resolve, reject, shape, watcher, absentErrno)
      : new PendingRequest(op, record, path, resolve, reject, shape, watcher, absentErrno);
  }

  submit(pending: PendingRequest): void {
    // the hot path: `enter` without its closure
    this.depth++;
    try {
      this.core.submit(pending, this.clock.now());
    } finally {
      this.depth--;
    }
    // a request brings no deadline but its own
    if (pending.deadline < this.alarm.at || !this.keepsAlive) this.arm();
  }

  cancel(pending: PendingRequest, reason: Error): void {
    this.enter(() => this.core.traffic.cancel(pending, reason));
  }

  /** @param timeoutMs how long the waiter waits; 0 for ever, null for as long as calls do */
  addAuth(scheme: string, auth: Buffer, waiter: AuthWaiter, timeoutMs: number | null): void {
    this.awake((now) => this.core.addAuth(scheme, auth, waiter, now, timeoutMs));
  }

  /**
   * Gives the host provider another list; leaves our server if it says so, and an attempt at one that is not in it.
   * @returns was it left?
   * @throws InvalidArgumentError if the host provider cannot change its list, and what it throws
   */
  updateServers(servers: readonly ServerAddress[]): boolean {
    const { link } = this;
    const { name } = this.core.phase;
    const leave = this.choices.update(servers, name === 'live' ? link?.server : undefined);
    if (link === null) return false;
    if (name === 'live' && leave) {
      this.leave(link.server, 'left for another server of the new list');
      return true;
    }
    if (name === 'live') this.seekWritable(link);
    else if (name !== 'closing' && !servers.some((s) => formatServer(s) === formatServer(link.server))) {
      this.giveUp(link);
    }
    return false;
  }

  /** An attempt at a server that is no longer in the list. */
  private giveUp(link: Link): void {
    if (this.core.phase.name === 'dialing') {
      // of this one the core has heard nothing: the same attempt goes on at another server, and none has failed
      this.link = null;
      this.remains.drop(link);
      void this.dialNext(link.epoch);
    } else {
      this.leave(link.server, 'it is not in the new list');
    }
  }

  private leave(server: ServerAddress | null, reason: string): void {
    const where = server === null ? 'the server' : formatServer(server);
    this.enter((now) => this.core.reconnect(new LinkError(where, new Error(reason)), now));
  }

  close(): void {
    this.awake((now) => this.core.close(now));
  }

  detach(): void {
    this.enter(() => this.core.detach());
  }

  /** Leaves the server, or the end that the refusal of credentials was; the session goes on. */
  reconnect(sasl: SaslMechanism | null | undefined): void {
    if (sasl !== undefined) this.sasl.use(sasl);
    if (this.core.phase.name === 'authFailed') this.ended = false;
    this.leave(this.link?.server ?? null, 'left on purpose');
  }

  /** Should the connection keep the process alive also while nobody waits for anything? */
  keepAlive(keeps: boolean): void {
    this.keepsAlive = keeps;
    this.hold();
  }

  /** Is there no use in sending this, as the server does not know it? */
  refuses(op: AnyOp): boolean {
    if (this.unknownOps.isEmpty || this.isOver) return false;
    return this.unknownOps.has(op, this.server, this.servers());
  }

  stats(): ConnStats {
    return statsOf(this.core, this.reporter, this.flow, this.server, this.clock.now());
  }

  /** Calls back when the core has ended and no socket is left. */
  onceGone(callback: () => void): void {
    this.remains.onceNone(callback);
  }

  /** Will there never be a session again? */
  get isOver(): boolean {
    const { name } = this.core.phase;
    return name === 'closing' || isTerminal(name);
  }

  // ---------------------------------------------------------------- ports

  dial(epoch: number): void {
    this.latest = null;
    void this.dialNext(epoch);
  }

  write(epoch: number, bytes: Buffer): boolean {
    const { link } = this;
    if (link?.epoch !== epoch || link.transport === null) return true;
    try {
      this.flow.bytesOut += bytes.length;
      return link.transport.write(bytes);
    } catch (error) {
      // a dialer of the user's own; the core is in the middle of something and hears of it behind that
      process.nextTick(() => this.over(epoch, link.server, asError(error)));
      return true;
    }
  }

  usesSasl(): boolean {
    return this.sasl.isUsed;
  }

  saslStart(epoch: number): void {
    if (this.link !== null) this.sasl.start(epoch, this.link.server);
  }

  saslStep(epoch: number, challenge: Uint8Array): void {
    this.sasl.step(epoch, challenge);
  }

  hangUp(epoch: number): void {
    this.sasl.end(epoch);
    if (this.link?.epoch !== epoch) return;
    const { link } = this;
    this.link = null;
    this.scout.stop();
    this.unknownOps.ended(formatServer(link.server));
    this.remains.drop(link);
  }

  wantFlush(): void {
    // runs behind the code that is running now and the continuations that it sets off, yet before the next I/O: what
    // a turn asks for leaves in one write, and none of it waits for a turn
    process.nextTick(this.flush);
  }

  wantResume(epoch: number): void {
    behindContinuations(() => this.awake((now) => this.core.resume(epoch, now)));
  }

  wantRest(epoch: number): void {
    behindContinuations(() => this.awake((now) => this.core.resume(epoch, now, true)));
  }

  wantTurn(epoch: number): void {
    defer(this.clock, () => this.awake((now) => this.core.traffic.goOn(epoch, now)));
  }

  askVersion(epoch: number): void {
    const tell = (knows: boolean): void =>
      this.awake((now) => this.core.traffic.versionIs(epoch, knows, now));
    this.scout.knows(this.link?.server ?? null, operations.removeWatches, tell);
  }

  hungUpOn(op: AnyOp, said: boolean): void {
    this.unknownOps.hungUp(this.latestServer ?? '', op, said);
  }

  answeredTo(op: AnyOp): void {
    this.unknownOps.answered(this.latestServer ?? '', op);
  }

  servers(): number {
    return this.choices.count;
  }

  random(): number {
    return usersNumber(this.parts.random, (n) => n >= 0 && n < 1, Math.random());
  }

  emit(event: SessionEvent): void {
    const { link } = this;
    this.note(event);
    this.parts.onEvent(event);
    if (event.type === 'end') {
      this.ended = true;
      this.remains.look();
    } else if (event.type === 'state' && event.state === 'ConnectedReadOnly') {
      this.seekWritable(link);
    }
    this.usable.look();
  }

  /** Anew, if it is under way. A listener may have left this connection, or all of them, by now. */
  private seekWritable(link: Link | null): void {
    const isReadOnly = (): boolean => {
      const { phase } = this.core;
      return this.link === link && phase.name === 'live' && phase.readOnly;
    };
    if (!isReadOnly()) return;
    this.scout.seekWritable((server) => {
      if (!isReadOnly()) return;
      this.choices.prefer(server);
      this.reconnect(undefined);
    });
  }

  // ---------------------------------------------------------------- sockets

  private async dialNext(epoch: number): Promise<void> {
    let next: Awaited<ReturnType<Choices['next']>>;
    try {
      next = await this.choices.next();
    } catch (cause) {
      const error = new NoServerError('the host provider failed', cause);
      this.enter((now) => this.core.dialFailed(epoch, error, now));
      return;
    }
    if (!this.isDialing(epoch)) return;
    if (next.roundDone && this.enter((now) => this.core.roundDone(epoch, now))) return;
    this.choices.tried();
    this.connect(epoch, next.server);
  }

  /** Is this attempt still wanted? */
  private isDialing(epoch: number): boolean {
    const { phase } = this.core;
    return phase.name === 'dialing' && phase.epoch === epoch;
  }

  private connect(epoch: number, server: ServerAddress): void {
    this.latest = server;
    this.logsRequests = requestLog.enabled;
    this.reporter.attempt();
    // a subscriber may have closed the Conn
    if (!this.isDialing(epoch)) return;
    const link = new Link(epoch, server, this.owner);
    this.link = link;
    this.remains.opened(link);
    try {
      link.transport = checkTransport(this.parts.dialer(server, this.eventsOf(link)));
    } catch (error) {
      this.remains.closed(link);
      this.over(epoch, server, asError(error));
    }
    // hung up by a callback that came before the dialer returned
    if (this.link !== link) this.remains.drop(link);
    else if (!this.isHolding) link.hold(false);
  }

  private eventsOf(link: Link): TransportEvents {
    const { epoch, server } = link;
    // what a link says that was dropped is of no account
    const report = (run: (now: number) => void): void =>
      link.report((now) => {
        if (this.link === link) run(now);
      });
    return borrowing({
      onConnect: () => report(() => this.core.dialed(epoch)),
      onData: (chunk) => {
        const bytes = bytesOf(chunk);
        const kept = link.mustWait && !(bytes instanceof Error) ? Buffer.from(bytes) : bytes;
        report((now) => this.received(link, kept, now));
      },
      onDrain: () => report(() => this.awake((now) => this.core.drained(epoch, now))),
      onEnd: () => report(() => this.over(epoch, server, new Error(whyEnded(this.core.phase.name)))),
      onClose: (error) => {
        report(() => this.over(epoch, server, asError(error ?? 'the connection was closed')));
        link.report(() => this.remains.closed(link));
      },
    });
  }

  /** Lets the core do something. */
  private enter<T>(run: (now: number) => T): T {
    this.depth++;
    try {
      return run(this.clock.now());
    } finally {
      this.depth--;
      this.arm();
    }
  }

  /** The same, behind what the clock says: it may write. */
  private awake(run: (now: number) => void): void {
    this.enter((now) => {
      this.afterStall(now);
      run(now);
    });
  }

  private received({ epoch, server }: Link, chunk: Buffer | Error, now: number): void {
    if (chunk instanceof Error) {
      this.over(epoch, server, chunk);
      return;
    }
    this.flow.bytesIn += chunk.length;
    this.flow.receivedAt = now;
    this.afterStall(now);
    this.core.bytes(epoch, chunk, now);
  }

  private over(epoch: number, server: ServerAddress, cause: Error): void {
    // a dialer may know better what is wrong: a TlsError names the server and the reason
    const error = cause instanceof ConnectionError ? cause : new LinkError(formatServer(server), cause);
    this.enter((now) => {
      if (this.core.phase.name === 'dialing') this.core.dialFailed(epoch, error, now);
      else this.core.ended(epoch, error, now);
    });
  }

  // ---------------------------------------------------------------- time

  private readonly flush = (): void => {
    this.awake((now) => this.core.flush(now));
  };

  private arm(): void {
    this.alarm.set(this.core.nextDeadline());
    if (!this.keepsAlive) this.hold();
  }

  /** Holds the process, or lets it go: without being told to, it is held only while somebody waits for a reply. */
  private hold(): void {
    const holds = this.keepsAlive || this.core.traffic.isAwaited;
    if (holds === this.isHolding) return;
    this.isHolding = holds;
    this.alarm.hold(holds);
    this.link?.hold(holds);
  }

  /**
   * We stood still for longer than a session lasts. Whatever the event loop brings first, the clock must be heard before
   * it: what waits in the socket may belong to a session that is over.
   */
  private afterStall(now: number): void {
    if (now - this.alarm.at >= this.core.timeoutMs || isOutlived(this.core, now)) this.ring(now);
  }

  private ring(now: number): void {
    const lateMs = this.core.phase.name === 'live' ? now - this.alarm.at : 0;
    const thresholdMs = this.parts.loopLagMs ?? this.core.timeoutMs / 10;
    this.alarm.clear();
    this.core.tick(now);
    // behind the ping that is due
    if (thresholdMs > 0 && lateMs > thresholdMs) this.parts.warner?.warn('loop-lag', lateMs, thresholdMs);
  }

  // ---------------------------------------------------------------- notes

  private note(event: SessionEvent): void {
    if (event.type === 'attemptFailed') {
      this.failures.set(this.latestServer ?? 'no server', event.error);
    } else if (event.type === 'session' && event.what !== 'expired') {
      this.failures.clear();
      if (this.link !== null) this.sasl.end(this.link.epoch);
      this.choices.connected();
      if (this.latest !== null) this.unknownOps.connected(this.latest, (at) => this.scout.versionOf(at));
    }
    this.reporter.event(event);
  }
}
