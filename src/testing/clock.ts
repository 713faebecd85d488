/** Time as the mini-server sees it. Injected everywhere, so that a test can bring its own. */

/** A timer that was set. */
export interface ClockTimer {
  /** Forgets the timer; harmless if it has fired. */
  cancel(): void;
}

/** Source of time and timers. */
export interface Clock {
  /** Milliseconds of a clock that never goes back; for timeouts. Its zero means nothing. */
  now(): number;
  /** Whole milliseconds since 1970; for `ctime`, `mtime` and times to live. */
  wallMs(): number;
  /** Calls `fire` once, `ms` milliseconds from now at the earliest. Must not keep the process alive. */
  setTimeout(fire: () => void, ms: number): ClockTimer;
  /** Calls back in a later turn of the event loop, without waiting for anything. Left out: `setImmediate`. */
  defer?(run: () => void): void;
}

/** Runs something in a later turn of the event loop, so that the clock knows of it if it wants to. */
export function defer(clock: Clock, run: () => void): void {
  if (clock.defer === undefined) setImmediate(run);
  else clock.defer(run);
}

/** The clock of the machine. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallMs: () => Date.now(),
  setTimeout: (fire, ms) => {
    const timer = setTimeout(fire, ms);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};
