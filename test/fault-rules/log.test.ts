/** The log of frames: complete, bounded, easy to ask, and free as long as it is off. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InvalidOptionError, UsageError } from '../../src/index.js';
import { OPEN_ACL_UNSAFE } from '../../src/protocol/acls.js';
import { AddWatchModeCode } from '../../src/protocol/constants.js';
import { operations } from '../../src/protocol/operations.js';
import { FaultProxy, MiniServer } from '../../src/testing.js';
import { ManualClock } from '../unit/testing/manual-clock.js';
import { KINDS, Scribe, createFrame, settle, startWorld, type World } from './fault-world.js';

describe.each(KINDS)('of a %s', (kind) => {
  let world: World;
  let client: Scribe;

  beforeEach(async () => {
    world = await startWorld(kind);
    client = await world.open();
    world.clock.advance(5);
  });
  afterEach(() => world[Symbol.asyncDispose]());

  it('has each frame once, with what can be said about it', async () => {
    expect(
      await client.call('addWatch', { path: '/t', mode: AddWatchModeCode.PERSISTENT_RECURSIVE }, 9),
    ).toBe('ok');
    client.createAll(1);
    await client.untilPing();
    const connection = world.faults.log.frames()[0]!.connection;
    const { sessionId: session } = client;
    const base = { connection, session, event: null, readOnly: null, errno: null, zxid: null, fault: null };
    const zxid = world.server.lastZxid;
    const at = world.clock.now();
    const handshake = { ...base, at: at - 5, kind: 'handshake', op: null, xid: null, path: null, paths: [] };
    const watch = { ...base, at, op: 'addWatch', xid: 9, path: '/t', paths: ['/t'] };
    const create = { ...base, at, op: 'create', xid: 1, path: '/t/1', paths: ['/t/1'] };
    const ping = { ...base, at, op: 'ping', xid: -2, path: null, paths: [] };
    const there = { direction: 'toServer' };
    const back = { direction: 'toClient' };
    const log = world.faults.log.frames();
    expect(log.filter(({ direction }) => direction === 'toServer')).toEqual([
      { ...handshake, ...there, session: 0n, zxid: 0n, readOnly: false, bytes: 49 },
      { ...watch, ...there, kind: 'request', bytes: 22 },
      { ...create, ...there, kind: 'request', bytes: createFrame(1).length },
      { ...ping, ...there, kind: 'request', bytes: 12 },
    ]);
    expect(log.filter(({ direction }) => direction === 'toClient')).toEqual([
      { ...handshake, ...back, readOnly: false, bytes: 41 },
      { ...watch, ...back, kind: 'reply', errno: 0, zxid: zxid - 1n, bytes: 24 },
      {
        ...create,
        ...back,
        kind: 'notification',
        op: null,
        xid: -1,
        event: 'NodeCreated',
        zxid,
        bytes: 36,
      },
      { ...create, ...back, kind: 'reply', errno: 0, zxid, bytes: 28 },
      { ...ping, ...back, kind: 'reply', errno: 0, zxid, bytes: 20 },
    ]);
  });

  it('says what was done to a frame', async () => {
    world.faults.when({ path: '/t/1' }).drop();
    world.faults.when({ path: '/t/2' }).reply('NoAuth');
    world.faults.when({ path: '/t/3', direction: 'toClient' }).delay(0);
    world.faults.when({ path: '/t/4' }).cut('beforeAnswered', { how: 'fin' });
    client.createAll();
    await client.untilEnd();
    const faults = world.faults.log
      .frames({ op: 'create' })
      .map((frame) => [frame.direction === 'toServer' ? '>' : '<', frame.path, frame.fault, frame.errno]);
    // the two directions of a proxy are not in step
    expect(faults.sort((a, b) => String(a[1]).localeCompare(String(b[1])))).toEqual([
      ['>', '/t/1', 'drop', null],
      ['>', '/t/2', 'reply', null],
      ['<', '/t/2', 'reply', -102],
      ['>', '/t/3', null, null],
      ['<', '/t/3', 'delay', 0],
      ['>', '/t/4', null, null],
      ['<', '/t/4', 'cut', 0],
    ]);
    expect(world.faults.injected).toEqual({ drop: 1, reply: 1, delay: 1, cut: 1 });
    expect(world.faults.log.frames({ fault: true, op: 'create' })).toHaveLength(5);
    expect(world.faults.log.frames({ fault: 'reply' })).toHaveLength(2);
    expect(world.faults.log.frames({ fault: false, op: 'create', direction: 'toClient' })).toEqual([]);
  });

  it('knows both replies to a request that was sent twice', async () => {
    world.faults.when({ op: 'create' }).duplicate();
    client.createAll(1);
    await client.untilPing();
    const replies = world.faults.log.frames({ op: 'create', direction: 'toClient' });
    expect(replies.map(({ path, errno }) => [path, errno])).toEqual([
      ['/t/1', 0],
      ['/t/1', -110],
    ]);
  });

  it('goes on behind a reply that is longer than any request may be, and so do rules', async () => {
    const data = Buffer.alloc(700_000, 1);
    await client.call('create', { path: '/t/big', data, acl: OPEN_ACL_UNSAFE, flags: 0 });
    world.faults.log.clear();
    const rule = world.faults.when({ op: 'multiRead', direction: 'toClient' }).chunk(1_000_000);
    const ops = [1, 2, 3].map(() => ({ op: operations.getData, request: { path: '/t/big', watch: false } }));
    expect(await client.call('multiRead', { ops }, 5)).toBe('ok');
    expect(rule.count).toBe(1);
    expect(client.frames.at(-1)!.length).toBeGreaterThan(2 * 1024 * 1024);
    const after = world.faults.when({ op: 'exists', direction: 'toClient' }).duplicate();
    client.send('exists', { path: '/t', watch: false }, 6);
    await client.until((seen) => seen.filter((line) => line === '6 ok').length === 2);
    expect(after.count).toBe(1);
    const log = world.faults.log.frames({ direction: 'toClient' });
    expect(log.map(({ kind, op, xid }) => [kind, op, xid])).toEqual([
      ['reply', 'multiRead', 5],
      ['reply', 'exists', 6],
    ]);
  });

  it('tells of what vanished in a hole', async () => {
    world.faults.blackhole('toServer');
    client.createAll(1);
    while (world.faults.log.frames({ fault: 'blackhole' }).length < 2) await settle(world);
    expect(world.faults.injected).toEqual({ blackhole: 2 });
  });

  it('is asked by each of its keys', async () => {
    const other = await world.open();
    client.createAll(2);
    await client.untilPing();
    await other.call('exists', { path: '/none', watch: false }, 5);
    const { log } = world.faults;
    const paths = (query: Parameters<typeof log.frames>[0]): (string | null)[] =>
      log.frames(query).map(({ path }) => path);
    expect(paths({ op: 'exists' })).toEqual(['/none', '/none']);
    expect(paths({ path: '/t/2' })).toEqual(['/t/2', '/t/2']);
    expect(paths({ xid: 5, direction: 'toClient' })).toEqual(['/none']);
    expect(paths({ errno: -101 })).toEqual(['/none']);
    expect(log.frames({ session: other.sessionId, kind: 'request' })).toHaveLength(1);
    expect(log.frames({ kind: 'handshake' })).toHaveLength(4);
    const { connection } = log.frames({ op: 'exists' })[0]!;
    expect(log.frames({ connection })).toHaveLength(4);
    expect(paths({ op: undefined, path: '/none' })).toHaveLength(2);
    // and as rules are
    expect(paths({ op: ['exists', 'ping'], direction: 'toServer' })).toEqual([null, '/none']);
    expect(paths({ path: /^.t.2$/g, kind: 'request' })).toEqual(['/t/2']);
    expect(paths({ path: (path) => path.endsWith('1'), kind: 'reply' })).toEqual(['/t/1']);
    log.clear();
    expect(log.frames()).toEqual([]);
  });

  it('gives the next one to those who wait for it', async () => {
    const { log } = world.faults;
    client.createAll(1);
    await client.untilPing();
    const next = log.next({ op: 'create', direction: 'toClient' });
    client.createAll(2);
    expect(await next).toMatchObject({ xid: 1, errno: -110 });
    const never = log.next({ op: 'multi' });
    log.stop();
    await expect(never).rejects.toBeInstanceOf(UsageError);
    await expect(log.next()).rejects.toMatchObject({ code: 'ZK_LOG_OFF' });
    log.start();
    await expect(log.next({ what: 1 } as object)).rejects.toBeInstanceOf(InvalidOptionError);
  });
});

describe('a question that no frame can be the answer to is an error, as in a rule:', () => {
  it.each<[string, object | null]>([
    ['no object', null],
    ['an unknown key', { paths: '/a' }],
    ['a key that every object has', { constructor: Object }],
    ['an operation that there is not', { op: 'craete' }],
    ['no operation', { op: [] }],
    ['a path that is a number', { path: 5 }],
    ['half an xid', { xid: 1.5 }],
    ['an xid in words', { xid: '1' }],
    ['an error in words', { errno: 'NoNode' }],
    ['a connection in words', { connection: 'first' }],
    ['a session that is no bigint', { session: 5 }],
    ['a direction sideways', { direction: 'both' }],
    ['a kind that there is not', { kind: 'event' }],
    ['a kind of every object', { kind: 'constructor' }],
    ['an event that there is not', { event: 'NodeMoved' }],
    ['the event of sessions', { event: 'None' }],
    ['a fault that there is not', { fault: 'dropped' }],
    ['a fault that is a number', { fault: 1 }],
  ])('%s', async (_what, query) => {
    await using server = await MiniServer.start({ log: true });
    expect(() => server.log.frames(query as object)).toThrow(InvalidOptionError);
    await expect(server.log.next(query as object)).rejects.toBeInstanceOf(InvalidOptionError);
    for (const key of Object.keys(query ?? {})) {
      if (key === 'kind' || key === 'event' || key === 'errno' || key === 'connection' || key === 'fault')
        return;
      expect(() => server.when(query as object)).toThrow(InvalidOptionError);
    }
  });

  it('a function that throws ends the wait with what it threw, and nothing else', async () => {
    await using server = await MiniServer.start({ log: true });
    const client = await Scribe.open(server.port);
    const odd = (): boolean => {
      throw new RangeError('mine');
    };
    const next = server.log.next({ path: odd });
    expect(await client.call('exists', { path: '/', watch: false })).toBe('ok');
    await expect(next).rejects.toThrow('mine');
    expect(() => server.log.frames({ path: odd })).toThrow('mine');
    client.destroy();
  });
});

describe('of a mini-server', () => {
  it('is off by default, and then asking it is an error', async () => {
    await using server = await MiniServer.start();
    expect(server.log.recording).toBe(false);
    expect(() => server.log.frames()).toThrow(UsageError);
    server.log.start();
    expect(server.log.frames()).toEqual([]);
    const client = await Scribe.open(server.port);
    server.log.stop();
    await client.call('exists', { path: '/', watch: false });
    expect(server.log.frames().map(({ kind }) => kind)).toEqual(['handshake', 'handshake']);
    client.destroy();
  });

  it('nothing stands between socket and server when nobody wants anything', async () => {
    await using server = await MiniServer.start();
    const client = await Scribe.open(server.port);
    const wires = (): unknown[] => {
      const { serving } = server as unknown as { serving: Set<{ wire: unknown }> };
      return [...serving].map(({ wire }) => wire);
    };
    expect(wires()).toEqual([null]);
    const rule = server.when({ op: 'exists' }).hold();
    expect(wires()).not.toContain(null);
    client.send('exists', { path: '/', watch: false }, 1);
    await rule.reached;
    const lag = server.lag(0);
    rule.release();
    expect(wires()).not.toContain(null);
    lag.end();
    expect(wires()).toEqual([null]);
    await client.until((seen) => seen.includes('1 ok'));
    expect(await client.call('exists', { path: '/', watch: false })).toBe('ok');
    expect(wires()).toEqual([null]);
    client.destroy();
  });

  it('and what is on its way when nobody wants anything any more arrives', async () => {
    const clock = new ManualClock();
    await using server = await MiniServer.start({ clock });
    const client = await Scribe.open(server.port);
    const lag = server.lag(50);
    client.send('exists', { path: '/', watch: false }, 1);
    while (lag.count === 0) await new Promise(setImmediate);
    lag.end();
    client.send('exists', { path: '/', watch: false }, 2);
    for (let i = 0; i < 20; i++) await new Promise(setImmediate);
    expect(client.seen).toEqual([]);
    clock.advance(50);
    expect(await client.until((seen) => seen.length === 2)).toEqual(['1 ok', '2 ok']);
    client.destroy();
  });

  it('begins with the first frame that begins after it was switched on', async () => {
    await using server = await MiniServer.start();
    const client = await Scribe.open(server.port);
    const frame = createFrame(1);
    client.socket.write(frame.subarray(0, 10));
    for (let i = 0; i < 3; i++) (await Scribe.open(server.port)).destroy();
    server.log.start();
    client.socket.write(Buffer.concat([frame.subarray(10), createFrame(2)]));
    await client.until((seen) => seen.length === 2);
    client.socket.write(createFrame(3));
    await client.until((seen) => seen.length === 3);
    expect(server.log.frames({ op: 'create' }).map(({ xid }) => xid)).toEqual([3, 3]);
    client.destroy();
  });
});

it('keeps no more than it was told, and says how many more there were', async () => {
  await using server = await MiniServer.start();
  await using proxy = await FaultProxy.start({ target: server.connectString, logCapacity: 5 });
  const client = await Scribe.open(proxy.port);
  for (let xid = 1; xid <= 20; xid++) await client.call('exists', { path: '/', watch: false }, xid);
  expect(proxy.log.frames().map(({ xid }) => xid)).toEqual([18, 19, 19, 20, 20]);
  expect(proxy.log.capacity).toBe(5);
  expect(proxy.log.forgotten).toBe(42 - 5);
  client.destroy();
});

it.each([1, 3])('of a mini-server keeps %i, if that is what it was told', async (logCapacity) => {
  await using server = await MiniServer.start({ log: true, logCapacity });
  const client = await Scribe.open(server.port);
  for (let xid = 1; xid <= 5; xid++) await client.call('exists', { path: '/', watch: false }, xid);
  expect(server.log.frames().map(({ xid }) => xid)).toEqual([4, 5, 5].slice(-logCapacity));
  expect([server.log.capacity, server.log.forgotten]).toEqual([logCapacity, 12 - logCapacity]);
  client.destroy();
});

it.each([0, -1, 1.5, NaN, Infinity, '5', null, 10_000_001])('logCapacity %s is refused', async (given) => {
  const logCapacity = given as number;
  // null is no value, where undefined is the same as absent
  if (given !== null)
    await expect(MiniServer.start({ logCapacity })).rejects.toBeInstanceOf(InvalidOptionError);
  const proxy = FaultProxy.start({ target: 'localhost:1', logCapacity });
  await expect(proxy).rejects.toBeInstanceOf(InvalidOptionError);
});
