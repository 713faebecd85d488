/** What goes wrong and should not have can be seen: our own mistakes, and functions of the user's that throw. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Conn, UsageError, connect, digestMd5 } from '../../src/index.js';
import { FaultProxy, MiniEnsemble, MiniServer, MiniServerError } from '../../src/testing.js';
import type { FaultRule } from '../../src/testing.js';
import { KINDS, Scribe, applied, startWorld, type World } from './fault-world.js';

const ALL = ['1 ok', '2 ok', '3 ok', '4 ok', 'ping'];

function odd(): never {
  throw new RangeError('mine');
}

/** The inside of a server, where a mistake is planted. */
interface Inside {
  state: { tree: { get: (path: string) => unknown } };
}

describe.each(KINDS)('a function of a rule that throws, on a %s', (kind) => {
  let world: World;
  let client: Scribe;

  beforeEach(async () => {
    world = await startWorld(kind);
    client = await world.open();
  });
  afterEach(() => world[Symbol.asyncDispose]());

  it.each<[string, (world: World) => FaultRule]>([
    ['where', ({ faults }) => faults.when({ op: 'create', where: odd }).drop()],
    ['path', ({ faults }) => faults.when({ path: odd }).cut('beforeApplied')],
    ['where of a reply', ({ faults }) => faults.when({ direction: 'toClient', where: odd }).drop()],
    ['rewrite', ({ faults }) => faults.when({ op: 'create' }).rewrite(odd)],
    ['rewrite of a reply', ({ faults }) => faults.when({ op: 'create', direction: 'toClient' }).rewrite(odd)],
    ['rewrite to nothing', ({ faults }) => faults.when({ op: 'create' }).rewrite((() => null) as never)],
  ])('%s: the rule goes, frames are as if it had gone before, and all can be seen', async (_what, make) => {
    const rule = make(world);
    const reached = rule.reached;
    client.createAll();
    expect(await client.untilPing()).toEqual(ALL);
    expect(applied(world.server)).toEqual(['1', '2', '3', '4']);
    expect([rule.standing, rule.count]).toEqual([false, 0]);
    expect(world.faults.rules).toEqual([]);
    expect(world.faults.log.frames({ fault: true })).toEqual([]);
    expect(world.faults.injected).toEqual({});
    for (const promise of [reached, rule.reached]) {
      await expect(promise).rejects.toBeInstanceOf(UsageError);
      await expect(promise).rejects.toMatchObject({ code: 'ZK_RULE_THREW' });
    }
    expect(world.faults.errors).toHaveLength(1);
    const [error] = world.faults.errors;
    expect(error).toMatchObject({ code: 'ZK_RULE_THREW' });
    expect(error?.message).toContain(rule.text);
    if (_what !== 'rewrite to nothing') expect(error?.cause).toEqual(new RangeError('mine'));
  });

  it('another rule takes its place', async () => {
    world.faults.when({ op: 'create', where: odd }).drop();
    const next = world.faults.when({ op: 'create' }).reply('NoAuth');
    client.createAll(1);
    expect(await client.untilPing()).toEqual(['1 NoAuth', 'ping']);
    expect(next.count).toBe(1);
  });
});

describe('a mistake of the mini-server', () => {
  it('is answered SystemError, and kept', async () => {
    await using server = await MiniServer.start();
    const client = await Scribe.open(server.port);
    const { tree } = (server as unknown as Inside).state;
    expect(await client.call('exists', { path: '/', watch: false })).toBe('ok');
    expect(server.errors).toEqual([]);
    tree.get = odd;
    expect(await client.call('exists', { path: '/a', watch: false })).toBe('SystemError');
    expect(await client.call('delete', { path: '/a', version: -1 })).toBe('SystemError');
    expect(server.errors.map(({ message }) => message)).toEqual([
      'a mistake of the mini-server in exists /a: RangeError: mine',
      'a mistake of the mini-server in delete /a: RangeError: mine',
    ]);
    expect(server.errors[0]).toBeInstanceOf(MiniServerError);
    expect(server.errors[0]).toMatchObject({ cause: new RangeError('mine') });
    client.destroy();
  });

  it('is kept at most a hundred times', async () => {
    await using server = await MiniServer.start();
    const client = await Scribe.open(server.port);
    (server as unknown as Inside).state.tree.get = odd;
    for (let xid = 1; xid <= 150; xid++) client.send('exists', { path: `/${xid}`, watch: false }, xid);
    await client.until((seen) => seen.includes('150 SystemError'));
    expect(server.errors).toHaveLength(100);
    expect(server.errors[99]?.message).toContain('/100');
    client.destroy();
  });

  it('of a leader of an ensemble is kept by the member that was asked', async () => {
    await using ensemble = await MiniEnsemble.start();
    const client = await Scribe.open(ensemble.members[0]!.port);
    const leader = ensemble.leader as unknown as { peer: { leadership: Inside } };
    leader.peer.leadership.state.tree.get = odd;
    expect(await client.call('delete', { path: '/a', version: -1 })).toBe('SystemError');
    expect(ensemble.errors).toEqual(ensemble.members[0]!.errors);
    expect(ensemble.errors.map(({ message }) => message)).toEqual([
      'a mistake of the mini-server in delete /a: RangeError: mine',
    ]);
    client.destroy();
  });

  it('on the way costs the connection, and is kept', async () => {
    await using server = await MiniServer.start();
    const client = await Scribe.open(server.port);
    const { sessions } = (server as unknown as { state: { sessions: { touch: () => void } } }).state;
    sessions.touch = odd;
    client.send('ping', {}, -2);
    expect(await client.untilEnd()).toEqual(['fin']);
    expect(server.errors.map(({ message }) => message)).toEqual([
      'a mistake of the mini-server in what a client sent: RangeError: mine',
    ]);
  });

  it('is not what a client sends that makes no sense', async () => {
    await using server = await MiniServer.start();
    const client = await Scribe.open(server.port);
    client.socket.write(Buffer.from('7fffffff0000', 'hex'));
    await client.untilEnd();
    const other = await Scribe.open(server.port);
    expect(await other.call('exists', { path: '/none', watch: false })).toBe('NoNode');
    other.socket.write(Buffer.from('00000009000000070000000400', 'hex'));
    await other.until((seen) => seen.includes('7 Marshalling'));
    expect(server.errors).toEqual([]);
    other.destroy();
  });

  it('has company: a password function of the user that throws is kept too', async () => {
    await using server = await MiniServer.start({ sasl: { users: odd } });
    const sasl = digestMd5({ username: 'ann', password: 'secret' });
    const conn = new Conn(server.connectString, { sasl });
    const connected = conn.connect().catch(() => undefined);
    while (server.errors.length === 0) await new Promise(setImmediate);
    await conn.close();
    await connected;
    expect(server.errors[0]).toMatchObject({
      message: expect.stringContaining('in sasl: RangeError') as string,
    });
    expect(JSON.stringify(server.errors)).not.toContain('secret');
  });
});

it('a server and a proxy without trouble have none', async () => {
  await using server = await MiniServer.start();
  await using proxy = await FaultProxy.start({ target: server.connectString });
  await using conn = await connect(proxy.connectString);
  await conn.create('/a');
  expect([server.errors, proxy.errors]).toEqual([[], []]);
});
