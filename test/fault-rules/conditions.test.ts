/** Conditions: what lasts until it is ended, on a mini-server and on a proxy before one. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InvalidOptionError } from '../../src/index.js';
import type { Condition } from '../../src/testing.js';
import { KINDS, Scribe, applied, settle, startWorld, type World } from './fault-world.js';

const ALL = ['1 ok', '2 ok', '3 ok', '4 ok', 'ping'];
const MADE = ['1', '2', '3', '4'];
const DIRECTIONS = ['toServer', 'toClient'] as const;

describe.each(KINDS)('on a %s', (kind) => {
  let world: World;
  let client: Scribe;

  beforeEach(async () => {
    world = await startWorld(kind);
    client = await world.open();
  });
  afterEach(() => world[Symbol.asyncDispose]());

  /** All is as if nothing had ever been. */
  async function isHealthy(): Promise<void> {
    expect(world.faults.conditions).toEqual([]);
    const fresh = await world.open();
    expect(await fresh.call('exists', { path: '/t', watch: false })).toBe('ok');
  }

  const endings: [string, (condition: Condition) => void][] = [
    ['end', (condition) => condition.end()],
    ['dispose', (condition) => condition[Symbol.dispose]()],
    ['heal', () => world.faults.heal()],
  ];

  describe('pause', () => {
    it.each(endings)('both ways, until %s: all comes later, in order', async (_name, end) => {
      const pause = world.faults.pause();
      client.createAll();
      const late = await Scribe.connect(world.faults.port);
      late.greet();
      await settled(pause, 6);
      world.clock.advance(10_000);
      expect(client.seen).toEqual([]);
      expect(late.seen).toEqual([]);
      expect(applied(world.server)).toEqual([]);
      expect(world.faults.conditions).toEqual([pause]);
      end(pause);
      expect(pause.standing).toBe(false);
      expect(await client.untilPing()).toEqual(ALL);
      await late.until((seen) => seen[0] === 'welcome');
      late.destroy();
      await isHealthy();
    });

    it.each(DIRECTIONS)('%s alone', async (direction) => {
      const pause = world.faults.pause(direction);
      client.createAll();
      await settled(pause, 5);
      expect(client.seen).toEqual([]);
      expect(applied(world.server)).toEqual(direction === 'toServer' ? [] : MADE);
      pause.end();
      expect(await client.untilPing()).toEqual(ALL);
      await isHealthy();
    });

    it('two of them: both must end', async () => {
      const pauses = [world.faults.pause(), world.faults.pause('toServer')];
      client.createAll();
      pauses[0]!.end();
      await settle(world);
      expect(client.seen).toEqual([]);
      pauses[1]!.end();
      expect(await client.untilPing()).toEqual(ALL);
    });

    it('holds the end of a stream back too', async () => {
      const pause = world.faults.pause('toServer');
      client.createAll(1);
      client.socket.end();
      await settled(pause, 2);
      expect(world.server.sessions.map(({ connected }) => connected)).toEqual([true]);
      pause.end();
      await client.untilEnd();
      expect(applied(world.server)).toEqual(['1']);
    });
  });

  describe('blackhole', () => {
    it('both ways: nothing arrives, then or later, and frames that come later are whole', async () => {
      const hole = world.faults.blackhole();
      client.createAll();
      const late = await Scribe.connect(world.faults.port);
      late.greet();
      await settled(hole, 6);
      expect([client.seen, late.seen]).toEqual([[], []]);
      hole.end();
      await settle(world);
      expect([client.seen, late.seen]).toEqual([[], []]);
      expect(applied(world.server)).toEqual([]);
      client.createAll();
      expect(await client.untilPing()).toEqual(ALL);
      late.destroy();
      await isHealthy();
    });

    it('to the client: what is asked for is done', async () => {
      const hole = world.faults.blackhole('toClient');
      client.createAll();
      await settled(hole, 5);
      expect(client.seen).toEqual([]);
      expect(applied(world.server)).toEqual(MADE);
      hole.end();
      expect(await client.call('exists', { path: '/t/1', watch: false })).toBe('ok');
      expect(client.seen).toHaveLength(1);
    });

    it('to the server: it does not hear of the end of a connection, until the condition ends', async () => {
      const hole = world.faults.blackhole('toServer');
      client.destroy();
      await settle(world);
      expect(world.server.sessions.map(({ connected }) => connected)).toEqual([true]);
      hole.end();
      await settle(world);
      expect(world.server.sessions.map(({ connected }) => connected)).toEqual([false]);
    });
  });

  describe('lag', () => {
    it.each([
      [undefined, 200],
      ['toServer', 100],
      ['toClient', 100],
    ] as const)('direction %s: %d ms for there and back', async (direction, roundTrip) => {
      const lag = world.faults.lag(100, direction);
      client.createAll();
      for (let ms = 100; ms <= roundTrip; ms += 100) {
        await settle(world);
        world.clock.advance(99);
        await settle(world);
        expect(client.seen).toEqual([]);
        world.clock.advance(1);
      }
      expect(await client.untilPing()).toEqual(ALL);
      expect(lag.count).toBe((5 * roundTrip) / 100);
      lag.end();
      client.seen.length = 0;
      expect(await client.call('exists', { path: '/t', watch: false })).toBe('ok');
      await isHealthy();
    });

    it('adds up, and nothing overtakes what is on its way when it ends', async () => {
      const lags = [world.faults.lag(50, 'toServer'), world.faults.lag(20, 'toServer')];
      client.createAll(1);
      await settle(world);
      lags[0]!.end();
      lags[1]!.end();
      client.send('exists', { path: '/t', watch: false }, 9);
      await settle(world);
      world.clock.advance(69);
      await settle(world);
      expect(client.seen).toEqual([]);
      world.clock.advance(1);
      await client.until((seen) => seen.length === 3);
      expect(client.seen).toEqual(['1 ok', 'ping', '9 ok']);
    });
  });

  it('refuse: new connections are reset, those that there are live on', async () => {
    const refuse = world.faults.refuse();
    for (let i = 1; i <= 3; i++) {
      await expect(world.open()).rejects.toThrow();
      expect(refuse.count).toBe(i);
    }
    client.createAll();
    expect(await client.untilPing()).toEqual(ALL);
    refuse.end();
    await isHealthy();
  });

  it('refuse: as often as it is told, and no more', async () => {
    const refuse = world.faults.refuse({ times: 2 });
    expect(refuse.text).toBe('refuse, 2 times');
    for (const standing of [true, false]) {
      await expect(world.open()).rejects.toThrow();
      expect(refuse.standing).toBe(standing);
    }
    expect([refuse.count, world.faults.injected.refuse]).toEqual([2, 2]);
    await isHealthy();
    // of two, the one that ends does not take the other with it
    const always = world.faults.refuse();
    const once = world.faults.refuse({ times: 1 });
    await expect(world.open()).rejects.toThrow();
    expect([once.standing, always.standing]).toEqual([false, true]);
    await expect(world.open()).rejects.toThrow();
    expect([once.count, always.count]).toEqual([1, 2]);
  });

  it.each<object | null>([
    { times: 0 },
    { times: -1 },
    { times: 1.5 },
    { times: NaN },
    { times: '2' },
    { time: 2 },
    null,
  ])('refuse(%o) is refused', (options) => {
    expect(() => world.faults.refuse(options as object)).toThrow(InvalidOptionError);
    expect(world.faults.conditions).toEqual([]);
  });

  it('heal ends everything at once', async () => {
    world.faults.lag(10);
    world.faults.refuse();
    world.faults.blackhole();
    world.faults.when({ op: 'create' }).drop();
    world.faults.heal();
    expect(world.faults.rules).toEqual([]);
    client.createAll();
    expect(await client.untilPing()).toEqual(ALL);
    await isHealthy();
  });

  it('dropConnections resets all of them, and tells how many', async () => {
    const other = await world.open();
    expect(world.faults.dropConnections()).toBe(2);
    expect(await client.untilEnd()).toEqual(['reset']);
    expect(await other.untilEnd()).toEqual(['reset']);
    await settle(world);
    expect(world.server.sessions.map(({ connected }) => connected)).toEqual([false, false]);
    expect(world.faults.dropConnections()).toBe(0);
  });

  async function settled(condition: Condition, frames: number): Promise<void> {
    while (condition.count < frames) await settle(world);
    await settle(world);
    expect(condition.count).toBe(frames);
  }
});
