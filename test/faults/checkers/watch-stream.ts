/**
 * Watches against the log of what really changed.
 *
 * What they promise: {@link checkStream} accepts what a stream gave exactly if the log can be walked from where the watch
 * was armed to the end so that each event is the next change, and nothing is passed over but what a gap stands for. So an
 * event that is lost, doubled, invented or out of order is found, and so is a gap that comes too late. Data that were read on
 * the same connection before the event of the change, or before its gap, are found too. {@link checkOneShots} finds watches
 * that fired twice, for nothing, or not at all.
 */
import type { EventType } from '../../../src/index.js';

export interface Change {
  readonly zxid: bigint;
  readonly type: EventType;
  readonly path: string;
}

/** What the user of a stream saw, in the order in which he saw it. */
export type Sight =
  | {
      readonly kind: 'event';
      readonly type: EventType;
      readonly path: string;
      readonly zxid: bigint | undefined;
    }
  /** Changes up to this zxid may be missing; those behind it may not. */
  | { readonly kind: 'gap'; readonly upTo: bigint }
  /** A read on the same connection was answered, and showed the change of this zxid. */
  | { readonly kind: 'data'; readonly zxid: bigint };

export interface StreamHistory {
  /** In their order, and within a transaction in that of its events. Only what the watch is about. */
  readonly log: readonly Change[];
  /** What was last when the watch was armed: changes up to here are not told. */
  readonly armed: bigint;
  /** Changes up to here have been told when the history ends. */
  readonly until: bigint;
  readonly sights: readonly Sight[];
}

/** @returns what is wrong, in words: the first thing, behind which nothing can be said */
export function checkStream({ log, armed, until, sights }: StreamHistory): readonly string[] {
  const first = log.findIndex(({ zxid }) => zxid > armed);
  /** Places in the log that can be the next one. More than one behind a gap. */
  let places = new Set([first < 0 ? log.length : first]);
  for (const [i, sight] of sights.entries()) {
    const next = new Set<number>();
    for (const place of places) {
      if (sight.kind === 'event') {
        const change = log[place];
        if (change !== undefined && isOf(sight, change)) next.add(place + 1);
      } else if (sight.kind === 'data') {
        // what it shows lies behind us
        const due = log[place];
        if (due === undefined || due.zxid > sight.zxid) next.add(place);
      } else {
        next.add(place);
        for (let to = place; to < log.length && log[to]!.zxid <= sight.upTo; to++) next.add(to + 1);
      }
    }
    if (next.size === 0) return [wrong(log, places, sight, i)];
    places = next;
  }
  const untold = [...places].map((place) => log[place]);
  if (untold.every((change) => change !== undefined && change.zxid <= until))
    return [`nothing was told of ${text(untold.at(-1)!)}, and the end is at ${until}`];
  return [];
}

function isOf(sight: Sight & { kind: 'event' }, change: Change): boolean {
  return (
    sight.type === change.type &&
    sight.path === change.path &&
    (sight.zxid === undefined || sight.zxid === change.zxid)
  );
}

function wrong(log: readonly Change[], places: ReadonlySet<number>, sight: Sight, index: number): string {
  const due = [...places].map((place) => log[place]).map((change) => (change ? text(change) : 'nothing'));
  const what =
    sight.kind === 'event'
      ? `the event ${text(sight)}`
      : sight.kind === 'data'
        ? `data of ${sight.zxid}`
        : 'a gap';
  return `${index}: ${what} came where this was due: ${due.slice(0, 3).join(', or ')}`;
}

function text({ type, path, zxid }: { type: EventType; path: string; zxid: bigint | undefined }): string {
  return `${type} ${path}${zxid === undefined ? '' : ` at ${zxid}`}`;
}

/** A watch that fires once. */
export interface OneShot {
  readonly path: string;
  /** The read with which it was armed showed the state of this zxid. */
  readonly armed: bigint;
  /** How often it fired. */
  readonly events: readonly { readonly type: EventType; readonly zxid: bigint | undefined }[];
  /** Its session ended, or it was given up, before the end: it need not have fired. */
  readonly over: boolean;
}

/**
 * @param log changes that fire watches of that kind, of all paths, in order
 * @param until changes up to here have been told when the history ends
 * @returns what is wrong, in words
 */
export function checkOneShots(
  watches: readonly OneShot[],
  log: readonly Change[],
  until: bigint,
): readonly string[] {
  const problems: string[] = [];
  for (const { path, armed, events, over } of watches) {
    const own = log.filter((change) => change.path === path && change.zxid > armed);
    const [event] = events;
    const name = `the watch of ${path} at ${armed}`;
    if (events.length > 1) problems.push(`${name} fired ${events.length} times`);
    if (event === undefined) {
      const missed = own.find(({ zxid }) => zxid <= until);
      if (missed !== undefined && !over) problems.push(`${name} was not told of ${text(missed)}`);
    } else if (own.length === 0) problems.push(`${name} fired, and nothing had happened`);
    else if (event.zxid !== undefined && event.zxid !== own[0]!.zxid)
      problems.push(`${name} was told of ${event.zxid}, and the first change was ${text(own[0]!)}`);
    else if (event.zxid !== undefined && event.type !== own[0]!.type)
      problems.push(`${name} says ${event.type} of ${text(own[0]!)}`);
  }
  return problems;
}
