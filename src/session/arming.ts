/** Requests under way that arm watches, or take some off: what is asked for behind them finds another state. */
import type { PendingRequest } from './pending.js';
import { isOneShot, type OneShotKind } from './watches.js';

export class Arming {
  /** How many there are of a path. */
  private readonly counts = new Map<string, number>();
  /** Those of persistent watches. */
  private readonly persistent = new Map<string, Set<PendingRequest>>();

  /** A request was taken. */
  add(pending: PendingRequest): void {
    const path = pending.watchedPath;
    if (path === null) return;
    this.counts.set(path, (this.counts.get(path) ?? 0) + 1);
    const kind = pending.arms(0);
    if (kind === null || isOneShot(kind)) return;
    const there = this.persistent.get(path);
    if (there === undefined) this.persistent.set(path, new Set([pending]));
    else there.add(pending);
  }

  /** A request was answered, or never will be sent. */
  remove(pending: PendingRequest): void {
    const path = pending.watchedPath;
    if (path === null) return;
    const left = (this.counts.get(path) ?? 0) - 1;
    if (left > 0) this.counts.set(path, left);
    else this.counts.delete(path);
    const there = this.persistent.get(path);
    there?.delete(pending);
    if (there?.size === 0) this.persistent.delete(path);
  }

  /** Nothing is under way any more. */
  clear(): void {
    this.counts.clear();
    this.persistent.clear();
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
    for (const pending of this.persistent.get(path) ?? NONE) {
      if (!pending.settled && (kind !== 'child' || pending.arms(0) === 'persistent')) return true;
    }
    return false;
  }
}

const NONE: ReadonlySet<PendingRequest> = new Set();
