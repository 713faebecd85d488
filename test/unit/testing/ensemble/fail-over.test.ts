/** Members that stop, start, or cannot reach each other. */
import { describe, expect, it } from 'vitest';
import type { Conn } from '../../../../src/index.js';
import { InvalidArgumentError } from '../../../../src/protocol/errors.js';
import { OPEN_ACL_UNSAFE } from '../../../../src/protocol/acls.js';
import { RawClient } from '../../../support/raw-client.js';
import { ManualClock } from '../manual-clock.js';
import {
  conn,
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
const NODE = { path: '/a', data: null, acl: OPEN_ACL_UNSAFE, flags: 0 };

describe('when the leader stops', () => {
  it('another is elected, in a new epoch, with all that was acknowledged', async () => {
    const ensemble = await startEnsemble();
    const [first, second, third] = ensemble.members;
    const client = await raw(first!);
    const { sessionId, passwd } = client.session!;
    await create(client, '/mine', EPHEMERAL);
    const { zxid } = await set(client, '/mine', 'kept');
    await ensemble.stop(third!);
    expect(await client.frame()).toBeNull();
    expect(ensemble.members.map(({ role }) => role)).toEqual(['follower', 'leader', 'stopped']);
    expect(third!.running).toBe(false);
    // a follower learns of the epoch with its first change
    expect(ensemble.members.map(({ lastZxid }) => lastZxid)).toEqual([zxid, 0x200000000n, zxid]);

    const back = await raw(first!, { sessionId, passwd, lastZxidSeen: zxid });
    expect(await read(back, '/mine')).toBe('kept');
    expect((await set(back, '/mine', 'again')).zxid).toBe(0x200000001n);
    expect(second!.tree.get('/mine')!.stat.ephemeralOwner).toBe(sessionId);

    await ensemble.start(third!);
    expect(third!.role).toBe('follower');
    expect(third!.tree.get('/mine')).toEqual(second!.tree.get('/mine'));
    expect(third!.sessions.map(({ id }) => id)).toEqual([sessionId]);
  });

  it('a follower refuses who has seen the new epoch on the leader, until something changes', async () => {
    const ensemble = await startEnsemble();
    await ensemble.stop(2);
    const [follower, leader] = ensemble.members;
    const seen = { lastZxidSeen: leader!.lastZxid };
    expect(await (await socket(follower!)).handshake(seen)).toBeNull();
    await raw(leader!, seen);
    await raw(follower!, seen);
  });

  it('a Conn goes on with its session and its watches', async () => {
    const ensemble = await startEnsemble();
    const [client, other] = [await conn(ensemble.connectString), await conn(ensemble.connectString)];
    const { sessionId } = client;
    await client.create('/mine', 'x', { mode: 'EPHEMERAL' });
    await client.create('/watched', 'old');
    const { watch } = await client.getW('/watched');
    const again = [client, other].map(reconnected);
    await ensemble.stop(ensemble.leader!);
    await Promise.all(again);
    await other.set('/watched', 'new');
    expect(await watch.event).toMatchObject({ type: 'NodeDataChanged', path: '/watched' });
    expect((await client.exists('/mine'))!.ephemeralOwner).toBe(sessionId);
    expect(client.sessionId).toBe(sessionId);
  });

  it('an election takes the time it is told to', async () => {
    const clock = new ManualClock();
    const ensemble = await startEnsemble({ clock, electionMs: 200 });
    expect(ensemble.leader).toBeUndefined();
    expect(await (await socket(ensemble.members[0]!)).handshake()).toBeNull();
    clock.advance(200);
    expect(ensemble.leader).toBe(ensemble.members[2]);
    await ensemble.stop(2);
    expect(ensemble.members.map(({ role }) => role)).toEqual(['looking', 'looking', 'stopped']);
    clock.advance(199);
    expect(ensemble.leader).toBeUndefined();
    clock.advance(1);
    expect(ensemble.leader).toBe(ensemble.members[1]);
  });

  it('an election begins anew when others take part', async () => {
    const clock = new ManualClock();
    const ensemble = await startEnsemble({ clock, electionMs: 200 });
    clock.advance(200);
    ensemble.partition([[0, 1], [2]]);
    clock.advance(150);
    // what those two have begun is nothing to these two
    ensemble.partition([[0], [1, 2]]);
    clock.advance(199);
    expect(ensemble.leader).toBeUndefined();
    clock.advance(1);
    expect(ensemble.leader).toBe(ensemble.members[2]);
    // nor is one that was decided by force
    await ensemble.stop(2);
    ensemble.heal();
    clock.advance(150);
    ensemble.elect(1);
    ensemble.partition([[0], [1]]);
    ensemble.heal();
    clock.advance(199);
    expect(ensemble.leader).toBeUndefined();
    clock.advance(1);
    expect(ensemble.leader).toBe(ensemble.members[1]);
  });

  it('sessions have their whole time again, and expire by the clock of the new leader', async () => {
    const clock = new ManualClock();
    const ensemble = await startEnsemble({ clock });
    const client = await raw(ensemble.members[0]!, { timeOut: 4_000 });
    await create(client, '/mine', EPHEMERAL);
    clock.advance(3_000);
    await ensemble.stop(2);
    clock.advance(3_500);
    expect(ensemble.sessions).toHaveLength(1);
    clock.advance(1_500);
    expect(ensemble.sessions).toEqual([]);
    expect(ensemble.members[0]!.tree.get('/mine')).toBeUndefined();
  });
});

describe('elect', () => {
  it('lets a member take over', async () => {
    const ensemble = await startEnsemble();
    const client = await raw(ensemble.leader!);
    await create(client, '/a');
    ensemble.elect(0);
    expect(ensemble.leader).toBe(ensemble.members[0]);
    expect(await client.frame()).toBeNull();
    expect(ensemble.members.map(({ tree }) => tree.get('/a') !== undefined)).toEqual([true, true, true]);
  });

  it('also one that lags, which has it all in its log', async () => {
    const ensemble = await startEnsemble();
    const client = await raw(ensemble.leader!);
    ensemble.lag(0);
    await create(client, '/a');
    expect(ensemble.members[0]!.tree.get('/a')).toBeUndefined();
    ensemble.elect(0);
    expect(ensemble.members[0]!.tree.get('/a')).toBeDefined();
  });

  it('not one that lacks what others have', async () => {
    const clock = new ManualClock();
    const ensemble = await startEnsemble({ clock, electionMs: 200 });
    clock.advance(200);
    ensemble.partition([[0], [1, 2]]);
    await create(await raw(ensemble.members[2]!), '/a');
    ensemble.partition([[0, 1], [2]]);
    expect(() => ensemble.elect(0)).toThrow(InvalidArgumentError);
    clock.advance(200);
    expect(ensemble.leader).toBe(ensemble.members[1]);
    expect(ensemble.members[0]!.tree.get('/a')).toBeDefined();
  });

  it('not one that cannot be', async () => {
    const ensemble = await startEnsemble({ observers: 1 });
    ensemble.partition([[0], [1, 2]]);
    for (const each of [0, 3, 7]) expect(() => ensemble.elect(each)).toThrow(InvalidArgumentError);
    await ensemble.stop(1);
    expect(() => ensemble.elect(1)).toThrow(InvalidArgumentError);
  });
});

describe('a network in parts', () => {
  it('goes on where the quorum is', async () => {
    const ensemble = await startEnsemble();
    const [lone, ...rest] = [ensemble.leader!, ...followersOf(ensemble)];
    const client = await raw(lone);
    await create(client, '/a');
    ensemble.partition([[lone], rest]);
    expect(await client.frame()).toBeNull();
    expect(lone.role).toBe('looking');
    expect(rest).toContain(ensemble.leader);
    expect(await (await socket(lone)).handshake()).toBeNull();
    const other = await RawClient.reattach(rest[0]!, client);
    expect((await set(other, '/a', 'new')).errno).toBe(0);
    expect(lone.tree.get('/a')!.stat.version).toBe(0);
    ensemble.heal();
    expect(lone.role).toBe('follower');
    expect(lone.tree.get('/a')!.stat.version).toBe(1);
    other.destroy();
  });

  it('serves nobody where there is none', async () => {
    const ensemble = await startEnsemble();
    ensemble.partition([[0], [1]]);
    expect(ensemble.members.map(({ role }) => role)).toEqual(['looking', 'looking', 'looking']);
    expect(ensemble.leader).toBeUndefined();
    expect(ensemble.sessions).toEqual([]);
    expect(ensemble.expireSession(1n)).toBe(false);
    ensemble.heal();
    expect(ensemble.leader).toBe(ensemble.members[2]);
  });

  it('observers do not count', async () => {
    const ensemble = await startEnsemble({ observers: 2 });
    ensemble.partition([
      [0, 3, 4],
      [1, 2],
    ]);
    expect(ensemble.members.map(({ role }) => role)).toEqual([
      'looking',
      'follower',
      'leader',
      'looking',
      'looking',
    ]);
    ensemble.heal();
    const client = await raw(ensemble.members[3]!);
    expect((await create(client, '/a')).errno).toBe(0);
    expect(ensemble.members.map(({ role }) => role)).toEqual([
      'follower',
      'follower',
      'leader',
      'observer',
      'observer',
    ]);
  });

  it('refuses parts that overlap', async () => {
    const ensemble = await startEnsemble();
    expect(() => ensemble.partition([[0], [0, 1, 2]])).toThrow(InvalidArgumentError);
    expect(() => ensemble.partition([[5]])).toThrow(InvalidArgumentError);
    expect(ensemble.leader).toBe(ensemble.members[2]);
  });
});

describe('before a partition is noticed', () => {
  it('a leader without a quorum answers reads; a write that it was told is forgotten', async () => {
    const clock = new ManualClock();
    const ensemble = await startEnsemble({ clock, syncLimitMs: 1_000 });
    const old = ensemble.leader!;
    const client = await raw(old);
    await create(client, '/a');
    ensemble.partition([[2], [0, 1]]);
    expect(old.role).toBe('leader');
    expect(await read(client, '/a')).toBe('');
    await sendBehindRead(client, 'setData', { path: '/a', data: Buffer.from('lost'), version: -1 });
    client.send('setData', { path: '/a', data: Buffer.from('lost too'), version: -1 });
    const onlooker = await RawClient.connect(old);
    const refused = onlooker.handshake();
    // neither of both is answered
    clock.advance(1_000);
    expect([await client.frame(), await refused]).toEqual([null, null]);
    expect(old.role).toBe('looking');
    const next = ensemble.leader!;
    expect(next.id).toBe(2);
    expect(next.tree.get('/a')!.stat.version).toBe(0);
    const other = await raw(next);
    const { zxid } = await set(other, '/a', 'kept');
    ensemble.heal();
    expect(old.role).toBe('follower');
    expect(String(old.tree.get('/a')!.data)).toBe('kept');
    expect(old.lastZxid).toBe(zxid);
    onlooker.destroy();
  });

  it('the write is done after all if the network heals in time', async () => {
    const clock = new ManualClock();
    const ensemble = await startEnsemble({ clock, syncLimitMs: 1_000 });
    const client = await raw(ensemble.leader!);
    ensemble.partition([[2], [0, 1]]);
    await sendBehindRead(client, 'create', NODE);
    clock.advance(999);
    ensemble.heal();
    expect(await client.reply()).toMatchObject({ errno: 0 });
    clock.advance(10_000);
    expect(ensemble.members.map(({ role }) => role)).toEqual(['follower', 'follower', 'leader']);
    expect(ensemble.members.map(({ tree }) => tree.get('/a') !== undefined)).toEqual([true, true, true]);
  });

  it('a write that only the old leader has is done if that leader is elected again', async () => {
    const clock = new ManualClock();
    const ensemble = await startEnsemble({ clock, syncLimitMs: 1_000 });
    const client = await raw(ensemble.leader!);
    ensemble.partition([[0], [1], [2]]);
    await sendBehindRead(client, 'create', NODE);
    clock.advance(1_000);
    expect(await client.frame()).toBeNull();
    expect(ensemble.members[2]!.tree.get('/a')).toBeUndefined();
    ensemble.heal();
    expect(ensemble.leader).toBe(ensemble.members[2]);
    expect(ensemble.members.map(({ tree }) => tree.get('/a') !== undefined)).toEqual([true, true, true]);
  });

  it('a follower that is cut off answers reads from the past, and holds writes and syncs', async () => {
    const clock = new ManualClock();
    const ensemble = await startEnsemble({ clock, syncLimitMs: 1_000 });
    const [lone, other] = [ensemble.members[0]!, ensemble.members[1]!];
    const [client, syncing, writer] = [await raw(lone), await raw(lone), await raw(other)];
    await create(writer, '/a');
    ensemble.partition([[0], [1, 2]]);
    await set(writer, '/a', 'new');
    expect(await read(client, '/a')).toBe('');
    await sendBehindRead(syncing, 'sync', { path: '/a' });
    await sendBehindRead(client, 'setData', { path: '/a', data: Buffer.from('newer'), version: 1 });
    clock.advance(500);
    expect(lone.role).toBe('follower');
    ensemble.heal();
    expect(await client.reply()).toMatchObject({ errno: 0 });
    expect(await syncing.reply()).toMatchObject({ errno: 0 });
    expect(await read(syncing, '/a')).toBe('newer');
  });
});

function reconnected(client: Conn): Promise<void> {
  return new Promise((resolve) => {
    client.on('connection', (state) => {
      if (state === 'RECONNECTED') resolve();
    });
  });
}
