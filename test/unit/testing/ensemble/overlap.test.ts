/** Calls that overlap, sessions that come back, and histories that share a zxid. */
import { expect, it, vi } from 'vitest';
import { ListenError, MiniEnsemble, VirtualClock } from '../../../../src/testing.js';
import { conn, create, raw, set, startEnsemble } from './ensemble-world.js';

const EPHEMERAL = 1;

it.each([1, 2, 3])(
  'of %i members, one that is started several times at once has one role',
  async (members) => {
    const ensemble = await startEnsemble({ members });
    const { leader } = ensemble;
    await Promise.all([ensemble.start(leader!), leader!.restart(), ensemble.start(leader!)]);
    expect(ensemble.leader).toBeDefined();
    const roles = ensemble.members.map(({ role }) => role);
    expect(roles.filter((role) => role === 'leader')).toHaveLength(1);
    expect(roles.filter((role) => role === 'follower')).toHaveLength(members - 1);
    expect((await create(await raw(leader!), '/a')).errno).toBe(0);
    for (const { tree } of ensemble.members) expect(tree.get('/a')).toBeDefined();
  },
);

it('a former leadership of a member that is started twice ends no session', async () => {
  const clock = new VirtualClock();
  const ensemble = await MiniEnsemble.start({ members: 1, clock });
  const client = await conn(ensemble.connectString, {
    clock,
    dialer: ensemble.dialer,
    sessionTimeoutMs: 5_000,
  });
  await client.create('/mine', '', { mode: 'EPHEMERAL' });
  await Promise.all([ensemble.start(0), ensemble.start(0)]);
  await clock.advance(30_000);
  expect(ensemble.sessions).toMatchObject([{ id: client.sessionId, connected: true }]);
  expect(ensemble.members[0]!.tree.get('/mine')).toBeDefined();
  await clock.advanceUntil(client.close());
  await ensemble.close();
  await clock.settle();
  expect(clock.pending).toBe(0);
});

it('the last of two starts fails: the member takes part no more', async () => {
  const ensemble = await startEnsemble();
  const third = ensemble.members[2]!;
  const listen = vi.spyOn(third as unknown as { listen(port: number): Promise<void> }, 'listen');
  const first = third.restart();
  const second = third.restart();
  await first;
  listen.mockRejectedValueOnce(new ListenError('the port was taken meanwhile'));
  await expect(second).rejects.toThrow(ListenError);
  expect(listen).toHaveBeenCalledTimes(2);
  expect(third.running).toBe(false);
  expect(ensemble.members.map(({ role }) => role)).toEqual(['follower', 'leader', 'stopped']);
});

it('members that are added at once have ids, and sessions, of their own', async () => {
  const clock = new VirtualClock();
  const ensemble = await startEnsemble({ clock });
  const added = await Promise.all([ensemble.addMember(), ensemble.addMember()]);
  expect(added.map(({ id }) => id).sort()).toEqual([4, 5]);
  const clients = await Promise.all(added.map((member) => raw(member)));
  expect(new Set(clients.map(({ session }) => session!.sessionId)).size).toBe(2);
  expect(ensemble.sessions).toHaveLength(2);
});

it('the session of a snapshot is given to nobody else', async () => {
  const first = await startEnsemble({ clock: new VirtualClock() });
  const owner = await raw(first.members[1]!);
  await create(owner, '/mine', EPHEMERAL);
  const snapshot = first.members[1]!.snapshot({ ephemerals: true });
  const second = await startEnsemble({ clock: new VirtualClock() });
  second.members[0]!.restore(snapshot);
  const third = await startEnsemble({ clock: new VirtualClock(), snapshot });
  for (const ensemble of [second, third]) {
    const ids = ensemble.sessions.map(({ id }) => id);
    expect(ids).toEqual([owner.session!.sessionId]);
    for (const member of ensemble.members) ids.push((await raw(member)).session!.sessionId);
    expect(new Set(ids).size).toBe(4);
    expect(ensemble.sessions).toHaveLength(4);
  }
});

it('a member whose history ends with the same zxid as another takes that over', async () => {
  const ensemble = await startEnsemble();
  const [old, ...others] = ensemble.members;
  const before = await raw(old!);
  for (const path of ['/a', '/b']) await create(before, path);
  for (const member of ensemble.members) await member.stop();
  for (const member of others) {
    member.wipe();
    await member.restart();
  }
  const client = await raw(others[0]!);
  for (const path of ['/x', '/y']) await create(client, path);
  // or nothing is shown
  expect(old!.lastZxid).toBe(others[0]!.lastZxid);
  await old!.restart();
  const nodes = ensemble.members.map(({ tree }) => tree.paths().filter((path) => path.length === 2));
  expect(nodes).toEqual(Array(3).fill(['/x', '/y']));
  expect((await set(client, '/x', 'new')).errno).toBe(0);
  expect(old!.tree.get('/x')!.text).toBe('new');
  expect(ensemble.errors).toEqual([]);
});
