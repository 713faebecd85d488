/**
 * Which watches are armed on the server for this session: one table per kind, path → watchers (Java `ZKWatchManager`).
 * Paths are the server's, with the chroot.
 */
import { Limits, type EventType } from '../protocol/constants.js';
import type { ZkError } from '../protocol/errors.js';
import type { SetWatchesRequest } from '../protocol/operations.js';
import type { WatchKind } from '../protocol/op.js';
import { withReadableJson } from '../protocol/readable.js';
import { REQUEST_HEADER_BYTES } from '../protocol/records.js';

/** One change of a znode, as a watch reports it. In JSON the zxid is a hexadecimal text. */
export interface WatchEvent {
  readonly type: EventType;
  readonly path: string;
  /** zxid of the change; `undefined` from servers before 3.9 (ZOOKEEPER-4655) and for changes missed meanwhile. */
  readonly zxid: bigint | undefined;
}

/** Makes a {@link WatchEvent}; named as users know it, since `console.log` shows it. */
export const WatchEventRecord = class WatchEvent {
  constructor(
    readonly type: EventType,
    readonly path: string,
    readonly zxid: bigint | undefined,
  ) {}

  static {
    withReadableJson(this.prototype);
  }
};

/** Whoever wants to hear of a change. Both are called while the frame is processed, before anything behind it. */
export interface Watcher {
  /** The watch is armed on the server, in this table. */
  armed(kind: OneShotKind, path: string): void;
  /** It fired, and is no longer registered. */
  fired(event: WatchEvent): void;
  /** It will never fire: the session is over, or the server refused to arm it again. */
  ended(error: ZkError): void;
}

/** The tables of watches that fire once. */
export type OneShotKind = Extract<WatchKind, 'data' | 'exist' | 'child'>;

/** Almost every path has one watcher, so a list is made only for the second. */
type Table = Map<string, Watcher | Watcher[]>;

const TAKERS: Readonly<Record<EventType, readonly OneShotKind[]>> = {
  NodeCreated: ['data', 'exist'],
  NodeDataChanged: ['data', 'exist'],
  NodeChildrenChanged: ['child'],
  NodeDeleted: ['data', 'exist', 'child'],
};

/** Request header, zxid, three vector counts. */
const SET_WATCHES_HEAD_BYTES = REQUEST_HEADER_BYTES + 8 + 3 * 4;

export class WatchRegistry {
  private readonly tables: Readonly<Record<OneShotKind, Table>> = {
    data: new Map(),
    exist: new Map(),
    child: new Map(),
  };

  /** Registers a watcher that the server has armed. */
  arm(kind: OneShotKind, path: string, watcher: Watcher): void {
    const table = this.tables[kind];
    const there = table.get(path);
    if (there === undefined) table.set(path, watcher);
    else if (Array.isArray(there)) there.push(watcher);
    else table.set(path, [there, watcher]);
    watcher.armed(kind, path);
  }

  /** Unregisters one watcher. The server's watch stays until it fires; its event then finds nobody. */
  disarm(kind: OneShotKind, path: string, watcher: Watcher): void {
    const table = this.tables[kind];
    const there = table.get(path);
    if (there === watcher) {
      table.delete(path);
    } else if (Array.isArray(there)) {
      const rest = there.filter((w) => w !== watcher);
      if (rest.length === 0) table.delete(path);
      else table.set(path, rest);
    }
  }

  /** Takes everybody whom this event spends, in the order in which they were armed within a table. */
  take(type: EventType, path: string): Watcher[] {
    const taken: Watcher[] = [];
    for (const kind of TAKERS[type]) this.takeFrom(kind, path, taken);
    return taken;
  }

  /** Ends every watch. */
  endAll(error: ZkError): void {
    const all: Watcher[] = [];
    for (const table of Object.values(this.tables)) {
      for (const there of table.values()) all.push(...asList(there));
      table.clear();
    }
    for (const watcher of all) watcher.ended(error);
  }

  /** Ends the watches that a SetWatches request stood for, because the server refused it. */
  endBatch(batch: SetWatchesRequest, error: ZkError): void {
    const ended: Watcher[] = [];
    for (const path of batch.dataWatches) this.takeFrom('data', path, ended);
    for (const path of batch.existWatches) this.takeFrom('exist', path, ended);
    for (const path of batch.childWatches) this.takeFrom('child', path, ended);
    for (const watcher of ended) watcher.ended(error);
  }

  /** Paths with a watch, over all tables. */
  get size(): number {
    return this.tables.data.size + this.tables.exist.size + this.tables.child.size;
  }

  /**
   * The requests that arm everything again on a new connection. Each has at most 128 KiB, or `maxBytes` if that is
   * less, but a path that is longer than that travels alone.
   */
  *batches(relativeZxid: bigint, maxBytes: number): Generator<SetWatchesRequest> {
    const limitBytes = Math.min(Limits.SET_WATCHES_BYTES, maxBytes);
    let batch = emptyBatch(relativeZxid);
    let bytes = SET_WATCHES_HEAD_BYTES;
    for (const kind of ['data', 'exist', 'child'] as const) {
      for (const path of this.tables[kind].keys()) {
        const more = 4 + Buffer.byteLength(path);
        if (bytes + more > limitBytes && bytes > SET_WATCHES_HEAD_BYTES) {
          yield batch;
          batch = emptyBatch(relativeZxid);
          bytes = SET_WATCHES_HEAD_BYTES;
        }
        batch[LIST_OF[kind]].push(path);
        bytes += more;
      }
    }
    if (bytes > SET_WATCHES_HEAD_BYTES) yield batch;
  }

  private takeFrom(kind: OneShotKind, path: string, into: Watcher[]): void {
    const there = this.tables[kind].get(path);
    if (there === undefined) return;
    this.tables[kind].delete(path);
    into.push(...asList(there));
  }
}

const LIST_OF = { data: 'dataWatches', exist: 'existWatches', child: 'childWatches' } as const;

interface Batch extends SetWatchesRequest {
  readonly dataWatches: string[];
  readonly existWatches: string[];
  readonly childWatches: string[];
}

function emptyBatch(relativeZxid: bigint): Batch {
  return { relativeZxid, dataWatches: [], existWatches: [], childWatches: [] };
}

function asList(there: Watcher | Watcher[]): Watcher[] {
  return Array.isArray(there) ? there : [there];
}
