import { describe, expect, it } from 'vitest';
import { Limits } from '../../../src/protocol/constants.js';
import type { AnyOp, WatchKind } from '../../../src/protocol/op.js';
import { operations, type RequestOf } from '../../../src/protocol/operations.js';
import { Outbox } from '../../../src/session/outbox.js';
import { rearmingBatches, type Batch } from '../../../src/session/rearming.js';
import { WatchRegistry, type OneShotKind } from '../../../src/session/watches.js';
import { RecordingWatcher } from '../../support/core-world.js';

type SetWatches = RequestOf<'setWatches'>;

const KINDS = ['data', 'exist', 'child'] as const;
const LIMIT = Limits.SET_WATCHES_BYTES;
/** Header, zxid, and the counts of three vectors. */
const HEAD = 8 + 8 + 12;

function armed(registry: WatchRegistry, kind: WatchKind, path: string): void {
  registry.arm(kind, path, new RecordingWatcher());
}

function whole(registry: WatchRegistry, relativeZxid: bigint, maxBytes: number): Batch[] {
  return [...rearmingBatches(registry, relativeZxid, maxBytes)];
}

const batches = (registry: WatchRegistry, relativeZxid: bigint, maxBytes: number): SetWatches[] =>
  whole(registry, relativeZxid, maxBytes).map(({ request }) => request);

/** Bytes of a request on the wire, header included, length prefix not. */
function bytesOf(op: AnyOp, request: unknown): number {
  const out = new Outbox();
  out.begin();
  out.int(1);
  out.int(op.code);
  op.writeRequest(out, request);
  return out.frameBytes;
}

describe('the requests that arm everything again', () => {
  const frameBytes = (batch: SetWatches): number => bytesOf(operations.setWatches, batch);

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
    expect([...batches(new WatchRegistry(), 5n, LIMIT)]).toEqual([]);
  });

  it('have each kind in its place, each path once, and the zxid', () => {
    const registry = new WatchRegistry();
    armed(registry, 'data', '/d');
    armed(registry, 'exist', '/e');
    armed(registry, 'child', '/c');
    armed(registry, 'child', '/c');
    armed(registry, 'child', '/d');
    expect([...batches(registry, 0x5_0000_0001n, LIMIT)]).toEqual([
      {
        relativeZxid: 0x5_0000_0001n,
        dataWatches: ['/d'],
        existWatches: ['/e'],
        childWatches: ['/c', '/d'],
        persistentWatches: [],
        persistentRecursiveWatches: [],
      },
    ]);
    expect(registry.size).toBe(4);
  });

  it.each(KINDS)('go up to the limit with their header, and not over it: %s', (kind) => {
    const half = (LIMIT - HEAD) / 2;
    const full = [...batches(registryOf([pathOf(half), pathOf(half, 'y')], kind), 1n, LIMIT)];
    expect(full.map(frameBytes)).toEqual([LIMIT]);
    const over = [...batches(registryOf([pathOf(half), pathOf(half + 1, 'y')], kind), 1n, LIMIT)];
    expect(over.map((batch) => listOf(batch, kind).length)).toEqual([1, 1]);
  });

  it('count bytes, not letters', () => {
    const third = Math.floor((LIMIT - HEAD) / 3);
    const paths = ['é', 'ü', 'ß', 'ø'].map((letter) => `/${letter.repeat((third - 5) >> 1)}`);
    const made = [...batches(registryOf(paths), 1n, LIMIT)];
    expect(made.map((batch) => batch.dataWatches.length)).toEqual([3, 1]);
    for (const batch of made) expect(frameBytes(batch)).toBeLessThanOrEqual(LIMIT);
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
    const made = [...batches(registry, 7n, LIMIT)];
    const sizes = made.map(frameBytes);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(LIMIT);
    for (const size of sizes.slice(0, -1)) expect(size).toBeGreaterThan(LIMIT - 100);
    expect(made.every(({ relativeZxid }) => relativeZxid === 7n)).toBe(true);
    for (const kind of KINDS) {
      const sent = made.flatMap((batch) => listOf(batch, kind));
      expect(sent.sort()).toEqual(expected[kind].sort());
    }
    expect(registry.size).toBe(100_003);
  });

  it.each([0, 1, 2])('put a path that is longer than the limit alone: at place %i', (place) => {
    const paths = ['/a', '/b'];
    const long = pathOf(LIMIT + 100);
    paths.splice(place, 0, long);
    const made = [...batches(registryOf(paths), 1n, LIMIT)];
    expect(made.flatMap(pathsOf)).toEqual(paths);
    expect(made.filter((batch) => pathsOf(batch).includes(long)).map(pathsOf)).toEqual([[long]]);
    for (const batch of made) expect(pathsOf(batch).length).toBeGreaterThan(0);
  });

  it('put each of several such paths alone, in each table', () => {
    const registry = new WatchRegistry();
    for (const kind of KINDS) for (const letter of 'xy') armed(registry, kind, pathOf(LIMIT + 1, letter));
    expect([...batches(registry, 1n, LIMIT)].map((batch) => pathsOf(batch).length)).toEqual([
      1, 1, 1, 1, 1, 1,
    ]);
  });

  it('keep to a smaller limit, and never make use of a larger one', () => {
    const paths = Array.from({ length: 5000 }, (_, i) => `/some-path-of-average-length-${String(i)}`);
    const registry = registryOf(paths);
    const small = [...batches(registry, 1n, 1000)];
    for (const batch of small) expect(frameBytes(batch)).toBeLessThanOrEqual(1000);
    expect(small.flatMap(pathsOf)).toEqual(paths);
    const large = [...batches(registry, 1n, 0x7fffffff)];
    for (const batch of large) expect(frameBytes(batch)).toBeLessThanOrEqual(LIMIT);
    expect(large).toEqual([...batches(registry, 1n, LIMIT)]);
    expect(large.length).toBeGreaterThan(1);
  });

  it('are SetWatches unless there is a persistent one: only those who need it must know SetWatches2', () => {
    const registry = registryOf(['/a']);
    expect(whole(registry, 1n, LIMIT).map(({ op }) => op.name)).toEqual(['setWatches']);
    armed(registry, 'persistent', '/p');
    armed(registry, 'persistentRecursive', '/r');
    const [only, ...more] = whole(registry, 1n, LIMIT);
    expect(more).toEqual([]);
    expect(only!.op.name).toBe('setWatches2');
    expect(only!.request).toEqual({
      relativeZxid: 1n,
      dataWatches: ['/a'],
      existWatches: [],
      childWatches: [],
      persistentWatches: ['/p'],
      persistentRecursiveWatches: ['/r'],
    });
  });

  it('keep to the limit with their longer header, too', () => {
    for (let off = -12; off <= 2; off++) {
      const registry = registryOf([pathOf(2000)]);
      for (let i = 0; i < 3; i++) armed(registry, 'persistentRecursive', pathOf(30_000 + off, String(i)));
      for (let i = 0; i < 50; i++)
        armed(registry, 'persistent', pathOf(3000 + off, String.fromCharCode(65 + i)));
      const made = whole(registry, 1n, LIMIT);
      for (const { op, request } of made) expect(bytesOf(op, request)).toBeLessThanOrEqual(LIMIT);
      expect(made.length).toBe(2);
      expect(made.flatMap(({ paths }) => paths.persistent)).toHaveLength(50);
    }
  });
});
