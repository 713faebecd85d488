/**
 * What a new connection of a session begins with: the credentials, then the watches; the requests that waited come
 * behind. So nothing runs before it is allowed to, or unseen by a watch that was there before it. And what the last
 * connection ends with.
 */
import { Errno } from '../protocol/error-codes.js';
import { LinkError, UsageError, ZkError, keeperError } from '../protocol/errors.js';
import type { Credentials } from './credentials.js';
import { Outbox } from './outbox.js';
import { PendingRequest } from './pending.js';
import type { RequestQueue } from './queue.js';
import { operations } from '../protocol/operations.js';
import { rearmingBatches, type Batch } from './rearming.js';
import type { WatchRegistry } from './watches.js';

/** When so much is encoded, the rest waits for the next turn of the event loop: there may be 100,000 watches. */
const TURN_BYTES = 64 * 1024;

/**
 * A server that hangs up so often in a row on being asked to arm watches does not know the request, though it does not
 * say so (ClickHouse Keeper). Not fewer: one that is restarted again and again hangs up as well, and must not cost us
 * a watch.
 */
const MAX_HANG_UPS = 5;

/** All watches, armed again on one connection. */
interface Round {
  readonly batches: Iterator<Batch>;
  /** All of them are encoded. */
  isWritten: boolean;
  unanswered: number;
}

export class Priming {
  /** What is left to encode; null if there is nothing. */
  private underWay: Round | null = null;
  /**
   * The zxid from which on changes must be told of, as long as a server has not answered all that was to be armed; null
   * behind that. The answers to the first requests raise the session's zxid, and say nothing of the watches behind them.
   */
  private since: bigint | null = null;
  /** How often in a row a connection ended while it was to arm watches, without having answered to that. */
  private hangUps = 0;
  /** Is it we who end the connection? */
  private isLeaving = false;

  constructor(
    private readonly credentials: Credentials,
    private readonly watches: WatchRegistry,
    private readonly queue: RequestQueue,
  ) {}

  /** Is there more of it? Nothing that waits may go out before that. */
  get isUnderWay(): boolean {
    return this.underWay !== null || this.watches.isTelling;
  }

  /** Encodes how a connection begins; what is left comes with {@link more}. */
  begin(lastZxid: bigint): Outbox {
    const out = new Outbox();
    this.isLeaving = false;
    this.credentials.writeAll(out);
    const { watches, queue } = this;
    this.since ??= lastZxid;
    const batches = rearmingBatches(watches, this.since, queue.maxRequestBytes);
    this.underWay = { batches, isWritten: false, unanswered: 0 };
    this.encode(this.underWay, out, true);
    // they can read now what they have missed: that goes out behind their watches, and is answered when all are told
    watches.tellMissed();
    return out;
  }

  /** Encodes what a turn may, and tells as many. */
  more(): Outbox {
    const out = new Outbox();
    if (this.underWay !== null) this.encode(this.underWay, out, false);
    this.watches.tellMore();
    return out;
  }

  /** The connection is gone: the next one begins anew. */
  connectionLost(): void {
    this.underWay = null;
  }

  /** The session is over, and all watches with it. */
  sessionEnded(): void {
    this.since = null;
  }

  /** Puts the next SetWatches requests in front of the queue. Which watches there are is asked as late as that. */
  private encode(round: Round, out: Outbox, isFirst: boolean): void {
    let counts = isFirst;
    while (out.waitingBytes < TURN_BYTES) {
      const next = round.batches.next();
      if (next.done === true) {
        round.isWritten = true;
        this.underWay = null;
        this.look(round);
        return;
      }
      this.add(round, next.value, out, counts);
      counts = false;
    }
  }

  private add(round: Round, batch: Batch, out: Outbox, counts: boolean): void {
    round.unanswered++;
    const armed = (): void => {
      this.hangUps = 0;
      this.answered(round);
    };
    const refused = (error: Error): void => {
      if (isTemporary(error)) throw error;
      if (isRefusal(error)) this.answered(round);
      this.refused(batch, error, counts);
    };
    this.queue.addInFront(
      out,
      new PendingRequest(batch.op, batch.request, undefined, armed, refused, null, null, 0),
    );
  }

  private answered(round: Round): void {
    round.unanswered--;
    this.look(round);
  }

  /** Is everything armed? */
  private look({ isWritten, unanswered }: Round): void {
    if (isWritten && unanswered === 0) this.since = null;
  }

  /** We end the connection on purpose: that is no word of the server's. */
  leaving(): void {
    this.isLeaving = true;
  }

  private refused(batch: Batch, error: Error, counts: boolean): void {
    if (isRefusal(error)) {
      this.watches.endThese(batch.paths, error);
      return;
    }
    // if the connection was lost meanwhile, the next one arms them all again; if the session is over, they have ended
    if (!counts || this.isLeaving || !(error.cause instanceof LinkError)) return;
    this.hangUps++;
    if (this.hangUps < MAX_HANG_UPS) return;
    this.hangUps = 0;
    const fields = { op: batch.op.name, outcome: 'rejected', cause: error } as const;
    this.watches.endThese(batch.paths, keeperError(Errno.Unimplemented, fields));
  }
}

/** The last request of a session. Whatever fails it finishes the Conn as well. */
export function closeRequest(confirmed: () => void): PendingRequest {
  return new PendingRequest(operations.closeSession, {}, undefined, confirmed, ignore, null, null, 0);
}

const ignore = (): void => undefined;

/**
 * Did the server refuse it for the moment, being too busy for example? No watch may end for that. Thrown behind the answer,
 * it costs the connection, and the next one, behind a pause that grows, arms them all again.
 */
export function isTemporary(error: Error): error is ZkError {
  return isRefusal(error) && error.retryable;
}

/** Did the server, or our own limit, say no? */
export function isRefusal(error: Error): error is ZkError {
  return (ZkError.is(error) && error.outcome === 'rejected') || error instanceof UsageError;
}
