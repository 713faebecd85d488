/** The signal and the time of a call that is made of many. */
import type { Clock } from '../net/clock.js';
import { RequestTimeoutError, type Outcome } from '../protocol/errors.js';
import { abortReason } from './aborts.js';
import type { CallOptions } from './arguments.js';

export class Budget {
  private readonly endsAt: number;
  private used = false;
  private error: RequestTimeoutError | null = null;

  /** @param options checked; `timeoutMs` is for all together, 0 for ever */
  constructor(
    private readonly clock: Clock,
    private readonly options: CallOptions,
    private readonly op: string,
    private readonly path: string,
  ) {
    const { timeoutMs } = options;
    this.endsAt = timeoutMs === undefined || timeoutMs === 0 ? Infinity : clock.now() + timeoutMs;
  }

  /**
   * The options of the next single call.
   * @throws the reason of the abort; RequestTimeoutError if no time is left
   */
  next(): CallOptions {
    const { signal, timeoutMs } = this.options;
    if (signal?.aborted === true) throw abortReason(signal);
    if (this.endsAt === Infinity) return { signal, timeoutMs };
    const leftMs = Math.ceil(this.endsAt - this.clock.now());
    if (leftMs <= 0) {
      this.error = this.timeout(this.used ? 'unknown' : 'not-sent');
      throw this.error;
    }
    this.used = true;
    return { signal, timeoutMs: leftMs };
  }

  /** What is left of the time, ms; Infinity for ever. */
  get leftMs(): number {
    return Math.max(0, this.endsAt - this.clock.now());
  }

  /** Has it refused a call? */
  get over(): boolean {
    return this.error !== null;
  }

  /** Its own error, where it turns out that no call before it can have changed anything. */
  withoutDoubt(error: unknown): unknown {
    return error === this.error ? this.timeout('not-sent') : error;
  }

  private timeout(outcome: Outcome): RequestTimeoutError {
    return new RequestTimeoutError({ op: this.op, path: this.path, outcome });
  }
}
