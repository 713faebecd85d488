/**
 * Asks servers on sockets of its own, while there is a session: which version is ours, is there a writable one?
 * Nothing of it keeps the process alive: the connection that it is for does, if anything should.
 */
import type { AnyOp } from '../protocol/op.js';
import { isSince, type ServerVersion } from '../protocol/words.js';
import type { Clock, Timer } from './clock.js';
import type { ServerAddress } from './connect-string.js';
import type { HostChoice } from './host-provider.js';
import { probeMode, probeVersion } from './probe.js';
import type { Dialer } from './transport.js';

/** What a scout works with. */
export interface ScoutParts {
  readonly dialer: Dialer;
  readonly clock: Clock;
  /** The next server to look at. */
  next(): Promise<HostChoice>;
}

/** How long one server is waited for, ms. */
const PATIENCE_MS = 2000;
/** Pauses of the search for a writable server, as Java's client makes them (`ClientCnxn.pingRwServer`). */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 60_000;

export class Scout {
  /** Ends the questions for a version that are under way. */
  private mission = new AbortController();
  /** Ends the search for a writable server. */
  private search = new AbortController();
  private timer: Timer | null = null;
  private readonly dialer: Dialer;
  private readonly clock: Clock;

  constructor(private readonly parts: ScoutParts) {
    const { dialer, clock } = parts;
    this.dialer = (server, events) => {
      const transport = dialer(server, events);
      transport.unref?.();
      return transport;
    };
    this.clock = {
      now: () => clock.now(),
      setTimer: (fire, delayMs) => {
        const timer = clock.setTimer(fire, delayMs);
        timer.unref?.();
        return timer;
      },
    };
  }

  /** Ends all that is under way, with its sockets. */
  stop(): void {
    this.mission.abort();
    this.mission = new AbortController();
    this.stopSearch();
  }

  private stopSearch(): void {
    this.search.abort();
    this.search = new AbortController();
    this.timer?.cancel();
    this.timer = null;
  }

  /**
   * The version of a server; null if it does not say, as `srvr` may be switched off there, and undefined behind
   * {@link stop}. Never rejects.
   */
  async versionOf(server: ServerAddress): Promise<ServerVersion | null | undefined> {
    const { signal } = this.mission;
    const { dialer, clock } = this;
    try {
      return await probeVersion(server, dialer, PATIENCE_MS, { clock, signal });
    } catch {
      return signal.aborted ? undefined : null;
    }
  }

  /** Does a server know an operation? It may be the core that asks: nothing happens within this call. */
  knows(server: ServerAddress | null, { since }: AnyOp, tell: (knows: boolean) => void): void {
    process.nextTick(async () => {
      const version = server === null ? null : await this.versionOf(server);
      tell(version !== null && version !== undefined && isSince(version, since));
    });
  }

  /** Looks for a server that can write, until there is one or {@link stop}; begins anew if it is doing so. */
  seekWritable(found: (server: ServerAddress) => void): void {
    this.stopSearch();
    this.lookAfter(FIRST_PAUSE_MS, found);
  }

  private lookAfter(pauseMs: number, found: (server: ServerAddress) => void): void {
    const { signal } = this.search;
    this.timer = this.clock.setTimer(() => {
      this.timer = null;
      void this.look(signal).then((server) => {
        if (signal.aborted) return;
        if (server !== null) found(server);
        else this.lookAfter(Math.min(LONGEST_PAUSE_MS, pauseMs * 2), found);
      });
    }, pauseMs);
  }

  private async look(signal: AbortSignal): Promise<ServerAddress | null> {
    const { dialer, clock } = this;
    let server: ServerAddress;
    try {
      ({ server } = await this.parts.next());
    } catch {
      return null;
    }
    if (signal.aborted) return null;
    return (await probeMode(server, dialer, PATIENCE_MS, { clock, signal })) === 'rw' ? server : null;
  }
}
