/** How fast servers are tried: each of them once, then a pause that grows from round to round. */
import { STABLE_MS, backoffMs, type Backoff } from './timeouts.js';

export class Pacing {
  /** Pauses since a connection lasted. */
  private round = 0;
  /** Attempts since the last pause, or since a connection lasted; the end of that one counts. */
  private attempts = 0;
  private pausedLast = false;
  /** A connection that lasts so long was a success, ms. */
  private stableMs = STABLE_MS;

  constructor(private readonly backoff: Backoff) {}

  /**
   * A connection has ended, or the attempt at one.
   * @param liveMs how long it had a session; 0 for an attempt that failed
   * @returns true if a pause is due: servers that take us and drop us at once are not tried in a tight loop either
   */
  attemptEnded(liveMs: number, servers: number): boolean {
    if (liveMs >= this.stableMs) {
      this.stableMs = STABLE_MS;
      this.round = 0;
      this.attempts = 0;
    }
    this.pausedLast = false;
    return ++this.attempts >= servers;
  }

  /** A server is left on purpose: the next one is tried at once. */
  rested(): void {
    this.attempts = -1;
  }

  /** Nothing was tried since the last pause. */
  get hasRested(): boolean {
    return this.pausedLast;
  }

  /** How long to pause now, ms. */
  pauseMs(random: number): number {
    this.attempts = 0;
    this.pausedLast = true;
    // two clients that take one session away from each other have it for as long as the other pauses, who may be a round
    // ahead
    this.stableMs = Math.max(STABLE_MS, 4 * backoffMs(this.round, this.backoff, 1));
    return backoffMs(this.round++, this.backoff, random);
  }
}
