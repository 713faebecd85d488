/** Time that passes when a test says so, for the client and the mini-server alike. */
import { InvalidArgumentError } from '../protocol/errors.js';
import { nextTurn, type Clock, type ClockTimer } from './clock.js';
import { CallSite, VirtualTimeError } from './errors.js';

/** Options of `new VirtualClock`. */
export interface VirtualClockOptions {
  /** The time of day that it begins with, ms since 1970. Default: the beginning of 2026, UTC. */
  readonly wallMs?: number | undefined;
}

/** Options of {@link VirtualClock.advanceUntil}. */
export interface AdvanceOptions {
  /** How much time may pass at most, ms. Default 3 600 000, an hour. */
  readonly maxMs?: number | undefined;
}

interface Entry {
  /** When it fires, ms. */
  readonly at: number;
  readonly fire: () => void;
  /** Cancelled, or fired. */
  cancelled: boolean;
}

/** Turns of the event loop without a sign of life that count as quiet: code in between may use a few of its own. */
const QUIET_TURNS = 3;
/** Whoever is not quiet after so many turns never will be. */
const MAX_TURNS = 200_000;
const DEFAULT_WALL_MS = Date.UTC(2026, 0, 1);
const DEFAULT_MAX_MS = 3_600_000;

/**
 * A clock that stands still until {@link VirtualClock.advance}. It is both the client's option `clock` and the
 * mini-server's; together with `MiniServer.dialer`, which needs no sockets, all that happens between the two follows from
 * what the test does: an hour of sessions, expiries and pauses is tested in milliseconds, and in the same way each time.
 *
 * Its time is in whole milliseconds. A timer of 0 ms or less fires without {@link VirtualClock.advance}.
 */
export class VirtualClock implements Clock {
  /** Timers that have fired. */
  fired = 0;
  private ms = 0;
  private readonly startedAtMs: number;
  /** In the order in which they fire. */
  private readonly entries: Entry[] = [];
  /** Counts what {@link defer} was asked for. */
  private stirrings = 0;
  /** One passage of time goes after the other. */
  private passage: Promise<unknown> = Promise.resolve();

  /** @throws {@link InvalidArgumentError} if `wallMs` is no time */
  constructor({ wallMs = DEFAULT_WALL_MS }: VirtualClockOptions = {}) {
    this.startedAtMs = wholeMs('wallMs', wallMs);
  }

  /** Milliseconds that have passed since it was made. */
  now(): number {
    return this.ms;
  }

  /** The time of day, ms since 1970. */
  wallMs(): number {
    return this.startedAtMs + this.ms;
  }

  /** Timers that are set. */
  get pending(): number {
    return this.entries.length;
  }

  /** Calls `fire` once, when that much time has passed. */
  setTimer(fire: () => void, delayMs: number): ClockTimer {
    const entry: Entry = { at: this.ms + Math.max(0, Math.ceil(delayMs)), fire, cancelled: false };
    if (entry.at > this.ms) this.insert(entry);
    else this.defer(() => this.fire(entry));
    return {
      cancel: () => {
        if (entry.cancelled) return;
        entry.cancelled = true;
        // nothing of it stays: a client sets and cancels one for each request
        const i = this.placeBehind(entry.at - 1);
        const place = this.entries.indexOf(entry, i);
        if (place >= 0) this.entries.splice(place, 1);
      },
    };
  }

  /** The same; the mini-server's name for it. */
  setTimeout(fire: () => void, ms: number): ClockTimer {
    return this.setTimer(fire, ms);
  }

  /** Calls back in a later turn of the event loop. No time passes before that. */
  defer(run: () => void): void {
    this.stirrings++;
    nextTurn(run);
  }

  /**
   * Lets that much time pass: it goes from timer to timer, and waits at each until all that follows from it has happened
   * ({@link settle}). Calls wait for one another.
   * @throws {@link InvalidArgumentError} if `ms` is not a whole number, at least 0
   * @throws {@link VirtualTimeError} if there is no end of what happens at one moment
   */
  advance(ms: number): Promise<void> {
    return this.next(`advance(${String(ms)})`, async (site) => {
      const end = this.ms + wholeMs('the time to advance', ms);
      do await this.quiet(site);
      while (this.fireNext(end));
      this.ms = end;
    });
  }

  /**
   * Lets time pass until a promise is settled, or a function gives something true, and gives that.
   * @throws what the promise or the function throws; {@link VirtualTimeError} if `maxMs` have passed before, or no timer is
   * set any more, so that nothing can come of more time
   */
  advanceUntil<T>(
    goal: PromiseLike<T> | (() => T),
    { maxMs = DEFAULT_MAX_MS }: AdvanceOptions = {},
  ): Promise<T> {
    const watched = typeof goal === 'function' ? null : watch(goal);
    return this.next(`advanceUntil(${inWords(goal)})`, async (site) => {
      if (typeof goal !== 'function' && !isPromise(goal)) {
        throw new InvalidArgumentError(
          'time advances until a promise is settled or a function gives something true',
        );
      }
      const begin = this.ms;
      const end = begin + wholeMs('maxMs', maxMs);
      for (;;) {
        await this.quiet(site);
        if (watched !== null) {
          if (watched.settled) return goal as PromiseLike<T>;
        } else {
          const given = (goal as () => T)();
          if (isPromise(given)) {
            throw new InvalidArgumentError(
              'a function that time advances for must give its answer at once; give the promise itself instead',
            );
          }
          if (given) return given;
        }
        if (this.fireNext(end)) continue;
        if (this.entries.length === 0) {
          throw site.error(`no timer is set any more, ${this.ms - begin} ms after it began`);
        }
        if (this.ms === end) throw site.error(`${maxMs} ms have passed and it has not come`);
        // what is asked for may be the time itself
        this.ms = end;
      }
    });
  }

  /**
   * Resolves when nothing happens any more as long as no time passes: no byte is on its way between a client and a
   * mini-server that this clock is given to, and the event loop has gone round three times without a new one.
   * @throws {@link VirtualTimeError} if there is no end of it
   */
  settle(): Promise<void> {
    return this.next('settle()', (site) => this.quiet(site));
  }

  /** @param what was called, directly by the method that calls this one */
  private next<T>(what: string, pass: (site: Passage) => Promise<T>): Promise<T> {
    const site = new Passage(what, new CallSite(2));
    const passed = this.passage.then(() => pass(site));
    this.passage = passed.catch(() => undefined);
    return passed;
  }

  private async quiet(site: Passage): Promise<void> {
    let still = 0;
    for (let turns = 0; still < QUIET_TURNS; turns++) {
      if (turns === MAX_TURNS) {
        throw site.error(`client and server never come to rest at ${this.ms} ms, so no time passes`);
      }
      const { stirrings } = this;
      await new Promise<void>((resolve) => nextTurn(resolve));
      // what was asked for before this turn has happened in it
      still = this.stirrings === stirrings ? still + 1 : 0;
    }
  }

  /** Goes to the next timer up to `end`, and fires it. @returns false if there is none */
  private fireNext(end: number): boolean {
    const [entry] = this.entries;
    if (entry === undefined || entry.at > end) return false;
    this.entries.shift();
    this.ms = entry.at;
    this.fire(entry);
    return true;
  }

  private fire(entry: Entry): void {
    if (entry.cancelled) return;
    entry.cancelled = true;
    this.fired++;
    entry.fire();
  }

  /** Behind all that fire at the same time. */
  private insert(entry: Entry): void {
    this.entries.splice(this.placeBehind(entry.at), 0, entry);
  }

  /** The place behind all that fire at this time or before. */
  private placeBehind(ms: number): number {
    const { entries } = this;
    let low = 0;
    let high = entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((entries[middle] as Entry).at <= ms) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** One call that lets time pass: what an error must say of it. */
class Passage {
  constructor(
    private readonly what: string,
    private readonly site: CallSite,
  ) {}

  error(why: string): VirtualTimeError {
    return this.site.blame(new VirtualTimeError(`${this.what}: ${why}`));
  }
}

/** Longest text of a function in an error. */
const MAX_TEXT = 80;

/** For people: what is waited for. */
function inWords(goal: unknown): string {
  if (typeof goal !== 'function') return 'a promise';
  const text = goal.toString().replace(/\s+/g, ' ');
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}

function wholeMs(what: string, value: unknown): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) {
    throw new InvalidArgumentError(`${what} must be a whole number of ms, at least 0, not ${String(value)}`);
  }
  return value as number;
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { readonly then?: unknown } | null | undefined)?.then === 'function';
}

function watch(promise: unknown): { settled: boolean } {
  const watched = { settled: false };
  if (!isPromise(promise)) return watched;
  const settle = (): void => {
    watched.settled = true;
  };
  promise.then(settle, settle);
  return watched;
}
