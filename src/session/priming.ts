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

/**
 * A server that hangs up so often in a row on being asked to arm watches does not know the request, though it does not
 * say so (ClickHouse Keeper). Not fewer: one that is restarted again and again hangs up as well, and must not cost us
 * a watch.
 */
const MAX_HANG_UPS = 5;

export class Priming {
  /** How often in a row a connection ended while it was to arm watches, without having answered to that. */
  private hangUps = 0;
  /** Is it we who end the connection? */
  private isLeaving = false;

  constructor(
    private readonly credentials: Credentials,
    private readonly watches: WatchRegistry,
    private readonly queue: RequestQueue,
  ) {}

  /** Encodes it, and puts the SetWatches requests in front of the queue. */
  encode(relativeZxid: bigint): Outbox {
    const out = new Outbox();
    this.isLeaving = false;
    this.credentials.writeAll(out);
    const { watches, queue } = this;
    let first = true;
    for (const batch of rearmingBatches(watches, relativeZxid, queue.maxRequestBytes)) {
      const counts = first;
      first = false;
      const armed = (): void => {
        this.hangUps = 0;
      };
      const refused = (error: Error): void => this.refused(batch, error, counts);
      queue.addInFront(
        out,
        new PendingRequest(batch.op, batch.request, undefined, armed, refused, null, null, 0),
      );
    }
    // they can read now what they have missed: that goes out behind their watches
    watches.tellMissed();
    return out;
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
/** Did the server, or our own limit, say no? */
export function isRefusal(error: Error): error is ZkError {
  return (ZkError.is(error) && error.outcome === 'rejected') || error instanceof UsageError;
}
