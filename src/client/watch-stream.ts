/** Every event of a persistent watch, in order, with a mark where some may be missing. */
import { WatchClosedError } from '../protocol/errors.js';
import type { WatchKind } from '../protocol/op.js';
import { stripChroot } from '../protocol/paths.js';
import { WatchEventRecord, type WatchEvent, type Watcher, type WatchRegistry } from '../session/watches.js';
import type { CallOptions } from './arguments.js';
import { Fifo } from './fifo.js';
import { Stream } from './stream.js';

/** The connection was lost and is there again. What happened meanwhile is not told: read what you need to know anew. */
export interface WatchGap {
  readonly type: 'gap';
}

/** The reader was too slow: so many events behind the ones before were dropped. Read what you need to know anew. */
export interface WatchOverflow {
  readonly type: 'overflow';
  readonly dropped: number;
}

/** The connection is lost. Only with the option `suspensions`; a `gap` follows when it is there again. */
export interface WatchSuspension {
  readonly type: 'suspended';
}

/** What a {@link WatchStream} yields. */
export type WatchItem = WatchEvent | WatchGap | WatchOverflow | WatchSuspension;

/** Options of `addWatch`. */
export interface AddWatchOptions extends CallOptions {
  /** Items that are kept for a reader who is slower than the events; what comes on top is dropped and counted. Default 1024. */
  readonly bufferSize?: number | undefined;
  /** Yield `{ type: 'suspended' }` when the connection is lost. Default false. */
  readonly suspensions?: boolean | undefined;
}

const GAP: WatchGap = Object.freeze({ type: 'gap' });
const SUSPENDED: WatchSuspension = Object.freeze({ type: 'suspended' });

/** Settings of a stream, checked. */
export interface WatchStreamSettings {
  readonly serverPath: string;
  readonly chroot: string;
  readonly signal: AbortSignal | undefined;
  readonly bufferSize: number;
  readonly suspensions: boolean;
}

/**
 * The events of a persistent watch (ZOOKEEPER-1416), made by `conn.addWatch`: `for await (const item of stream)`. Every
 * event is yielded, in order; where some may be missing stands a {@link WatchGap} or a {@link WatchOverflow}.
 *
 * It survives reconnects. It ends when it, its signal or the Conn is closed, and with an error when the session expires.
 */
export class WatchStream extends Stream<WatchItem> {
  private readonly settings: WatchStreamSettings;
  private readonly registry: WatchRegistry;
  /** @internal The session's side. */
  readonly watcher: Watcher;
  private kind: WatchKind | null = null;
  private readonly items = new Fifo<WatchItem>();
  private dropped = 0;
  /** A gap came when there was no room for it. */
  private owesGap = false;

  /** @internal */
  constructor(path: string, registry: WatchRegistry, settings: WatchStreamSettings) {
    super(path, settings.signal);
    this.registry = registry;
    this.settings = settings;
    this.watcher = {
      armed: (kind) => {
        this.kind = kind;
        // its signal aborted before the reply came
        if (this.isOver) this.release();
      },
      fired: (event) => this.fired(event),
      // one is enough
      missed: () => {
        if (this.items.last !== GAP) this.push(GAP);
      },
      suspended: () => {
        if (settings.suspensions) this.push(SUSPENDED);
      },
      ended: (error) => {
        this.kind = null;
        this.finish(error);
      },
    };
  }

  private fired(event: WatchEvent): void {
    const { chroot } = this.settings;
    const { type, path, zxid } = event;
    this.push(chroot === '' ? event : new WatchEventRecord(type, stripChroot(chroot, path), zxid));
  }

  /** @internal The request to arm it was refused. */
  fail(): void {
    this.finish(new WatchClosedError({ path: this.path, outcome: 'not-sent' }));
  }

  protected override takeReady(): { readonly value: WatchItem } | null {
    const value = this.items.shift();
    if (value !== undefined) return { value };
    const mark = this.mark();
    return mark === null ? null : { value: mark };
  }

  protected override wanted(): void {
    // the server tells of itself
  }

  protected override drop(): void {
    this.items.clear();
    this.dropped = 0;
    this.owesGap = false;
  }

  protected override release(): void {
    if (this.kind !== null) this.registry.disarm(this.kind, this.settings.serverPath, this.watcher);
    this.kind = null;
  }

  private push(item: WatchItem): void {
    if (this.isOver || this.give(item)) return;
    if (this.items.length >= this.settings.bufferSize) {
      // only events are missed: a gap is told behind what lies ready, and follows a suspension anyway
      if (item === GAP) this.owesGap = true;
      else if (item !== SUSPENDED) this.dropped++;
      return;
    }
    const mark = this.mark();
    if (mark !== null) this.items.push(mark);
    if (item !== GAP || this.items.last !== GAP) this.items.push(item);
  }

  /** What must be told before anything else, if anything must. An overflow stands for a gap, too. */
  private mark(): WatchOverflow | WatchGap | null {
    const { dropped, owesGap } = this;
    this.dropped = 0;
    this.owesGap = false;
    if (dropped > 0) return { type: 'overflow', dropped };
    return owesGap ? GAP : null;
  }
}
