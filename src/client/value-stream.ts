/** The newest state of a node, again and again: reads it, watches it, and reads it anew when it has changed. */
import {
  ConnectionLossError,
  NoNodeError,
  NotReadOnlyError,
  SessionExpiredError,
  ZkError,
} from '../protocol/errors.js';
import { isClosing, Stream } from './stream.js';
import type { Watch } from './watch.js';

/** Options of `watchData` and `watchChildren`. */
export interface ValueStreamOptions {
  /** Ends the stream: `next()` rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
  /** What an expired session is: something to go on behind, when there is a new one, or the end. Default true: go on. */
  readonly acrossSessions?: boolean | undefined;
}

/** How one kind of state is read. All are calls of the Conn. */
export interface ValueSource<V> {
  /** Reads it, with a watch for its next change. */
  read(): Promise<{ readonly value: V; readonly watch: Watch }>;
  /** For a node that is not there: a watch for its creation; `exists` if it is there by now. */
  awaitCreation(): Promise<{ readonly exists: boolean; readonly watch: Watch }>;
  /** Brings the server up to date with its leader. */
  sync(): Promise<unknown>;
  /** Do two values stand for the same state? */
  isSame(a: V, b: V): boolean;
  /** Will there never be a session again? */
  isOver(): boolean;
  /** Calls back when there is a connection with a session, or never will be one; returns how to take that back. */
  onceUsable(callback: () => void): () => void;
  /** How many sessions there have been. */
  sessionEpoch(): number;
  /** Was the session made by a server in read-only mode? Nothing is lost with it. */
  isLocal(): boolean;
  /** Calls back after so many ms, or when there never will be a session again; returns how to take that back. */
  after(delayMs: number, callback: () => void): () => void;
}

/** Pause behind a read that failed though there is a connection, ms: doubling up to the second. */
const RETRY_BASE_MS = 50;
const RETRY_MAX_MS = 5000;

/**
 * The newest value of a node, made by `conn.watchData` and `conn.watchChildren`; null while there is no such node.
 * `for await (const value of stream)` yields the current one, then each newer one. Of several changes that come while the
 * loop is busy it yields the last: nothing piles up, and the final state is always seen.
 *
 * It goes on across deletion, re-creation, reconnects and, unless told otherwise, a new session. It ends when it, its
 * signal or the Conn is closed, and with the error of a read that cannot succeed, such as NoAuthError.
 */
export class ValueStream<V> extends Stream<V | null> {
  private readonly source: ValueSource<V>;
  private readonly acrossSessions: boolean;
  private watch: Watch | null = null;
  /** The value that the last `next()` gave; undefined before the first. */
  private last: V | null | undefined = undefined;
  private reading = false;
  /** May the state be another one than what was read last? */
  private stale = true;
  /** The server may be behind what was read before. */
  private mustSync = false;
  /** Epoch of the session of the last read; null before the first. */
  private epoch: number | null = null;
  private wasLocal = false;
  private failures = 0;
  /** Set during the pause behind a read that failed. */
  private cancelWait: (() => void) | null = null;

  /** @internal */
  constructor(
    path: string,
    source: ValueSource<V>,
    signal: AbortSignal | undefined,
    acrossSessions: boolean,
  ) {
    super(path, signal);
    this.source = source;
    this.acrossSessions = acrossSessions;
  }

  protected override takeReady(): null {
    // nothing is read before somebody asks for it: it would not be the newest any more
    return null;
  }

  protected override wanted(): void {
    if (this.stale) this.read();
  }

  protected override drop(): void {
    // there is nothing
  }

  protected override release(): void {
    this.cancelWait?.();
    this.cancelWait = null;
    this.watch?.close();
    this.watch = null;
  }

  private read(): void {
    if (this.reading || this.isOver || this.cancelWait !== null) return;
    this.reading = true;
    this.stale = false;
    this.readOnce().then(
      () => {
        this.reading = false;
        this.failures = 0;
        // it changed while it was read, and somebody waits
        if (this.stale && this.isWanted) this.read();
      },
      (error: unknown) => {
        this.reading = false;
        this.stale = true;
        this.failed(error as Error);
      },
    );
  }

  private async readOnce(): Promise<void> {
    await this.catchUp();
    try {
      const { value, watch } = await this.source.read();
      this.arrived(value, watch);
    } catch (error) {
      if (!(error instanceof NoNodeError)) throw error;
      const { exists, watch } = await this.source.awaitCreation();
      if (exists) {
        // created between the two: reading it arms a watch as well
        this.stale = true;
        watch.close();
      } else {
        this.arrived(null, watch);
      }
    }
  }

  /** No value may be older than one that was given: a new session may be on a server that is behind. */
  private async catchUp(): Promise<void> {
    // nobody tells of the end of a session where no watch waits
    if (this.isOtherSession) {
      if (!this.acrossSessions && !this.wasLocal)
        throw new SessionExpiredError({ path: this.path, outcome: 'not-sent' });
      this.mustSync = true;
    }
    if (!this.mustSync) return;
    try {
      await this.source.sync();
      this.mustSync = false;
    } catch (error) {
      // nothing to be up to date with: a server without a quorum is what the user asked for, until there is one
      if (!(error instanceof NotReadOnlyError)) throw error;
    }
    this.joined();
  }

  private joined(): void {
    this.epoch = this.source.sessionEpoch();
    this.wasLocal = this.source.isLocal();
  }

  private get isOtherSession(): boolean {
    return this.epoch !== null && this.epoch !== this.source.sessionEpoch();
  }

  private arrived(value: V | null, watch: Watch): void {
    if (this.isOver) {
      watch.close();
      return;
    }
    if (this.isOtherSession) {
      // it waited for the next session
      this.stale = true;
      watch.close();
      return;
    }
    this.joined();
    this.watch = watch;
    watch.event.then(
      () => this.changed(watch, null),
      (error: unknown) => this.changed(watch, error),
    );
    if (this.isNew(value) && this.give(value)) this.last = value;
  }

  private isNew(value: V | null): boolean {
    const { last } = this;
    if (last === undefined) return true;
    return last === null || value === null ? last !== value : !this.source.isSame(last, value);
  }

  /** The watch has fired, or has ended for the reason given. */
  private changed(watch: Watch, error: unknown): void {
    if (this.watch !== watch || this.isOver) return;
    this.watch = null;
    if (error !== null && !this.maySurvive(error)) {
      this.finish(error as Error);
      return;
    }
    // the next server may be behind the one that we have read from
    if (error instanceof SessionExpiredError) this.mustSync = true;
    this.stale = true;
    if (this.isWanted) this.read();
  }

  private maySurvive(error: unknown): boolean {
    if (error instanceof SessionExpiredError) return this.acrossSessions && !this.source.isOver();
    // with `rearmWatches: false`
    if (error instanceof ConnectionLossError) return true;
    // the server would not arm it again: the next read says why
    return !isClosing(error) && ZkError.is(error) && error.outcome === 'rejected';
  }

  private mayRetry(error: Error): boolean {
    if (this.source.isOver() || !ZkError.is(error)) return false;
    return error instanceof SessionExpiredError ? this.acrossSessions : error.retryable;
  }

  private failed(error: Error): void {
    if (this.isOver) return;
    if (!this.mayRetry(error)) {
      this.finish(error);
      return;
    }
    if (error instanceof SessionExpiredError) this.mustSync = true;
    const delayMs = Math.min(RETRY_MAX_MS, RETRY_BASE_MS * 2 ** Math.min(this.failures++, 10));
    const again = (): void => {
      this.cancelWait = null;
      if (this.isWanted) this.read();
    };
    this.cancelWait = this.source.onceUsable(() => {
      if (this.source.isOver()) again();
      else this.cancelWait = this.source.after(delayMs, again);
    });
  }
}
