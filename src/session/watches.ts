/**
 * Which watches are armed on the server for this session: one table per kind, path → watchers (Java `ZKWatchManager`).
 * Paths are the server's, with the chroot.
 */
import type { EventType } from '../protocol/constants.js';
import type { ZkError } from '../protocol/errors.js';
import type { WatchKind } from '../protocol/op.js';
import { withReadableJson } from '../protocol/readable.js';

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

/** Whoever wants to hear of changes. All are called while the frame is processed, before anything behind it. */
export interface Watcher {
  /** The watch is armed on the server, in this table. */
  armed(kind: WatchKind, path: string): void;
  /** Something changed. A one-shot watch is no longer registered. */
  fired(event: WatchEvent): void;
  /** Only for persistent ones: the connection is lost. */
  suspended(): void;
  /** Only for persistent ones: what happened while there was no connection will not be told. */
  missed(): void;
  /** It will never fire again: the session is over, or the server refused to arm it again. */
  ended(error: ZkError): void;
  /** Only for persistent ones, and the registry's own: how much of what all are told it was told. */
  told?: number;
}

/** What all persistent ones are told. */
type Word = 'suspended' | 'missed';

/** So many are told in one turn of the event loop: there may be 100,000, each with a reader who waits. */
const TURN_WATCHERS = 4096;

/** The tables of watches that fire once. */
export type OneShotKind = Extract<WatchKind, 'data' | 'exist' | 'child'>;

/** The tables of watches that stay. */
export type PersistentKind = Exclude<WatchKind, OneShotKind>;

/** In the order in which a server arms them again, which matters before 3.9: there the last one wins. */
export const WATCH_KINDS = ['data', 'exist', 'child', 'persistent', 'persistentRecursive'] as const;

/** Almost every path has one watcher, so a set is made only for the second. */
type Table = Map<string, Watcher | Set<Watcher>>;

const SPENT_BY: Readonly<Record<EventType, readonly OneShotKind[]>> = {
  NodeCreated: ['data', 'exist'],
  NodeDataChanged: ['data', 'exist'],
  NodeChildrenChanged: ['child'],
  NodeDeleted: ['data', 'exist', 'child'],
};

const NOBODY: Iterator<Watcher> = [][Symbol.iterator]();

/** Paths per table. */
export type PathsByKind = { readonly [K in WatchKind]: readonly string[] };

export class WatchRegistry {
  private readonly tables: Readonly<Record<WatchKind, Table>> = {
    data: new Map(),
    exist: new Map(),
    child: new Map(),
    persistent: new Map(),
    persistentRecursive: new Map(),
  };

  /** No recursive watch is on a longer path. */
  private longestRecursive = 0;

  /** How often all persistent ones were told something. */
  private spoken = 0;
  /** The last of that, which some have not heard yet. */
  private words: Word[] = [];
  /** Goes through them until all have. */
  private hearers: Iterator<Watcher> = NOBODY;

  /** @param left hears that a table has lost its last watcher of a path, though the watch did not fire */
  constructor(private readonly left: (kind: WatchKind, path: string) => void = () => undefined) {}

  /** Registers a watcher that the server has armed. */
  arm(kind: WatchKind, path: string, watcher: Watcher): void {
    const table = this.tables[kind];
    const there = table.get(path);
    if (kind === 'persistentRecursive') {
      this.longestRecursive = Math.max(table.size === 0 ? 0 : this.longestRecursive, path.length);
    }
    if (!isOneShot(kind)) watcher.told = this.spoken;
    if (there === undefined) table.set(path, watcher);
    else if (there instanceof Set) there.add(watcher);
    else table.set(path, new Set([there, watcher]));
    watcher.armed(kind, path);
  }

  /** Unregisters one watcher, because it does not want to hear any more. */
  disarm(kind: WatchKind, path: string, watcher: Watcher): void {
    const table = this.tables[kind];
    const there = table.get(path);
    if (there === watcher) {
      table.delete(path);
      this.left(kind, path);
    } else if (there instanceof Set && there.delete(watcher) && there.size === 0) {
      table.delete(path);
      this.left(kind, path);
    }
  }

  /** Is there anybody in this table? */
  has(kind: WatchKind, path: string): boolean {
    return this.tables[kind].has(path);
  }

  /**
   * Does a persistent watch on this very path bring all the events that a one-shot watch would? Then none need be armed;
   * and none may be before 3.9, where it would take the place of the persistent one (ZOOKEEPER-4466).
   */
  covers(kind: OneShotKind, path: string): boolean {
    const { persistent, persistentRecursive } = this.tables;
    return persistent.has(path) || (kind !== 'child' && persistentRecursive.has(path));
  }

  /**
   * Must the child watch of a path be armed behind its recursive one? That does not bring its events, and before 3.9 takes
   * its place (ZOOKEEPER-4466).
   */
  childComesLast(path: string): boolean {
    const { child, persistent, persistentRecursive } = this.tables;
    return child.has(path) && persistentRecursive.has(path) && !persistent.has(path);
  }

  /**
   * Everybody who must hear of an event: those whom it spends, in the order in which they were armed within a table,
   * then those who stay; these are told first what they have to hear before it.
   */
  take(type: EventType, path: string): Watcher[] {
    const taken: Watcher[] = [];
    for (const kind of SPENT_BY[type]) this.takeFrom(kind, path, taken);
    const { persistent, persistentRecursive } = this.tables;
    if (persistent.size > 0) addTo(taken, persistent.get(path));
    if (persistentRecursive.size > 0 && type !== 'NodeChildrenChanged') this.addAbove(path, taken);
    if (this.isTelling) for (const watcher of taken) this.catchUp(watcher);
    return taken;
  }

  /**
   * Those of a path and of all above it, but for paths that are longer than any that is watched: the path is the server's
   * word, and may be nothing but slashes.
   */
  private addAbove(path: string, to: Watcher[]): void {
    const { persistentRecursive: table } = this.tables;
    const { length } = path;
    let end = length > this.longestRecursive ? path.lastIndexOf('/', this.longestRecursive) : length;
    for (; end > 1; end = path.lastIndexOf('/', end - 1)) {
      addTo(to, table.get(end === length ? path : path.slice(0, end)));
    }
    addTo(to, table.get('/'));
  }

  /** Tells the persistent ones that the connection is lost, as many as a turn may. */
  tellSuspended(): void {
    this.tell('suspended');
  }

  /** Tells the persistent ones that they have missed what happened while there was no connection, as many as a turn may. */
  tellMissed(): void {
    this.tell('missed');
  }

  /** Have some not been told yet? They will be by {@link tellMore}, and before they hear of anything else. */
  get isTelling(): boolean {
    return this.words.length > 0;
  }

  /** The event loop has had a turn: tells the next ones. */
  tellMore(): void {
    if (!this.isTelling) return;
    for (let i = 0; i < TURN_WATCHERS; i++) {
      const next = this.hearers.next();
      if (next.done === true) {
        this.allTold();
        return;
      }
      this.catchUp(next.value);
    }
  }

  /** Ends every watch. */
  endAll(error: ZkError): void {
    const all: Watcher[] = [];
    for (const kind of WATCH_KINDS) {
      for (const there of this.tables[kind].values()) addTo(all, there);
      this.tables[kind].clear();
    }
    this.end(all, error);
    this.allTold();
  }

  /** Ends the watches of these paths, because the server would not arm them again. */
  endThese(paths: PathsByKind, error: ZkError): void {
    const ended: Watcher[] = [];
    for (const kind of WATCH_KINDS) for (const path of paths[kind]) this.takeFrom(kind, path, ended);
    this.end(ended, error);
  }

  /** Paths with a watch, per table. */
  counts(): Readonly<Record<WatchKind, number>> {
    const { data, exist, child, persistent, persistentRecursive } = this.tables;
    return {
      data: data.size,
      exist: exist.size,
      child: child.size,
      persistent: persistent.size,
      persistentRecursive: persistentRecursive.size,
    };
  }

  /** Paths with a watch, over all tables. */
  get size(): number {
    return WATCH_KINDS.reduce((sum, kind) => sum + this.tables[kind].size, 0);
  }

  /** The paths of a table. */
  paths(kind: WatchKind): Iterable<string> {
    return this.tables[kind].keys();
  }

  private tell(word: Word): void {
    this.spoken++;
    this.words.push(word);
    // once more through all: who has heard the words before is told this one
    this.hearers = this.persistentOnes();
    this.tellMore();
  }

  private allTold(): void {
    this.words = [];
    this.hearers = NOBODY;
  }

  /** Tells one what he was not told yet. */
  private catchUp(watcher: Watcher): void {
    const { words, spoken } = this;
    const { told = spoken } = watcher;
    watcher.told = spoken;
    for (let i = words.length - (spoken - told); i < words.length; i++) watcher[words[i] as Word]();
  }

  private end(watchers: readonly Watcher[], error: ZkError): void {
    for (const watcher of watchers) {
      this.catchUp(watcher);
      watcher.ended(error);
    }
  }

  /** Those who come and go meanwhile are seen and not seen. */
  private *persistentOnes(): Generator<Watcher> {
    for (const kind of ['persistent', 'persistentRecursive'] as const) {
      for (const there of this.tables[kind].values()) {
        if (there instanceof Set) yield* there;
        else yield there;
      }
    }
  }

  private takeFrom(kind: WatchKind, path: string, into: Watcher[]): void {
    const table = this.tables[kind];
    // an event of a stream looks in three that are empty mostly
    if (table.size === 0) return;
    const there = table.get(path);
    if (there === undefined) return;
    table.delete(path);
    addTo(into, there);
  }
}

function addTo(list: Watcher[], there: Watcher | Set<Watcher> | undefined): void {
  if (there === undefined) return;
  if (there instanceof Set) for (const watcher of there) list.push(watcher);
  else list.push(there);
}

/** Does a watch of this kind fire once? */
export function isOneShot(kind: WatchKind): kind is OneShotKind {
  return kind !== 'persistent' && kind !== 'persistentRecursive';
}
