/** Keeps the list of servers as the ensemble's own configuration has it. Built on public calls alone. */
import type { ServerAddress } from '../net/connect-string.js';
import type { ConfigServer } from '../protocol/ensemble-config.js';
import type { ConfigResult } from './ensemble-calls.js';
import type { Watched } from './results.js';

/** What is needed of a Conn. */
interface Followed {
  getConfigW(): Promise<ConfigResult & Watched>;
  updateServers(servers: readonly ServerAddress[]): Promise<unknown>;
}

/** How long the following lasts, and what time is there. */
export interface Following {
  /** Is the Conn over, or was it meanwhile? */
  readonly isOver: () => boolean;
  /** Rejects when the Conn is over. */
  readonly pause: (ms: number) => Promise<void>;
}

/** Pause behind a read that failed, ms: doubling up to the second. */
const RETRY_BASE_MS = 1000;
const RETRY_MAX_MS = 60_000;

/** Addresses that stand for every one of a server's machine. */
const WILDCARDS: ReadonlySet<string> = new Set(['0.0.0.0', '::', '0:0:0:0:0:0:0:0']);

/** Where clients reach the servers of a configuration; servers that it does not tell of are left out. */
export function clientAddresses(servers: readonly ConfigServer[]): ServerAddress[] {
  return servers.flatMap(({ clientAddress, addresses }) => {
    if (clientAddress === null) return [];
    const { host, port } = clientAddress;
    if (!WILDCARDS.has(host)) return [{ host, port }];
    return addresses.slice(0, 1).map((address) => ({ host: address.host, port }));
  });
}

/** Applies the configuration, and goes on in the background whenever it changes, until the Conn is over. */
export async function followConfig(conn: Followed, how: Following): Promise<void> {
  const { changed } = await applyConfig(conn);
  void keepFollowing(conn, changed, how);
}

/** @returns `changed` settles when the configuration changes, or nothing is known of that any more */
async function applyConfig(conn: Followed): Promise<{ readonly changed: Promise<unknown> }> {
  const { servers, watch } = await conn.getConfigW();
  const list = clientAddresses(servers);
  try {
    if (list.length > 0) await conn.updateServers(list);
  } catch (error) {
    // nobody will take its event
    watch.close();
    throw error;
  }
  return { changed: watch.event };
}

async function keepFollowing(conn: Followed, first: Promise<unknown>, how: Following): Promise<void> {
  let failures = 0;
  for (let changed = first; ;) {
    // the watch of an expired session is no more: look again
    await changed.catch(() => undefined);
    if (how.isOver()) return;
    try {
      ({ changed } = await applyConfig(conn));
      failures = 0;
    } catch {
      // whatever it is: the connection, the ACL and the text in the node can all be mended by others
      changed = how.pause(Math.min(RETRY_MAX_MS, RETRY_BASE_MS * 2 ** Math.min(failures++, 10)));
    }
  }
}
