/** Which server to try next. */
import { InvalidArgumentError } from '../protocol/errors.js';
import { formatServer, type ServerAddress } from './connect-string.js';

/** A server to try. */
export interface HostChoice {
  readonly server: ServerAddress;
  /** All servers were tried since the last success: wait before this one. */
  readonly retryStart: boolean;
}

/**
 * Chooses servers; after go-zk's `HostProvider`. A name is resolved at each attempt, by whoever connects to it, so a
 * provider need not look it up.
 */
export interface HostProvider {
  /** How many servers there are; the session timeout is divided among them. */
  readonly size: number;
  /** The next server to try. */
  next(): HostChoice | Promise<HostChoice>;
  /** The server of the last `next()` gave us a session. */
  connected(): void;
  /**
   * Takes another list of servers, for `conn.updateServers`, which is refused without it.
   * @param current the server that we are connected to, if there is one
   * @returns true if it should be left for the one that `next()` gives
   */
  update?(servers: readonly ServerAddress[], current: ServerAddress | undefined): boolean;
}

/** While connections move to a new list: what is still untried of it, by kind, and how likely a new one is taken. */
interface Move {
  readonly kept: ServerAddress[];
  readonly added: ServerAddress[];
  readonly addedFirst: number;
}

/**
 * The default: the servers of the connect string, shuffled once, then in turn.
 *
 * When the list changes, it decides by chance which clients move, so that all servers have equally many in the end
 * although no client knows of another (ZOOKEEPER-1355).
 */
export class RoundRobinHostProvider implements HostProvider {
  private servers: readonly ServerAddress[];
  private current = -1;
  /** Servers tried since the last success, or since the last round began. */
  private tried = 0;
  private move: Move | null = null;

  /**
   * @param random 0 <= r < 1
   * @throws InvalidArgumentError without a server
   */
  constructor(
    servers: readonly ServerAddress[],
    private readonly random: () => number = Math.random,
  ) {
    this.servers = shuffled(checked(servers), random);
  }

  get size(): number {
    return this.servers.length;
  }

  next(): HostChoice {
    const retryStart = this.tried >= this.servers.length;
    this.tried = retryStart ? 1 : this.tried + 1;
    const server = retryStart ? undefined : this.nextOfMove();
    if (server !== undefined) return { server, retryStart };
    this.move = null;
    this.current = (this.current + 1) % this.servers.length;
    return { server: this.servers[this.current] as ServerAddress, retryStart };
  }

  connected(): void {
    this.move = null;
    // the one that we leave when the connection is lost counts as tried: the others come first
    this.tried = 1;
  }

  /**
   * Takes another list. The same servers in another order change nothing. If servers were added, a client whose server is
   * still there moves to a new one with the probability 1 - old / new. If some were taken away, those who were on them
   * divide themselves so that all that is left has the same load.
   * @throws InvalidArgumentError without a server
   */
  update(servers: readonly ServerAddress[], current: ServerAddress | undefined): boolean {
    const before = new Set(this.servers.map(formatServer));
    const list = shuffled(unique(checked(servers)), this.random);
    const isOld = (server: ServerAddress): boolean => before.has(formatServer(server));
    const kept = list.filter(isOld);
    const added = list.filter((server) => !isOld(server));
    if (added.length === 0 && kept.length === before.size) return false;
    const at = current === undefined ? -1 : list.findIndex((s) => formatServer(s) === formatServer(current));
    const grows = list.length > before.size;
    this.servers = list;
    this.tried = 0;
    this.current = at;
    this.move = null;
    if (at !== -1) {
      const leave = grows && this.random() < 1 - before.size / list.length;
      if (leave) this.move = { kept, added, addedFirst: 1 };
      else this.tried = 1;
      return leave;
    }
    // those on servers that are gone: so many of them go to the old servers that these come to the same load as the new
    const gone = before.size - kept.length;
    const toKept =
      grows || gone === 0 ? 0 : (kept.length * (before.size - list.length)) / (list.length * gone);
    this.move = { kept, added, addedFirst: 1 - toKept };
    return current !== undefined;
  }

  /** Of a move, the kind that chance chooses, until both are used up. */
  private nextOfMove(): ServerAddress | undefined {
    if (this.move === null) return undefined;
    const { kept, added, addedFirst } = this.move;
    const takeAdded = added.length > 0 && (kept.length === 0 || this.random() < addedFirst);
    const server = (takeAdded ? added : kept).pop();
    if (server !== undefined) this.current = this.servers.indexOf(server);
    return server;
  }
}

function checked(servers: readonly ServerAddress[]): readonly ServerAddress[] {
  if (servers.length === 0) throw new InvalidArgumentError('a host provider needs at least one server');
  return servers;
}

function unique(servers: readonly ServerAddress[]): ServerAddress[] {
  return [...new Map(servers.map((server) => [formatServer(server), server])).values()];
}

function shuffled<T>(list: readonly T[], random: () => number): T[] {
  const copy = [...list];
  for (let i = copy.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    const swap = copy[i] as T;
    copy[i] = copy[j] as T;
    copy[j] = swap;
  }
  return copy;
}
