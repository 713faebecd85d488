/**
 * What a new connection of a session begins with: the credentials, then the watches; the requests that waited come
 * behind. So nothing runs before it is allowed to, or unseen by a watch that was there before it. And what the last
 * connection ends with.
 */
import { UsageError, ZkError } from '../protocol/errors.js';
import { operations } from '../protocol/operations.js';
import type { Credentials } from './credentials.js';
import { Outbox } from './outbox.js';
import { PendingRequest } from './pending.js';
import type { RequestQueue } from './queue.js';
import type { WatchRegistry } from './watches.js';

/** Encodes it, and puts the SetWatches requests in front of the queue. */
export function prime(
  credentials: Credentials,
  watches: WatchRegistry,
  queue: RequestQueue,
  relativeZxid: bigint,
): Outbox {
  const out = new Outbox();
  credentials.writeAll(out);
  for (const batch of watches.batches(relativeZxid, queue.maxRequestBytes)) {
    const refused = (error: Error): void => {
      // if the connection was lost meanwhile, the next one arms them all again; if the session is over, they have ended
      const byServer = ZkError.is(error) && error.outcome === 'rejected';
      if (byServer || error instanceof UsageError) watches.endBatch(batch, error);
    };
    const { setWatches } = operations;
    queue.addInFront(out, new PendingRequest(setWatches, batch, undefined, ignore, refused, null, null, 0));
  }
  return out;
}

/** The last request of a session. Whatever fails it finishes the Conn as well. */
export function closeRequest(confirmed: () => void): PendingRequest {
  return new PendingRequest(operations.closeSession, {}, undefined, confirmed, ignore, null, null, 0);
}

const ignore = (): void => undefined;
