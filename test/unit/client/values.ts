/** What the tests of a Conn say and hear again and again. */
import type { Watch } from '../../../src/client/watch.js';
import type { WatchEvent } from '../../../src/session/watches.js';
import { STAT } from '../../support/core-world.js';

/** Session timeout asked for, ms. */
export const T = 9000;

/** An answer to getData. */
export const DATA = { data: Buffer.from('data'), stat: STAT };

/** An answer to a handshake: the session is over. */
export const EXPIRED = { sessionId: 0n, timeOut: 0 };

/** Everything that a watch yields. */
export async function all(watch: Watch): Promise<WatchEvent[]> {
  const events: WatchEvent[] = [];
  for await (const event of watch) events.push(event);
  return events;
}
