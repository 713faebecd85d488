/**
 * A tree that is kept by a recursive watch: each event is applied, and behind a gap all is read anew. Whatever is edited, and
 * however often the connection breaks or the session ends, it is the server's tree when things calm down.
 */
import { describe, expect, it } from 'vitest';
import { NoNodeError, ZkError, type Conn } from '../../../src/index.js';
import { SEED } from '../../support/property.js';
import { SCALE, checked, injected, requested } from '../../support/tally.js';
import { Chance, seedOf } from '../chance.js';
import { MemoryWorld } from '../support/memory-world.js';

const RUNS = 10 * SCALE;
const EDITS = 150;
const NAMES = ['a', 'b', 'c'];

/** Data by path, as far as it is known. */
class Mirror {
  nodes = new Map<string, string>();
  gaps = 0;
  events = 0;
  private stopped = false;

  constructor(private readonly conn: Conn) {}

  stop(): void {
    this.stopped = true;
  }

  /** Until it is stopped: a new watch where the session of the last one is over. */
  async keep(): Promise<void> {
    while (!this.stopped) {
      try {
        await using stream = await this.conn.addWatch('/t', 'PERSISTENT_RECURSIVE', { bufferSize: 100_000 });
        await this.readAll();
        for await (const item of stream) {
          if (item.type === 'gap') {
            this.gaps++;
            await this.readAll();
          } else if (item.type === 'NodeDeleted') {
            this.events++;
            this.nodes.delete(item.path);
          } else if (item.type === 'NodeCreated' || item.type === 'NodeDataChanged') {
            this.events++;
            await this.read(item.path);
          } else {
            throw new Error(`an item ${item.type}`);
          }
        }
        return;
      } catch (error) {
        if (!ZkError.is(error)) throw error;
      }
    }
  }

  /** A read may show more than its event: what comes later is told later, and changes nothing. */
  private async read(path: string): Promise<void> {
    try {
      const { data } = await this.patiently(() => this.conn.get(path));
      this.nodes.set(path, String(data));
    } catch (error) {
      if (!(error instanceof NoNodeError)) throw error;
      this.nodes.delete(path);
    }
  }

  private async readAll(): Promise<void> {
    await this.patiently(() => this.conn.sync('/t'));
    this.nodes = await this.patiently(async () => {
      const nodes = new Map<string, string>();
      for await (const { path, data } of this.conn.walk('/t', { data: true })) nodes.set(path, String(data));
      return nodes;
    });
  }

  /** A read that is lost with its connection is made again; the end of the session ends the watch as well. */
  private async patiently<T>(read: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await read();
      } catch (error) {
        if (!ZkError.is(error) || error.code !== 'ZK_CONNECTION_LOSS') throw error;
      }
    }
  }
}

async function edit(conn: Conn, chance: Chance, serial: number): Promise<void> {
  const depth = chance.between(1, 3);
  const path = `/t${Array.from({ length: depth }, () => `/${chance.one(NAMES)}`).join('')}`;
  requested();
  const what = chance.one(['create', 'create', 'set', 'delete', 'tree'] as const);
  const editing: Promise<unknown> =
    what === 'create'
      ? conn.create(path, `new ${serial}`)
      : what === 'set'
        ? conn.set(path, `set ${serial}`)
        : what === 'delete'
          ? conn.delete(path)
          : conn.create(path, 'all').then(() => conn.create(`${path}/${chance.one(NAMES)}`, 'below'));
  await editing.catch((error: unknown) => {
    if (!ZkError.is(error) || error.outcome !== 'rejected') throw error;
  });
}

async function play(seed: number): Promise<{ readonly gaps: number; readonly events: number }> {
  const chance = new Chance(seed);
  await using world = await MemoryWorld.start().then((made) =>
    Object.assign(made, { [Symbol.asyncDispose]: () => made.close() }),
  );
  const { clock, server } = world;
  const dialer = world.dialer();
  const conn = world.conn(dialer, { sessionTimeoutMs: 6000, random: chance.random });
  const editor = world.conn(world.dialer(), { sessionTimeoutMs: 40_000 });
  await clock.advanceUntil(Promise.all([conn.connect(), editor.connect()]));
  await clock.advanceUntil(editor.create('/t', 'root'));
  const mirror = new Mirror(conn);
  const kept = mirror.keep();
  for (let i = 0; i < EDITS; i++) {
    await clock.advanceUntil(edit(editor, chance, i));
    if (chance.odds(0.08)) {
      injected('connection cut', dialer.cut());
    } else if (chance.odds(0.02)) {
      injected('session expired');
      server.expireSession(conn.sessionId);
    }
    if (chance.odds(0.3)) await clock.advance(chance.one([1, 50, 3000]));
  }
  await clock.advance(60_000);
  await clock.advanceUntil(conn.sync('/'));
  await clock.settle();
  const real = new Map<string, string>();
  const look = (path: string): void => {
    const node = server.tree.get(path)!;
    real.set(path, String(node.data));
    for (const name of node.children) look(`${path}/${name}`);
  };
  look('/t');
  const sorted = (nodes: ReadonlyMap<string, string>): unknown =>
    [...nodes].sort(([a], [b]) => (a < b ? -1 : 1));
  const same = JSON.stringify(sorted(mirror.nodes)) === JSON.stringify(sorted(real));
  checked('unmarked gaps', same ? 0 : 1);
  expect(sorted(mirror.nodes), `ZK_SEED=${SEED}, seed ${seed}`).toEqual(sorted(real));
  mirror.stop();
  await clock.advanceUntil(Promise.all([conn.close(), editor.close()]));
  await clock.advanceUntil(kept);
  return mirror;
}

describe('a tree that is kept by a recursive watch', () => {
  it(
    'is the tree of the server after random edits, cuts and ends of sessions',
    { timeout: 180_000 + 4000 * RUNS },
    async () => {
      const sum = { gaps: 0, events: 0 };
      for (let run = 0; run < RUNS; run++) {
        const { gaps, events } = await play(seedOf(SEED, run));
        sum.gaps += gaps;
        sum.events += events;
      }
      process.stdout.write(`${RUNS} trees were kept: ${JSON.stringify(sum)}\n`);
      expect(sum.events).toBeGreaterThan(RUNS);
      expect(sum.gaps).toBeGreaterThan(0);
    },
  );
});
