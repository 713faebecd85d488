/** Time as the mini-server sees it. Injected everywhere, so that a test can bring its own. */
import { InvalidOptionError } from '../protocol/errors.js';
import * as timers from 'node:timers';

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

/**
 * Taken at the start, and not from the global scope: a test runner's fake timers replace what is there, for the code that
 * is tested, and a server is the world outside of that. With theirs a cut would never happen, and no session would expire.
 */
const { setTimeout: startTimer, clearTimeout: stopTimer } = timers;

/** The runner's fake timers do not replace it either. */
export const { setImmediate: nextTurn } = timers;

/** Runs something in a later turn of the event loop, so that the clock knows of it if it wants to. */
export function defer(clock: Clock, run: () => void): void {
  if (clock.defer === undefined) nextTurn(run);
  else clock.defer(run);
}

/**
 * The clock of the machine. Its timers do not keep the process alive. Fake timers do not move it, but for the time of day,
 * which is what `Date` says.
 */
export const systemClock: Clock = {
  // as `performance.now()`, which fake timers replace where it is
  now: () => process.uptime() * 1000,
  wallMs: () => Date.now(),
  setTimeout: (fire, ms) => {
    const timer = startTimer(fire, ms);
    timer.unref();
    return { cancel: () => stopTimer(timer) };
  },
};

/** The clock may be the user's own. @throws {@link InvalidOptionError} */
export function checkClock(value: unknown): Clock {
  const { now, wallMs, setTimeout } = (value ?? {}) as Partial<Clock>;
  if ([now, wallMs, setTimeout].some((each) => typeof each !== 'function')) {
    throw new InvalidOptionError('clock must have now(), wallMs() and setTimeout(fire, ms)');
  }
  return value as Clock;
}
