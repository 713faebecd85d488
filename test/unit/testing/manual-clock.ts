/** A clock that stands still until it is told to go on. */
import type { Clock, ClockTimer } from '../../../src/testing/clock.js';

interface Pending {
  readonly at: number;
  readonly fire: () => void;
}

/** Both of its times move together; timers fire in the order of their times. */
export class ManualClock implements Clock {
  private ms = 1_000_000;
  private readonly timers = new Set<Pending>();

  now(): number {
    return this.ms;
  }

  wallMs(): number {
    return 1_700_000_000_000 + this.ms;
  }

  setTimeout(fire: () => void, ms: number): ClockTimer {
    const timer = { at: this.ms + ms, fire };
    this.timers.add(timer);
    return { cancel: () => this.timers.delete(timer) };
  }

  get pendingTimers(): number {
    return this.timers.size;
  }

  /** Time passes and no timer fires, as when the process is busy. What is due fires with the next {@link advance}. */
  jump(ms: number): void {
    this.ms += ms;
  }

  /** Lets that much time pass. */
  advance(ms: number): void {
    const end = this.ms + ms;
    for (;;) {
      const next = [...this.timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.ms = Math.max(this.ms, next.at);
      this.timers.delete(next);
      next.fire();
    }
    this.ms = end;
  }
}
