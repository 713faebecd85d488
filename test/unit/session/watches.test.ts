import { describe, expect, it } from 'vitest';
import { Limits, type EventType } from '../../../src/protocol/constants.js';
import { SessionExpiredError } from '../../../src/protocol/errors.js';
import { operations, type RequestOf } from '../../../src/protocol/operations.js';
import { Outbox } from '../../../src/session/outbox.js';
import { WatchRegistry, type OneShotKind } from '../../../src/session/watches.js';
import { RecordingWatcher } from '../../support/core-world.js';

type SetWatches = RequestOf<'setWatches'>;

const KINDS = ['data', 'exist', 'child'] as const;
const LIMIT = Limits.SET_WATCHES_BYTES;
/** Header, zxid, and the counts of three vectors. */
const HEAD = 8 + 8 + 12;
const expired = (): SessionExpiredError => new SessionExpiredError({ outcome: 'not-sent' });

/** Which tables an event empties (Java `ZKWatchManager.materialize`). */
const SPENDS: Readonly<Record<EventType, readonly OneShotKind[]>> = {
  NodeCreated: ['data', 'exist'],
  NodeDeleted: ['data', 'exist', 'child'],
  NodeDataChanged: ['data', 'exist'],
  NodeChildrenChanged: ['child'],
};

function armed(registry: WatchRegistry, kind: OneShotKind, path: string): RecordingWatcher {
  const watcher = new RecordingWatcher();
  registry.arm(kind, path, watcher);
  return watcher;
}

describe('an event', () => {
  it.each(
    (Object.keys(SPENDS) as EventType[]).flatMap((type) =>
      KINDS.map((kind) => [type, kind, SPENDS[type].includes(kind) ? 'spends' : 'leaves'] as const),
    ),
  )('%s of a %s watch: %s it', (type, kind, what) => {
    const registry = new WatchRegistry();
    const watcher = armed(registry, kind, '/a');
    expect(registry.take(type, '/a')).toEqual(what === 'spends' ? [watcher] : []);
    expect(registry.size).toBe(what === 'spends' ? 0 : 1);
    // whoever was taken is gone, and who was left is still there for his own event
    expect(registry.take(type, '/a')).toEqual([]);
    const own = kind === 'child' ? 'NodeChildrenChanged' : 'NodeDataChanged';
    expect(registry.take(own, '/a')).toEqual(what === 'spends' ? [] : [watcher]);
  });

  it('of a deletion reaches all three tables, each in the order of arming', () => {
    const registry = new WatchRegistry();
    const [first, second] = [armed(registry, 'data', '/a'), armed(registry, 'data', '/a')];
    const exist = armed(registry, 'exist', '/a');
    const children = Array.from({ length: 3 }, () => armed(registry, 'child', '/a'));
    const taken = registry.take('NodeDeleted', '/a');
    const index = (watcher: RecordingWatcher): number => taken.indexOf(watcher);
    expect(taken).toHaveLength(6);
    expect(new Set(taken)).toEqual(new Set([first, second, exist, ...children]));
    expect(index(first)).toBeLessThan(index(second));
    expect(children.map(index)).toEqual(children.map(index).sort((a, b) => a - b));
    expect(registry.size).toBe(0);
  });

  it('is that of one path, to the letter', () => {
    const registry = new WatchRegistry();
    const watchers = ['/', '/a', '/a/b', '/ab', '/A'].map((path) => armed(registry, 'data', path));
    expect(registry.take('NodeDeleted', '/a')).toEqual([watchers[1]]);
    expect(registry.take('NodeDeleted', '/a/')).toEqual([]);
    expect(registry.take('NodeDeleted', '__proto__')).toEqual([]);
    expect(registry.size).toBe(4);
  });

  it('does not take who is armed while it is told', () => {
    const registry = new WatchRegistry();
    armed(registry, 'data', '/a');
    const taken = registry.take('NodeDataChanged', '/a');
    const again = armed(registry, 'data', '/a');
    expect(taken).toHaveLength(1);
    expect(registry.take('NodeDataChanged', '/a')).toEqual([again]);
  });
});

describe('a watcher', () => {
  it('is told where it is armed', () => {
    const registry = new WatchRegistry();
    const watcher = armed(registry, 'exist', '/a');
    registry.arm('child', '/b', watcher);
    expect(watcher.heard).toEqual(['armed exist /a', 'armed child /b']);
  });

  it('counts once for a path of a table, however many there are', () => {
    const registry = new WatchRegistry();
    for (const kind of KINDS) for (const path of ['/a', '/a', '/b']) armed(registry, kind, path);
    expect(registry.size).toBe(6);
  });

  it.each([
    [2, 0],
    [2, 1],
    [3, 0],
    [3, 1],
    [3, 2],
    [5, 3],
  ])('of %i on one path is disarmed alone: number %i', (count, gone) => {
    const registry = new WatchRegistry();
    const watchers = Array.from({ length: count }, () => armed(registry, 'data', '/a'));
    registry.disarm('data', '/a', watchers[gone]!);
    expect(registry.size).toBe(1);
    const late = armed(registry, 'data', '/a');
    const rest = [...watchers.filter((_, i) => i !== gone), late];
    expect(registry.take('NodeDataChanged', '/a')).toEqual(rest);
    expect(watchers.flatMap(({ heard }) => heard)).toHaveLength(count);
  });

  it('that is the last one takes its path along', () => {
    const registry = new WatchRegistry();
    const watchers = Array.from({ length: 3 }, () => armed(registry, 'child', '/a'));
    for (const [i, watcher] of watchers.entries()) {
      expect([i, registry.size]).toEqual([i, 1]);
      registry.disarm('child', '/a', watcher);
    }
    expect(registry.size).toBe(0);
    expect(registry.take('NodeChildrenChanged', '/a')).toEqual([]);
    expect([...registry.batches(1n, LIMIT)]).toEqual([]);
  });

  it('that is not there is not missed, and nobody else goes in its place', () => {
    const registry = new WatchRegistry();
    const [one, two] = [armed(registry, 'data', '/a'), armed(registry, 'data', '/b')];
    const other = armed(registry, 'data', '/b');
    const stranger = new RecordingWatcher();
    for (const path of ['/a', '/b', '/c']) registry.disarm('data', path, stranger);
    registry.disarm('child', '/a', one);
    registry.disarm('data', '/b', one);
    expect(registry.take('NodeDataChanged', '/a')).toEqual([one]);
    expect(registry.take('NodeDataChanged', '/b')).toEqual([two, other]);
  });
});

describe('the end', () => {
  it('of all reaches each watcher of each table, once', () => {
    const registry = new WatchRegistry();
    const watchers = KINDS.flatMap((kind) => ['/a', '/a', '/b'].map((path) => armed(registry, kind, path)));
    registry.endAll(expired());
    for (const { heard } of watchers) expect(heard.slice(1)).toEqual(['ZK_SESSION_EXPIRED']);
    expect(registry.size).toBe(0);
    registry.endAll(expired());
    for (const { heard } of watchers) expect(heard).toHaveLength(2);
  });

  it('of all is not that of one who is armed meanwhile', () => {
    const registry = new WatchRegistry();
    const next = new RecordingWatcher();
    const first = armed(registry, 'data', '/a');
    first.ended = () => {
      expect(registry.size).toBe(0);
      registry.arm('child', '/a', next);
    };
    registry.endAll(expired());
    expect(next.heard).toEqual(['armed child /a']);
    expect(registry.take('NodeDeleted', '/a')).toEqual([next]);
  });

  it('of a batch reaches the paths of that batch, each in its table', () => {
    const registry = new WatchRegistry();
    const made = KINDS.map((kind) => ['/a', '/b', '/b'].map((path) => armed(registry, kind, path)));
    const batch = {
      relativeZxid: 1n,
      dataWatches: ['/b', '/none'],
      existWatches: ['/a'],
      childWatches: ['/b'],
    };
    registry.endBatch(batch, expired());
    expect(made.map((list) => list.map(({ heard }) => heard.length - 1))).toEqual([
      [0, 1, 1],
      [1, 0, 0],
      [0, 1, 1],
    ]);
    expect(registry.size).toBe(3);
  });
});

describe('the requests that arm everything again', () => {
  /** Bytes of a request on the wire, header included, length prefix not. */
  function frameBytes(batch: SetWatches): number {
    const out = new Outbox();
    out.begin();
    out.int(1);
    out.int(operations.setWatches.code);
    operations.setWatches.writeRequest(out, batch);
    return out.frameBytes;
  }

  const listOf = (batch: SetWatches, kind: OneShotKind): readonly string[] =>
    ({ data: batch.dataWatches, exist: batch.existWatches, child: batch.childWatches })[kind];
  const pathsOf = (batch: SetWatches): string[] => KINDS.flatMap((kind) => [...listOf(batch, kind)]);

  function registryOf(paths: readonly string[], kind: OneShotKind = 'data'): WatchRegistry {
    const registry = new WatchRegistry();
    for (const path of paths) armed(registry, kind, path);
    return registry;
  }

  /** A path that takes `bytes` bytes in a request, its length included. */
  const pathOf = (bytes: number, letter = 'x'): string => `/${letter.repeat(bytes - 5)}`;

  it('are none where nothing is armed', () => {
    expect([...new WatchRegistry().batches(5n, LIMIT)]).toEqual([]);
  });

  it('have each kind in its place, each path once, and the zxid', () => {
    const registry = new WatchRegistry();
    armed(registry, 'data', '/d');
    armed(registry, 'exist', '/e');
    armed(registry, 'child', '/c');
    armed(registry, 'child', '/c');
    armed(registry, 'child', '/d');
    expect([...registry.batches(0x5_0000_0001n, LIMIT)]).toEqual([
      {
        relativeZxid: 0x5_0000_0001n,
        dataWatches: ['/d'],
        existWatches: ['/e'],
        childWatches: ['/c', '/d'],
      },
    ]);
    expect(registry.size).toBe(4);
  });

  it.each(KINDS)('go up to the limit with their header, and not over it: %s', (kind) => {
    const half = (LIMIT - HEAD) / 2;
    const full = [...registryOf([pathOf(half), pathOf(half, 'y')], kind).batches(1n, LIMIT)];
    expect(full.map(frameBytes)).toEqual([LIMIT]);
    const over = [...registryOf([pathOf(half), pathOf(half + 1, 'y')], kind).batches(1n, LIMIT)];
    expect(over.map((batch) => listOf(batch, kind).length)).toEqual([1, 1]);
  });

  it('count bytes, not letters', () => {
    const third = Math.floor((LIMIT - HEAD) / 3);
    const paths = ['é', 'ü', 'ß', 'ø'].map((letter) => `/${letter.repeat((third - 5) >> 1)}`);
    const batches = [...registryOf(paths).batches(1n, LIMIT)];
    expect(batches.map((batch) => batch.dataWatches.length)).toEqual([3, 1]);
    for (const batch of batches) expect(frameBytes(batch)).toBeLessThanOrEqual(LIMIT);
  });

  it('carry 100,000 paths of all kinds, each exactly once, in as few frames as it takes', () => {
    const registry = new WatchRegistry();
    const expected: Record<OneShotKind, string[]> = { data: [], exist: [], child: [] };
    for (let i = 0; i < 100_000; i++) {
      const kind = KINDS[i % 3]!;
      const path = `/services/${String(i % 7)}/${'instance-'.repeat(i % 5)}${String(i)}`;
      expected[kind].push(path);
      registry.arm(kind, path, new RecordingWatcher());
    }
    // the same path in two tables stands in both
    for (const kind of KINDS) {
      expected[kind].push('/in-all-tables');
      registry.arm(kind, '/in-all-tables', new RecordingWatcher());
    }
    const batches = [...registry.batches(7n, LIMIT)];
    const sizes = batches.map(frameBytes);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(LIMIT);
    for (const size of sizes.slice(0, -1)) expect(size).toBeGreaterThan(LIMIT - 100);
    expect(batches.every(({ relativeZxid }) => relativeZxid === 7n)).toBe(true);
    for (const kind of KINDS) {
      const sent = batches.flatMap((batch) => listOf(batch, kind));
      expect(sent.sort()).toEqual(expected[kind].sort());
    }
    expect(registry.size).toBe(100_003);
  });

  it.each([0, 1, 2])('put a path that is longer than the limit alone: at place %i', (place) => {
    const paths = ['/a', '/b'];
    const long = pathOf(LIMIT + 100);
    paths.splice(place, 0, long);
    const batches = [...registryOf(paths).batches(1n, LIMIT)];
    expect(batches.flatMap(pathsOf)).toEqual(paths);
    expect(batches.filter((batch) => pathsOf(batch).includes(long)).map(pathsOf)).toEqual([[long]]);
    for (const batch of batches) expect(pathsOf(batch).length).toBeGreaterThan(0);
  });

  it('put each of several such paths alone, in each table', () => {
    const registry = new WatchRegistry();
    for (const kind of KINDS) for (const letter of 'xy') armed(registry, kind, pathOf(LIMIT + 1, letter));
    expect([...registry.batches(1n, LIMIT)].map((batch) => pathsOf(batch).length)).toEqual([
      1, 1, 1, 1, 1, 1,
    ]);
  });

  it('keep to a smaller limit, and never make use of a larger one', () => {
    const paths = Array.from({ length: 5000 }, (_, i) => `/some-path-of-average-length-${String(i)}`);
    const registry = registryOf(paths);
    const small = [...registry.batches(1n, 1000)];
    for (const batch of small) expect(frameBytes(batch)).toBeLessThanOrEqual(1000);
    expect(small.flatMap(pathsOf)).toEqual(paths);
    const large = [...registry.batches(1n, 0x7fffffff)];
    for (const batch of large) expect(frameBytes(batch)).toBeLessThanOrEqual(LIMIT);
    expect(large).toEqual([...registry.batches(1n, LIMIT)]);
    expect(large.length).toBeGreaterThan(1);
  });
});
