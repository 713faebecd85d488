/**
 * The watch that a `…W` call gives: a channel of exactly one event. Written by hand and not as an async generator,
 * which would let the reply behind an event reach user code before it.
 */
import { ConnClosedError, WatchClosedError, type ZkError } from '../protocol/errors.js';
import type { WatchKind } from '../protocol/op.js';
import { stripChroot } from '../protocol/paths.js';
import { WatchEventRecord, type WatchEvent, type Watcher, type WatchRegistry } from '../session/watches.js';

/**
 * A one-shot watch (ZooKeeper programmer's guide, "watches"): `for await (const event of watch)` yields its event and
 * ends; `await watch.event` is the event; `watch.close()` gives it up.
 *
 * It survives reconnects: it is armed again, and a change that was missed meanwhile fires it at once. It ends without
 * an event when it or the Conn is closed, and with an error when the session expires.
 */
export class Watch implements AsyncIterableIterator<WatchEvent, undefined> {
  /** The watched path, as the caller gave it. */
  readonly path: string;
  private readonly cell: WatchCell;
  private promise: Promise<WatchEvent> | null = null;
  /** Has the iterator given its event, or said that it will not? */
  private taken = false;

  /** @internal */
  constructor(path: string, cell: WatchCell) {
    this.path = path;
    this.cell = cell;
  }

  /**
   * The event. Rejects with SessionExpiredError, AuthFailedError or ConnClosedError when the watch ends without one,
   * and with {@link WatchClosedError} after `close()`. A rejection that nobody handles is not reported as unhandled.
   */
  get event(): Promise<WatchEvent> {
    if (this.promise === null) {
      this.promise = new Promise((resolve, reject) => this.cell.whenSettled(resolve, reject));
      this.promise.catch(() => undefined);
    }
    return this.promise;
  }

  /**
   * Gives the watch up, at once: {@link event} rejects, an iteration ends. If nobody else on this Conn wants it, it is taken off
   * the server too, by a request that goes out behind this call: the server forgets it some messages later. A server before 3.5,
   * or one that does not answer to `srvr`, keeps it until it fires; that event finds nobody here. Idempotent.
   */
  close(): void {
    this.cell.close(new WatchClosedError({ path: this.path, outcome: 'not-sent' }));
  }

  /** `using`: closes the watch. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** `await using`: closes the watch. */
  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The event, once; then the end. Rejects once when the session has expired or the credentials were refused. */
  next(): Promise<IteratorResult<WatchEvent, undefined>> {
    return new Promise((resolve, reject) => {
      const end = (): void => resolve({ value: undefined, done: true });
      this.cell.whenSettled(
        (event) => (this.take() ? resolve({ value: event, done: false }) : end()),
        (error) => (this.take() && !isClosing(error) ? reject(error) : end()),
      );
    });
  }

  /** What `break` does: {@link close}. */
  return(): Promise<IteratorResult<WatchEvent, undefined>> {
    this.close();
    this.taken = true;
    return Promise.resolve({ value: undefined, done: true });
  }

  /** What a log may show of it. */
  toJSON(): { readonly path: string; readonly state: 'waiting' | 'fired' | 'ended' } {
    return { path: this.path, state: this.cell.state };
  }

  /** `console.log(watch)`: the same, and nothing of the Conn behind it. */
  [Symbol.for('nodejs.util.inspect.custom')](): unknown {
    return { Watch: this.toJSON() };
  }

  /** True the first time. */
  private take(): boolean {
    const first = !this.taken;
    this.taken = true;
    return first;
  }
}

/** Somebody closed it on purpose: the end of an iteration, not an error in it. */
function isClosing(error: ZkError): boolean {
  return error instanceof WatchClosedError || error instanceof ConnClosedError;
}

interface Waiter {
  readonly fired: (event: WatchEvent) => void;
  readonly ended: (error: ZkError) => void;
}

/** The session's side of a watch. There may be 100,000 of these: few fields, nothing made before it is asked for. */
export class WatchCell implements Watcher {
  private kind: WatchKind | null = null;
  private event: WatchEvent | null = null;
  private error: ZkError | null = null;
  private waiters: Waiter[] | null = null;

  constructor(
    private readonly registry: WatchRegistry,
    private readonly serverPath: string,
    private readonly chroot: string,
  ) {}

  armed(kind: WatchKind): void {
    this.kind = kind;
    // closed before the reply came
    if (this.isSettled) this.registry.disarm(kind, this.serverPath, this);
  }

  fired(event: WatchEvent): void {
    if (this.isSettled) return;
    const { chroot } = this;
    this.event =
      chroot === '' ? event : new WatchEventRecord(event.type, stripChroot(chroot, event.path), event.zxid);
    this.wake();
  }

  suspended(): void {
    // its event waits for it
  }

  missed(): void {
    // the server tells it what it has missed
  }

  ended(error: ZkError): void {
    if (this.isSettled) return;
    this.error = error;
    this.wake();
  }

  close(error: ZkError): void {
    if (this.isSettled) return;
    if (this.kind !== null) this.registry.disarm(this.kind, this.serverPath, this);
    this.ended(error);
  }

  /** Calls back with the event or the error; at once if there is one. */
  whenSettled(fired: Waiter['fired'], ended: Waiter['ended']): void {
    if (this.event !== null) fired(this.event);
    else if (this.error !== null) ended(this.error);
    else (this.waiters ??= []).push({ fired, ended });
  }

  get state(): 'waiting' | 'fired' | 'ended' {
    return this.event !== null ? 'fired' : this.error !== null ? 'ended' : 'waiting';
  }

  private get isSettled(): boolean {
    return this.event !== null || this.error !== null;
  }

  private wake(): void {
    const { waiters } = this;
    this.waiters = null;
    if (waiters !== null) for (const { fired, ended } of waiters) this.whenSettled(fired, ended);
  }
}
