/** Pauses between attempts. They end early when their signal aborts, or when the Conn is over. */
import type { Clock, Timer } from '../net/clock.js';
import { abortReason, forget, onAbort, type Abortable } from './aborts.js';

export class Delays {
  private readonly waiting = new Set<Abortable>();
  private over: Error | null = null;

  constructor(private readonly clock: Clock) {}

  /**
   * Resolves when that much time has passed. Rejects with the reason of the abort, or of the end.
   * @param holds does it keep the process alive?
   */
  wait(ms: number, signal: AbortSignal | undefined, holds = true): Promise<void> {
    if (signal?.aborted === true) return Promise.reject(abortReason(signal));
    if (this.over !== null) return Promise.reject(this.over);
    if (ms <= 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const pause = this.pause(
        ms,
        (reason) => {
          if (signal !== undefined) forget(signal, pause);
          if (reason === null) resolve();
          else reject(reason);
        },
        holds,
      );
      if (signal !== undefined) onAbort(signal, pause);
    });
  }

  /** Calls back once, later: when that much time has passed, or the Conn is over. @returns how to take that back */
  after(ms: number, callback: () => void): () => void {
    const pause = this.pause(this.over === null ? ms : 0, callback, true);
    return () => pause.cancel();
  }

  /** @param done hears, later, why it ended early, or null */
  private pause(
    ms: number,
    done: (reason: Error | null) => void,
    holds: boolean,
  ): Abortable & { cancel(): void } {
    const { clock, waiting } = this;
    const until = clock.now() + ms;
    let timer: Timer;
    const settle = (): void => {
      timer.cancel();
      waiting.delete(pause);
    };
    const pause = {
      cancel: settle,
      abort: (reason: Error) => {
        settle();
        done(reason);
      },
    };
    const arm = (): void => {
      timer = clock.setTimer(look, until - clock.now());
      if (!holds) timer.unref?.();
    };
    // a timer may be early
    const look = (): void => {
      if (clock.now() < until) {
        arm();
        return;
      }
      settle();
      done(null);
    };
    waiting.add(pause);
    arm();
    return pause;
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
