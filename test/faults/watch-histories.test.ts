/**
 * Watches of every kind while nodes are created, set, deleted and created again and links break: what their users saw must
 * go with what really happened, as an observer saw it whose connection is never in trouble.
 */
import { describe, expect, it } from 'vitest';
import { ZkError, type Conn } from '../../src/index.js';
import { SEED } from '../support/property.js';
import { SCALE, checked, injected, requested } from '../support/tally.js';
import { Chance, seedOf } from './chance.js';
import type { Change } from './checkers/watch-stream.js';
import { Watchers } from './histories/watchers.js';
import { MemoryWorld, type CountingDialer } from './support/memory-world.js';

const RUNS = 12 * SCALE;
const WRITES = 120;
const PATHS = ['/w/a', '/w/b', '/w/a/x', '/w/a/y'];

interface Count {
  writes: number;
  events: number;
  gaps: number;
  fired: number;
  values: number;
}

/** All that is told of `/w`, on a connection that stays. */
async function observe(conn: Conn, log: Change[]): Promise<void> {
  const stream = await conn.addWatch('/w', 'PERSISTENT_RECURSIVE', { bufferSize: 1_000_000 });
  void (async () => {
    for await (const item of stream) {
      if (!('zxid' in item) || item.zxid === undefined)
        throw new Error(`the observer missed something: ${item.type}`);
      log.push({ zxid: item.zxid, type: item.type, path: item.path });
    }
  })();
}

async function write(conn: Conn, chance: Chance, serial: number, count: Count): Promise<void> {
  const path = chance.one(PATHS);
  requested();
  const what = chance.one(['create', 'create', 'set', 'set', 'delete'] as const);
  const writing: Promise<unknown> =
    what === 'create'
      ? conn.create(path, `new ${serial}`)
      : what === 'set'
        ? conn.set(path, `set ${serial}`)
        : conn.delete(path);
  await writing.then(
    () => count.writes++,
    (error: unknown) => {
      if (!ZkError.is(error)) throw error;
    },
  );
}

async function play(seed: number, count: Count): Promise<readonly string[]> {
  const chance = new Chance(seed);
  const world = await MemoryWorld.start({ emulate: '3.9' });
  const { clock, server } = world;
  const conns: Conn[] = [];
  const dialers: CountingDialer[] = [];
  const open = async (sessionTimeoutMs = 6000): Promise<Conn> => {
    const dialer = world.dialer();
    const conn = world.conn(dialer, { sessionTimeoutMs, random: chance.random });
    await clock.advanceUntil(conn.connect());
    conns.push(conn);
    dialers.push(dialer);
    return conn;
  };
  const observer = await open(40_000);
  await clock.advanceUntil(observer.create('/w'));
  const { czxid } = (await clock.advanceUntil(observer.exists('/w')))!;
  const log: Change[] = [{ zxid: czxid, type: 'NodeCreated', path: '/w' }];
  await clock.advanceUntil(observe(observer, log));
  const writer = await open();

  const sleep = (): Promise<void> => new Promise((resolve) => void clock.setTimer(resolve, 20));
  const watchers = new Watchers(sleep);
  const loops: Promise<void>[] = [];
  for (const path of ['/w', '/w/a']) {
    loops.push(watchers.stream(await open(), 'PERSISTENT_RECURSIVE', path));
    loops.push(watchers.stream(await open(), 'PERSISTENT', path));
    loops.push(watchers.oneShot(await open(), 'child', path));
    loops.push(watchers.valuesOf(await open(), 'child', path));
  }
  for (const kind of ['data', 'exist'] as const) loops.push(watchers.oneShot(await open(), kind, '/w/a'));
  loops.push(watchers.valuesOf(await open(), 'data', '/w/a'));
  loops.push(watchers.valuesOf(await open(), 'data', '/w/a/x'));
  // calls of loops that are given up end with their Conn
  const ended = Promise.all(
    loops.map((loop) =>
      loop.catch((error: unknown) => {
        if (!ZkError.is(error)) throw error;
      }),
    ),
  );

  for (let i = 0; i < WRITES; i++) {
    await clock.advanceUntil(write(writer, chance, i, count));
    if (chance.odds(0.25)) {
      // anybody but the observer
      injected('connection cut', chance.one(dialers.slice(1)).cut());
    } else if (chance.odds(0.03)) {
      injected('session expired');
      server.expireSession(chance.one(conns.slice(1)).sessionId);
    }
    if (chance.odds(0.5)) await clock.advance(chance.one([1, 30, 400]));
  }
  await clock.advance(60_000);
  await clock.advanceUntil(Promise.all(conns.map((conn) => conn.sync('/'))));
  await clock.settle();
  // the observer has seen all: its last word on each node is what the server has
  for (const path of PATHS) {
    const last = log.filter((change) => change.path === path).at(-1);
    const gone = last === undefined || last.type === 'NodeDeleted';
    expect(server.tree.get(path)?.stat.mzxid, path).toBe(gone ? undefined : last.zxid);
  }
  expect(observer.sessionEpoch).toBe(1);
  const wrongEnds = watchers.giveUp();
  const { watches, gaps } = watchers.judge(log);
  const found = [...watches, ...wrongEnds];
  checked('watches lost or doubled', found.length);
  checked('unmarked gaps', gaps.length);
  for (const { sights } of watchers.streams) {
    count.events += sights.filter(({ kind }) => kind === 'event').length;
    count.gaps += sights.filter(({ kind }) => kind === 'gap').length;
  }
  count.fired += watchers.oneShots.filter(({ events }) => events.length > 0).length;
  count.values += watchers.values.reduce((sum, { values }) => sum + values.length, 0);
  await clock.advanceUntil(Promise.all(conns.map((conn) => conn.close())));
  await clock.advanceUntil(ended);
  await world.close();
  return [...found, ...gaps];
}

describe('watches of every kind, beside the log of an observer', () => {
  it('tell what really happened', { timeout: 180_000 + 4000 * RUNS }, async () => {
    const count: Count = { writes: 0, events: 0, gaps: 0, fired: 0, values: 0 };
    for (let run = 0; run < RUNS; run++) {
      const problems = await play(seedOf(SEED, run), count);
      expect(problems, `ZK_SEED=${SEED}, run ${run}`).toEqual([]);
    }
    process.stdout.write(`${RUNS} histories of watches: ${JSON.stringify(count)}\n`);
    for (const [what, n] of Object.entries(count)) expect(n, what).toBeGreaterThan(RUNS);
  });
});
