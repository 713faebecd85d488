/**
 * All ordinary requests of a session, in one order: those that wait for a socket, encoded already, and behind the
 * socket those that wait for their reply. This order is the order of the calls, of the bytes and of the settlements.
 */
import { MAX_XID } from '../protocol/constants.js';
import type { ZkError } from '../protocol/errors.js';
import {
  InvalidArgumentError,
  QueueFullError,
  RequestTimeoutError,
  RequestTooLargeError,
  XidMismatchError,
} from '../protocol/errors.js';
import { Outbox } from './outbox.js';
import { RequestRing, type Fate, type PendingRequest } from './pending.js';

/** Bounds of the queue. */
export interface QueueLimits {
  /** Requests that may wait for a socket. */
  readonly maxRequests: number;
  /** Bytes that may wait for a socket, length prefixes included. */
  readonly maxBytes: number;
  /** Longest single request, bytes without its length prefix. */
  readonly maxRequestBytes: number;
}

export class RequestQueue {
  private readonly outbox = new Outbox();
  private readonly waiting = new RequestRing();
  private readonly sent = new RequestRing();
  private lastXid = 0;
  /** What has passed so far. */
  requests = 0;
  replies = 0;
  largestRequestBytes = 0;
  largestReplyBytes = 0;
  /** No request times out before this; it may be too early, never too late. */
  private earliestDeadline = Infinity;
  /** Requests that wait although nobody waits for them any more; taken out before anything is written. */
  private withdrawn = 0;

  /** @param dropped hears of what was given up before it was sent, and never will be */
  constructor(
    private readonly limits: QueueLimits,
    private readonly dropped: (pending: PendingRequest) => void = () => undefined,
  ) {}

  /** Requests without a reply, and how many of them were not handed to a socket yet. */
  get load(): { readonly pending: number; readonly waiting: number } {
    return { pending: this.waiting.length + this.sent.length, waiting: this.waiting.length };
  }

  /** Does somebody still wait for a reply? */
  get isAwaited(): boolean {
    return this.waiting.isAwaited || this.sent.isAwaited;
  }

  /** Longest single request, bytes. */
  get maxRequestBytes(): number {
    return this.limits.maxRequestBytes;
  }

  get waitingBytes(): number {
    return this.outbox.waitingBytes;
  }

  /** Does as much wait for a socket as may? */
  get isFull(): boolean {
    const { maxRequests, maxBytes } = this.limits;
    return this.waiting.length >= maxRequests || this.outbox.waitingBytes >= maxBytes;
  }

  get earliest(): number {
    return this.earliestDeadline;
  }

  /**
   * Encodes a request and puts it at the end of the queue.
   * @returns why it was not taken, or null; a request that was not taken is not settled
   */
  add(pending: PendingRequest, unbounded = false): ZkError | null {
    const { op, path } = pending;
    if (this.withdrawn > 0 && this.isFull) this.dropWithdrawn();
    if (this.isFull && !unbounded) {
      const text = `${this.waiting.length} requests (${this.outbox.waitingBytes} bytes) wait to be sent already`;
      return new QueueFullError(text, { op: op.name, path, outcome: 'not-sent' });
    }
    const refusal = this.encode(this.outbox, pending);
    if (refusal !== null) return refusal;
    this.waiting.push(pending);
    if (pending.deadline < this.earliestDeadline) this.earliestDeadline = pending.deadline;
    return null;
  }

  /** Encodes a request that goes out before all that wait. What `out` holds must be written before the next flush. */
  addInFront(out: Outbox, pending: PendingRequest): void {
    const refusal = this.encode(out, pending);
    if (refusal !== null) {
      pending.fail(refusal);
      return;
    }
    pending.sent = true;
    this.sent.push(pending);
  }

  /** The first that waits for its reply. */
  get oldestSent(): PendingRequest | undefined {
    return this.sent.peek();
  }

  /** Those that wait for a socket. */
  *unsent(): Generator<PendingRequest> {
    for (let i = 0; i < this.waiting.length; i++) yield this.waiting.at(i) as PendingRequest;
  }

  /**
   * The caller has given up and was told so. What was sent keeps its place, so that its late reply is recognised; what
   * was not will never be.
   */
  withdraw(pending: PendingRequest): void {
    if (pending.sent) return;
    this.withdrawn++;
    // each is looked at a bounded number of times, however many are given up one by one
    if (this.withdrawn * 2 > this.waiting.length) this.dropWithdrawn();
  }

  /** The next bytes for the socket, or null. Their requests count as sent from now on. */
  take(): Buffer | null {
    if (this.withdrawn > 0) this.dropWithdrawn();
    const chunk = this.outbox.shift();
    if (chunk === null) return null;
    for (let i = 0; i < chunk.frames; i++) {
      const pending = this.waiting.shift() as PendingRequest;
      pending.sent = true;
      this.sent.push(pending);
    }
    return chunk.bytes;
  }

  /**
   * The request that a reply of so many bytes belongs to. Replies come in the order of the requests, so it is the oldest one.
   * @throws {@link XidMismatchError} if it is not
   */
  replied(xid: number, bytes = 0): PendingRequest {
    const oldest = this.sent.peek();
    if (oldest?.xid !== xid) throw new XidMismatchError(xid, oldest?.xid);
    this.sent.shift();
    this.replies++;
    if (bytes > this.largestReplyBytes) this.largestReplyBytes = bytes;
    return oldest;
  }

  /** The connection is gone: fails what was handed to a socket. */
  failSent(fate: Fate): void {
    this.sent.failAll(fate);
  }

  /** Fails what was not handed to a socket, and forgets its bytes. */
  failWaiting(fate: Fate): void {
    this.outbox.clear();
    this.withdrawn = 0;
    this.waiting.failAll(fate);
  }

  /**
   * Fails what has waited past its deadline. A request that was sent keeps its place, so that its late reply is
   * recognised; one that was not is taken out, bytes and all.
   */
  sweep(now: number): void {
    if (now < this.earliestDeadline) return;
    this.earliestDeadline = Infinity;
    this.expire(this.sent, 'unknown', now);
    if (this.expire(this.waiting, 'not-sent', now)) this.dropWithdrawn();
  }

  /** Takes out, bytes and all, what waits for a socket and is settled. */
  private dropWithdrawn(): void {
    this.withdrawn = 0;
    const removed = this.waiting.removeSettled(this.dropped);
    this.outbox.filter((index) => !removed.has(index));
  }

  private expire(ring: RequestRing, outcome: 'unknown' | 'not-sent', now: number): boolean {
    let any = false;
    for (let i = 0; i < ring.length; i++) {
      const pending = ring.at(i) as PendingRequest;
      if (pending.settled) continue;
      if (pending.deadline <= now) {
        pending.fail(new RequestTimeoutError({ op: pending.op.name, path: pending.path, outcome }));
        any = true;
      } else if (pending.deadline < this.earliestDeadline) {
        this.earliestDeadline = pending.deadline;
      }
    }
    return any;
  }

  private encode(out: Outbox, pending: PendingRequest): ZkError | null {
    const { op, path } = pending;
    const xid = this.lastXid === MAX_XID ? 1 : this.lastXid + 1;
    out.begin();
    out.int(xid);
    out.int(op.code);
    try {
      op.writeRequest(out, pending.isCovered ? withoutWatch(pending.request) : pending.request);
    } catch (cause) {
      out.abandon();
      return new InvalidArgumentError('the request cannot be encoded', { op: op.name, path, cause });
    }
    const bytes = out.frameBytes;
    if (bytes > this.limits.maxRequestBytes) {
      out.abandon();
      return new RequestTooLargeError(bytes, this.limits.maxRequestBytes, { op: op.name, path });
    }
    out.end();
    pending.encoded(xid, bytes);
    this.requests++;
    if (bytes > this.largestRequestBytes) this.largestRequestBytes = bytes;
    this.lastXid = xid;
    return null;
  }
}

/** The same request, for a path whose events come anyway. */
function withoutWatch(request: unknown): unknown {
  return { ...(request as object), watch: false };
}
