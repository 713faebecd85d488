/**
 * Who is told about what (Java `WatchManager`): two tables, each path → watchers with their modes. A watcher is a
 * connection; its watches go with it.
 */
import { AddWatchModeCode, EventTypeCode, WatcherTypeCode } from '../protocol/constants.js';
import type { Acl } from '../protocol/records.js';
import type { Traits } from './release.js';

/** Gets events. */
export interface Watcher {
  /**
   * @param type number of the event type
   * @param zxid of the transaction that caused it; -1 for an event made up by setWatches
   * @param acl the watcher must be allowed to READ by it (ZOOKEEPER-4799), or null for no check
   */
  notify(type: number, path: string, zxid: bigint, acl: readonly Acl[] | null): void;
}

/** How a watch on a path behaves; one watcher may have all three on one path (Java `WatcherMode`, ZOOKEEPER-4466). */
export const WatchMode = {
  /** Used up by its event. */
  STANDARD: 1,
  /** Stays. */
  PERSISTENT: 2,
  /** Stays, and hears of everything below too. */
  RECURSIVE: 4,
} as const;

/** A sum of {@link WatchMode}. */
type Modes = number;

const ANY_MODE: Modes = WatchMode.STANDARD | WatchMode.PERSISTENT | WatchMode.RECURSIVE;

/** One table. */
export class WatchTable {
  private readonly byPath = new Map<string, Map<Watcher, Modes>>();
  private readonly byWatcher = new Map<Watcher, Set<string>>();
  /** Recursive watches: without any, a change need not be looked for above its node. */
  private recursive = 0;
  /** None of them was ever on a longer path. */
  private longestRecursive = 0;

  /** @param sideBySide may one watcher have several modes on one path? */
  constructor(private readonly sideBySide: boolean) {}

  /** Registers; doing so twice is the same as once. */
  add(path: string, watcher: Watcher, mode: Modes = WatchMode.STANDARD): void {
    let watchers = this.byPath.get(path);
    if (watchers === undefined) this.byPath.set(path, (watchers = new Map<Watcher, Modes>()));
    let paths = this.byWatcher.get(watcher);
    if (paths === undefined) this.byWatcher.set(watcher, (paths = new Set()));
    paths.add(path);
    if (mode === WatchMode.RECURSIVE) this.longestRecursive = Math.max(this.longestRecursive, path.length);
    this.setModes(watchers, watcher, this.sideBySide ? (watchers.get(watcher) ?? 0) | mode : mode);
  }

  /** What a watcher has on exactly this path; 0 for nothing. */
  modes(path: string, watcher: Watcher): Modes {
    return this.byPath.get(path)?.get(watcher) ?? 0;
  }

  /** Does anybody watch exactly this path? */
  isWatched(path: string): boolean {
    return this.byPath.has(path);
  }

  /** Does the watcher have a watch of one of these modes on exactly this path? */
  has(path: string, watcher: Watcher, modes: Modes = ANY_MODE): boolean {
    return (this.modes(path, watcher) & modes) !== 0;
  }

  /** Takes the watches of these modes away. @returns false if there were none */
  remove(path: string, watcher: Watcher, modes: Modes = ANY_MODE): boolean {
    const isDone = this.drop(path, watcher, modes);
    // whoever has removed the last one is none who watches; where modes exclude each other, it is forgotten to look
    if (isDone && this.sideBySide && this.byWatcher.get(watcher)?.size === 0) this.byWatcher.delete(watcher);
    return isDone;
  }

  /** As {@link remove}; but like the original, whose last watch has fired counts as one who watches until it is closed. */
  private drop(path: string, watcher: Watcher, modes: Modes): boolean {
    const watchers = this.byPath.get(path);
    const held = watchers?.get(watcher) ?? 0;
    if (watchers === undefined || (held & modes) === 0) return false;
    this.setModes(watchers, watcher, held & ~modes);
    this.sweep(path, watchers, watcher);
    return true;
  }

  /** Takes away all that a watcher holds. */
  removeWatcher(watcher: Watcher): void {
    for (const path of [...(this.byWatcher.get(watcher) ?? [])]) this.drop(path, watcher, ANY_MODE);
    this.byWatcher.delete(watcher);
  }

  /**
   * Who is to be told about a change of `path`, each once. What fires only once is used up.
   * @param type number of the event type; recursive watches do not hear of NodeChildrenChanged
   */
  trigger(path: string, type: number): ReadonlySet<Watcher> {
    const watchers = this.byPath.get(path);
    if (watchers === undefined && this.recursive === 0) return NOBODY;
    const told = new Set<Watcher>();
    const isOfChildren = type === EventTypeCode.NodeChildrenChanged;
    for (const [watcher, modes] of [...(watchers ?? NO_MODES)]) {
      if (!isOfChildren || modes !== WatchMode.RECURSIVE) told.add(watcher);
      this.drop(path, watcher, WatchMode.STANDARD);
    }
    if (this.recursive > 0 && !isOfChildren) this.addFromAbove(path, told);
    return told;
  }

  /** Pairs of watcher and path, whatever the modes: on one path, or all of them. */
  count(path?: string): number {
    if (path !== undefined) return this.byPath.get(path)?.size ?? 0;
    let total = 0;
    for (const watchers of this.byPath.values()) total += watchers.size;
    return total;
  }

  /** Each watcher with each of its paths, or with this one. */
  *pairs(path?: string): IterableIterator<readonly [path: string, watcher: Watcher]> {
    if (path === undefined) {
      for (const [watcher, paths] of this.byWatcher) for (const at of paths) yield [at, watcher];
    } else {
      for (const watcher of this.byPath.get(path)?.keys() ?? []) yield [path, watcher];
    }
  }

  /** Each watched path, and who watches it. */
  *entries(): IterableIterator<readonly [path: string, watchers: Iterable<Watcher>]> {
    for (const [path, watchers] of this.byPath) yield [path, watchers.keys()];
  }

  /** Watched paths. */
  get pathCount(): number {
    return this.byPath.size;
  }

  /** Each watcher, and the paths that it watches; none any more, perhaps. */
  *watchers(): IterableIterator<readonly [watcher: Watcher, paths: Iterable<string>]> {
    yield* this.byWatcher;
  }

  /** Watchers that have, or have had, at least one path. */
  get watcherCount(): number {
    return this.byWatcher.size;
  }

  /** Adds those who watch recursively on a path above. */
  private addFromAbove(path: string, told: Set<Watcher>): void {
    // a path may be long and deep, and each part of it is read to be looked for
    let end = path.lastIndexOf('/', this.longestRecursive);
    for (; end >= 0; end = end === 0 ? -1 : path.lastIndexOf('/', end - 1)) {
      for (const [watcher, modes] of this.byPath.get(end === 0 ? '/' : path.slice(0, end)) ?? NO_MODES) {
        if ((modes & WatchMode.RECURSIVE) !== 0) told.add(watcher);
      }
    }
  }

  private setModes(watchers: Map<Watcher, Modes>, watcher: Watcher, modes: Modes): void {
    const before = watchers.get(watcher) ?? 0;
    watchers.set(watcher, modes);
    this.recursive += ((modes & WatchMode.RECURSIVE) - (before & WatchMode.RECURSIVE)) / WatchMode.RECURSIVE;
  }

  /** Leaves no empty map or set behind. */
  private sweep(path: string, watchers: Map<Watcher, Modes>, watcher: Watcher): void {
    if (watchers.get(watcher) !== 0) return;
    watchers.delete(watcher);
    if (watchers.size === 0) this.byPath.delete(path);
    this.byWatcher.get(watcher)?.delete(path);
  }
}

const NOBODY: ReadonlySet<Watcher> = new Set();
const NO_MODES: ReadonlyMap<Watcher, Modes> = new Map();

/** A change that watchers want to hear of. */
export interface Trigger {
  readonly type: number;
  readonly path: string;
  /** ACL of the node that changed, at the time it did. */
  readonly acl: readonly Acl[];
  /** Bytes of data that were written. */
  readonly bytes?: number;
}

type Places = Readonly<Record<number, readonly (readonly ['data' | 'child', Modes])[]>>;

/** In which tables the watches of each type are, and with which modes. */
const PLACES: Places = {
  [WatcherTypeCode.Children]: [['child', WatchMode.STANDARD]],
  [WatcherTypeCode.Data]: [['data', WatchMode.STANDARD]],
  [WatcherTypeCode.Any]: [
    ['data', ANY_MODE],
    ['child', ANY_MODE],
  ],
  [WatcherTypeCode.Persistent]: [
    ['data', WatchMode.PERSISTENT],
    ['child', WatchMode.PERSISTENT],
  ],
  [WatcherTypeCode.PersistentRecursive]: [['data', WatchMode.RECURSIVE]],
};

/** The same where a watcher has one mode on a path in each table: types name tables. */
const PLACES_OF_ONE_MODE: Places = {
  [WatcherTypeCode.Children]: [['child', ANY_MODE]],
  [WatcherTypeCode.Data]: [['data', ANY_MODE]],
  [WatcherTypeCode.Any]: [
    ['data', ANY_MODE],
    ['child', ANY_MODE],
  ],
};

/** Both tables (Java `DataTree.dataWatches`, `DataTree.childWatches`). */
export class Watches {
  /** Watches of getData and exists, and those of addWatch. */
  readonly data: WatchTable;
  /** Watches of getChildren and getChildren2, and those of addWatch: where modes stand side by side, not the recursive. */
  readonly child: WatchTable;
  private readonly places: Places;

  constructor(
    private readonly traits: Traits,
    private readonly stats?: { watchersTold(type: number, watchers: number): void },
  ) {
    const { watchModesSideBySide } = traits;
    this.data = new WatchTable(watchModesSideBySide);
    this.child = new WatchTable(watchModesSideBySide);
    this.places = watchModesSideBySide ? PLACES : PLACES_OF_ONE_MODE;
  }

  /** Tells everybody concerned. A node that is deleted is told about once, also to those who watch it in both tables. */
  fire({ type, path, acl }: Trigger, zxid: bigint): void {
    if (type === EventTypeCode.NodeChildrenChanged) {
      for (const watcher of this.triggered('child', path, type)) watcher.notify(type, path, zxid, acl);
      return;
    }
    const told = this.triggered('data', path, type);
    for (const watcher of told) watcher.notify(type, path, zxid, acl);
    if (type !== EventTypeCode.NodeDeleted) return;
    for (const watcher of this.triggered('child', path, type)) {
      if (!told.has(watcher)) watcher.notify(type, path, zxid, acl);
    }
  }

  private triggered(table: 'data' | 'child', path: string, type: number): ReadonlySet<Watcher> {
    const told = this[table].trigger(path, type);
    if (told.size > 0) this.stats?.watchersTold(type, told.size);
    return told;
  }

  /** A watch of addWatch; the mode is a number of `AddWatchModeCode`. */
  addLasting(path: string, watcher: Watcher, mode: number): void {
    const isRecursive = mode !== AddWatchModeCode.PERSISTENT;
    const wanted = isRecursive ? WatchMode.RECURSIVE : WatchMode.PERSISTENT;
    this.data.add(path, watcher, wanted);
    if (!isRecursive || !this.traits.watchModesSideBySide) this.child.add(path, watcher, wanted);
  }

  /** Is there a type of watch with that number? */
  knowsType(type: number): boolean {
    return type in this.places;
  }

  /** Does the watcher have a watch of this type, a number of `WatcherTypeCode`, on this path? */
  has(path: string, watcher: Watcher, type: number): boolean {
    const isThere = (table: WatchTable, modes: Modes): boolean =>
      this.traits.checkWatchesAsksForOwn ? table.has(path, watcher, modes) : table.isWatched(path);
    return this.places[type]?.some(([table, modes]) => isThere(this[table], modes)) === true;
  }

  /** Takes the watcher's watches of this type away. @returns false if there were none */
  remove(path: string, watcher: Watcher, type: number): boolean {
    const removed = this.places[type]?.map(([table, modes]) => this[table].remove(path, watcher, modes));
    return removed?.includes(true) === true;
  }

  /** Forgets a watcher. */
  removeWatcher(watcher: Watcher): void {
    this.data.removeWatcher(watcher);
    this.child.removeWatcher(watcher);
  }

  /** Entries of both tables, as `mntr` counts them: a persistent watch is in both. */
  get entryCount(): number {
    return this.data.count() + this.child.count();
  }

  /** Watches as they were asked for, on one path or all of them: each kind that a watcher has on a path is one. */
  count(path?: string): number {
    const { data, child } = this;
    let total = 0;
    for (const [at, watcher] of data.pairs(path)) total += bitsOf(data.modes(at, watcher));
    for (const [at, watcher] of child.pairs(path)) {
      total += bitsOf(child.modes(at, watcher) & ~(data.modes(at, watcher) & LASTING));
    }
    return total;
  }
}

const LASTING: Modes = WatchMode.PERSISTENT | WatchMode.RECURSIVE;

const bitsOf = (modes: Modes): number => (modes & 1) + ((modes >> 1) & 1) + ((modes >> 2) & 1);
