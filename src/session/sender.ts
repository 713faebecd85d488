/** Hands bytes to the socket: one write a turn, as much as the socket takes, in the order of the calls. */
import type { ZkError } from '../protocol/errors.js';
import type { Liveness } from './liveness.js';
import type { Outbox } from './outbox.js';
import type { PendingRequest } from './pending.js';
import type { Ports } from './ports.js';
import type { RequestQueue } from './queue.js';

/** So many bytes are not kept until the turn is over. */
const INLINE_FLUSH_BYTES = 64 * 1024;

export class Sender {
  /** The socket wants no more until it has drained. */
  private blocked = false;
  private flushWanted = false;
  /** What waits must not go out yet. */
  private held = false;

  constructor(
    private readonly ports: Pick<Ports, 'write' | 'wantFlush'>,
    private readonly queue: RequestQueue,
    private readonly liveness: Liveness,
    /** Session timeout, ms. */
    private readonly session: { readonly timeoutMs: number },
  ) {}

  /** A new connection, or none. */
  reset(): void {
    this.blocked = false;
    this.held = false;
  }

  /** Keeps back what waits, or lets it go with the next flush. */
  hold(holds: boolean): void {
    this.held = holds;
  }

  /**
   * Puts a request into the queue, and sees to it that it leaves.
   * @param epoch the socket for it, or null if there is none
   * @returns why it was not taken, or null
   */
  add(pending: PendingRequest, epoch: number | null, now: number): ZkError | null {
    // the bound is for what a socket does not take, not for what one turn asks for
    if (epoch !== null && this.queue.isFull && this.mayGoNow(now)) this.flush(epoch, now);
    const refusal = this.queue.add(pending);
    if (refusal !== null || epoch === null) return refusal;
    if (!this.blocked && this.queue.waitingBytes >= INLINE_FLUSH_BYTES && this.mayGoNow(now)) {
      this.flush(epoch, now);
    } else {
      this.wantFlush();
    }
    return null;
  }

  /** Behind a standstill nothing goes out in the turn that asks for it: the clock must be heard first. */
  private mayGoNow(now: number): boolean {
    return !this.liveness.isOutlived(now, this.session.timeoutMs);
  }

  /** What waits must leave when the turn is over. */
  wantFlush(): void {
    if (this.flushWanted) return;
    this.flushWanted = true;
    this.ports.wantFlush();
  }

  /** `wantFlush` was answered. */
  flushCame(): void {
    this.flushWanted = false;
  }

  /** Writes what waits. */
  flush(epoch: number, now: number): void {
    while (!this.blocked && !this.held) {
      const bytes = this.queue.take();
      if (bytes === null) return;
      this.write(epoch, bytes, now);
    }
  }

  /**
   * Writes what waits, and behind it `out`, which goes before what a socket that wants no more does not take: nothing
   * small may be stuck behind a large queue, and a large queue must not be pressed into a full socket, before the pings.
   */
  press(out: Outbox, epoch: number, now: number): void {
    this.flush(epoch, now);
    this.writeOut(out, epoch, now);
  }

  /** Writes frames that do not stand in the queue, also to a socket that wants no more. */
  writeOut(out: Outbox, epoch: number, now: number): void {
    for (let chunk = out.shift(); chunk !== null; chunk = out.shift()) this.write(epoch, chunk.bytes, now);
  }

  write(epoch: number, bytes: Buffer, now: number): void {
    this.liveness.sent(now);
    if (!this.ports.write(epoch, bytes)) this.blocked = true;
  }

  /** The socket takes bytes again. */
  drained(): void {
    this.blocked = false;
  }
}
