/**
 * The requests that arm watches again: all of them on a new connection, or some behind a removal that took more than it
 * should. SetWatches where that will do, since servers before 3.6 and some others know no more.
 */
import { Limits } from '../protocol/constants.js';
import type { AnyOp } from '../protocol/op.js';
import { operations, type SetWatches2Request } from '../protocol/operations.js';
import { REQUEST_HEADER_BYTES } from '../protocol/records.js';
import { WATCH_KINDS, isOneShot, type PathsByKind, type WatchRegistry } from './watches.js';

/** One request, and the paths that it stands for. */
export interface Batch {
  readonly op: AnyOp;
  readonly request: SetWatches2Request;
  readonly paths: PathsByKind;
}

/** Request header, zxid, and a vector count for each of the three tables of SetWatches. */
const HEAD_BYTES = REQUEST_HEADER_BYTES + 8 + 3 * 4;
/** The two vector counts that SetWatches2 has besides. */
const PERSISTENT_HEAD_BYTES = 2 * 4;

type Lists = { [K in keyof PathsByKind]: string[] };

/** Where the watches are. */
export type Armed = Pick<WatchRegistry, 'paths' | 'has' | 'childComesLast'>;

/**
 * Requests that arm them all, in this order. Watches that leave before the request is made which they would be in are in none.
 * @see batchesOf
 */
export function* rearmingBatches(watches: Armed, relativeZxid: bigint, maxBytes: number): Generator<Batch> {
  const last: string[] = [];
  const first = (kind: keyof PathsByKind): Iterable<string> =>
    kind === 'child' ? childPaths(watches, last) : watches.paths(kind);
  yield* batchesOf(first, relativeZxid, maxBytes);
  if (last.length === 0) return;
  const there = (kind: keyof PathsByKind): string[] =>
    kind === 'child' ? last.filter((path) => watches.has('child', path)) : [];
  yield* batchesOf(there, relativeZxid, maxBytes);
}

/** Those of child watches, but for what comes last. */
function* childPaths(watches: Armed, last: string[]): Generator<string> {
  for (const path of watches.paths('child')) {
    if (watches.childComesLast(path)) last.push(path);
    else yield path;
  }
}

/**
 * @param pathsOf the paths of a table
 * @param relativeZxid what changed after it is told at once, for those that fire once
 * @param maxBytes longest request; each has at most 128 KiB anyway, but a path that is longer than that travels alone
 */
function* batchesOf(
  pathsOf: (kind: keyof PathsByKind) => Iterable<string>,
  relativeZxid: bigint,
  maxBytes: number,
): Generator<Batch> {
  const limitBytes = Math.min(Limits.SET_WATCHES_BYTES, maxBytes);
  let lists = emptyLists();
  let bytes = HEAD_BYTES;
  for (const kind of WATCH_KINDS) {
    for (const path of pathsOf(kind)) {
      const own = 4 + bytesOf(path);
      const head = isOneShot(kind) || !isPlain(lists) ? 0 : PERSISTENT_HEAD_BYTES;
      if (bytes + head + own > limitBytes && bytes > HEAD_BYTES) {
        yield batch(lists, relativeZxid);
        lists = emptyLists();
        bytes = HEAD_BYTES + (isOneShot(kind) ? 0 : PERSISTENT_HEAD_BYTES);
      } else {
        bytes += head;
      }
      lists[kind].push(path);
      bytes += own;
    }
  }
  if (bytes > HEAD_BYTES) yield batch(lists, relativeZxid);
}

/** There may be 100,000 paths to measure in one turn, and it is the rare one for which that takes a call out of JavaScript. */
function bytesOf(path: string): number {
  for (let i = 0; i < path.length; i++) if (path.charCodeAt(i) > 0x7f) return Buffer.byteLength(path);
  return path.length;
}

function batch(paths: Lists, relativeZxid: bigint): Batch {
  const { data, exist, child, persistent, persistentRecursive } = paths;
  return {
    op: isPlain(paths) ? operations.setWatches : operations.setWatches2,
    request: {
      relativeZxid,
      dataWatches: data,
      existWatches: exist,
      childWatches: child,
      persistentWatches: persistent,
      persistentRecursiveWatches: persistentRecursive,
    },
    paths,
  };
}

/** Will SetWatches do? */
function isPlain({ persistent, persistentRecursive }: Lists): boolean {
  return persistent.length === 0 && persistentRecursive.length === 0;
}

function emptyLists(): Lists {
  return { data: [], exist: [], child: [], persistent: [], persistentRecursive: [] };
}
