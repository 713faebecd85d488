/** Which server to try next. */
import { InvalidArgumentError } from '../protocol/errors.js';
import type { ServerAddress } from './connect-string.js';

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
}

/** The default: the servers of the connect string, shuffled once, then in turn. */
export class RoundRobinHostProvider implements HostProvider {
  private readonly servers: readonly ServerAddress[];
  private current = -1;
  /** Servers tried since the last success, or since the last round began. */
  private tried = 0;

  /**
   * @param random 0 <= r < 1
   * @throws InvalidArgumentError without a server
   */
  constructor(servers: readonly ServerAddress[], random: () => number = Math.random) {
    if (servers.length === 0) throw new InvalidArgumentError('a host provider needs at least one server');
    this.servers = shuffled(servers, random);
  }

  get size(): number {
    return this.servers.length;
  }

  next(): HostChoice {
    const retryStart = this.tried >= this.servers.length;
    this.tried = retryStart ? 1 : this.tried + 1;
    this.current = (this.current + 1) % this.servers.length;
    return { server: this.servers[this.current] as ServerAddress, retryStart };
  }

  connected(): void {
    // the one that we leave when the connection is lost counts as tried: the others come first
    this.tried = 1;
  }
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
