/** Promises of what is still to come, which end all the same when the time is up or nothing can come any more. */
import { InvalidOptionError, UsageError } from '../../protocol/errors.js';
import type { Clock, ClockTimer } from '../clock.js';
import { CallSite, WaitTimeoutError } from '../errors.js';
import { duration, known, shown } from './actions.js';

/** How long somebody waits for a frame. */
export interface WaitOptions {
  /**
   * So long at most, in ms by the clock of the server or proxy; then the promise rejects with `WaitTimeoutError`. Default:
   * until the server or proxy is closed.
   */
  readonly timeoutMs?: number | undefined;
  /** Ends the wait when it is aborted: the promise rejects with its `reason`. */
  readonly signal?: AbortSignal | undefined;
}

/** How a wait ends. */
export interface Waiter<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

/** All that wait for something of one server or proxy. */
export class Waits {
  /** Who was closed. */
  private closed: string | null = null;
  /** What each waits for, by what ends its wait. */
  private readonly standing = new Map<(error: Error) => void, () => string>();

  constructor(private readonly clock: Clock) {}

  /**
   * @param what is waited for, in words
   * @param join remembers who waits, and gives what forgets it; or ends the wait at once
   */
  begin<T>(what: () => string, options: WaitOptions, join: (waiter: Waiter<T>) => () => void): Promise<T> {
    const site = new CallSite(2);
    const promise = new Promise<T>((resolve, reject) => {
      const { timeoutMs, signal } = checked(options);
      if (signal?.aborted === true) {
        reject(signal.reason as Error);
        return;
      }
      let isOver = false as boolean;
      let timer: ClockTimer | null = null;
      const end = (): void => {
        isOver = true;
        timer?.cancel();
        signal?.removeEventListener('abort', abort);
        this.standing.delete(fail);
        leave?.();
      };
      const fail = (error: Error): void => {
        end();
        reject(site.blame(error));
      };
      const abort = (): void => {
        end();
        reject(signal?.reason as Error);
      };
      let leave: (() => void) | null = null;
      leave = join({
        resolve: (value) => {
          end();
          resolve(value);
        },
        reject: fail,
      });
      if (isOver) return;
      if (this.closed !== null) {
        fail(closedError(this.closed, what));
        return;
      }
      this.standing.set(fail, what);
      signal?.addEventListener('abort', abort);
      if (timeoutMs !== undefined) {
        const late = (): void => fail(new WaitTimeoutError(`${what()} did not come within ${timeoutMs} ms`));
        timer = this.clock.setTimeout(late, timeoutMs);
      }
    });
    // whoever does not wait any more, because a test has failed meanwhile, is not to hear of it as of a second failure
    promise.catch(() => undefined);
    return promise;
  }

  /** Nothing comes any more. @param who `mini-server` or `proxy` */
  close(who: string): void {
    this.closed = who;
    for (const [fail, what] of [...this.standing]) fail(closedError(who, what));
  }
}

function closedError(who: string, what: () => string): UsageError {
  return new UsageError('ZK_TARGET_CLOSED', `the ${who} was closed: ${what()} cannot come any more`);
}

function checked(options: WaitOptions): WaitOptions {
  known('a wait', options, ['timeoutMs', 'signal']);
  const { timeoutMs, signal } = options;
  if (timeoutMs !== undefined) duration('timeoutMs', timeoutMs);
  if (signal !== undefined && !isSignal(signal)) {
    throw new InvalidOptionError(`signal must be an AbortSignal, not ${shown(signal)}`);
  }
  return options;
}

/** By what it can do: another realm's will do as well. */
function isSignal(value: unknown): boolean {
  const { aborted, addEventListener } = (value ?? {}) as Partial<AbortSignal>;
  return typeof aborted === 'boolean' && typeof addEventListener === 'function';
}
