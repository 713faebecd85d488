/** One timer for the nearest deadline. One that is set too early is let be: whoever it wakes looks at the clock. */
import type { Clock, Timer } from './clock.js';

export class Alarm {
  private timer: Timer | null = null;
  /** When it rings, ms on the clock; Infinity for never. */
  at = Infinity;
  private holds = true;

  constructor(
    private readonly clock: Clock,
    private readonly ring: () => void,
  ) {}

  /** Rings at this time, or before. */
  set(at: number): void {
    if (at === Infinity) {
      this.clear();
    } else if (at < this.at) {
      this.timer?.cancel();
      this.at = at;
      this.timer = this.clock.setTimer(this.ring, at - this.clock.now());
      if (!this.holds) this.timer.unref?.();
    }
  }

  /** Does not ring. */
  clear(): void {
    this.timer?.cancel();
    this.timer = null;
    this.at = Infinity;
  }

  /** Does it keep the process alive? */
  hold(holds: boolean): void {
    this.holds = holds;
    if (holds) this.timer?.ref?.();
    else this.timer?.unref?.();
  }
}
