/**
 * All ordinary requests of a session, in one order: those that wait for a socket, encoded already, and behind the
 * socket those that wait for their reply. This order is the order of the calls, of the bytes and of the settlements.
 */
import { MAX_XID } from '../protocol/constants.js';
import { withoutFrames } from '../protocol/error-base.js';
import type { ZkError } from '../protocol/errors.js';
import {
  InvalidArgumentError,
  QueueFullError,
  RequestTimeoutError,
  RequestTooLargeError,
  XidMismatchError,
} from '../protocol/errors.js';
import { CallDeadlines } from './call-deadlines.js';
import { Outbox, type Chunk } from './outbox.js';
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
  private readonly deadlines = new CallDeadlines();
  /**
   * Requests that wait although nobody waits for them any more, and their bytes. They count for nothing and are never
   * written; they are taken out when they are half of all, so that each costs little, however many are given up one by one.
   */
  private withdrawn = 0;
  private withdrawnBytes = 0;
  /** Requests that were sent, and of which nobody waits for the reply any more. */
  private abandoned = 0;

  /** @param dropped hears of what was given up before it was sent, and never will be */
  constructor(
    private readonly limits: QueueLimits,
    private readonly dropped: (pending: PendingRequest) => void = () => undefined,
  ) {}

  /** Requests without a reply, and how many of them were not handed to a socket yet. */
  get load(): { readonly pending: number; readonly waiting: number } {
    return { pending: this.waitingCount + this.sent.length, waiting: this.waitingCount };
  }

  /** Does somebody still wait for a reply? */
  get isAwaited(): boolean {
    return this.waitingCount > 0 || this.sent.length > this.abandoned;
  }

  /** Longest single request, bytes. */
  get maxRequestBytes(): number {
    return this.limits.maxRequestBytes;
  }

  get waitingBytes(): number {
    return this.outbox.waitingBytes - this.withdrawnBytes;
  }

  /** Does as much wait for a socket as may? */
  get isFull(): boolean {
    const { maxRequests, maxBytes } = this.limits;
    return this.waitingCount >= maxRequests || this.waitingBytes >= maxBytes;
  }

  get earliest(): number {
    return this.deadlines.earliest;
  }

  private get waitingCount(): number {
    return this.waiting.length - this.withdrawn;
  }

  /**
   * Encodes a request and puts it at the end of the queue.
   * @returns why it was not taken, or null; a request that was not taken is not settled
   */
  add(pending: PendingRequest, unbounded = false): ZkError | null {
    const { op, path } = pending;
    if (this.isFull && !unbounded) {
      const text = `${this.waitingCount} requests (${this.waitingBytes} bytes) wait to be sent already`;
      return new QueueFullError(text, { op: op.name, path, outcome: 'not-sent' });
    }
    const refusal = this.encode(this.outbox, pending);
    if (refusal !== null) return refusal;
    this.waiting.push(pending);
    this.deadlines.add(pending.deadline);
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

  /** Those that wait for a socket, and that somebody waits for. */
  *unsent(): Generator<PendingRequest> {
    for (let i = 0; i < this.waiting.length; i++) {
      const pending = this.waiting.at(i) as PendingRequest;
      if (!pending.settled) yield pending;
    }
  }

  /**
   * The caller has given up and was told so. What was sent keeps its place, so that its late reply is recognised; what
   * was not will never be.
   */
  withdraw(pending: PendingRequest): void {
    if (pending.sent) {
      this.abandoned++;
      return;
    }
    this.withdrawn++;
    this.withdrawnBytes += pending.frameBytes;
    this.dropped(pending);
    if (this.withdrawn * 2 > this.waiting.length || this.withdrawnBytes * 2 > this.outbox.waitingBytes) {
      this.compact();
    }
  }

  /** The next bytes for the socket, or null. Their requests count as sent from now on. */
  take(): Buffer | null {
    for (let chunk = this.outbox.shift(); chunk !== null; chunk = this.outbox.shift()) {
      const bytes = this.withdrawn > 0 ? this.withoutWithdrawn(chunk) : chunk.bytes;
      for (let i = 0; i < chunk.frames; i++) {
        const pending = this.waiting.shift() as PendingRequest;
        if (!pending.settled) {
          pending.sent = true;
          this.sent.push(pending);
        }
      }
      if (bytes.length > 0) return bytes;
    }
    return null;
  }

  /**
   * The request that a reply of so many bytes belongs to. Replies come in the order of the requests, so it is the oldest one.
   * @throws {@link XidMismatchError} if it is not
   */
  replied(xid: number, bytes = 0): PendingRequest {
    const oldest = this.sent.peek();
    if (oldest?.xid !== xid) throw new XidMismatchError(xid, oldest?.xid);
    this.sent.shift();
    if (oldest.settled) this.abandoned--;
    this.replies++;
    if (bytes > this.largestReplyBytes) this.largestReplyBytes = bytes;
    return oldest;
  }

  /** The connection is gone: fails what was handed to a socket. */
  failSent(fate: Fate): void {
    this.abandoned = 0;
    this.sent.failAll(fate);
  }

  /** Fails what was not handed to a socket, and forgets its bytes. */
  failWaiting(fate: Fate): void {
    this.outbox.clear();
    this.withdrawn = 0;
    this.withdrawnBytes = 0;
    this.waiting.failAll(fate);
  }

  /**
   * Fails what has waited past its deadline. A request that was sent keeps its place, so that its late reply is
   * recognised; one that was not will never be.
   */
  sweep(now: number): void {
    for (const pending of this.deadlines.passed(now, [this.sent, this.waiting])) {
      // settling another one may have run code that settles this one
      if (pending.settled) continue;
      const { op, path, sent } = pending;
      const fields = { op: op.name, path, outcome: sent ? 'unknown' : 'not-sent' } as const;
      pending.fail(withoutFrames(() => new RequestTimeoutError(fields)));
      this.withdraw(pending);
    }
  }

  /** Takes out, bytes and all, what waits for a socket and was withdrawn. */
  private compact(): void {
    this.withdrawn = 0;
    this.withdrawnBytes = 0;
    this.outbox.filter((index) => this.waiting.at(index)?.settled === false);
    this.waiting.removeSettled();
  }

  /** What is left of a chunk whose requests are the oldest that wait. */
  private withoutWithdrawn({ bytes, frames }: Chunk): Buffer {
    const kept: Buffer[] = [];
    let start = 0;
    let end = 0;
    for (let i = 0; i < frames; i++) {
      const { settled, frameBytes } = this.waiting.at(i) as PendingRequest;
      if (settled) {
        this.withdrawn--;
        this.withdrawnBytes -= frameBytes;
        if (end > start) kept.push(bytes.subarray(start, end));
        start = end + frameBytes;
      }
      end += frameBytes;
    }
    if (start === 0) return bytes;
    if (end > start) kept.push(bytes.subarray(start, end));
    return kept.length === 1 ? (kept[0] as Buffer) : Buffer.concat(kept);
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
