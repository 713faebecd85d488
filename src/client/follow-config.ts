/** Keeps the list of servers as the ensemble's own configuration has it. Built on public calls alone. */
import type { ServerAddress } from '../net/connect-string.js';
import type { ConfigServer } from '../protocol/ensemble-config.js';
import type { ConfigResult } from './ensemble-calls.js';
import type { Watched } from './results.js';

/** What is needed of a Conn. */
interface Followed {
  readonly closed: Promise<unknown>;
  getConfigW(): Promise<ConfigResult & Watched>;
  updateServers(servers: readonly ServerAddress[]): Promise<unknown>;
  once(event: 'session', listener: () => void): unknown;
}

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
export async function followConfig(conn: Followed): Promise<void> {
  const { changed } = await applyConfig(conn);
  void keepFollowing(conn, changed);
}

/** @returns `changed` settles when the configuration changes, or nothing is known of that any more */
async function applyConfig(conn: Followed): Promise<{ readonly changed: Promise<unknown> }> {
  const { servers, watch } = await conn.getConfigW();
  const list = clientAddresses(servers);
  if (list.length > 0) await conn.updateServers(list);
  return { changed: watch.event };
}

async function keepFollowing(conn: Followed, first: Promise<unknown>): Promise<void> {
  let over = false;
  void conn.closed.then(() => (over = true));
  for (let changed = first; ;) {
    // the watch of an expired session is no more: look again
    await changed.catch(() => undefined);
    if (isOver()) return;
    try {
      ({ changed } = await applyConfig(conn));
    } catch {
      changed = nextSession(conn);
    }
  }

  function isOver(): boolean {
    return over;
  }
}

/** What could not be read now may be read on the next connection. */
function nextSession(conn: Followed): Promise<void> {
  return new Promise((resolve) => {
    conn.once('session', () => resolve());
    void conn.closed.then(() => resolve());
  });
}
