/** Members that join and leave. */
import { describe, expect, it } from 'vitest';
import { digestAcl, Perms, type Conn } from '../../../../src/index.js';
import { digestId } from '../../../../src/protocol/acls.js';
import type { MiniEnsembleOptions } from '../../../../src/testing/ensemble/ensemble-options.js';
import type { MiniEnsemble } from '../../../../src/testing/ensemble/mini-ensemble.js';
import { conn, followersOf, startEnsemble } from './ensemble-world.js';

const CONFIG = '/zookeeper/config';
const SUPER = { auth: [{ scheme: 'digest', auth: 'super:test' }] };

const start = (options: MiniEnsembleOptions = {}): Promise<MiniEnsemble> =>
  startEnsemble({ superDigest: digestId('super:test'), ...options });

/** The superuser, connected to the leader. */
const owner = (ensemble: MiniEnsemble): Promise<Conn> => conn(ensemble.leader!.connectString, SUPER);

const lines = (text: string): string[] => text.split('\n').filter((line) => line.startsWith('server.'));

describe('the configuration', () => {
  it('stands in its node, as old as the first epoch', async () => {
    const ensemble = await start({ observers: 1 });
    const client = await conn(ensemble.connectString);
    const { text, version, servers, stat } = await client.getConfig();
    expect(lines(text)).toEqual(ensemble.members.map(({ joining }) => joining));
    expect(text).toBe(ensemble.config);
    expect([version, stat.mzxid, stat.version]).toEqual([0x100000000n, 0x100000000n, -1]);
    expect(servers.map(({ id, role }) => [id, role])).toEqual([
      [1, 'participant'],
      [2, 'participant'],
      [3, 'participant'],
      [4, 'observer'],
    ]);
    expect(servers.map(({ clientAddress }) => clientAddress!.port)).toEqual(
      ensemble.members.map(({ port }) => port),
    );
  });

  it('lets a follower leave and join again; watchers of the node are told', async () => {
    const ensemble = await start();
    const root = await owner(ensemble);
    const [leaver, other] = followersOf(ensemble);
    const reader = await conn(other!.connectString);
    const before = await root.getConfig();
    const { watch } = await reader.getConfigW();
    const without = await root.reconfig({ leaving: [leaver!.id], fromConfig: before.version });
    expect(without.servers).toHaveLength(2);
    expect(without.stat).toMatchObject({ version: -1, mzxid: without.version });
    expect(await watch.event).toMatchObject({ type: 'NodeDataChanged', path: CONFIG });
    expect(await reader.getConfig()).toEqual(without);
    // it goes on following, without a vote
    expect(leaver!.role).toBe('follower');
    await root.create('/seen');
    expect(leaver!.tree.get('/seen')).toBeDefined();
    ensemble.partition([[leaver!, other!], [ensemble.leader!]]);
    expect(ensemble.leader).toBeUndefined();
    ensemble.heal();
    const again = await (await owner(ensemble)).reconfig({ joining: [leaver!.joining] });
    expect(lines(again.text)).toEqual(lines(before.text));
  });

  it('lets the leader leave, which steps down', async () => {
    const ensemble = await start();
    const leader = ensemble.leader!;
    const root = await conn(followersOf(ensemble)[0]!.connectString, SUPER);
    await root.create('/mine', null, { mode: 'EPHEMERAL' });
    const lost = new Promise<void>((resolve) => {
      root.on('connection', (state) => {
        if (state === 'RECONNECTED') resolve();
      });
    });
    const { servers } = await root.reconfig({ leaving: [leader.id] });
    expect(servers).toHaveLength(2);
    await lost;
    expect(ensemble.leader).toBe(ensemble.members[1]);
    expect(leader.role).toBe('follower');
    expect((await root.exists('/mine'))!.ephemeralOwner).toBe(root.sessionId);
  });

  it('takes a further member', async () => {
    const ensemble = await start();
    const fourth = await ensemble.addMember();
    expect([fourth.id, fourth.role]).toEqual([4, 'follower']);
    const root = await owner(ensemble);
    await root.create('/seen');
    expect(fourth.tree.get('/seen')).toBeDefined();
    expect(fourth.tree.get(CONFIG)!.data!.toString()).toBe(ensemble.config);
    const four = await root.reconfig({ joining: [fourth.joining] });
    expect(lines(four.text)).toEqual(ensemble.members.map(({ joining }) => joining));
    // now two are no quorum any more
    ensemble.partition([
      [0, 1],
      [2, 3],
    ]);
    expect(ensemble.leader).toBeUndefined();
    ensemble.heal();
    const again = await owner(ensemble);
    const three = ensemble.members.slice(0, 3).map(({ joining }) => joining);
    expect(lines((await again.reconfig({ members: three })).text)).toEqual(three);
  });

  it('makes an observer of a participant, and the other way round', async () => {
    const ensemble = await start({ observers: 1 });
    const [first, , , observer] = ensemble.members;
    const root = await owner(ensemble);
    await root.reconfig({
      joining: [
        first!.joining.replace('participant', 'observer'),
        observer!.joining.replace('observer', 'participant'),
      ],
    });
    expect([first!.role, observer!.role]).toEqual(['observer', 'follower']);
  });

  it('refuses what cannot be', async () => {
    const ensemble = await start();
    const root = await owner(ensemble);
    const before = await root.getConfig();
    const unseen = [7, 8, 9, 10].map(
      (id) => `server.${id}=127.0.0.1:${id}000:${id}001:participant;127.0.0.1:${id}002`,
    );
    const taken = ensemble.members[0]!.joining.replace('server.1', 'server.9');
    for (const [change, code] of [
      [{ leaving: [3], fromConfig: before.version - 1n }, 'ZK_BAD_VERSION'],
      [{ joining: ['server.9=rubbish'] }, 'ZK_BAD_ARGUMENTS'],
      [{ members: ['server.1=rubbish'] }, 'ZK_BAD_ARGUMENTS'],
      [{ leaving: [1, 2, 3] }, 'ZK_BAD_ARGUMENTS'],
      [{ joining: [taken] }, 'ZK_BAD_ARGUMENTS'],
      [{ joining: unseen }, 'ZK_NEW_CONFIG_NO_QUORUM'],
    ] as const) {
      await expect(root.reconfig(change), code).rejects.toMatchObject({ code });
    }
    expect(await root.getConfig()).toEqual(before);
    const nobody = await conn(ensemble.connectString);
    await expect(nobody.reconfig({ leaving: [3] })).rejects.toMatchObject({ code: 'ZK_NO_AUTH' });
    const { acl } = await root.getAcl(CONFIG);
    await root.setAcl(CONFIG, [...acl, digestAcl(Perms.WRITE, 'bob:secret')]);
    const bob = await conn(ensemble.connectString, { auth: [{ scheme: 'digest', auth: 'bob:secret' }] });
    expect((await bob.reconfig({ leaving: [1] })).servers).toHaveLength(2);
  });

  it('stays where reconfig is off', async () => {
    const ensemble = await start({ reconfigEnabled: false });
    const root = await owner(ensemble);
    await expect(root.reconfig({ leaving: [1] })).rejects.toMatchObject({ code: 'ZK_RECONFIG_DISABLED' });
    const { version, servers, stat } = await root.getConfig();
    expect([version, servers.length, stat.version, stat.mzxid]).toEqual([0n, 3, -1, 0n]);
  });

  it('takes along a Conn that follows it', async () => {
    const ensemble = await start();
    const root = await owner(ensemble);
    const [leaver] = followersOf(ensemble);
    const client = await conn(leaver!.connectString);
    const { sessionId } = client;
    await client.followConfig();
    const moved = new Promise<void>((resolve) => {
      client.on('session', () => {
        if (client.server !== leaver!.connectString) resolve();
      });
    });
    await root.reconfig({ leaving: [leaver!.id] });
    await moved;
    expect(client.sessionId).toBe(sessionId);
    await client.create('/followed', null, { mode: 'EPHEMERAL' });
  });
});
