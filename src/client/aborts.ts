/**
 * Calls that hang on AbortSignals. One listener per signal, however many calls: adding one for each would cost more than
 * the call, and a signal that lives as long as the program must end up with none.
 */

/** What is given up when its signal says so. */
export interface Abortable {
  abort(reason: Error): void;
}

/**
 * One of a ring. Those who pass a signal pass it with every call, so calls join a ring and leave it without a look-up. It
 * is no Set for another reason, too: the tables that a Set outgrows lie in the old generation, and keep alive what came
 * and went.
 */
class Link {
  before: Link = this;
  after: Link = this;

  /** Stands behind all that are in the ring of `head`. */
  join(head: Link): void {
    this.before = head.before;
    this.after = head;
    head.before.after = this;
    head.before = this;
  }

  leave(): void {
    this.before.after = this.after;
    this.after.before = this.before;
    this.before = this;
    this.after = this;
  }

  get isAlone(): boolean {
    return this.after === this;
  }
}

class Watchers {
  /** Whatever is not a single call. */
  private readonly others = new Set<Abortable>();
  /** Stands before the first call of a ring. */
  private readonly calls = new Link();

  constructor(private readonly signal: AbortSignal) {}

  add(one: Abortable): void {
    this.listen();
    this.others.add(one);
  }

  delete(one: Abortable): void {
    if (this.others.delete(one)) this.listenNoMore();
  }

  join<P>(call: CallOnSignal<P>): void {
    this.listen();
    call.join(this.calls);
  }

  left(): void {
    if (this.calls.isAlone) this.listenNoMore();
  }

  private get isEmpty(): boolean {
    return this.calls.isAlone && this.others.size === 0;
  }

  private listen(): void {
    if (this.isEmpty) this.signal.addEventListener('abort', this.aborted);
  }

  private listenNoMore(): void {
    if (this.isEmpty) this.signal.removeEventListener('abort', this.aborted);
  }

  private readonly aborted = (): void => {
    const all: Abortable[] = [...this.others];
    this.others.clear();
    for (let next = this.calls.after; next instanceof CallOnSignal; next = this.calls.after) {
      next.leave();
      all.push(next);
    }
    this.signal.removeEventListener('abort', this.aborted);
    for (const one of all) one.abort(abortReason(this.signal));
  };
}

const watchersOf = new WeakMap<AbortSignal, Watchers>();

function watchersFor(signal: AbortSignal): Watchers {
  let watchers = watchersOf.get(signal);
  if (watchers === undefined) {
    watchers = new Watchers(signal);
    watchersOf.set(signal, watchers);
  }
  return watchers;
}

/** Calls `abort` when the signal aborts, unless {@link forget} came first. The signal must not have aborted yet. */
export function onAbort(signal: AbortSignal, one: Abortable): void {
  watchersFor(signal).add(one);
}

/** The signal does not matter any more. */
export function forget(signal: AbortSignal, one: Abortable): void {
  watchersOf.get(signal)?.delete(one);
}

/** Where a request is given up. */
interface Canceller<P> {
  cancel(pending: P, reason: Error): void;
}

/** A call on a signal, until it is settled. */
class CallOnSignal<P> extends Link implements Abortable {
  constructor(
    private readonly watchers: Watchers,
    private readonly by: Canceller<P>,
    private readonly pending: P,
  ) {
    super();
    watchers.join(this);
  }

  abort(reason: Error): void {
    this.by.cancel(this.pending, reason);
  }

  settled(): void {
    if (this.isAlone) return;
    this.leave();
    this.watchers.left();
  }
}

/** Cancels a request when the signal aborts, until it is told that the request is settled. The signal must not have aborted yet. */
export function abortWith<P>(signal: AbortSignal, by: Canceller<P>, pending: P): { settled(): void } {
  return new CallOnSignal(watchersFor(signal), by, pending);
}

/** What an aborted call rejects with: the reason itself, whatever it is. */
export function abortReason(signal: AbortSignal): Error {
  return signal.reason as Error;
}
