/** Pauses between attempts. They end early when their signal aborts, or when the Conn is over. */
import type { Clock, Timer } from '../net/clock.js';
import { abortReason, forget, onAbort, type Abortable } from './aborts.js';

export class Delays {
  private readonly waiting = new Set<Abortable>();
  private over: Error | null = null;

  constructor(private readonly clock: Clock) {}

  /** Resolves when that much time has passed. Rejects with the reason of the abort, or of the end. */
  wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
    const { over, clock, waiting } = this;
    if (signal?.aborted === true) return Promise.reject(abortReason(signal));
    if (over !== null) return Promise.reject(over);
    return new Promise((resolve, reject) => {
      const until = clock.now() + ms;
      let timer: Timer | null = null;
      const settle = (): void => {
        timer?.cancel();
        waiting.delete(pause);
        if (signal !== undefined) forget(signal, pause);
      };
      const pause: Abortable = {
        abort: (reason) => {
          settle();
          reject(reason);
        },
      };
      // a timer may be early
      const arm = (): void => {
        const leftMs = until - clock.now();
        if (leftMs > 0) {
          timer = clock.setTimer(arm, leftMs);
          return;
        }
        settle();
        resolve();
      };
      waiting.add(pause);
      if (signal !== undefined) onAbort(signal, pause);
      arm();
    });
  }

  /** There is something to wait for again. */
  begin(): void {
    this.over = null;
  }

  /** Ends all pauses, and all that would come: nobody has to wait for something that is over. */
  end(reason: Error): void {
    this.over = reason;
    for (const pause of [...this.waiting]) pause.abort(reason);
  }
}
