/**
 * The hand-written async iterator behind all streams. Not an async generator: that would let the reply behind an event
 * reach user code before the event.
 */
import { ConnClosedError, WatchClosedError, ZkError } from '../protocol/errors.js';
import { abortReason, forget, onAbort, type Abortable } from './aborts.js';
import { Fifo } from './fifo.js';

interface Taker<T> {
  readonly resolve: (result: IteratorResult<T, undefined>) => void;
  readonly reject: (error: Error) => void;
}

/**
 * An endless sequence for `for await`. `break`, `return` and an exception in the loop close it, as `close()`, `using`, its
 * signal and the end of the Conn do. After its end `next()` says done; if it ended with an error, the first `next()`
 * rejects with that.
 */
export abstract class Stream<T> implements AsyncIterableIterator<T, undefined> {
  /** The watched path, as the caller gave it. */
  readonly path: string;
  private readonly takers = new Fifo<Taker<T>>();
  private readonly signal: AbortSignal | undefined;
  private readonly abortable: Abortable;
  private over = false;
  /** What it ends with, in a box: the reason of an abort may be anything, null too. */
  private error: { readonly error: Error } | null = null;

  /** @internal The signal must not have aborted. */
  constructor(path: string, signal: AbortSignal | undefined) {
    this.path = path;
    this.signal = signal;
    this.abortable = { abort: (reason) => this.abort(reason) };
    if (signal !== undefined) onAbort(signal, this.abortable);
  }

  /** The next item, as soon as there is one. */
  next(): Promise<IteratorResult<T, undefined>> {
    // whoever asked before gets his first
    const ready = this.takers.length === 0 ? this.takeReady() : null;
    if (ready !== null) return Promise.resolve({ value: ready.value, done: false });
    if (this.over) return this.theEnd();
    return new Promise((resolve, reject) => {
      this.takers.push({ resolve, reject });
      this.wanted();
    });
  }

  /** What `break` does: {@link close}. */
  return(): Promise<IteratorResult<T, undefined>> {
    this.close();
    this.error = null;
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Ends the stream, and drops what was not taken. Its watch is taken off the server if nobody else wants it. Idempotent. */
  close(): void {
    if (this.over) return;
    this.drop();
    this.finish(null);
  }

  /** `using`: closes it. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** `await using`: closes it. */
  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  /** What a log may show of it. */
  toJSON(): { readonly path: string; readonly state: 'open' | 'closed' } {
    return { path: this.path, state: this.over ? 'closed' : 'open' };
  }

  /** `console.log(stream)`: the same, and nothing of the Conn behind it. */
  [Symbol.for('nodejs.util.inspect.custom')](): unknown {
    return { [this.constructor.name]: this.toJSON() };
  }

  private abort(reason: Error): void {
    if (this.over) return;
    this.drop();
    this.end({ error: reason });
  }

  /** Is it over? What it holds may still be taken. */
  protected get isOver(): boolean {
    return this.over;
  }

  /** Does somebody wait for an item? */
  protected get isWanted(): boolean {
    return this.takers.length > 0;
  }

  /** An item that lies ready, in a box; null for none. */
  protected abstract takeReady(): { readonly value: T } | null;

  /** Somebody waits for an item, and none lies ready. */
  protected abstract wanted(): void;

  /** Forgets what lies ready: nobody will take it. */
  protected abstract drop(): void;

  /** It is over: lets go of the server's watch. */
  protected abstract release(): void;

  /** Gives an item to whoever waits. @returns false if nobody does */
  protected give(value: T): boolean {
    const taker = this.takers.shift();
    taker?.resolve({ value, done: false });
    return taker !== undefined;
  }

  /** Ends the stream. What lies ready is still handed out; then comes the error, if it is one, or the end. */
  protected finish(error: Error | null): void {
    this.end(error === null || isClosing(error) ? null : { error });
  }

  private end(error: { readonly error: Error } | null): void {
    if (this.over) return;
    this.over = true;
    if (this.signal !== undefined) forget(this.signal, this.abortable);
    this.error = error;
    this.release();
    // in this turn, before anybody can ask who is answered at once
    for (const { resolve, reject } of this.takers.drain()) {
      const failure = this.takeError();
      if (failure === null) resolve({ value: undefined, done: true });
      else reject(failure.error);
    }
  }

  private theEnd(): Promise<IteratorResult<T, undefined>> {
    const failure = this.takeError();
    return failure === null
      ? Promise.resolve({ value: undefined, done: true })
      : Promise.reject(failure.error);
  }

  /** The first who asks hears of it. */
  private takeError(): { readonly error: Error } | null {
    const { error } = this;
    this.error = null;
    return error;
  }
}

/** Somebody closed it on purpose: the end of an iteration, not an error in it. */
export function isClosing(error: unknown): boolean {
  return ZkError.is(error) && (error instanceof WatchClosedError || error instanceof ConnClosedError);
}

/** @throws the reason of a signal that has aborted already: nothing is begun then */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw abortReason(signal);
}
