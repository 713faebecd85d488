/** Servers that SRV records of the DNS name: `dns-srv://_zookeeper._tcp.example.com/chroot` (ZOOKEEPER-4956). */
import { promises as dns } from 'node:dns';
import { NoServerError } from '../protocol/errors.js';
import { formatServer, type ServerAddress } from './connect-string.js';
import type { HostChoice, HostProvider } from './host-provider.js';

/** An SRV record, as Node's `dns.resolveSrv` gives it. */
export interface SrvRecord {
  /** Host. */
  readonly name: string;
  readonly port: number;
  /** Lower ones come first. */
  readonly priority: number;
  /** Among those of one priority, how often it comes first, in proportion. */
  readonly weight: number;
}

/** Options of {@link DnsSrvHostProvider}. */
export interface DnsSrvOptions {
  /** Looks records up. Default: Node's resolver. */
  readonly resolve?: ((name: string) => Promise<readonly SrvRecord[]>) | undefined;
  /** 0 <= r < 1 */
  readonly random?: (() => number) | undefined;
}

/**
 * Takes servers from SRV records, in the order of RFC 2782: by priority, within one by chance according to weight. They are
 * looked up at the start, after each connection that was lost, and for each round over all of them; while the DNS
 * fails, those that it gave last are used. A connection that works is not left because records change.
 */
export class DnsSrvHostProvider implements HostProvider {
  private servers: readonly ServerAddress[] = [];
  /** How many of them were tried since they were looked up; Infinity to look them up. */
  private tried = Infinity;
  /** Did no server take us since the records were looked up? */
  private failing = false;
  private latest: ServerAddress | undefined;
  private readonly resolve: (name: string) => Promise<readonly SrvRecord[]>;
  private readonly random: () => number;

  /** @param name of the records, such as `_zookeeper._tcp.example.com` */
  constructor(
    private readonly name: string,
    { resolve = (name) => dns.resolveSrv(name), random = Math.random }: DnsSrvOptions = {},
  ) {
    this.resolve = resolve;
    this.random = random;
  }

  /** 1 before the records were looked up. */
  get size(): number {
    return Math.max(1, this.servers.length);
  }

  /** @throws NoServerError if there are no records and there never were */
  async next(): Promise<HostChoice> {
    const retryStart = this.failing && this.tried >= this.servers.length;
    if (this.tried >= this.servers.length) await this.lookUp();
    this.failing = true;
    const server = this.servers[this.tried++] as ServerAddress;
    this.latest = server;
    return { server, retryStart };
  }

  connected(): void {
    this.failing = false;
    this.tried = Infinity;
  }

  private async lookUp(): Promise<void> {
    let found: readonly SrvRecord[] = [];
    let cause: unknown;
    try {
      // a lone dot means that the service is decidedly not there
      found = (await this.resolve(this.name)).filter(({ name }) => name !== '' && name !== '.');
    } catch (error) {
      cause = error;
    }
    if (found.length > 0) this.servers = this.behindLatest(ordered(found, this.random));
    else if (this.servers.length === 0) {
      throw new NoServerError(`there are no SRV records of the name ${this.name}`, cause);
    }
    this.tried = 0;
  }

  /** The server that was lost last comes behind the others. */
  private behindLatest(servers: ServerAddress[]): ServerAddress[] {
    const { latest } = this;
    if (latest === undefined) return servers;
    const isLatest = (server: ServerAddress): boolean => formatServer(server) === formatServer(latest);
    return [...servers.filter((server) => !isLatest(server)), ...servers.filter(isLatest)];
  }
}

/** RFC 2782: by priority; among equals one after the other is drawn, each with its weight. */
function ordered(records: readonly SrvRecord[], random: () => number): ServerAddress[] {
  const left = [...records].sort((a, b) => a.priority - b.priority || a.weight - b.weight);
  const result: ServerAddress[] = [];
  for (let first = left[0]; first !== undefined; first = left[0]) {
    const { priority } = first;
    const equals = left.filter((record) => record.priority === priority);
    const total = equals.reduce((sum, { weight }) => sum + weight, 0);
    let ticket = Math.floor(random() * (total + 1));
    const at = equals.findIndex(({ weight }) => (ticket -= weight) <= 0);
    const [drawn] = left.splice(Math.max(0, at), 1);
    if (drawn !== undefined) result.push({ host: drawn.name.replace(/\.$/, ''), port: drawn.port });
  }
  return result;
}
