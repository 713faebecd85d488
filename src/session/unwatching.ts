/**
 * Takes watches off the server that nobody here wants any more. The server has one watch per path and table, whoever of
 * us asked for it, so one is taken off when the last of us leaves, and not while a request is under way that arms it.
 */
import type { Arming } from './arming.js';
import { WatcherTypeCode, type WatcherType } from '../protocol/constants.js';
import type { WatchKind } from '../protocol/op.js';
import { operations } from '../protocol/operations.js';
import { PendingRequest } from './pending.js';
import { isRefusal, isTemporary } from './priming.js';
import type { RequestQueue } from './queue.js';
import { rearmingBatches, type Armed } from './rearming.js';
import { Removal, isAnswer, isOneShotType } from './removal.js';
import { WATCH_KINDS, isOneShot, type WatchRegistry } from './watches.js';

/** What the server still has and may lose: one-shot watches by their type on the wire, or persistent ones. */
interface Owed {
  data: boolean;
  child: boolean;
  persistent: boolean;
  /** Changes behind it must not be lost when one-shot watches are armed anew; null for the latest that we know of. */
  since: bigint | null;
}

/** Does the server of this connection know removeWatches? It came with 3.5; to those before, the question is fatal. */
type Knowledge = 'unasked' | 'asked' | 'yes' | 'no';

/** So many paths are looked at in one turn of the event loop: there may be 100,000. */
const TURN_PATHS = 4096;

export class Unwatching {
  private readonly owed = new Map<string, Owed>();
  /** Which of them must be looked at; the others wait for an answer. */
  private readonly due = new Set<string>();
  /** What waits to hear whether the server knows removeWatches: looked at again behind that, and not before. */
  private readonly undecided = new Map<string, Owed>();
  private knowledge: Knowledge = 'unasked';

  /** @param ask asks for the version of the server; {@link versionIs} hears of it */
  constructor(
    private readonly watches: WatchRegistry,
    private readonly queue: RequestQueue,
    private readonly arming: Arming,
    private readonly ask: () => void,
  ) {}

  /** Is there anything to take off? */
  get isDue(): boolean {
    return this.due.size > 0 || (this.undecided.size > 0 && this.knowledge !== 'asked');
  }

  /** The last watcher of a table has left a path; or a reply has armed a watch for somebody who has given up. */
  left(kind: WatchKind, path: string): void {
    const owed = this.owedOf(path);
    if (kind === 'child') owed.child = true;
    else if (kind === 'data' || kind === 'exist') owed.data = true;
    else owed.persistent = true;
  }

  /** A one-shot watch counts as armed, but the persistent one that stood for it has gone: it must be armed by itself. */
  uncovered(path: string, since: bigint): void {
    const owed = this.owedOf(path);
    owed.persistent = true;
    if (owed.since === null || since < owed.since) owed.since = since;
  }

  /** A removal that the user asks for, as from now. */
  removal(path: string, type: WatcherType): Removal {
    return new Removal(path, type, isOneShotType(type) && this.isPersistent(path));
  }

  /** The server has answered a removal: ends the watches of ours, and arms again what should stay. */
  answered(removal: Removal, clientPath: string | undefined, errno: number, lastZxid: bigint): void {
    if (!isAnswer(errno)) return;
    this.knowledge = 'yes';
    const { watches } = this;
    const { path } = removal;
    const mine = removal.end(watches, clientPath);
    const isDone = removal.isDone(errno);
    removal.found = isDone || mine.length > 0;
    if (!isDone) for (const kind of mine) this.left(kind, path);
    // a persistent watch may have stood for others of ours, which the server has not
    else if (!mine.every(isOneShot) && WATCH_KINDS.some((kind) => watches.has(kind, path))) {
      this.rearm(path, lastZxid);
    }
  }

  /** A new connection, or none: the server has forgotten all watches. */
  reset(): void {
    this.owed.clear();
    this.due.clear();
    this.undecided.clear();
    this.knowledge = 'unasked';
  }

  /** @param knows whether the server knows removeWatches */
  versionIs(knows: boolean): void {
    // the answer to a removal is better than any word
    if (this.knowledge !== 'yes') this.knowledge = knows ? 'yes' : 'no';
  }

  /** Puts into the queue what can be taken off now, as much as a turn may. @returns was that all? */
  settle(lastZxid: bigint): boolean {
    let count = 0;
    for (const path of this.due) {
      if (count++ === TURN_PATHS) return false;
      this.settlePath(path, lastZxid);
    }
    if (this.knowledge === 'asked') return true;
    for (const [path, { data, child }] of this.undecided) {
      if (count++ === TURN_PATHS) return false;
      this.undecided.delete(path);
      if (data) this.left('data', path);
      if (child) this.left('child', path);
      this.settlePath(path, lastZxid);
    }
    return true;
  }

  private settlePath(path: string, lastZxid: bigint): void {
    this.due.delete(path);
    const owed = this.owed.get(path);
    // it is looked at again when what is under way was answered
    if (owed === undefined || this.arming.has(path)) return;
    this.owed.delete(path);
    if (!this.take(path, owed, lastZxid)) this.defer(path, owed);
  }

  /** A request of this path is under way no more. */
  look(path: string): void {
    if (this.owed.has(path)) this.due.add(path);
  }

  private isPersistent(path: string): boolean {
    const { watches, arming } = this;
    return (
      watches.has('persistent', path) ||
      watches.has('persistentRecursive', path) ||
      arming.hasPersistent(path)
    );
  }

  private owedOf(path: string): Owed {
    let owed = this.owed.get(path);
    if (owed === undefined) {
      owed = { data: false, child: false, persistent: false, since: null };
      this.owed.set(path, owed);
    }
    this.due.add(path);
    return owed;
  }

  private defer(path: string, owed: Owed): void {
    const before = this.undecided.get(path);
    this.undecided.set(path, owed);
    owed.data ||= before?.data === true;
    owed.child ||= before?.child === true;
  }

  /** @returns false if that must wait for the answer to what was asked */
  private take(path: string, owed: Owed, lastZxid: bigint): boolean {
    const { watches } = this;
    // what stays covers the path, and goes with all the rest when it goes
    if (watches.has('persistent', path) || watches.has('persistentRecursive', path)) {
      // all but what it does not bring the events of
      if (owed.since !== null) this.rearm(path, owed.since);
      return true;
    }
    if (owed.persistent) {
      // before 3.9 there is no other word for persistent ones; what should have stayed is armed again right behind
      this.remove(path, WatcherTypeCode.Any);
      this.rearm(path, owed.since ?? lastZxid);
      return true;
    }
    const data = owed.data && !watches.has('data', path) && !watches.has('exist', path);
    const child = owed.child && !watches.has('child', path);
    if (!data && !child) return true;
    if (this.knowledge === 'unasked') {
      this.knowledge = 'asked';
      this.ask();
    }
    if (this.knowledge === 'asked') return false;
    if (this.knowledge === 'yes') {
      if (data) this.remove(path, WatcherTypeCode.Data);
      if (child) this.remove(path, WatcherTypeCode.Children);
    }
    return true;
  }

  private remove(path: string, type: number): void {
    // NoWatcher is as good: it has fired meanwhile, and its event finds nobody
    this.add(
      new PendingRequest(operations.removeWatches, { path, type }, path, ignore, ignore, null, null, 0),
    );
  }

  private rearm(path: string, since: bigint): void {
    const { watches, queue } = this;
    const mine: Armed = {
      paths: (kind) => (watches.has(kind, path) ? [path] : []),
      has: (kind, each) => watches.has(kind, each),
      childComesLast: (each) => watches.childComesLast(each),
    };
    for (const { op, request, paths } of rearmingBatches(mine, since, queue.maxRequestBytes)) {
      const refused = (error: Error): void => {
        if (isTemporary(error)) throw error;
        if (isRefusal(error)) watches.endThese(paths, error);
      };
      this.add(new PendingRequest(op, request, path, ignore, refused, null, null, 0));
    }
  }

  private add(pending: PendingRequest): void {
    const refusal = this.queue.add(pending, true);
    if (refusal !== null) pending.fail(refusal);
  }
}

const ignore = (): void => undefined;
