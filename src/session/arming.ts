/** Requests under way that arm persistent watches: what is asked for behind one of them finds it armed. */
import type { PendingRequest } from './pending.js';
import { isOneShot, type OneShotKind } from './watches.js';

export class Arming {
  private readonly underWay = new Map<string, PendingRequest[]>();

  /** A request was taken. */
  add(pending: PendingRequest): void {
    const kind = pending.arms(0);
    const path = pending.watchedPath;
    if (kind === null || path === null || isOneShot(kind)) return;
    const there = this.underWay.get(path);
    if (there === undefined) this.underWay.set(path, [pending]);
    else there.push(pending);
  }

  /** A request was answered. */
  answered(pending: PendingRequest): void {
    if (this.underWay.size > 0 && pending.watchedPath !== null) {
      this.keep(pending.watchedPath, (each) => each !== pending);
    }
  }

  /** The connection is gone: what was sent will not be answered. */
  connectionLost(): void {
    for (const path of [...this.underWay.keys()]) this.keep(path, ({ sent }) => !sent);
  }

  /** Will a persistent watch on this very path, which somebody waits for, bring the events of a one-shot watch? */
  covers(kind: OneShotKind, path: string): boolean {
    return this.some(path, (each) => {
      return !each.settled && (kind !== 'child' || each.arms(0) === 'persistent');
    });
  }

  /** Is one under way for this path? One that nobody waits for any more arms all the same if it was sent. */
  has(path: string): boolean {
    return this.some(path, ({ sent, settled }) => sent || !settled);
  }

  private some(path: string, test: (pending: PendingRequest) => boolean): boolean {
    return this.underWay.get(path)?.some(test) === true;
  }

  private keep(path: string, test: (pending: PendingRequest) => boolean): void {
    // what was given up before it was sent never will be
    const rest = this.underWay.get(path)?.filter((each) => test(each) && (each.sent || !each.settled)) ?? [];
    if (rest.length === 0) this.underWay.delete(path);
    else this.underWay.set(path, rest);
  }
}
