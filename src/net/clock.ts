/** Time, as the driver needs it: a monotonic clock and one kind of timer. Injectable, so that tests own it. */

/** Handle of a timer that was set. */
export interface Timer {
  cancel(): void;
  /** Keeps the process alive, or not, as Node's timers do; a clock that has no such notion leaves both out. */
  ref?(): void;
  unref?(): void;
}

/** A clock. `now` must never go back; it has nothing to do with the time of day. */
export interface Clock {
  /** Milliseconds since some fixed moment. */
  now(): number;
  /** Calls `fire` once after `delayMs`. It may be early: whoever sets a timer looks at `now` again. */
  setTimer(fire: () => void, delayMs: number): Timer;
  /**
   * Calls back in a later turn of the event loop, without waiting for anything. A clock that leaves it out gets
   * `setImmediate`; one whose time is not real has it, so that it knows what is still to happen before time passes.
   */
  defer?(run: () => void): void;
}

/** Runs something in a later turn of the event loop, so that the clock knows of it if it wants to. */
export function defer(clock: Clock, run: () => void): void {
  if (clock.defer === undefined) setImmediate(run);
  else clock.defer(run);
}

/** Longest delay that `setTimeout` knows; a longer one would fire at once. */
const MAX_DELAY_MS = 0x7fffffff;

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  setTimer(fire, delayMs) {
    const timer = setTimeout(fire, Math.min(MAX_DELAY_MS, Math.max(0, Math.ceil(delayMs))));
    return {
      cancel: () => clearTimeout(timer),
      ref: () => void timer.ref(),
      unref: () => void timer.unref(),
    };
  },
};
