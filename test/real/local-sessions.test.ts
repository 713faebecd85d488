/** Sessions that only one member knows (`localSessionsEnabled`), and that become global when they own something. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { connect, type Conn, type ConnOptions } from '../../src/index.js';
import { startEnsemble, type RealEnsemble } from '../support/real-ensemble.js';
import { onEveryRelease } from '../support/targets.js';

onEveryRelease('local sessions', (version) => {
  const conns: Conn[] = [];
  let ensemble: RealEnsemble;

  async function open(options: ConnOptions = {}, servers = ensemble.connectString): Promise<Conn> {
    const conn = await connect(servers, { sessionTimeoutMs: 30_000, ...options });
    conns.push(conn);
    return conn;
  }

  afterEach(async () => {
    await Promise.all(conns.splice(0).map((conn) => conn.close()));
  });

  /** Kills the member that a Conn is connected to, and starts it again. */
  async function loseServer(conn: Conn): Promise<void> {
    const server = ensemble.members.find((member) => member.connectString === conn.server)!;
    const back = new Promise<void>((resolve) => {
      conn.on('connection', (state) => {
        if (state === 'CONNECTED' || state === 'RECONNECTED') resolve();
      });
    });
    await server.kill();
    await back;
    await server.start();
  }

  describe('that upgrade', () => {
    beforeAll(async () => {
      const config = { localSessionsEnabled: 'true', localSessionsUpgradingEnabled: 'true' };
      ensemble = await startEnsemble({ version, config });
    });

    afterAll(() => ensemble.stop());

    it('one that owns an ephemeral node outlives its member', async () => {
      const conn = await open();
      const session = conn.sessionId;
      const states: string[] = [];
      conn.on('connection', (state) => states.push(state));
      await conn.create('/mine', 'x', { mode: 'EPHEMERAL' });
      expect(states).toEqual([]);
      await loseServer(conn);
      expect(conn.sessionId).toBe(session);
      expect(new Set(states)).toEqual(new Set(['SUSPENDED', 'RECONNECTED']));
      expect((await conn.exists('/mine'))?.ephemeralOwner).toBe(session);
    });

    it('one that owns nothing goes with its member, and another takes its place', async () => {
      // on a follower: without it the leader leads on, and the others lose nothing
      const [follower] = await ensemble.followers();
      const others = ensemble.members.filter((member) => member !== follower);
      const servers = [follower!, ...others].map((member) => member.connectString).join(',');
      const conn = await open({ random: () => 0.999 }, servers);
      expect(conn.server).toBe(follower!.connectString);
      const session = conn.sessionId;
      const states: string[] = [];
      conn.on('connection', (state) => states.push(state));
      const { watch } = await conn.existsW('/never');
      await loseServer(conn);
      expect(conn.sessionId).not.toBe(session);
      expect(conn.sessionEpoch).toBe(2);
      expect(states).toEqual(['SUSPENDED', 'LOST', 'CONNECTED']);
      await expect(watch.event).rejects.toMatchObject({ code: 'ZK_SESSION_EXPIRED' });
      await conn.create('/after');
    });
  });

  describe('that do not', () => {
    beforeAll(async () => {
      ensemble = await startEnsemble({ version, config: { localSessionsEnabled: 'true' } });
    });

    afterAll(() => ensemble.stop());

    it('own no ephemeral node', async () => {
      const conn = await open();
      await expect(conn.create('/mine', null, { mode: 'EPHEMERAL' })).rejects.toMatchObject({
        code: 'ZK_EPHEMERAL_ON_LOCAL_SESSION',
        errno: -120,
        path: '/mine',
        outcome: 'rejected',
      });
      await conn.create('/ours');
    });
  });
});
