/** Those who wait for a frame: nobody waits for ever. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InvalidOptionError, UsageError } from '../../src/index.js';
import { FaultProxy, MiniEnsemble, MiniServer, WaitTimeoutError } from '../../src/testing.js';
import type { FrameLog, LoggedFrame, WaitOptions, WireFrame } from '../../src/testing.js';
import { getEventListeners } from 'node:events';
import { ManualClock } from '../unit/testing/manual-clock.js';
import { KINDS, startWorld, type Scribe, type World } from './fault-world.js';

type Wait = (world: World, options?: WaitOptions) => Promise<LoggedFrame | WireFrame>;

const WAITS: [string, Wait][] = [
  ['log.next', ({ faults }, options) => faults.log.next({ op: 'create', kind: 'request' }, options)],
  ['untilReached', ({ faults }, options) => faults.when({ op: 'create' }).delay(0).untilReached(options)],
];

describe.each(KINDS)('on a %s', (kind) => {
  describe.each(WAITS)('%s', (_name, wait) => {
    let world: World;
    let client: Scribe;

    beforeEach(async () => {
      world = await startWorld(kind);
      client = await world.open();
    });
    afterEach(() => world[Symbol.asyncDispose]());

    it('resolves in time, and nothing is left of the time and the signal', async () => {
      const { signal } = new AbortController();
      const timers = world.clock.pendingTimers;
      const frame = wait(world, { timeoutMs: 100, signal });
      client.createAll(1);
      await client.untilPing();
      expect(await frame).toMatchObject({ op: 'create', path: '/t/1' });
      expect(world.clock.pendingTimers).toBe(timers);
      expect(getEventListeners(signal, 'abort')).toEqual([]);
    });

    it('rejects when the time is up by the clock of the server or proxy, and says who waited for what', async () => {
      const { signal } = new AbortController();
      const frame = wait(world, { timeoutMs: 100, signal });
      world.clock.advance(99);
      world.clock.advance(1);
      const error = await frame.then(
        () => null,
        (reason: unknown) => reason as Error,
      );
      expect(error).toBeInstanceOf(WaitTimeoutError);
      expect(error?.message).toMatch(/create.* did not come within 100 ms/);
      expect(error?.stack).toMatch(/^WaitTimeoutError: .*\n +at .*waiting\.test/);
      expect(getEventListeners(signal, 'abort')).toEqual([]);
      // it is forgotten, and comes to no harm
      client.createAll(1);
      await client.untilPing();
    });

    it('rejects with the reason of its signal, then and before', async () => {
      const control = new AbortController();
      const timers = world.clock.pendingTimers;
      const frame = wait(world, { timeoutMs: 100, signal: control.signal });
      const reason = new RangeError('enough');
      control.abort(reason);
      await expect(frame).rejects.toBe(reason);
      await expect(wait(world, { signal: control.signal })).rejects.toBe(reason);
      expect(world.clock.pendingTimers).toBe(timers);
    });

    it('rejects when the server or proxy is closed, then and afterwards', async () => {
      const frame = wait(world, { timeoutMs: 100 });
      const timers = world.clock.pendingTimers;
      await world.faults.close();
      await expect(frame).rejects.toBeInstanceOf(UsageError);
      const closed = { code: 'ZK_TARGET_CLOSED' };
      await expect(frame).rejects.toMatchObject(closed);
      await expect(frame).rejects.toThrow(new RegExp(`the ${kind} was closed: .*create`));
      await expect(wait(world)).rejects.toMatchObject(closed);
      expect(world.clock.pendingTimers).toBeLessThan(timers);
    });

    it.each<object>([
      { timeoutMs: -1 },
      { timeoutMs: NaN },
      { timeoutMs: '5' },
      { signal: {} },
      { signal: null },
      { timeout: 5 },
    ])('rejects %o', async (options) => {
      await expect(wait(world, options)).rejects.toBeInstanceOf(InvalidOptionError);
    });
  });

  it('a frame that came before the end is there after it', async () => {
    await using world = await startWorld(kind);
    const client = await world.open();
    const rule = world.faults.when({ op: 'create' }).delay(0);
    client.createAll(1);
    await client.untilPing();
    await world.faults.close();
    expect(await rule.reached).toMatchObject({ path: '/t/1' });
    expect(await rule.untilReached({ timeoutMs: 0 })).toBe(await rule.reached);
  });
});

it('nobody who has given up hears of the end as of a failure of its own', async () => {
  const unhandled: unknown[] = [];
  const listen = (reason: unknown): void => void unhandled.push(reason);
  process.on('unhandledRejection', listen);
  const server = await MiniServer.start({ log: true });
  void server.log.next();
  void server.when({ op: 'create' }).drop().reached;
  await server.close();
  for (let i = 0; i < 3; i++) await new Promise(setImmediate);
  process.off('unhandledRejection', listen);
  expect(unhandled).toEqual([]);
});

it('a log that stops, and a rule that is removed, end the wait; the time is then nobody else', async () => {
  const clock = new ManualClock();
  await using server = await MiniServer.start({ log: true, clock });
  const timers = clock.pendingTimers;
  const frame = server.log.next({}, { timeoutMs: 50 });
  server.log.stop();
  await expect(frame).rejects.toMatchObject({ code: 'ZK_LOG_STOPPED' });
  const rule = server.when({ op: 'create' }).drop();
  const reached = rule.untilReached({ timeoutMs: 50 });
  rule.remove();
  await expect(reached).rejects.toMatchObject({ code: 'ZK_RULE_REMOVED' });
  expect(clock.pendingTimers).toBe(timers);
});

it('a server that is stopped may come back: its waits go on', async () => {
  await using server = await MiniServer.start({ log: true });
  const frame = server.log.next({ kind: 'handshake' });
  await server.restart();
  await using proxy = await FaultProxy.start({ target: server.connectString });
  const { fourLetterWord, connect } = await import('../../src/index.js');
  expect(await fourLetterWord(proxy.connectString, 'ruok')).toBe('imok');
  await (await connect(server.connectString)).close();
  expect(await frame).toMatchObject({ kind: 'handshake' });
});

it('an ensemble that is closed ends the waits of all its members', async () => {
  const ensemble = await MiniEnsemble.start();
  const logs: FrameLog[] = ensemble.members.map(({ log }) => log);
  for (const log of logs) log.start();
  const frames = logs.map((log) => log.next());
  const reached = ensemble.members.map((member) => member.when({ op: 'create' }).hold().reached);
  await ensemble.close();
  for (const each of [...frames, ...reached]) {
    await expect(each).rejects.toMatchObject({ code: 'ZK_TARGET_CLOSED' });
  }
});
