/** Which frames a rule is about, how often it acts, and which of several rules does. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InvalidOptionError, UsageError } from '../../src/index.js';
import { OPEN_ACL_UNSAFE } from '../../src/protocol/acls.js';
import { operations, type OpName } from '../../src/protocol/operations.js';
import type { FrameMatch, MiniServer } from '../../src/testing.js';
import { FaultProxy } from '../../src/testing.js';
import { KINDS, applied, startWorld, type Scribe, type World } from './fault-world.js';

let world: World;
let client: Scribe;
let server: MiniServer;

beforeEach(async () => {
  world = await startWorld('mini-server');
  ({ server } = world);
  client = await world.open();
});
afterEach(() => world[Symbol.asyncDispose]());

/** Names of the nodes that a rule dropped, of /t/1 to /t/6. */
async function dropped(match: FrameMatch): Promise<string[]> {
  const rule = server.when(match as { op: 'create' }).drop();
  client.createAll(6);
  await client.untilPing();
  const made = applied(server);
  const gone = ['1', '2', '3', '4', '5', '6'].filter((name) => !made.includes(name));
  expect(rule.count).toBe(gone.length);
  return gone;
}

describe('a match', () => {
  it.each<[string, FrameMatch, string[]]>([
    ['everything, once', {}, ['1']],
    ['everything, always', { times: Infinity }, ['1', '2', '3', '4', '5', '6']],
    ['an operation', { op: 'create' }, ['1']],
    ['several operations', { op: ['delete', 'create'] }, ['1']],
    ['another operation', { op: 'create2' }, []],
    ['a path', { path: '/t/3' }, ['3']],
    ['another path', { path: '/t' }, []],
    ['paths like this', { path: /^\/t\/[45]$/g, times: Infinity }, ['4', '5']],
    ['paths of which a function says so', { path: (path) => path.endsWith('5') }, ['5']],
    ['an xid', { xid: 4 }, ['4']],
    ['whatever else', { where: ({ xid, op }) => op === 'create' && xid === 2 }, ['2']],
    ['the third', { nth: 3 }, ['3']],
    ['from the third, twice', { nth: 3, times: 2 }, ['3', '4']],
    ['the second of those that fit', { path: /[246]$/, nth: 2 }, ['4']],
    ['twice', { op: 'create', times: 2 }, ['1', '2']],
    ['another session', { session: 1n }, []],
    ['the other direction', { notification: true }, []],
    ['handshakes', { handshake: true }, []],
  ])('of %s', async (_what, match, gone) => {
    expect(await dropped(match)).toEqual(gone);
  });

  it('of this session alone', async () => {
    const other = await world.open();
    const rule = server.when({ session: client.sessionId, times: Infinity }).reply('NoAuth');
    expect(await other.call('exists', { path: '/t', watch: false })).toBe('ok');
    expect(await client.call('exists', { path: '/t', watch: false })).toBe('NoAuth');
    expect(rule.count).toBe(1);
  });

  it('does not mean pings, unless it says so', async () => {
    server.when({ times: Infinity }).drop();
    server.when({ direction: 'toClient', times: Infinity }).drop();
    client.createAll(2);
    await client.untilPing();
    expect(client.seen).toEqual(['ping']);
    server.clearRules();
    const pings = server.when({ op: 'ping' }).drop();
    client.createAll(3);
    await client.until((seen) => seen.includes('3 ok'));
    expect(await client.call('exists', { path: '/t', watch: false })).toBe('ok');
    expect(client.seen.filter((line) => line === 'ping')).toHaveLength(1);
    expect(pings.count).toBe(1);
  });

  it('of a path finds every operation of a multi', async () => {
    const ops = ['/t/a', '/t/b'].map((path) => ({
      op: operations.create,
      request: { path, data: null, acl: OPEN_ACL_UNSAFE, flags: 0 },
    }));
    const rule = server.when({ path: '/t/b' }).drop();
    client.send('multi', { ops });
    expect(await rule.reached).toMatchObject({ op: 'multi', path: '/t/a', paths: ['/t/a', '/t/b'] });
  });

  it.each<[OpName, object]>([
    ['create2', { path: '/t/x', data: null, acl: OPEN_ACL_UNSAFE, flags: 0 }],
    ['setData', { path: '/t', data: null, version: -1 }],
    ['getData', { path: '/t', watch: true }],
    ['getACL', { path: '/t' }],
    ['sync', { path: '/t' }],
    ['getEphemerals', { prefixPath: '/t' }],
    ['addWatch', { path: '/t', mode: 0 }],
    ['setWatches', { relativeZxid: 0n, dataWatches: [], existWatches: [], childWatches: [] }],
    ['whoAmI', {}],
    ['auth', { type: 0, scheme: 'digest', auth: Buffer.from('a:b') }],
    ['closeSession', {}],
  ])('knows %s, in both directions', async (op, request) => {
    const there = server.when({ op }).chunk(1000);
    const back = server.when({ op, direction: 'toClient' }).chunk(1000);
    expect(await client.call(op, request as never, op === 'auth' ? -4 : undefined)).toBe('ok');
    const path = 'path' in request ? request.path : 'prefixPath' in request ? request.prefixPath : null;
    expect(await there.reached).toMatchObject({ op, path, direction: 'toServer', kind: 'request' });
    expect(await back.reached).toMatchObject({ op, path, direction: 'toClient', kind: 'reply', errno: 0 });
  });
});

describe('of several rules', () => {
  it('the oldest that is due acts, alone', async () => {
    const rules = [
      server.when({ op: 'create', nth: 2 }).reply('NoAuth'),
      server.when({ op: 'create', times: 2 }).reply('BadArguments'),
      server.when({ path: '/t/2' }).reply('NodeExists'),
      server.when({ op: 'create', nth: 4 }).reply('NoNode'),
    ];
    expect(server.rules).toEqual(rules);
    client.createAll(5);
    expect(await client.untilPing()).toEqual([
      '1 BadArguments',
      '2 NoAuth',
      '3 BadArguments',
      '4 NoNode',
      '5 ok',
      'ping',
    ]);
    expect(rules.map(({ count }) => count)).toEqual([1, 2, 0, 1]);
    expect(server.rules).toEqual([rules[2]]);
    expect(server.injected).toEqual({ reply: 4 });
  });

  it('those that were removed do nothing', async () => {
    const removed = server.when({ op: 'create' }).drop();
    removed.remove();
    removed.remove();
    {
      using scoped = server.when({ op: 'create' }).drop();
      expect(scoped.standing).toBe(true);
    }
    server.when({ op: 'create' }).drop();
    server.clearRules();
    expect(server.rules).toEqual([]);
    client.createAll(2);
    expect(await client.untilPing()).toEqual(['1 ok', '2 ok', 'ping']);
    expect(removed.count).toBe(0);
  });
});

describe('reached', () => {
  it('is the first frame, whenever it is asked for', async () => {
    const rule = server.when({ op: 'create', times: 2 }).drop();
    const early = rule.reached;
    client.createAll(3);
    await client.untilPing();
    expect(await early).toMatchObject({ path: '/t/1', xid: 1, session: client.sessionId });
    expect(await rule.reached).toBe(await early);
    rule.remove();
    expect(await rule.reached).toBe(await early);
  });

  it('rejects if the rule is removed before, asked for early or late', async () => {
    const rule = server.when({ op: 'create' }).drop();
    const early = rule.reached;
    rule.remove();
    await expect(early).rejects.toBeInstanceOf(UsageError);
    await expect(rule.reached).rejects.toMatchObject({ code: 'ZK_RULE_REMOVED' });
  });
});

describe('a rule in words', () => {
  it.each<[FrameMatch, string]>([
    [{}, 'request: drop'],
    [{ op: 'create', path: '/a' }, 'request create /a: drop'],
    [{ op: ['create', 'delete'], path: /a/i, times: 3 }, 'request create|delete /a/i, 3 times: drop'],
    [{ direction: 'toClient', xid: 7, nth: 2, times: Infinity }, 'reply xid 7, from number 2, always: drop'],
    [{ notification: 'NodeCreated', session: 255n }, 'notification NodeCreated of session 0xff: drop'],
    [{ handshake: true, direction: 'toClient' }, 'answer to a handshake: drop'],
    [{ path: () => true, where: () => true }, 'request (path) (where): drop'],
  ])('%#', (match, text) => {
    expect(server.when(match as { op: 'create' }).drop().text).toBe(text);
  });

  it('has what it does behind it', () => {
    const all = server.when({});
    expect(all.reply('NoAuth').text).toBe('request: reply(-102)');
    expect(all.delay(5).text).toBe('request: delay(5)');
    expect(all.chunk([1, 2]).text).toBe('request: chunk(1, 2)');
    expect(all.cut('beforeApplied', { afterBytes: 3 }).text).toBe(
      'request: cut(beforeApplied, reset after 3 bytes)',
    );
    expect(server.pause().text).toBe('pause both ways');
    expect(server.lag(5, 'toClient').text).toBe('lag(5) toClient');
  });
});

describe.each(KINDS)('what makes no sense is refused by a %s', (kind) => {
  let odd: World;
  beforeEach(async () => {
    odd = await startWorld(kind);
  });
  afterEach(() => odd[Symbol.asyncDispose]());

  it.each<[string, object]>([
    ['an unknown key', { operation: 'create' }],
    ['an unknown operation', { op: 'creat' }],
    ['one that every object has', { op: 'toString' }],
    ['no operation', { op: [] }],
    ['operations for notifications', { notification: true, op: 'create' }],
    ['an xid for notifications', { notification: true, xid: 1 }],
    ['notifications to the server', { notification: true, direction: 'toServer' }],
    ['an unknown event', { notification: 'NodeMoved' }],
    ['an event that is no change', { notification: 'None' }],
    ['no notifications', { notification: false }],
    ['no handshake', { handshake: false }],
    ['paths for handshakes', { handshake: true, path: '/a' }],
    ['notifications for handshakes', { handshake: true, notification: true }],
    ['an unknown direction', { direction: 'up' }],
    ['a path that is a number', { path: 1 }],
    ['an xid that is none', { xid: '1' }],
    ['a session that is a number', { session: 1 }],
    ['a condition that is no function', { where: true }],
    ['the 0th', { nth: 0 }],
    ['the third half', { nth: 1.5 }],
    ['the infinite one', { nth: Infinity }],
    ['a key that every object has', { constructor: Object }],
    ['0 times', { times: 0 }],
    ['-1 times', { times: -1 }],
  ])('%s', (_what, match) => {
    expect(() => odd.faults.when(match as { op: 'create' })).toThrow(InvalidOptionError);
    expect(odd.faults.rules).toEqual([]);
  });

  it.each<[string, (world: World) => unknown]>([
    ['no conditions at all', ({ faults }) => faults.when(null as never)],
    ['an unknown error', ({ faults }) => faults.when({}).reply('NoSuch' as 'NoNode')],
    ['one that every object has', ({ faults }) => faults.when({}).reply('constructor' as 'NoNode')],
    ['success', ({ faults }) => faults.when({}).reply(0)],
    ['half an error', ({ faults }) => faults.when({}).reply(-1.5)],
    ['an error that does not fit', ({ faults }) => faults.when({}).reply(2 ** 40)],
    [
      'an answer to an answer',
      ({ faults }) => faults.when({ direction: 'toClient' } as object).reply('NoNode'),
    ],
    ['an answer to an event', ({ faults }) => faults.when({ notification: true } as object).reply('NoNode')],
    [
      'a handshake without a node',
      ({ faults }) => faults.when({ handshake: true } as object).reply('NoNode'),
    ],
    ['a time that goes back', ({ faults }) => faults.when({}).delay(-1)],
    ['no time', ({ faults }) => faults.when({}).delay(NaN)],
    ['more than a timer takes', ({ faults }) => faults.lag(2 ** 31)],
    ['a lag sideways', ({ faults }) => faults.lag(1, 'both' as 'toClient')],
    ['a pause sideways', ({ faults }) => faults.pause('both' as 'toClient')],
    ['a hole sideways', ({ faults }) => faults.blackhole('both' as 'toClient')],
    ['no sizes', ({ faults }) => faults.when({}).chunk([])],
    ['a size of 0', ({ faults }) => faults.when({}).chunk([1, 0])],
    ['half a byte', ({ faults }) => faults.when({}).truncate(0.5)],
    ['no function', ({ faults }) => faults.when({}).rewrite('x' as never)],
    ['no bits', ({ faults }) => faults.when({}).garble({ bits: 0 })],
    ['an unknown part', ({ faults }) => faults.when({}).garble({ part: 'body' as 'frame' })],
    ['an unknown option', ({ faults }) => faults.when({}).garble({ bit: 1 } as object)],
    ['no cut', ({ faults }) => faults.when({}).cut(undefined as never)],
    [
      'a cut of a request where it is delivered',
      ({ faults }) => faults.when({}).cut('afterDelivered' as never),
    ],
    [
      'a cut of an answer where it is applied',
      ({ faults }) => faults.when({ direction: 'toClient' }).cut('beforeApplied' as never),
    ],
    ['an unknown cut', ({ faults }) => faults.when({}).cut('beforeApplied', { how: 'rst' as 'reset' })],
    ['bytes of a whole frame', ({ faults }) => faults.when({}).cut('afterAnswered', { afterBytes: 3 })],
    ['a log of what there is not', ({ faults }) => faults.log.frames({ paths: '/a' } as object)],
  ])('%s', (_what, make) => {
    expect(() => make(odd)).toThrow(InvalidOptionError);
    expect(odd.faults.rules).toEqual([]);
    expect(odd.faults.conditions).toEqual([]);
  });
});

describe('a proxy is refused', () => {
  it.each<[string, object]>([
    ['without a target', {}],
    ['without a port there', { target: 'localhost' }],
    ['with a port that is none', { target: 'localhost:99999' }],
    ['with a port of its own that is none', { target: 'localhost:1', port: -1 }],
    ['with an unknown option', { target: 'localhost:1', prot: 1 }],
    ['with a log that is neither on nor off', { target: 'localhost:1', log: 5 }],
    ['with a log of no frames', { target: 'localhost:1', logCapacity: 0 }],
  ])('%s', async (_what, options) => {
    await expect(FaultProxy.start(options as { target: string })).rejects.toBeInstanceOf(InvalidOptionError);
  });

  it('on a port that is taken', async () => {
    const options = { target: server.connectString, port: server.port };
    await expect(FaultProxy.start(options)).rejects.toMatchObject({
      code: 'ZK_LISTEN',
      reason: 'EADDRINUSE',
    });
  });
});
