/** A removal of watches that the user asks for, from its request to what its reply means for the watches of ours. */
import { WatcherTypeCode, type WatcherType } from '../protocol/constants.js';
import { Errno } from '../protocol/error-codes.js';
import { WatchClosedError } from '../protocol/errors.js';
import type { AnyOp, WatchKind } from '../protocol/op.js';
import { operations } from '../protocol/operations.js';
import { WATCH_KINDS, type PathsByKind, type WatchRegistry } from './watches.js';

const KINDS: Readonly<Record<WatcherType, readonly WatchKind[]>> = {
  Children: ['child'],
  Data: ['data', 'exist'],
  Any: WATCH_KINDS,
  Persistent: ['persistent'],
  PersistentRecursive: ['persistentRecursive'],
};

/** Removes the watches of one type on one path. */
export class Removal {
  readonly kinds: readonly WatchKind[];
  /** Its reply said that there were such watches, on the server or here. */
  found = false;

  /** @param spares the server keeps its watches: to take them off would take more, and only those of ours end */
  constructor(
    readonly path: string,
    private readonly type: WatcherType,
    private readonly spares: boolean,
  ) {
    this.kinds = KINDS[type];
  }

  /** What is asked. A removal that spares the server's watches keeps its place among the calls by a question instead. */
  get row(): AnyOp {
    return this.spares ? operations.checkWatches : operations.removeWatches;
  }

  get request(): { readonly path: string; readonly type: number } {
    return { path: this.path, type: WatcherTypeCode[this.type] };
  }

  /** Did the server take off what it had? */
  isDone(errno: number): boolean {
    return errno === 0 && !this.spares;
  }

  /** Ends the watches of ours. @returns the tables that had any */
  end(watches: WatchRegistry, clientPath: string | undefined): readonly WatchKind[] {
    const mine = this.kinds.filter((kind) => watches.has(kind, this.path));
    const paths = Object.fromEntries(
      WATCH_KINDS.map((kind) => [kind, mine.includes(kind) ? [this.path] : []]),
    ) as unknown as PathsByKind;
    watches.endThese(paths, new WatchClosedError({ path: clientPath, outcome: 'not-sent' }));
    return mine;
  }
}

/** Is that one of the two answers that a server gives which knows removeWatches? */
export function isAnswer(errno: number): boolean {
  return errno === 0 || errno === Errno.NoWatcher;
}

/** Types that a server before 3.9 takes off together with persistent watches of the path. */
export function isOneShotType(type: WatcherType): boolean {
  return type === 'Data' || type === 'Children';
}
