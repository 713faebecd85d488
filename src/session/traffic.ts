/**
 * Everything that somebody waits for, requests, verdicts on credentials and watches, and how it leaves: what the core
 * moves from phase to phase as one.
 */
import { ConnectionLossError, LinkError, type ZkError } from '../protocol/errors.js';
import { EVERYWHERE, type AnyOp, type WatchKind } from '../protocol/op.js';
import { Arming } from './arming.js';
import { Credentials, type AuthWaiter } from './credentials.js';
import { lossFate, overError, type FateOf } from './fates.js';
import type { Liveness } from './liveness.js';
import { Outbox } from './outbox.js';
import type { Fate, PendingRequest } from './pending.js';
import type { Phase } from './phases.js';
import type { CoreConfig, Ports } from './ports.js';
import { Priming } from './priming.js';
import { RequestQueue } from './queue.js';
import { Sender } from './sender.js';
import { Unwatching } from './unwatching.js';
import { WatchRegistry, isOneShot } from './watches.js';

const WATCH_CONNECTION_LOST = 'the connection was lost that the watch was armed on';

/** What it must know of the core. */
export interface Where {
  readonly phase: Phase;
  /** Session timeout, ms: how long calls wait that say nothing else. */
  readonly timeoutMs: number;
  readonly lastZxid: bigint;
}

export class Traffic {
  readonly queue: RequestQueue;
  readonly credentials = new Credentials();
  readonly watches = new WatchRegistry((kind, path) => this.watchLeft(kind, path));
  readonly sender: Sender;
  readonly unwatching: Unwatching;
  private readonly priming: Priming;
  private readonly arming = new Arming();
  /** Is it we who end the connection? */
  private isLeaving = false;
  /** There is more to do on this connection when the event loop has had a turn. */
  private isTurnWanted = false;
  /** Operations that not every server knows, and this one has answered. */
  private readonly answeredOps = new Set<AnyOp>();

  constructor(
    private readonly ports: Ports,
    private readonly config: CoreConfig,
    liveness: Liveness,
    private readonly where: Where,
  ) {
    this.queue = new RequestQueue(config, (pending) => this.watchAnswered(pending));
    this.sender = new Sender(ports, this.queue, liveness, where);
    this.priming = new Priming(this.credentials, this.watches, this.queue);
    this.unwatching = new Unwatching(this.watches, this.queue, this.arming, () => {
      const { phase } = this.where;
      if ('epoch' in phase) ports.askVersion(phase.epoch);
    });
  }

  /** When the first caller gives up; Infinity for never. */
  get earliest(): number {
    return Math.min(this.queue.earliest, this.credentials.earliest);
  }

  /** Does somebody wait for a reply? */
  get isAwaited(): boolean {
    return this.queue.isAwaited || this.credentials.isAwaited;
  }

  /** Takes a request; settles it at once if it cannot be taken. */
  submit(pending: PendingRequest, now: number): void {
    const refusal = this.refusal(pending) ?? this.enqueue(pending, now);
    if (refusal !== null) pending.fail(refusal);
  }

  /** The caller of a request waits no longer. What was sent keeps its place; what was not will not be. */
  cancel(pending: PendingRequest, reason: Error): void {
    if (pending.settled) return;
    pending.fail(reason);
    this.queue.withdraw(pending);
  }

  /** Presents a credential now, if there is a connection, and on every later one. */
  addAuth(
    scheme: string,
    auth: Buffer,
    waiter: AuthWaiter | null,
    timeoutMs: number | null,
    now: number,
  ): void {
    const { phase } = this.where;
    const ended = overError(phase, { op: 'auth', outcome: 'not-sent' });
    if (ended !== null) {
      waiter?.reject(ended);
      return;
    }
    const credential = this.credentials.add(scheme, auth, waiter, this.deadlineFrom(now, timeoutMs));
    if (phase.name !== 'live') return;
    const out = new Outbox();
    this.credentials.write(credential, out);
    // behind the requests that were made before it, ahead of those that will be
    this.sender.press(out, phase.epoch, now);
  }

  /** The server does not know an operation, and hangs up for that. */
  hangsUpOn(op: AnyOp): void {
    this.ports.hungUpOn(op, true);
  }

  /** The server has answered an operation that not every one knows. */
  answeredTo(op: AnyOp): void {
    if (this.answeredOps.has(op)) return;
    this.answeredOps.add(op);
    this.ports.answeredTo(op);
  }

  /** A new connection has a session: what it begins with, then what waited. */
  begin(epoch: number, now: number): void {
    this.sender.writeOut(this.priming.begin(this.where.lastZxid), epoch, now);
    this.begun(epoch, now);
  }

  /** The event loop has had a turn: goes on with that, and with what else was too much for one. */
  goOn(epoch: number, now: number): void {
    if (!this.isOn(epoch)) {
      this.tellMore(epoch);
      return;
    }
    this.isTurnWanted = false;
    if (this.priming.isUnderWay) this.sender.writeOut(this.priming.more(), epoch, now);
    this.begun(epoch, now);
  }

  /** What `askVersion` was about: does the server know removeWatches? */
  versionIs(epoch: number, knowsRemoveWatches: boolean, now: number): void {
    if (!this.isOn(epoch)) return;
    this.unwatching.versionIs(knowsRemoveWatches);
    this.flush(now);
  }

  private isOn(epoch: number): boolean {
    const { phase } = this.where;
    return 'epoch' in phase && phase.epoch === epoch;
  }

  private begun(epoch: number, now: number): void {
    const { isUnderWay } = this.priming;
    this.sender.hold(isUnderWay);
    if (isUnderWay) this.wantTurn(epoch);
    else this.flush(now);
  }

  private wantTurn(epoch: number): void {
    if (this.isTurnWanted) return;
    this.isTurnWanted = true;
    this.ports.wantTurn(epoch);
  }

  /** The connection is gone, and not all may have heard of it. The turns of the next one, if it has come to that, will do. */
  private tellMore(epoch: number): void {
    if (this.isTurnWanted) return;
    this.watches.tellMore();
    if (this.watches.isTelling) this.ports.wantTurn(epoch);
  }

  /** Writes what waits. */
  flush(now: number): void {
    const { phase } = this.where;
    if (phase.name === 'live') this.unwatch(phase.epoch);
    if (phase.name === 'live' || phase.name === 'closing') this.sender.flush(phase.epoch, now);
  }

  private unwatch(epoch: number): void {
    // once a turn
    if (!this.unwatching.isDue || this.isTurnWanted) return;
    if (!this.unwatching.settle(this.where.lastZxid)) this.wantTurn(epoch);
  }

  /** A request that may arm a watch was answered, or will never be sent: somebody may have waited for that to take one off. */
  watchAnswered(pending: PendingRequest): void {
    this.underWayNoMore(pending);
    if (this.unwatching.isDue) this.sender.wantFlush();
  }

  /** Fails those who have waited too long. */
  sweep(now: number): void {
    this.queue.sweep(now);
    this.credentials.sweep(now);
  }

  /** The connection will be given up on purpose, which says nothing about its server. */
  leaving(): void {
    this.isLeaving = true;
    this.priming.leaving();
  }

  /** The connection is gone. */
  connectionLost(): void {
    this.isTurnWanted = false;
    this.credentials.connectionLost();
    this.priming.connectionLost();
    this.sender.reset();
    this.unwatching.reset();
    this.answeredOps.clear();
    // what was sent will not be answered
    this.arming.clear();
    for (const pending of this.queue.unsent()) this.arming.add(pending);
  }

  /** Fails the requests that went with the connection, or that may not wait for the next one. */
  cutOff(cause: ZkError): void {
    const oldest = this.queue.oldestSent;
    const isHangUp = cause instanceof LinkError && !this.isLeaving;
    this.isLeaving = false;
    if (isHangUp && oldest !== undefined && oldest.op.since !== EVERYWHERE) {
      this.ports.hungUpOn(oldest.op, false);
    }
    this.queue.failSent(lossFate('unknown', cause));
    if (!this.config.queueOffline) this.failWaiting(lossFate('not-sent', cause));
  }

  /** Tells watches that a connection is gone; or ends them, if they are not to be armed again. */
  suspend(epoch: number, cause: ZkError): void {
    if (this.config.rearmWatches) {
      this.watches.tellSuspended();
      if (this.watches.isTelling) this.ports.wantTurn(epoch);
    } else
      this.watches.endAll(
        new ConnectionLossError({ outcome: 'not-sent', cause }, false, WATCH_CONNECTION_LOST),
      );
  }

  /** The session is over: fails all requests in the order of the calls, what was sent being older than what waits. */
  failAll(fate: FateOf, watchesEndWith: ZkError): void {
    this.priming.sessionEnded();
    this.queue.failSent(fate('unknown'));
    this.failWaiting(fate('not-sent'));
    this.watches.endAll(watchesEndWith);
  }

  private failWaiting(fate: Fate): void {
    this.arming.clear();
    this.queue.failWaiting(fate);
  }

  private underWayNoMore(pending: PendingRequest): void {
    const { watchedPath } = pending;
    if (watchedPath === null) return;
    this.arming.remove(pending);
    this.unwatching.look(watchedPath);
  }

  private refusal({ op, path }: PendingRequest): ZkError | null {
    const { phase } = this.where;
    if (phase.name === 'live') return null;
    const fields = { op: op.name, path, outcome: 'not-sent' } as const;
    return overError(phase, fields) ?? (this.config.queueOffline ? null : new ConnectionLossError(fields));
  }

  private enqueue(pending: PendingRequest, now: number): ZkError | null {
    pending.deadline = this.deadlineFrom(now, pending.timeoutMs);
    if (pending.watcher !== null) pending.isCovered = this.isCovered(pending);
    const { phase } = this.where;
    const refusal = this.sender.add(pending, phase.name === 'live' ? phase.epoch : null, now);
    if (refusal === null) this.arming.add(pending);
    return refusal;
  }

  private isCovered(pending: PendingRequest): boolean {
    const kind = pending.arms(0);
    const { path } = pending.request as { readonly path: string };
    if (kind === null || !isOneShot(kind)) return false;
    return this.watches.covers(kind, path) || this.arming.covers(kind, path);
  }

  /** When a call that is made now gives up. */
  private deadlineFrom(now: number, ownMs: number | null): number {
    const timeout = ownMs ?? this.config.requestTimeoutMs ?? this.where.timeoutMs;
    return timeout > 0 ? now + timeout : Infinity;
  }

  /** Nobody here watches that path any more. */
  private watchLeft(kind: WatchKind, path: string): void {
    // on the next connection nothing is armed that nobody wants
    if (this.where.phase.name !== 'live') return;
    this.unwatching.left(kind, path);
    this.sender.wantFlush();
  }
}
