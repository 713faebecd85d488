/** Waits for a session on a connection, and for the server's word on the credentials that were given with it. */
import type { Driver } from '../net/driver.js';
import { NoServerError } from '../protocol/errors.js';
import { overError } from '../session/fates.js';
import { forget, onAbort, type Abortable } from './aborts.js';
import { checkAuth } from './arguments.js';
import type { EventSource } from './events.js';
import type { AuthInfo } from './options.js';

export class Connecting {
  private unansweredAuth = 0;
  private readonly authAnswered = new Set<() => void>();

  constructor(
    private readonly driver: Driver,
    private readonly events: EventSource,
  ) {}

  /** Presents a credential that a wait includes. */
  present({ scheme, auth }: AuthInfo): void {
    this.unansweredAuth++;
    const answered = (): void => {
      this.unansweredAuth--;
      for (const look of this.authAnswered) look();
    };
    // whoever waits hears of that through the state, which follows
    const refused = (): void => {
      this.unansweredAuth--;
    };
    const bytes = checkAuth(scheme, auth);
    // they wait as long as it takes: there may be nothing to connect to when they are given
    this.driver.addAuth(scheme, bytes, { resolve: answered, reject: refused }, 0);
  }

  /**
   * Starts to connect if nothing was started yet, and resolves when there is a session.
   * @param timeoutMs 0 for ever
   * @throws NoServerError, AuthFailedError, SessionExpiredError, ConnClosedError, the reason of the signal
   */
  until(timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        timer?.cancel();
        this.events.off('state', look);
        this.authAnswered.delete(look);
        if (signal !== undefined) forget(signal, given);
      };
      const given: Abortable = {
        abort: (reason) => {
          settle();
          reject(reason);
        },
      };
      const look = (): void => {
        const { phase } = this.driver.core;
        const over =
          phase.name === 'authFailed'
            ? phase.cause
            : overError(phase, { op: 'connect', outcome: 'not-sent' });
        if (over !== null) {
          settle();
          reject(over);
        } else if (phase.name === 'live' && this.unansweredAuth === 0) {
          settle();
          resolve();
        }
      };
      const late = (): void => {
        settle();
        reject(this.noServer(timeoutMs));
      };
      const timer = timeoutMs === 0 ? null : this.driver.clock.setTimer(late, timeoutMs);
      this.events.on('state', look);
      this.authAnswered.add(look);
      if (signal !== undefined) onAbort(signal, given);
      this.driver.start();
      look();
    });
  }

  private noServer(timeoutMs: number): NoServerError {
    const { failures, server } = this.driver;
    const texts = [...failures].map(([name, { message }]) =>
      message.startsWith(name) ? message : `${name}: ${message}`,
    );
    // there may be a session, and no word yet on the credentials
    const silence = server === undefined ? 'no server answered' : `${server} did not answer to auth`;
    const why = texts.length === 0 ? silence : texts.join('; ');
    const cause = new AggregateError(failures.values(), why);
    return new NoServerError(`not connected within ${timeoutMs} ms (${why})`, cause);
  }
}
