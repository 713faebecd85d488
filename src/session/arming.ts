/** Requests under way that arm watches, or take some off: what is asked for behind them finds another state. */
import type { PendingRequest } from './pending.js';
import { isOneShot, type OneShotKind, type PersistentKind } from './watches.js';

type Requests = Map<string, Set<PendingRequest>>;

export class Arming {
  /** How many there are of a path. */
  private readonly counts = new Map<string, number>();
  /** Those of persistent watches. */
  private readonly persistent: Requests = new Map();
  /** Those of them that somebody waits for, by table; who has given up is taken out by the first who meets him. */
  private readonly awaited: Readonly<Record<PersistentKind, Requests>> = {
    persistent: new Map(),
    persistentRecursive: new Map(),
  };

  /** A request was taken. */
  add(pending: PendingRequest): void {
    const path = pending.watchedPath;
    if (path === null) return;
    this.counts.set(path, (this.counts.get(path) ?? 0) + 1);
    const kind = pending.arms(0);
    if (kind === null || isOneShot(kind)) return;
    addTo(this.persistent, path, pending);
    addTo(this.awaited[kind], path, pending);
  }

  /** A request was answered, or never will be sent. */
  remove(pending: PendingRequest): void {
    const path = pending.watchedPath;
    if (path === null) return;
    const left = (this.counts.get(path) ?? 0) - 1;
    if (left > 0) this.counts.set(path, left);
    else this.counts.delete(path);
    const { persistent, persistentRecursive } = this.awaited;
    deleteFrom(this.persistent, path, pending);
    deleteFrom(persistent, path, pending);
    deleteFrom(persistentRecursive, path, pending);
  }

  /** Nothing is under way any more. */
  clear(): void {
    this.counts.clear();
    this.persistent.clear();
    this.awaited.persistent.clear();
    this.awaited.persistentRecursive.clear();
  }

  /** Is one under way for this path? One that nobody waits for any more counts as well, if it was sent. */
  has(path: string): boolean {
    return this.counts.has(path);
  }

  /** The same, for a persistent watch. */
  hasPersistent(path: string): boolean {
    return this.persistent.has(path);
  }

  /** Will a persistent watch on this very path, which somebody waits for, bring the events of a one-shot watch? */
  covers(kind: OneShotKind, path: string): boolean {
    const { persistent, persistentRecursive } = this.awaited;
    return isAwaited(persistent, path) || (kind !== 'child' && isAwaited(persistentRecursive, path));
  }
}

function addTo(requests: Requests, path: string, pending: PendingRequest): void {
  const there = requests.get(path);
  if (there === undefined) requests.set(path, new Set([pending]));
  else there.add(pending);
}

function deleteFrom(requests: Requests, path: string, pending: PendingRequest): void {
  const there = requests.get(path);
  if (there?.delete(pending) === true && there.size === 0) requests.delete(path);
}

/** Does somebody wait for one of them? */
function isAwaited(requests: Requests, path: string): boolean {
  const there = requests.get(path) ?? new Set();
  for (const pending of there) {
    if (!pending.settled) return true;
    there.delete(pending);
  }
  return false;
}
