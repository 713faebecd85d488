/**
 * As which server a mini-server answers, where servers differ: one table, a row per difference and a column per server.
 * Everything that is not in it is the same for all of them.
 */
import type { AnyOp } from '../protocol/op.js';

/** The release that everything else here is modelled on. */
export const MODELLED_RELEASE = '3.9.3';

/** Servers that can be emulated. */
export const EMULATIONS = ['3.4', '3.8', '3.9', 'keeper'] as const;

/**
 * A server to be like: ZooKeeper 3.9.3, 3.8.0 as Debian has it, 3.4.14, or ClickHouse Keeper. The first two are compared
 * with the real ones; the others are as their users report them.
 */
export type Emulation = (typeof EMULATIONS)[number];

/** One difference between servers. */
export interface Difference {
  readonly what: string;
  /** The issue that changed it, or where it is known from. */
  readonly why: string;
  /** The servers of which it is true. */
  readonly of: readonly Emulation[];
}

/** Every difference, by its name. */
export const DIFFERENCES = {
  eventZxids: {
    what: 'The header of a watch event has the zxid of its change; elsewhere -1',
    why: 'ZOOKEEPER-4655, 3.9.0',
    of: ['3.9'],
  },
  eventsNeedRead: {
    what: 'Events on a node are sent only to those who may READ it when they happen',
    why: 'ZOOKEEPER-4799, 3.8.4 and 3.9.2; in Debian’s 3.8.0 too',
    of: ['3.8', '3.9'],
  },
  existsNeedsRead: {
    what: '`exists` of a node that is there needs READ',
    why: 'ZOOKEEPER-2590, 3.8.4 and 3.9.3',
    of: ['3.9'],
  },
  watchModesSideBySide: {
    what: 'One connection may have a one-shot, a persistent and a recursive watch on one path, and the watcher types 4 and 5 name the last two; elsewhere the later one takes the place of the earlier, types 1 and 2 name whatever is there, and `wchs` goes on to count who has removed its last watch',
    why: 'ZOOKEEPER-4466 and ZOOKEEPER-4472, 3.9.0',
    of: ['3.9'],
  },
  checkWatchesAsksForOwn: {
    what: '`checkWatches` asks for watches of its own connection on any path; elsewhere for anybody’s, and a path without a slash is a marshalling error',
    why: 'ZOOKEEPER-4466, 3.9.0',
    of: ['3.9'],
  },
  checkAloneIsUnknown: {
    what: 'A `check` outside of a multi is Unimplemented and ends the connection; elsewhere it is done, uses up a zxid, and only its errors are answered',
    why: 'seen in 3.9.3, and not in 3.8.0',
    of: ['3.9', 'keeper'],
  },
  multiIsReadStrictly: {
    what: 'A null path, or impossible flags of a create, make a multi unreadable, and `create2` in it results in path and Stat; elsewhere the flags are the error of that operation, BadArguments, `create2` is the same as `create`, and a null path is refused before the zxid that it took is logged',
    why: 'seen in 3.9.3, and not in 3.8.0',
    of: ['3.9'],
  },
  unreadableWritesAreFree: {
    what: 'A write other than a multi that cannot be read uses up no zxid; elsewhere one',
    why: 'requests are read into records before they are looked at, 3.9.0',
    of: ['3.9'],
  },
  deleteContainerObeys: {
    what: '`deleteContainer` (20) of a client is obeyed; elsewhere always BadArguments',
    why: 'seen in 3.9.3; before, its path is read from the wrong place',
    of: ['3.9'],
  },
  configNode: {
    what: 'There is a node `/zookeeper/config`, which nobody can delete',
    why: 'ZOOKEEPER-107, 3.5.0',
    of: ['3.8', '3.9', 'keeper'],
  },
  createTakesEveryMode: {
    what: 'Creates may be of containers and TTL nodes (flags 4 to 6); elsewhere these flags are BadArguments, which is found out after a missing parent or permission',
    why: 'ZOOKEEPER-2163, 3.5.1, and ZOOKEEPER-2169, 3.5.3',
    of: ['3.8', '3.9', 'keeper'],
  },
  wordsAreOld: {
    what: 'No four-letter words `dirs` and `hash`; `mntr` has fifteen lines; averages in `srvr` and `stat` are whole; `conf` has no sizes and no `secureClientPort`, `envi` no memory, `dump` no connections; elsewhere they have',
    why: 'ZooKeeper 3.5.0 and 3.6.0',
    of: ['3.4'],
  },
  snapshotMetrics: {
    what: '`mntr` has metrics of snapshots on request (`zk_restore_…`, `zk_snapshot_…_count`), and its counters in the order that comes of it',
    why: 'ZOOKEEPER-4570, 3.9.0',
    of: ['3.9'],
  },
  strangersGetSessions: {
    what: 'Who attaches to a session that is gone gets a new one; elsewhere a refusal',
    why: 'ClickHouse#116690',
    of: ['keeper'],
  },
} as const satisfies Readonly<Record<string, Difference>>;

/** Which differences are true of a server. */
export type Traits = { readonly [K in keyof typeof DIFFERENCES]: boolean };

/** The row of {@link DIFFERENCES} for one server. */
export function traitsOf(emulation: Emulation): Traits {
  const traits = Object.entries<Difference>(DIFFERENCES).map(([name, { of }]) => [
    name,
    of.includes(emulation),
  ]);
  return Object.freeze(Object.fromEntries(traits)) as Traits;
}

interface Preset {
  /** What it says that it is. */
  readonly version: string;
  readonly unknownOperations: 'answer' | 'hangUp';
  /** Operations of that version that it lacks all the same. */
  readonly lacks: readonly string[];
}

/** The rest of what an emulation means. */
export const PRESETS: { readonly [K in Emulation]: Preset } = {
  '3.4': { version: '3.4.14', unknownOperations: 'answer', lacks: [] },
  '3.8': { version: '3.8.0', unknownOperations: 'answer', lacks: [] },
  '3.9': { version: MODELLED_RELEASE, unknownOperations: 'answer', lacks: [] },
  keeper: {
    version: '3.8.0',
    unknownOperations: 'hangUp',
    lacks: [
      'create2',
      'createContainer',
      'createTTL',
      'getEphemerals',
      'getAllChildrenNumber',
      'whoAmI',
      'setWatches',
      'setWatches2',
      'addWatch',
      'checkWatches',
      'removeWatches',
      'sasl',
    ],
  },
};

/** What a server of that version is most like. */
export function emulationOf(version: string): Emulation {
  if (isFrom(version, '3.9')) return '3.9';
  return isFrom(version, '3.5') ? '3.8' : '3.4';
}

/** Is a release, such as `3.8.0`, this one or a later one? Missing parts count as 0. */
export function isFrom(release: string, wanted: string): boolean {
  const [a, b] = [release, wanted].map((text) => text.split('.').map(Number));
  for (let i = 0; i < 3; i++) {
    const difference = (a?.[i] ?? 0) - (b?.[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/** Does a server know the operation? */
export function knows(
  server: { readonly version: string; readonly emulate: Emulation },
  row: AnyOp,
): boolean {
  return isFrom(server.version, row.since) && !PRESETS[server.emulate].lacks.includes(row.name);
}
