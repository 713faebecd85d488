/**
 * Who is told about what (Java `WatchManager`, `WatcherMode`): two tables, each path → watchers with their modes. A
 * watcher is a connection; its watches go with it.
 */
import { EventTypeCode } from '../protocol/constants.js';
import type { Acl } from '../protocol/records.js';

/** Modes in which one watcher can hold a path; it may hold several at once. Bits of a sum. */
export const WatchMode = {
  /** One event, then it is gone. */
  STANDARD: 1,
  /** Every event on exactly this path. */
  PERSISTENT: 2,
  /** Every event but NodeChildrenChanged on this path and all below it. */
  PERSISTENT_RECURSIVE: 4,
} as const;

/** Gets events. */
export interface Watcher {
  /**
   * @param type number of the event type
   * @param zxid of the transaction that caused it; -1 for an event made up by setWatches
   * @param acl the watcher must be allowed to READ by it (ZOOKEEPER-4799), or null for no check
   */
  notify(type: number, path: string, zxid: bigint, acl: readonly Acl[] | null): void;
}

/** One table. */
export class WatchTable {
  private readonly byPath = new Map<string, Map<Watcher, number>>();
  private readonly byWatcher = new Map<Watcher, Set<string>>();
  /** Entries with the recursive mode; while there are none, ancestors need not be looked at. */
  private recursive = 0;

  /** Registers; doing so twice is the same as once. */
  add(path: string, watcher: Watcher, mode: number): void {
    let watchers = this.byPath.get(path);
    if (watchers === undefined) this.byPath.set(path, (watchers = new Map<Watcher, number>()));
    let paths = this.byWatcher.get(watcher);
    if (paths === undefined) this.byWatcher.set(watcher, (paths = new Set()));
    paths.add(path);
    this.store(path, watchers, watcher, watchers.get(watcher) ?? 0, (watchers.get(watcher) ?? 0) | mode);
  }

  /** Modes that the watcher holds on exactly this path, 0 for none. */
  modes(path: string, watcher: Watcher): number {
    return this.byPath.get(path)?.get(watcher) ?? 0;
  }

  /** Takes modes away. @returns false if the watcher held none of them */
  remove(path: string, watcher: Watcher, mode: number): boolean {
    const watchers = this.byPath.get(path);
    const held = watchers?.get(watcher) ?? 0;
    if (watchers === undefined || (held & mode) === 0) return false;
    this.store(path, watchers, watcher, held, held & ~mode);
    return true;
  }

  /** Takes away all that a watcher holds. */
  removeWatcher(watcher: Watcher): void {
    for (const path of [...(this.byWatcher.get(watcher) ?? [])]) this.remove(path, watcher, ALL_MODES);
  }

  /** Who is to be told about a change of `path`, each once. Their standard watches on it are used up. */
  trigger(path: string): Iterable<Watcher> {
    const direct = this.byPath.get(path);
    if (this.recursive === 0) {
      if (direct === undefined) return NOBODY;
      const told = [...direct.keys()];
      for (const watcher of told) this.remove(path, watcher, WatchMode.STANDARD);
      return told;
    }
    const told = new Set(direct?.keys());
    for (const watcher of told) this.remove(path, watcher, WatchMode.STANDARD);
    for (const ancestor of ancestors(path)) {
      for (const [watcher, modes] of this.byPath.get(ancestor) ?? []) {
        if ((modes & WatchMode.PERSISTENT_RECURSIVE) !== 0) told.add(watcher);
      }
    }
    return told;
  }

  /** Pairs of watcher and path: on one path, or all of them. */
  count(path?: string): number {
    if (path !== undefined) return this.byPath.get(path)?.size ?? 0;
    let total = 0;
    for (const watchers of this.byPath.values()) total += watchers.size;
    return total;
  }

  /** Watched paths. */
  get pathCount(): number {
    return this.byPath.size;
  }

  /** Watchers with at least one path. */
  get watcherCount(): number {
    return this.byWatcher.size;
  }

  private store(
    path: string,
    watchers: Map<Watcher, number>,
    watcher: Watcher,
    from: number,
    to: number,
  ): void {
    this.recursive += recursiveBit(to) - recursiveBit(from);
    if (to !== 0) {
      watchers.set(watcher, to);
      return;
    }
    watchers.delete(watcher);
    if (watchers.size === 0) this.byPath.delete(path);
    const paths = this.byWatcher.get(watcher);
    paths?.delete(path);
    if (paths?.size === 0) this.byWatcher.delete(watcher);
  }
}

const ALL_MODES = WatchMode.STANDARD | WatchMode.PERSISTENT | WatchMode.PERSISTENT_RECURSIVE;
const NOBODY: readonly Watcher[] = [];

const recursiveBit = (modes: number): number => ((modes & WatchMode.PERSISTENT_RECURSIVE) === 0 ? 0 : 1);

function* ancestors(path: string): Generator<string> {
  if (path === '/') return;
  for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
    yield path.slice(0, slash);
  }
  yield '/';
}

/** A change that watchers want to hear of. */
export interface Trigger {
  readonly type: number;
  readonly path: string;
  /** ACL of the node that changed, at the time it did. */
  readonly acl: readonly Acl[];
}

/** Both tables (Java `DataTree.dataWatches`, `DataTree.childWatches`). */
export class Watches {
  /** Watches of getData, exists, and the persistent ones. */
  readonly data = new WatchTable();
  /** Watches of getChildren, and the persistent ones that are not recursive. */
  readonly child = new WatchTable();

  /** Tells everybody concerned. A node that is deleted is told about once, also to those who watch it in both tables. */
  fire({ type, path, acl }: Trigger, zxid: bigint): void {
    if (type === EventTypeCode.NodeChildrenChanged) {
      for (const watcher of this.child.trigger(path)) watcher.notify(type, path, zxid, acl);
      return;
    }
    const told = this.data.trigger(path);
    for (const watcher of told) watcher.notify(type, path, zxid, acl);
    if (type !== EventTypeCode.NodeDeleted) return;
    const already = new Set(told);
    for (const watcher of this.child.trigger(path)) {
      if (!already.has(watcher)) watcher.notify(type, path, zxid, acl);
    }
  }

  /** Forgets a watcher. */
  removeWatcher(watcher: Watcher): void {
    this.data.removeWatcher(watcher);
    this.child.removeWatcher(watcher);
  }

  /** Watches in both tables, on one path or all of them. */
  count(path?: string): number {
    return this.data.count(path) + this.child.count(path);
  }
}
