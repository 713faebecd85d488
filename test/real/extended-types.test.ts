/** TTL nodes and containers on servers with and without `zookeeper.extendedTypesEnabled`, and on an ensemble. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { connect, type Conn } from '../../src/index.js';
import { startEnsemble, type RealEnsemble } from '../support/real-ensemble.js';
import { startRealServer, type RealServer } from '../support/real-zookeeper.js';
import { onEveryRelease } from '../support/targets.js';

const HOUR_MS = 3_600_000;

onEveryRelease('TTL nodes and containers', (version) => {
  const conns: Conn[] = [];

  async function open(connectString: string): Promise<Conn> {
    const conn = await connect(connectString);
    conns.push(conn);
    return conn;
  }

  afterEach(async () => {
    await Promise.all(conns.splice(0).map((conn) => conn.close()));
  });

  /** The event that takes a node away; at once, if it has gone already. */
  async function gone(conn: Conn, path: string): Promise<void> {
    const { stat, watch } = await conn.existsW(path);
    if (stat !== null) expect(await watch.event).toMatchObject({ type: 'NodeDeleted', path });
  }

  describe('on a server without extended types', () => {
    let server: RealServer;

    beforeAll(async () => {
      server = await startRealServer({
        version,
        properties: {
          'zookeeper.extendedTypesEnabled': 'false',
          'znode.container.maxNeverUsedIntervalMs': '100',
        },
      });
    });

    afterAll(() => server.stop());

    it.each(['PERSISTENT_WITH_TTL', 'PERSISTENT_SEQUENTIAL_WITH_TTL'] as const)(
      '%s is refused, in words that say why, and the connection goes on',
      async (mode) => {
        const conn = await open(server.connectString);
        const states: string[] = [];
        conn.on('connection', (state) => states.push(state));
        const ttl = { mode, ttlMs: HOUR_MS } as const;
        const refusal = {
          code: 'ZK_UNSUPPORTED',
          errno: -6,
          op: 'createTTL',
          path: '/t',
          outcome: 'rejected',
        };
        await expect(conn.create('/t', 'x', ttl)).rejects.toMatchObject(refusal);
        await expect(conn.create('/t', 'x', ttl)).rejects.toThrow(/extendedTypesEnabled/);
        await expect(conn.createWithStat('/t', 'x', ttl)).rejects.toMatchObject(refusal);
        await expect(conn.transaction().create('/p').create('/t', 'x', ttl).commit()).rejects.toMatchObject({
          index: 1,
          errno: -6,
        });
        expect((await conn.children('/')).children).toEqual(['zookeeper']);
        expect(states).toEqual([]);
      },
    );

    it('containers need no switch; one that was never used goes when the server says so [E18]', async () => {
      const conn = await open(server.connectString);
      await conn.create('/unused', null, { mode: 'CONTAINER' });
      await gone(conn, '/unused');
    });
  });

  describe('on an ensemble', () => {
    let ensemble: RealEnsemble;

    beforeAll(async () => {
      ensemble = await startEnsemble({ version });
    });

    afterAll(() => ensemble.stop());

    it('the next leader deletes them when the one that saw them made is gone', async () => {
      const conn = await open(ensemble.connectString);
      await conn.create('/c', null, { mode: 'CONTAINER' });
      await conn.create('/c/child');
      await conn.create('/young', null, { mode: 'PERSISTENT_WITH_TTL', ttlMs: HOUR_MS });
      // both at once: alone it might be gone before the other
      await conn
        .transaction()
        .create('/old', null, { mode: 'PERSISTENT_WITH_TTL', ttlMs: 1 })
        .create('/old/child')
        .commit();
      const first = await ensemble.leader();
      await first.kill();
      await ensemble.followers();

      const after = await open(ensemble.connectString);
      await after.delete('/c/child');
      await after.delete('/old/child');
      await gone(after, '/c');
      await gone(after, '/old');
      expect(await after.exists('/young')).not.toBeNull();
      await first.start();
    });
  });
});
