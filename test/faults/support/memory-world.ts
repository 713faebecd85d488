/**
 * Conns on a mini-server of this process, without sockets and on virtual time, whose links are counted and can be cut, and
 * whose promises are kept in a ledger.
 */
import { Conn, type ConnOptions, type Dialer, type Transport } from '../../../src/index.js';
import { MiniServer, VirtualClock, type MiniServerOptions } from '../../../src/testing.js';
import { checked, requested } from '../../support/tally.js';

/** Promises that a test has made, and which of them are open. */
export class Ledger {
  readonly outcomes: string[] = [];
  private readonly open = new Set<string>();
  private serial = 0;

  /** Notes a promise; what it rejects with is in {@link outcomes}, and troubles nobody. */
  add(name: string, promise: Promise<unknown>): void {
    const entry = `${name} ${this.serial++}`;
    this.open.add(entry);
    requested();
    promise.then(
      () => this.settled(entry, 'ok'),
      (error: unknown) => this.settled(entry, error instanceof Error ? error.name : String(error)),
    );
  }

  /** The promises that are not settled; counted as what must be zero. */
  hanging(): string[] {
    checked('promises hanging', this.open.size);
    return [...this.open];
  }

  private settled(entry: string, outcome: string): void {
    this.open.delete(entry);
    this.outcomes.push(`${entry}: ${outcome}`);
  }
}

/** A dialer that counts. */
export class CountingDialer {
  dials = 0;
  writes = 0;
  private readonly links = new Set<Transport>();

  constructor(private readonly inner: Dialer) {}

  /** Links that are not closed. */
  get open(): number {
    return this.links.size;
  }

  readonly dial: Dialer = (server, events) => {
    this.dials++;
    const link: Transport = this.inner(server, {
      onConnect: () => events.onConnect(),
      onData: (chunk) => events.onData(chunk),
      onDrain: () => events.onDrain(),
      onEnd: () => events.onEnd(),
      onClose: (error) => {
        this.links.delete(link);
        events.onClose(error);
      },
    });
    this.links.add(link);
    return {
      write: (bytes) => {
        this.writes++;
        return link.write(bytes);
      },
      destroy: () => link.destroy(),
    };
  };

  /** Ends every link, as a broken network would. @returns how many there were */
  cut(): number {
    const all = [...this.links];
    for (const link of all) link.destroy();
    return all.length;
  }
}

/** One server, its clock, and Conns on it. */
export class MemoryWorld {
  private constructor(
    readonly server: MiniServer,
    readonly clock: VirtualClock,
  ) {}

  static async start(options?: MiniServerOptions): Promise<MemoryWorld> {
    const clock = new VirtualClock();
    return new MemoryWorld(await MiniServer.start({ clock, ...options }), clock);
  }

  dialer(): CountingDialer {
    return new CountingDialer(this.server.dialer);
  }

  conn(dialer: CountingDialer, options?: ConnOptions): Conn {
    return new Conn(this.server.connectString, { dialer: dialer.dial, clock: this.clock, ...options });
  }

  async close(): Promise<void> {
    await this.server.close();
  }
}
