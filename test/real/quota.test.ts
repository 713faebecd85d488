/** Quotas that a server enforces, and those that it only writes warnings about. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connect, QuotaExceededError, type Conn } from '../../src/index.js';
import { startRealServer, type RealServer } from '../support/real-zookeeper.js';
import { onEveryRelease } from '../support/targets.js';

onEveryRelease('quotas', (version) => {
  let server: RealServer;
  let conn: Conn;

  describe('where they are enforced', () => {
    beforeAll(async () => {
      server = await startRealServer({ version, properties: { 'zookeeper.enforceQuota': 'true' } });
    });

    afterAll(() => server.stop());

    beforeEach(async () => {
      conn = await connect(server.connectString);
      await conn.create('/a', '12345');
    });

    afterEach(async () => {
      await conn.deleteQuota('/a');
      await conn.deleteRecursive('/a');
      await conn.close();
    });

    it('a hard limit of nodes: creates beyond it are refused, in a multi too', async () => {
      await conn.setQuota('/a', { countHardLimit: 3 });
      await conn.create('/a/1');
      await conn.create('/a/2');
      const refusal = { code: 'ZK_QUOTA_EXCEEDED', errno: -125, path: '/a/3', outcome: 'rejected' };
      await expect(conn.create('/a/3')).rejects.toMatchObject(refusal);
      await expect(conn.create('/a/3')).rejects.toBeInstanceOf(QuotaExceededError);
      await expect(conn.transaction().create('/b').create('/a/3').commit()).rejects.toMatchObject({
        code: 'ZK_QUOTA_EXCEEDED',
        index: 1,
      });
      expect(await conn.exists('/b')).toBeNull();
      expect((await conn.getQuota('/a'))?.usage).toEqual({ count: 3, bytes: 5 });
      // room again
      await conn.delete('/a/1');
      await conn.create('/a/3');
    });

    it('a hard limit of bytes: sets and creates beyond it are refused', async () => {
      await conn.setQuota('/a', { bytesHardLimit: 8 });
      await conn.set('/a', '12345678');
      const refusal = { code: 'ZK_QUOTA_EXCEEDED', outcome: 'rejected' };
      await expect(conn.set('/a', '123456789')).rejects.toMatchObject({ ...refusal, op: 'setData' });
      await expect(conn.create('/a/b', '1')).rejects.toMatchObject({ ...refusal, op: 'create' });
      await conn.create('/a/b');
      await conn.set('/a', '1');
      expect((await conn.getQuota('/a'))?.usage).toEqual({ count: 2, bytes: 1 });
    });

    it('soft limits refuse nothing', async () => {
      await conn.setQuota('/a', { count: 1, bytes: 5 });
      await conn.create('/a/b', 'more');
      expect(await conn.getQuota('/a')).toEqual({
        limits: { count: 1, bytes: 5, countHardLimit: null, bytesHardLimit: null },
        usage: { count: 2, bytes: 9 },
      });
      expect(server.log()).toMatch(/Quota exceeded: \S*\/a /i);
    });

    it('what was there when the quota came counts; a limit that is taken away limits no more', async () => {
      await conn.create('/a/b', 'more');
      await conn.setQuota('/a', { countHardLimit: 2, bytesHardLimit: 100 });
      expect((await conn.getQuota('/a'))?.usage).toEqual({ count: 2, bytes: 9 });
      await expect(conn.create('/a/c')).rejects.toBeInstanceOf(QuotaExceededError);
      await conn.setQuota('/a', { countHardLimit: null });
      await conn.create('/a/c', 'c');
      await expect(conn.set('/a', Buffer.alloc(101))).rejects.toBeInstanceOf(QuotaExceededError);
      expect(await conn.deleteQuota('/a')).toBe(true);
      await conn.set('/a', Buffer.alloc(101));
      expect(await conn.getQuota('/a')).toBeNull();
      expect(await conn.deleteQuota('/a')).toBe(false);
      expect((await conn.children('/zookeeper/quota')).children).toEqual([]);
    });

    it('a subtree of its own below a chroot', async () => {
      const view = conn.chroot('/a');
      await view.create('/sub');
      await view.setQuota('/sub', { countHardLimit: 2 });
      await view.create('/sub/1');
      await expect(view.create('/sub/2')).rejects.toMatchObject({
        code: 'ZK_QUOTA_EXCEEDED',
        path: '/sub/2',
      });
      expect((await conn.getQuota('/a/sub'))?.usage).toEqual({ count: 2, bytes: 0 });
      expect(await view.deleteQuota('/sub')).toBe(true);
    });

    it('outlive the server', async () => {
      await conn.setQuota('/a', { countHardLimit: 2 });
      await conn.create('/a/1');
      await conn.close();
      await server.kill();
      await server.start();
      conn = await connect(server.connectString);
      await expect(conn.create('/a/2')).rejects.toBeInstanceOf(QuotaExceededError);
      expect((await conn.getQuota('/a'))?.usage).toEqual({ count: 2, bytes: 5 });
    });
  });

  it('where they are not enforced a hard limit is a soft one', async () => {
    const lenient = await startRealServer({ version });
    const free = await connect(lenient.connectString);
    try {
      await free.create('/a');
      await free.setQuota('/a', { countHardLimit: 1, bytesHardLimit: 1 });
      await free.create('/a/b', 'more');
      expect((await free.getQuota('/a'))?.usage).toEqual({ count: 2, bytes: 4 });
    } finally {
      await free.close();
      await lenient.stop();
    }
  });
});
