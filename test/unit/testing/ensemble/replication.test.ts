/** Writes through the leader, reads of what the client's own member has applied. */
import { describe, expect, it } from 'vitest';
import { OPEN_ACL_UNSAFE } from '../../../../src/protocol/acls.js';
import { Errno } from '../../../../src/protocol/error-codes.js';
import { fourLetterWord, RawClient } from '../../../support/raw-client.js';
import {
  create,
  followersOf,
  raw,
  read,
  sendBehindRead,
  set,
  socket,
  startEnsemble,
} from './ensemble-world.js';

const EPHEMERAL = 1;

describe('an ensemble', () => {
  it('has one leader, which is the member of the highest id', async () => {
    const ensemble = await startEnsemble({ observers: 1 });
    expect(ensemble.members.map(({ id, role }) => [id, role])).toEqual([
      [1, 'follower'],
      [2, 'follower'],
      [3, 'leader'],
      [4, 'observer'],
    ]);
    expect(ensemble.leader).toBe(ensemble.members[2]);
    expect(ensemble.connectString.split(',')).toHaveLength(4);
  });

  it('numbers changes by epoch and counter', async () => {
    const ensemble = await startEnsemble();
    expect(ensemble.members.map(({ lastZxid }) => lastZxid)).toEqual([0n, 0n, 0x100000000n]);
    const client = await raw(ensemble.members[0]!);
    expect((await create(client, '/a')).zxid).toBe(0x100000002n);
    expect((await create(client, '/a')).zxid).toBe(0x100000003n);
    expect(ensemble.members.map(({ lastZxid }) => lastZxid)).toEqual(Array(3).fill(0x100000003n));
  });

  it('shows every member the same nodes, Stats and sessions', async () => {
    const ensemble = await startEnsemble({ observers: 1 });
    const clients = await Promise.all(ensemble.members.map((member) => raw(member)));
    for (const [i, client] of clients.entries()) {
      await create(client, `/n${i}`, EPHEMERAL);
      await create(client, '/seq-', 2);
    }
    await clients[1]!.call('setACL', {
      path: '/seq-0000000001',
      acl: [{ perms: 1, scheme: 'world', id: 'anyone' }],
      version: -1,
    });
    await set(clients[2]!, '/n0', 'x');
    await clients[3]!.call('delete', { path: '/seq-0000000003', version: -1 });
    const [first, ...others] = ensemble.members.map(({ tree, sessions }) => ({
      nodes: tree.paths().map((path) => [path, tree.get(path)]),
      sessions: sessions.map(({ id, ephemerals }) => [id, ephemerals]),
    }));
    expect(first!.nodes).toHaveLength(4 + 4 + 3);
    for (const other of others) expect(other).toEqual(first);
  });

  it('gives sessions ids by the member that opened them', async () => {
    const ensemble = await startEnsemble();
    const ids = await Promise.all(
      ensemble.members.map(async (member) => (await raw(member)).session!.sessionId >> 56n),
    );
    expect(ids).toEqual([1n, 2n, 3n]);
    expect(ensemble.sessions).toHaveLength(3);
    expect(ensemble.sessions.every(({ connected }) => connected)).toBe(true);
  });

  it('closes a session everywhere', async () => {
    const ensemble = await startEnsemble();
    const [a, b] = [await raw(ensemble.members[0]!), await raw(ensemble.members[1]!)];
    await create(a, '/mine', EPHEMERAL);
    expect((await b.call('exists', { path: '/mine', watch: true })).errno).toBe(0);
    const { errno } = await a.call('closeSession', {});
    expect(errno).toBe(0);
    expect(await a.frame()).toBeNull();
    expect(await b.event()).toMatchObject({ path: '/mine', type: 2 });
    expect(ensemble.sessions).toHaveLength(1);
    for (const { tree, sessions } of ensemble.members) {
      expect([tree.get('/mine'), sessions.length]).toEqual([undefined, 1]);
    }
    // nobody remembers what the session once owned
    for (const member of ensemble.members) {
      expect(await fourLetterWord(member, 'dump')).toContain('\nSessions with Ephemerals (0):\n');
    }
  });

  it('ends a session of any member', async () => {
    const ensemble = await startEnsemble();
    const client = await raw(ensemble.members[0]!);
    await create(client, '/mine', EPHEMERAL);
    expect(ensemble.expireSession(client.session!.sessionId)).toBe(true);
    expect(await client.frame()).toBeNull();
    expect(ensemble.members.map(({ tree }) => tree.get('/mine'))).toEqual([undefined, undefined, undefined]);
    expect(ensemble.members[1]!.expireSession(client.session!.sessionId)).toBe(false);
  });
});

describe('a member that lags', () => {
  it('answers reads from the past until sync', async () => {
    const ensemble = await startEnsemble();
    const [slow] = followersOf(ensemble);
    const [writer, reader] = [await raw(ensemble.leader!), await raw(slow!)];
    await create(writer, '/a');
    await set(writer, '/a', 'old');
    const lag = ensemble.lag(slow!);
    const { zxid } = await set(writer, '/a', 'new');
    const stale = await reader.call('getData', { path: '/a', watch: false });
    expect([String(stale.response!.data), stale.zxid]).toEqual(['old', zxid - 1n]);
    await sendBehindRead(reader, 'sync', { path: '/a' });
    reader.send('getData', { path: '/a', watch: false });
    lag.end();
    expect(await reader.reply()).toMatchObject({ zxid, errno: 0 });
    expect((await reader.reply())!.body.includes('new')).toBe(true);
    expect(lag.standing).toBe(false);
  });

  it('answers a write when it has applied it, and what comes behind it then', async () => {
    const ensemble = await startEnsemble();
    const [slow, other] = followersOf(ensemble);
    const [client, onlooker] = [await raw(slow!), await raw(other!)];
    await create(client, '/a');
    await onlooker.call('exists', { path: '/a', watch: true });
    const lag = ensemble.lag(slow!);
    const order: string[] = [];
    client.send('setData', { path: '/a', data: Buffer.from('1'), version: -1 });
    client.send('getData', { path: '/a', watch: false });
    const replies = (async () => {
      expect((await client.reply())!.errno).toBe(0);
      order.push('answered');
      expect((await client.reply())!.body.includes('1')).toBe(true);
    })();
    // the others have it already
    expect(await onlooker.event()).toMatchObject({ type: 3, path: '/a' });
    order.push('seen');
    lag.end();
    await replies;
    expect(order).toEqual(['seen', 'answered']);
  });

  it('applies what its clients write on the way behind all that waits already', async () => {
    const ensemble = await startEnsemble();
    const [slow] = followersOf(ensemble);
    const [client, writer] = [await raw(slow!), await raw(ensemble.leader!)];
    await writer.call('exists', { path: '/a', watch: true });
    const lag = ensemble.lag(slow!);
    for (const path of ['/a', '/b'])
      client.send('create', { path, data: null, acl: OPEN_ACL_UNSAFE, flags: 0 });
    client.send('exists', { path: '/x', watch: false });
    expect(await writer.event()).toMatchObject({ path: '/a' });
    const { zxid } = await create(writer, '/x');
    lag.end();
    expect(await client.reply()).toMatchObject({ errno: 0, zxid: zxid - 1n });
    expect(await client.reply()).toMatchObject({ errno: 0, zxid: zxid + 1n });
    // what was created behind /x is answered, so /x is there
    expect(await client.reply()).toMatchObject({ errno: 0 });
    expect(slow!.lastZxid).toBe(zxid + 1n);
  });

  it('applies what waited for a quorum in its order, also what is asked for when the first is answered', async () => {
    const ensemble = await startEnsemble({ syncLimitMs: 60_000 });
    const leader = ensemble.leader!;
    const [follower] = followersOf(ensemble);
    const [writer, watcher] = [await raw(leader), await raw(follower!)];
    await create(writer, '/a');
    await create(writer, '/b');
    for (const path of ['/a', '/b']) expect(await read(watcher, path, true)).toBe('');
    ensemble.partition([[leader], followersOf(ensemble)]);
    const change = { data: Buffer.from('x'), version: -1 };
    await sendBehindRead(writer, 'setData', { path: '/a', ...change }, { path: '/b', ...change });
    ensemble.heal();
    expect(await watcher.event()).toMatchObject({ path: '/a' });
    expect(await watcher.event()).toMatchObject({ path: '/b' });
    expect(follower!.lastZxid).toBe(leader.lastZxid);
  });

  it('fires its watches when it has applied the change', async () => {
    const ensemble = await startEnsemble();
    const [slow] = followersOf(ensemble);
    const [writer, watcher] = [await raw(ensemble.leader!), await raw(slow!)];
    await create(writer, '/a');
    expect(await read(watcher, '/a', true)).toBe('');
    const lag = ensemble.lag(slow!);
    const { zxid } = await set(writer, '/a', 'new');
    expect(await watcher.drainEvents()).toEqual([]);
    lag.end();
    expect(await watcher.event()).toEqual({ type: 3, path: '/a', zxid });
  });

  it('hangs up on a client that has seen more', async () => {
    const ensemble = await startEnsemble();
    const [slow] = followersOf(ensemble);
    const writer = await raw(ensemble.leader!);
    const lag = ensemble.lag(slow!);
    const { zxid } = await create(writer, '/a');
    const { sessionId, passwd } = writer.session!;
    expect(await (await socket(slow!)).handshake({ sessionId, passwd, lastZxidSeen: zxid })).toBeNull();
    lag.end();
    const back = await (await socket(slow!)).handshake({ sessionId, passwd, lastZxidSeen: zxid });
    expect(back!.sessionId).toBe(sessionId);
  });

  it('opens a session when it has applied that', async () => {
    const ensemble = await startEnsemble();
    const [slow] = followersOf(ensemble);
    const lag = ensemble.lag(slow!);
    const client = await socket(slow!);
    const opening = client.handshake();
    while (ensemble.sessions.length === 0) await new Promise(setImmediate);
    expect(slow!.sessions).toEqual([]);
    lag.end();
    expect((await opening)!.timeOut).toBe(30_000);
    expect(slow!.sessions).toHaveLength(1);
  });
});

describe('a session that moves', () => {
  it('is taken up by another member; what writes on the old connection is hung up on', async () => {
    const ensemble = await startEnsemble();
    const [from, to] = followersOf(ensemble);
    const old = await raw(from!);
    await create(old, '/mine', EPHEMERAL);
    const now = await RawClient.reattach(to!, old);
    // the old member does not know
    expect(await read(old, '/mine')).toBe('');
    expect((await old.call('sync', { path: '/' })).errno).toBe(0);
    old.send('setData', { path: '/mine', data: null, version: -1 });
    expect(await old.reply()).toBeNull();
    expect((await set(now, '/mine', 'x')).errno).toBe(0);
    expect(ensemble.leader!.tree.get('/mine')!.stat).toMatchObject({ version: 1 });
    now.destroy();
  });

  it('may not even read on the leader that it has left', async () => {
    const ensemble = await startEnsemble();
    const old = await raw(ensemble.leader!);
    const now = await RawClient.reattach(followersOf(ensemble)[0]!, old);
    expect((await create(now, '/a')).errno).toBe(0);
    old.send('getData', { path: '/a', watch: false });
    expect(await old.frame()).toBeNull();
    now.destroy();
  });

  it('may be closed from where it was', async () => {
    const ensemble = await startEnsemble();
    const [from, to] = followersOf(ensemble);
    const old = await raw(from!);
    const now = await RawClient.reattach(to!, old);
    expect((await old.call('closeSession', {})).errno).toBe(0);
    expect(await now.frame()).toBeNull();
    expect(ensemble.sessions).toEqual([]);
    now.destroy();
  });

  it.each(['leader', 'follower'] as const)('goes away from a %s by its verb', async (role) => {
    const ensemble = await startEnsemble();
    const at = ensemble.members.find((member) => member.role === role)!;
    const [old, idle] = [await raw(at), await raw(at)];
    for (const { session } of [old, idle]) expect(at.moveSession(session!.sessionId)).toBe(true);
    // also if it comes back
    const now = await RawClient.reattach(at, old);
    expect((await create(now, '/a')).errno).toBe(0);
    old.send('create', { path: '/b', data: null, acl: OPEN_ACL_UNSAFE, flags: 0 });
    expect(await old.reply()).toBeNull();
    expect(await read(now, '/b')).toBeNull();
    if (role === 'follower') expect(await read(idle, '/')).toBe('');
    ensemble.expireSession(idle.session!.sessionId);
    expect(await idle.frame()).toBeNull();
    now.destroy();
  });

  it('needs its password', async () => {
    const ensemble = await startEnsemble();
    const [from, to] = followersOf(ensemble);
    const old = await raw(from!);
    const refused = await (await socket(to!)).handshake({ sessionId: old.session!.sessionId });
    expect([refused!.timeOut, refused!.sessionId]).toEqual([0, 0n]);
    expect((await create(old, '/a')).errno).toBe(0);
    // nobody has this one
    expect((await (await socket(to!)).handshake({ sessionId: 77n }))!.timeOut).toBe(0);
  });
});

it('a request that cannot be read is refused, and a session that is over cannot write', async () => {
  const ensemble = await startEnsemble();
  const [slow] = followersOf(ensemble);
  const client = await raw(slow!);
  client.sendFrame(Buffer.from([0, 0, 0, 9, 0, 0, 0, 14, 1]));
  expect(await client.reply()).toMatchObject({ xid: 9, errno: Errno.Marshalling });
  const lag = ensemble.lag(slow!);
  ensemble.expireSession(client.session!.sessionId);
  client.send('create', { path: '/late', data: null, acl: [], flags: 0 });
  client.send('getData', { path: '/', watch: false });
  lag.end();
  expect(await client.frame()).toBeNull();
  expect(ensemble.leader!.tree.get('/late')).toBeUndefined();
});
