/** Ensembles whose members are changed while they serve: `reconfig` in both forms, and who is told of it. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  connect,
  digestAcl,
  Perms,
  InvalidArgumentError,
  type ConfigResult,
  type Conn,
  type ConnOptions,
} from '../../src/index.js';
import type { EnsembleMember, RealEnsemble } from '../support/real-ensemble.js';
import { startEnsemble } from '../support/real-ensemble.js';
import { startRealServer, type RealServer } from '../support/real-zookeeper.js';
import { freePorts } from '../support/zookeeper-process.js';
import { onEveryRelease } from '../support/targets.js';
import { untilDone } from '../support/until-done.js';

const SUPER: ConnOptions = { auth: [{ scheme: 'digest', auth: 'super:test' }] };
const CONFIG = '/zookeeper/config';

/** Lines `server.N=…` of a configuration. */
function linesOf({ text }: ConfigResult): string[] {
  return text.split('\n').filter((line) => line.startsWith('server.'));
}

onEveryRelease('reconfig', (version) => {
  const conns: Conn[] = [];

  async function open(connectString: string, options: ConnOptions = {}): Promise<Conn> {
    const conn = await connect(connectString, options);
    conns.push(conn);
    return conn;
  }

  afterEach(async () => {
    await Promise.all(conns.splice(0).map((conn) => conn.close()));
  });

  describe('of an ensemble', () => {
    let ensemble: RealEnsemble;

    beforeAll(async () => {
      ensemble = await startEnsemble({ version });
    });

    afterAll(() => ensemble.stop());

    const lines = (members: readonly EnsembleMember[]): string[] => members.map((each) => each.joining);

    it('takes somebody who may write the config node', async () => {
      const nobody = await open(ensemble.connectString);
      await expect(nobody.reconfig({ leaving: [3] })).rejects.toMatchObject({
        code: 'ZK_NO_AUTH',
        outcome: 'rejected',
      });
      expect(linesOf(await nobody.getConfig())).toEqual(lines(ensemble.members));
      const bob: ConnOptions = { auth: [{ scheme: 'digest', auth: 'bob:secret' }] };
      const owner = await open(ensemble.connectString, SUPER);
      const bobs = await open(ensemble.connectString, bob);
      const { acl } = await owner.getAcl(CONFIG);
      await owner.setAcl(CONFIG, [...acl, digestAcl(Perms.WRITE, 'bob:secret')]);
      await bobs.sync('/');
      expect(linesOf(await bobs.reconfig({ members: lines(ensemble.members) }))).toEqual(
        lines(ensemble.members),
      );
      await owner.setAcl(CONFIG, acl);
    });

    it('lets a follower leave and join again; watches of the config node fire [E18]', async () => {
      const conn = await open(ensemble.connectString, SUPER);
      const reader = await open(ensemble.connectString);
      const before = await conn.getConfig();
      const [leaver] = await ensemble.followers();
      const { watch } = await reader.getConfigW();
      const without = await conn.reconfig({ leaving: [leaver!.id], fromConfig: before.version });
      expect(linesOf(without)).toEqual(lines(ensemble.members.filter((each) => each !== leaver)));
      expect(without.version).toBeGreaterThan(before.version);
      expect(await watch.event).toMatchObject({ type: 'NodeDataChanged', path: CONFIG });
      await reader.sync('/');
      const read = await reader.getConfig();
      expect(read).toEqual(without);
      // what tells one configuration from the next is not the version of the node
      expect(read.stat).toMatchObject({ version: -1, mzxid: without.version });

      const again = await conn.reconfig({ joining: [leaver!.joining] });
      expect(linesOf(again)).toEqual(lines(ensemble.members));
      await leaver!.serving();
    });

    it('refuses to start from another configuration, and what it cannot read', async () => {
      const conn = await open(ensemble.connectString, SUPER);
      const before = await conn.getConfig();
      await expect(conn.reconfig({ leaving: [3], fromConfig: before.version - 1n })).rejects.toMatchObject({
        code: 'ZK_BAD_VERSION',
      });
      for (const change of [{ joining: ['server.9=rubbish'] }, { members: ['server.1=rubbish'] }]) {
        await expect(conn.reconfig(change)).rejects.toMatchObject({ code: 'ZK_BAD_ARGUMENTS' });
      }
      // servers would pass over one of the two without a word
      const both = { leaving: [3], members: lines(ensemble.members) };
      await expect(conn.reconfig(both)).rejects.toBeInstanceOf(InvalidArgumentError);
      expect(await conn.getConfig()).toEqual(before);
    });

    it('refuses members that nobody has seen, if they were the quorum', async () => {
      const conn = await open(ensemble.connectString, SUPER);
      const before = await conn.getConfig();
      const unseen = await Promise.all([7, 8, 9, 10].map((id) => memberThatIsNot(id)));
      await expect(conn.reconfig({ joining: unseen })).rejects.toMatchObject({
        code: 'ZK_NEW_CONFIG_NO_QUORUM',
        outcome: 'rejected',
      });
      expect(await conn.getConfig()).toEqual(before);
    });

    it('tells whom to go to: a Conn leaves the member that has left', async () => {
      const conn = await open(ensemble.connectString, { ...SUPER, sessionTimeoutMs: 30_000 });
      const [leaver] = await ensemble.followers();
      const client = await open(leaver!.connectString, { sessionTimeoutMs: 30_000 });
      const session = client.sessionId;
      const { servers } = await conn.reconfig({ leaving: [leaver!.id] });
      const moved = new Promise<void>((resolve) => {
        client.on('connection', (state) => {
          if (state === 'RECONNECTED') resolve();
        });
      });
      const addresses = servers.map(({ clientAddress }) => `${clientAddress!.host}:${clientAddress!.port}`);
      expect(await client.updateServers(addresses)).toBe(true);
      await moved;
      expect(addresses).toContain(client.server);
      expect(client.sessionId).toBe(session);
      await client.create('/moved', null, { mode: 'EPHEMERAL' });
      await conn.reconfig({ joining: [leaver!.joining] });
      await leaver!.serving();
    });

    it('takes along a Conn that follows it [E18]', async () => {
      const leader = await ensemble.leader();
      const conn = await open(leader.connectString, { ...SUPER, sessionTimeoutMs: 30_000 });
      const [leaver] = await ensemble.followers();
      // it knows of nobody else
      const client = await open(leaver!.connectString, { sessionTimeoutMs: 30_000 });
      const session = client.sessionId;
      await client.followConfig();
      const moved = new Promise<void>((resolve) => {
        client.on('session', () => {
          if (client.server !== leaver!.connectString) resolve();
        });
      });
      await conn.reconfig({ leaving: [leaver!.id] });
      await moved;
      expect(client.sessionId).toBe(session);
      await client.create('/followed', null, { mode: 'EPHEMERAL' });
      await conn.reconfig({ joining: [leaver!.joining] });
      await leaver!.serving();
    });

    it('takes a fourth member, then the list of all, without it', async () => {
      const conn = await open(ensemble.connectString, SUPER);
      const three = [...ensemble.members];
      const fourth = await ensemble.addMember();
      const four = await conn.reconfig({ joining: [fourth.joining] });
      expect(linesOf(four)).toEqual(lines([...three, fourth]));
      const there = await open(fourth.connectString);
      await there.sync('/');
      expect(await there.getConfig()).toEqual(four);
      const back = await conn.reconfig({ members: lines(three), fromConfig: four.version });
      expect(linesOf(back)).toEqual(lines(three));
      await fourth.stop();
    });

    it('lets the leader leave: another is elected, and the session goes on', async () => {
      const conn = await open(ensemble.connectString, { ...SUPER, sessionTimeoutMs: 30_000 });
      const session = conn.sessionId;
      await conn.create('/kept', null, { mode: 'EPHEMERAL' });
      const leader = await ensemble.leader();
      // it steps down, which may cut the connection before the reply
      await untilDone(() => conn.reconfig({ leaving: [leader.id] }));
      await leader.kill();
      expect(await ensemble.leader()).not.toBe(leader);
      expect((await untilDone(() => conn.exists('/kept')))?.ephemeralOwner).toBe(session);
      expect((await untilDone(() => conn.getConfig())).servers).toHaveLength(2);
    });
  });

  describe('of a single server', () => {
    let server: RealServer;

    afterEach(() => server.stop());

    it.each([
      ['switched off', 'false', 'ZK_RECONFIG_DISABLED'],
      ['switched on', 'true', 'ZK_UNSUPPORTED'],
    ])('is refused where it is %s', async (_, reconfigEnabled, code) => {
      server = await startRealServer({ version, config: { reconfigEnabled } });
      const conn = await open(server.connectString, SUPER);
      await expect(conn.reconfig({ leaving: [1] })).rejects.toMatchObject({ code });
      // the connection goes on
      await conn.sync('/');
      expect((await conn.get(CONFIG)).data?.length ?? 0).toBe(0);
    });
  });
});

async function memberThatIsNot(id: number): Promise<string> {
  const [quorum, election, client] = await freePorts(3);
  return `server.${id}=127.0.0.1:${quorum}:${election}:participant;127.0.0.1:${client}`;
}
