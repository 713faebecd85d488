/** What the server does about quotas by itself: it keeps their usage up to date. */
import { describe, expect, it } from 'vitest';
import { op, type Conn } from '../../../src/index.js';
import { failure, type ContractTarget } from '../target.js';

export function quotas(target: ContractTarget): void {
  const quotaPath = (path: string): string => `/zookeeper/quota${path}`;

  /** Makes a quota by hand, all that is needed above it too. */
  async function limit(conn: Conn, path: string, limits: string): Promise<void> {
    await conn.ensurePath(quotaPath(path));
    await conn.create(`${quotaPath(path)}/zookeeper_limits`, limits);
    await conn.create(`${quotaPath(path)}/zookeeper_stats`, 'count=0,bytes=0');
  }

  async function usage(conn: Conn, path: string): Promise<string> {
    return String((await conn.get(`${quotaPath(path)}/zookeeper_stats`)).data);
  }

  /** A Conn, and a node `/q` with 3 bytes and a child with 4. Its quotas are taken away after the case. */
  async function world(run: (conn: Conn, q: string) => Promise<void>): Promise<void> {
    const conn = await target.connect();
    const q = target.at('/q');
    await conn.create(q, 'abc');
    await conn.create(`${q}/x`, 'abcd');
    try {
      await run(conn, q);
    } finally {
      await target.admin.deleteRecursive(quotaPath(target.root));
    }
  }

  describe('quotas', () => {
    it('count the node and all below it when they are made, whatever was written there', () =>
      world(async (conn, q) => {
        await limit(conn, q, 'count=100,bytes=1000');
        expect(await usage(conn, q)).toBe('count=2,bytes=7');
        await limit(conn, `${q}/none`, 'count=100,bytes=1000');
        expect(await usage(conn, `${q}/none`)).toBe('count=0,bytes=0');
      }));

    it('follow every change, without a version of their own', () =>
      world(async (conn, q) => {
        await limit(conn, q, 'count=100,bytes=1000');
        await conn.create(`${q}/x/y`, 'ab');
        expect(await usage(conn, q)).toBe('count=3,bytes=9');
        await conn.set(`${q}/x`, 'a');
        expect(await usage(conn, q)).toBe('count=3,bytes=6');
        await conn.set(q, null);
        expect(await usage(conn, q)).toBe('count=3,bytes=3');
        await conn.delete(`${q}/x/y`);
        expect(await usage(conn, q)).toBe('count=2,bytes=1');
        const stat = await conn.exists(`${quotaPath(q)}/zookeeper_stats`);
        expect([stat?.version, stat?.mzxid === stat?.czxid]).toEqual([0, true]);
        // neighbours do not count
        await conn.create(`${q}q`, 'abc');
        expect(await usage(conn, q)).toBe('count=2,bytes=1');
      }));

    it('follow a multi, and not one that fails', () =>
      world(async (conn, q) => {
        await limit(conn, q, 'count=100,bytes=1000');
        const changes = [op.create(`${q}/m`, 'ab'), op.set(`${q}/x`, ''), op.delete(`${q}/m`)];
        await failure(conn.multi([...changes, op.check(q, 7)]));
        expect(await usage(conn, q)).toBe('count=2,bytes=7');
        await conn.multi(changes);
        expect(await usage(conn, q)).toBe('count=2,bytes=3');
      }));

    it('follow what a session leaves behind', () =>
      world(async (conn, q) => {
        const other = await target.connect();
        await other.create(`${q}/e`, 'abc', { mode: 'EPHEMERAL' });
        await limit(conn, q, 'count=100,bytes=1000');
        expect(await usage(conn, q)).toBe('count=3,bytes=10');
        await other.close();
        await conn.sync('/');
        expect(await usage(conn, q)).toBe('count=2,bytes=7');
      }));

    it('the nearest alone counts', () =>
      world(async (conn, q) => {
        await limit(conn, q, 'count=100,bytes=1000');
        await limit(conn, `${q}/x`, 'count=100,bytes=1000');
        await conn.create(`${q}/x/y`, 'ab');
        expect([await usage(conn, q), await usage(conn, `${q}/x`)]).toEqual([
          'count=2,bytes=7',
          'count=2,bytes=6',
        ]);
        await conn.delete(`${quotaPath(`${q}/x`)}/zookeeper_limits`);
        await conn.create(`${q}/x/z`, 'a');
        expect([await usage(conn, q), await usage(conn, `${q}/x`)]).toEqual([
          'count=3,bytes=8',
          'count=2,bytes=6',
        ]);
      }));

    it('that are soft are no more than a warning in the server’s log', () =>
      world(async (conn, q) => {
        await limit(conn, q, 'count=1,bytes=1');
        await conn.create(`${q}/y`, 'abcdef');
        expect(await usage(conn, q)).toBe('count=3,bytes=13');
      }));
  });
}
