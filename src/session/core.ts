/**
 * The session, without I/O: bytes, timer ticks and calls go in, bytes and events come out through {@link Ports}. The
 * only writer of `phase`. Every input carries the time, ms on a monotonic clock; those of a socket carry its epoch, and
 * what belongs to an older socket is dropped.
 */
import type { KeeperState } from '../protocol/constants.js';
import {
  ConnClosedError,
  HandshakeError,
  ReadTimeoutError,
  SessionExpiredError,
  type ZkError,
} from '../protocol/errors.js';
import type { FrameDecoder } from '../protocol/frame.js';
import type { ConnectResponse } from '../protocol/records.js';
import type { AuthWaiter } from './credentials.js';
import { expiryDeadline, nextDeadline } from './deadlines.js';
import { authFailedFate, closedFate, expiredFate, type FateOf } from './fates.js';
import { connectFrame, explain, judge, readHandshake, tooEarly } from './handshake.js';
import { Inbox } from './inbox.js';
import { Liveness, PING_FRAME } from './liveness.js';
import { Pacing } from './pacing.js';
import type { PendingRequest } from './pending.js';
import { assertMove, isTerminal, overdue, type Phase, type PhaseOf } from './phases.js';
import type { CoreConfig, Ports } from './ports.js';
import { closeRequest } from './priming.js';
import { Receiver, type Verdict } from './receiver.js';
import { Securing } from './securing.js';
import { connectTimeoutMs } from './timeouts.js';
import { Traffic } from './traffic.js';
import type { WatchRegistry } from './watches.js';

export class SessionCore {
  phase: Phase = { name: 'idle' };
  state: KeeperState = 'Disconnected';
  /** 0n before the first session and between two. */
  sessionId = 0n;
  /** How many sessions this Conn has had. */
  sessionEpoch = 0;
  /** Negotiated session timeout in ms; the requested one while there is no session. */
  timeoutMs: number;
  readonly traffic: Traffic;
  readonly securing: Securing;

  readonly liveness = new Liveness();
  private readonly inbox: Inbox;
  private readonly receiver = new Receiver(
    (frame) => this.readMessage(frame),
    () => this.ports.wantRest(this.socketEpoch),
  );
  #passwd: Uint8Array | null = null;
  private socketEpoch = 0;
  private readonly pacing: Pacing;
  /** The session of which `session` was last told. */
  private announcedEpoch = 0;
  /** The session was made by a server in read-only mode: no other one knows it, and nothing is lost with it. */
  isLocal = false;
  /** When the bytes came that are being read. */
  private receivedAt = 0;
  /** The socket ended while what it brought had to wait. */
  private endedBy: ZkError | null = null;

  constructor(
    private readonly ports: Ports,
    private readonly config: CoreConfig,
  ) {
    this.timeoutMs = config.sessionTimeoutMs;
    if (config.session !== null) {
      this.sessionId = config.session.id;
      this.#passwd = config.session.passwd;
      this.sessionEpoch = 1;
      this.announcedEpoch = 1;
    }
    this.pacing = new Pacing(config.backoff);
    this.traffic = new Traffic(ports, config, this.liveness, this);
    this.securing = new Securing(this.traffic.queue, this.traffic.sender, ports, {
      isOn: (epoch) => this.phase.name === 'securing' && this.isOn(epoch),
      secured: (epoch, now) => {
        const readOnly = this.phase.name === 'securing' && this.phase.readOnly;
        this.moveToLive(epoch, readOnly, Math.max(now, this.receivedAt));
      },
      refused: (error) => this.authFailed(error),
      lost: (error, now) => this.lost(error, now),
    });
    this.inbox = new Inbox({
      traffic: this.traffic,
      liveness: this.liveness,
      maxResponseBytes: config.maxResponseBytes,
      wantUserCode: () => ports.wantResume(this.socketEpoch),
      watchFired: (event) => ports.emit({ type: 'watch', event }),
      authRefused: (error) => this.authFailed(error),
    });
  }

  // ---------------------------------------------------------------- what may be asked

  /** Highest zxid seen in an ordinary reply of this session. */
  get lastZxid(): bigint {
    return this.inbox.lastZxid;
  }

  /** Password of the session, with which another Conn can go on with it; null while there is none. */
  get passwd(): Uint8Array | null {
    return this.#passwd;
  }

  /** Requests without a reply, and how many of them wait for a socket. */
  get load(): { readonly pending: number; readonly waiting: number } {
    return this.traffic.queue.load;
  }

  get watches(): WatchRegistry {
    return this.traffic.watches;
  }

  /** When `tick` must be called next; Infinity for never. */
  nextDeadline(): number {
    const { phase, liveness, timeoutMs } = this;
    return nextDeadline(phase, liveness, timeoutMs, this.traffic.earliest, this.expiryDeadline());
  }

  // ---------------------------------------------------------------- calls

  /** Starts to connect. */
  open(now: number): void {
    if (this.phase.name !== 'idle') return;
    // a session that was handed over counts from here
    this.liveness.start(now);
    const epoch = this.moveToDialing(now);
    this.setState('Connecting', undefined);
    this.dial(epoch);
  }

  /** Takes a request; settles it at once if it cannot be taken. */
  submit(pending: PendingRequest, now: number): void {
    this.traffic.submit(pending, now);
  }

  /** Presents a credential now, if there is a connection, and on every later one. */
  addAuth(
    scheme: string,
    auth: Buffer,
    waiter: AuthWaiter | null,
    now: number,
    timeoutMs: number | null = null,
  ): void {
    this.traffic.addAuth(scheme, auth, waiter, timeoutMs, now);
  }

  /** Ends the session if there is a connection, and this Conn in any case. */
  close(now: number): void {
    const { phase } = this;
    if (phase.name === 'closing' || phase.name === 'closed') return;
    if (phase.name !== 'live') {
      this.finish(false);
      return;
    }
    this.moveTo({ name: 'closing', epoch: phase.epoch, deadline: now + this.config.closeTimeoutMs });
    const confirmed = (): void => this.finish(true);
    this.traffic.queue.add(closeRequest(confirmed), true);
    this.flush(now);
  }

  /** Ends this Conn and leaves the session as it is: another Conn may go on with it. */
  detach(): void {
    if (this.phase.name !== 'closed') this.finish(false);
  }

  /** Leaves the server for another one, or comes back with other credentials; the session goes on. */
  reconnect(why: ZkError, now: number): void {
    const { name } = this.phase;
    if (name === 'authFailed') {
      const epoch = this.moveToDialing(now);
      this.setState('Connecting', undefined);
      this.dial(epoch);
    } else if (name === 'live' || name === 'handshaking' || name === 'securing') {
      this.pacing.rested();
      this.traffic.leaving();
      this.lost(why, now);
    }
  }

  /** Writes what waits, if the connection may be used already. */
  flush(now: number): void {
    this.traffic.sender.flushCame();
    this.traffic.flush(now);
  }

  /** Looks at the clock. Calling it too early does no harm. */
  tick(now: number): void {
    const { phase } = this;
    if (isTerminal(phase.name)) return;
    this.traffic.sweep(now);
    switch (phase.name) {
      case 'live':
        this.tickLive(phase.epoch, now);
        return;
      case 'closing':
        if (now >= phase.deadline) this.finish(false);
        return;
      case 'backoff':
        if (now >= this.expiryDeadline()) this.expire(now);
        else if (now >= phase.until) this.dial(this.moveToDialing(now));
        return;
      case 'dialing':
      case 'handshaking':
      case 'securing':
        if (now >= this.expiryDeadline()) {
          this.expire(now);
        } else if (now >= phase.deadline) {
          this.lost(overdue(phase.name), now);
        }
        return;
      default:
    }
  }

  // ---------------------------------------------------------------- what the socket says

  /** The connection to a server is up. */
  dialed(epoch: number): void {
    if (this.phase.name !== 'dialing' || this.phase.epoch !== epoch) return;
    const resumeId = this.isLocal ? 0n : this.sessionId;
    // one budget for a server, whatever of it the connection has used up
    this.moveTo({ name: 'handshaking', epoch, deadline: this.phase.deadline, resumeId });
    const { sessionTimeoutMs: timeOut, readOnly } = this.config;
    const passwd = this.isLocal ? null : this.#passwd;
    const { lastZxidSeen } = this.inbox;
    this.ports.write(epoch, connectFrame({ lastZxidSeen, timeOut, sessionId: resumeId, passwd, readOnly }));
  }

  /** The connection could not be made. */
  dialFailed(epoch: number, error: ZkError, now: number): void {
    if (this.phase.name === 'dialing' && this.phase.epoch === epoch) this.lost(error, now);
  }

  /**
   * The host provider says that all servers were tried.
   * @returns true if nothing must be dialed until the back-off is over; false if that lies just behind us
   */
  roundDone(epoch: number, now: number): boolean {
    if (this.phase.name !== 'dialing' || this.phase.epoch !== epoch || this.pacing.hasRested) return false;
    this.backOff(now);
    return true;
  }

  /** The socket ended or failed. What it brought before counts, also if that has to wait. */
  ended(epoch: number, error: ZkError, now: number): void {
    if (!this.isOn(epoch)) return;
    if (this.receiver.isPaused) this.endedBy = error;
    else this.lost(error, now);
  }

  /** The socket takes bytes again. */
  drained(epoch: number, now: number): void {
    if (!this.isOn(epoch)) return;
    this.traffic.sender.drained();
    this.flush(now);
  }

  /** Bytes came. Whatever they are, nothing is thrown: bad ones cost this connection. */
  bytes(epoch: number, chunk: Buffer, now: number): void {
    // if the server has let us wait for longer than we let it wait, both are to work at once
    const { lastSent } = this.liveness;
    const mayRest = lastSent > this.receivedAt && now - lastSent > lastSent - this.receivedAt;
    this.receive(epoch, now, () => this.receiver.push(chunk, mayRest));
  }

  /** Goes on reading: user code has run that had to hear of a message before the next one was read, or a rest is over. */
  resume(epoch: number, now: number, fromRest = false): void {
    if (!fromRest && this.isOn(epoch)) this.inbox.userCodeRan();
    this.receive(epoch, now, () => this.receiver.resume(fromRest));
    if (this.endedBy !== null && this.isOn(epoch) && !this.receiver.isPaused) this.lost(this.endedBy, now);
  }

  private receive(epoch: number, now: number, read: () => void): void {
    if (!this.isOn(epoch)) return;
    this.receivedAt = now;
    try {
      if (this.phase.name === 'dialing') throw tooEarly();
      read();
    } catch (error) {
      if (this.isOn(epoch)) this.lost(explain(error, this.phase.name), now);
    } finally {
      this.inbox.release();
    }
  }

  private readMessage({ buf, start, end, owned, cutFrom }: FrameDecoder): Verdict {
    const { phase, receivedAt: now } = this;
    if (!('epoch' in phase)) return 'stop';
    if (phase.name === 'handshaking') {
      this.onHandshake(phase, readHandshake(buf, start, end, this.config.readOnly), now);
    } else {
      if (this.inbox.arrived(buf, start, end, now)) return 'again';
      this.inbox.message(buf, start, end, owned, cutFrom);
    }
    if (!this.isOn(phase.epoch)) return 'stop';
    if (!this.inbox.mustYield) return 'next';
    this.ports.wantResume(phase.epoch);
    return 'pause';
  }

  private onHandshake(phase: PhaseOf<'handshaking'>, response: ConnectResponse, now: number): void {
    const { resumeId, epoch, deadline } = phase;
    const verdict = judge(response, resumeId);
    switch (verdict) {
      case 'refused':
        throw new HandshakeError('the server refused to make a session');
      case 'expired':
        this.expire(now);
        return;
      case 'replaced':
        if (!this.config.renewSession) {
          this.expire(now);
          return;
        }
        this.endSession();
        // a listener may have closed the Conn
        if (!this.isOn(epoch)) return;
        break;
      default:
    }
    this.sessionId = response.sessionId;
    this.#passwd = response.passwd;
    this.timeoutMs = response.timeOut;
    if (verdict !== 'resumed') this.sessionEpoch++;
    const readOnly = response.readOnly === true;
    if (verdict !== 'resumed') this.isLocal = readOnly;
    this.receiver.limit(this.config.maxResponseBytes);
    this.liveness.start(now);
    if (this.ports.usesSasl()) {
      this.moveTo({ name: 'securing', epoch, deadline, readOnly });
      this.ports.saslStart(epoch);
    } else {
      this.moveToLive(epoch, readOnly, now);
    }
  }

  /** The connection may be used. */
  private moveToLive(epoch: number, readOnly: boolean, now: number): void {
    this.moveTo({ name: 'live', epoch, since: now, readOnly });
    this.traffic.begin(epoch, now);
    this.setState(readOnly ? 'ConnectedReadOnly' : 'SyncConnected', undefined);
    // a listener may have ended it
    if (!this.isOn(epoch)) return;
    // a connection may have gone before anybody heard of its session
    const what = this.announcedEpoch === this.sessionEpoch ? 'resumed' : 'new';
    this.announcedEpoch = this.sessionEpoch;
    this.ports.emit({ type: 'session', what, id: this.sessionId });
  }

  // ---------------------------------------------------------------- time

  private tickLive(epoch: number, now: number): void {
    switch (this.liveness.check(now, this.timeoutMs)) {
      case 'dead':
        this.lost(new ReadTimeoutError(now - this.liveness.lastHeard), now);
        return;
      case 'ping':
        this.liveness.pinged(now);
        this.traffic.sender.write(epoch, PING_FRAME, now);
        return;
      default:
    }
  }

  private expiryDeadline(): number {
    return expiryDeadline(this.sessionId, this.liveness, this.timeoutMs);
  }

  // ---------------------------------------------------------------- moves

  private moveToDialing(now: number): number {
    const epoch = ++this.socketEpoch;
    this.moveTo({ name: 'dialing', epoch, deadline: now + this.connectBudget(now) });
    return epoch;
  }

  private connectBudget(now: number): number {
    const { connectTimeoutMs: own } = this.config;
    if (own !== null) return own;
    const left = this.sessionId === 0n ? Infinity : this.liveness.lastHeard + this.timeoutMs - now;
    return connectTimeoutMs(this.timeoutMs, left, this.ports.servers());
  }

  private backOff(now: number): null {
    this.moveTo({ name: 'backoff', until: now + this.pacing.pauseMs(this.ports.random()) });
    return null;
  }

  /** Asks for a connection, unless a listener has changed everything meanwhile. */
  private dial(epoch: number | null): void {
    if (epoch !== null && this.isOn(epoch)) this.ports.dial(epoch);
  }

  /** The connection, or the attempt at one, is over; the session is not. */
  private lost(error: ZkError, now: number): void {
    const { phase } = this;
    if (phase.name === 'closing') {
      this.finish(false);
      return;
    }
    this.dropConnection();
    const liveMs = phase.name === 'live' ? now - phase.since : 0;
    const pause = this.pacing.attemptEnded(liveMs, this.ports.servers());
    const epoch = pause ? this.backOff(now) : this.moveToDialing(now);
    this.traffic.cutOff(error);
    if (phase.name === 'live') {
      this.traffic.suspend(phase.epoch, error);
      this.setState('Disconnected', error);
    } else this.ports.emit({ type: 'attemptFailed', error });
    this.dial(epoch);
  }

  /** The session is over, by the server's word or by our clock. */
  private expire(now: number): void {
    this.dropConnection();
    if (this.config.renewSession) {
      const epoch = this.moveToDialing(now);
      this.endSession();
      this.dial(epoch);
    } else {
      const cause = new SessionExpiredError({ outcome: 'not-sent' });
      this.moveTo({ name: 'expired', cause });
      this.traffic.credentials.failAll(expiredFate);
      this.endSession();
      this.ports.emit({ type: 'end', state: 'Expired', cause, confirmed: false });
    }
  }

  /** Forgets the session and tells everybody that belonged to it. Nothing of it may run in the next one. */
  private endSession(): void {
    const id = this.sessionId;
    this.sessionId = 0n;
    this.isLocal = false;
    this.#passwd = null;
    this.timeoutMs = this.config.sessionTimeoutMs;
    this.inbox.forgetZxid();
    const error = new SessionExpiredError({ outcome: 'not-sent' });
    this.traffic.failAll(expiredFate, error);
    this.setState('Expired', error);
    // a listener may have closed the Conn, and has heard of the end that way
    if (this.phase.name !== 'closed') this.ports.emit({ type: 'session', what: 'expired', id });
  }

  private authFailed(error: ZkError): void {
    if (!('epoch' in this.phase)) return;
    if (this.phase.name === 'closing') {
      this.finish(false);
      return;
    }
    this.dropConnection();
    this.moveTo({ name: 'authFailed', cause: error });
    const fate: FateOf = (outcome) => authFailedFate(outcome, error);
    this.traffic.failAll(fate, error);
    this.traffic.credentials.failAll(fate);
    // in this order: a listener of the state may begin anew
    this.ports.emit({ type: 'end', state: 'AuthFailed', cause: error, confirmed: false });
    this.setState('AuthFailed', error);
  }

  private finish(confirmed: boolean): void {
    const endedBefore = isTerminal(this.phase.name);
    this.dropConnection();
    this.moveTo({ name: 'closed', confirmed });
    const error = new ConnClosedError({ outcome: 'not-sent' });
    this.traffic.failAll(closedFate, error);
    this.traffic.credentials.failAll(closedFate);
    this.setState('Closed', undefined);
    if (!endedBefore) this.ports.emit({ type: 'end', state: 'Closed', cause: undefined, confirmed });
  }

  private dropConnection(): void {
    if (!('epoch' in this.phase)) return;
    this.ports.hangUp(this.phase.epoch);
    this.traffic.connectionLost();
    this.endedBy = null;
    this.receiver.reset();
    this.inbox.connectionLost();
  }

  private moveTo(next: Phase): void {
    assertMove(this.phase.name, next.name);
    this.phase = next;
  }

  private setState(state: KeeperState, cause: ZkError | undefined): void {
    if (this.state === state) return;
    this.state = state;
    this.ports.emit({ type: 'state', state, cause });
  }

  /** Is this the socket that we live on? */
  private isOn(epoch: number): boolean {
    return 'epoch' in this.phase && this.phase.epoch === epoch;
  }
}
