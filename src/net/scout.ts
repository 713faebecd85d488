/** Asks servers on sockets of its own, while there is a session: does ours know removeWatches, is there a writable one? */
import type { Clock, Timer } from './clock.js';
import type { ServerAddress } from './connect-string.js';
import type { HostChoice } from './host-provider.js';
import { probeMode, serverVersion } from './probe.js';
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
  /** Ends what is under way. */
  private mission = new AbortController();
  private timer: Timer | null = null;
  private holds = true;

  constructor(private readonly parts: ScoutParts) {}

  /** Ends all that is under way, with its sockets. */
  stop(): void {
    this.mission.abort();
    this.mission = new AbortController();
    this.timer?.cancel();
    this.timer = null;
  }

  /** Does the pause before the next look keep the process alive? */
  hold(holds: boolean): void {
    this.holds = holds;
    if (holds) this.timer?.ref?.();
    else this.timer?.unref?.();
  }

  /**
   * Does a server know removeWatches (3.5)? Also false if it does not say: `srvr` may be switched off there. `answer` is
   * not called behind {@link stop}.
   */
  async askVersion(server: ServerAddress, answer: (knowsRemoveWatches: boolean) => void): Promise<void> {
    const { signal } = this.mission;
    const { dialer } = this.parts;
    let knows: boolean;
    try {
      const { major, minor } = await serverVersion(server, { dialer, timeoutMs: PATIENCE_MS, signal });
      knows = major > 3 || (major === 3 && minor >= 5);
    } catch {
      knows = false;
    }
    if (!signal.aborted) answer(knows);
  }

  /** Looks for a server that can write, until there is one or {@link stop}. */
  seekWritable(found: (server: ServerAddress) => void): void {
    this.lookAfter(FIRST_PAUSE_MS, found);
  }

  private lookAfter(pauseMs: number, found: (server: ServerAddress) => void): void {
    const { signal } = this.mission;
    this.timer = this.parts.clock.setTimer(() => {
      this.timer = null;
      void this.look(signal).then((server) => {
        if (signal.aborted) return;
        if (server !== null) found(server);
        else this.lookAfter(Math.min(LONGEST_PAUSE_MS, pauseMs * 2), found);
      });
    }, pauseMs);
    if (!this.holds) this.timer.unref?.();
  }

  private async look(signal: AbortSignal): Promise<ServerAddress | null> {
    const { dialer, clock } = this.parts;
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
