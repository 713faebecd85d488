/**
 * Calls that hang on AbortSignals. One listener per signal, however many calls: adding one for each would cost more than
 * the call, and a signal that lives as long as the program must end up with none.
 */

/** What is given up when its signal says so. */
export interface Abortable {
  abort(reason: Error): void;
}

class Watchers {
  private readonly all = new Set<Abortable>();

  constructor(private readonly signal: AbortSignal) {}

  add(one: Abortable): void {
    if (this.all.size === 0) this.signal.addEventListener('abort', this.aborted);
    this.all.add(one);
  }

  delete(one: Abortable): void {
    if (this.all.delete(one) && this.all.size === 0) this.signal.removeEventListener('abort', this.aborted);
  }

  private readonly aborted = (): void => {
    const all = [...this.all];
    this.all.clear();
    this.signal.removeEventListener('abort', this.aborted);
    for (const one of all) one.abort(abortReason(this.signal));
  };
}

const watchersOf = new WeakMap<AbortSignal, Watchers>();

/** Calls `abort` when the signal aborts, unless {@link forget} came first. The signal must not have aborted yet. */
export function onAbort(signal: AbortSignal, one: Abortable): void {
  let watchers = watchersOf.get(signal);
  if (watchers === undefined) {
    watchers = new Watchers(signal);
    watchersOf.set(signal, watchers);
  }
  watchers.add(one);
}

/** The signal does not matter any more. */
export function forget(signal: AbortSignal, one: Abortable): void {
  watchersOf.get(signal)?.delete(one);
}

/** What an aborted call rejects with: the reason itself, whatever it is. */
export function abortReason(signal: AbortSignal): Error {
  return signal.reason as Error;
}
