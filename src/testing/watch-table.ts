/**
 * Who is told about what (Java `WatchManager`): two tables, each path → watchers. A watch is used up by its event. A
 * watcher is a connection; its watches go with it.
 */
import { EventTypeCode } from '../protocol/constants.js';
import type { Acl } from '../protocol/records.js';

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
  private readonly byPath = new Map<string, Set<Watcher>>();
  private readonly byWatcher = new Map<Watcher, Set<string>>();

  /** Registers; doing so twice is the same as once. */
  add(path: string, watcher: Watcher): void {
    addTo(this.byPath, path, watcher);
    addTo(this.byWatcher, watcher, path);
  }

  /** Takes away all that a watcher holds. */
  removeWatcher(watcher: Watcher): void {
    for (const path of this.byWatcher.get(watcher) ?? []) removeFrom(this.byPath, path, watcher);
    this.byWatcher.delete(watcher);
  }

  /** Who is to be told about a change of `path`. Their watches on it are used up. */
  trigger(path: string): ReadonlySet<Watcher> {
    const told = this.byPath.get(path);
    if (told === undefined) return NOBODY;
    this.byPath.delete(path);
    for (const watcher of told) removeFrom(this.byWatcher, watcher, path);
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
}

const NOBODY: ReadonlySet<Watcher> = new Set();

function addTo<K, V>(index: Map<K, Set<V>>, key: K, value: V): void {
  const values = index.get(key);
  if (values === undefined) index.set(key, new Set([value]));
  else values.add(value);
}

/** Leaves no empty set behind. */
function removeFrom<K, V>(index: Map<K, Set<V>>, key: K, value: V): void {
  const values = index.get(key);
  values?.delete(value);
  if (values?.size === 0) index.delete(key);
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
  /** Watches of getData and exists. */
  readonly data = new WatchTable();
  /** Watches of getChildren and getChildren2. */
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
    for (const watcher of this.child.trigger(path)) {
      if (!told.has(watcher)) watcher.notify(type, path, zxid, acl);
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
