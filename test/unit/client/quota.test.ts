import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  QUOTA_LIMITS,
  deleteQuota,
  formatTrack,
  parseTrack,
  type QuotaCalls,
} from '../../../src/client/quota.js';
import {
  BadVersionError,
  InvalidArgumentError,
  InvalidOptionError,
  InvalidPathError,
  NoNodeError,
  connect,
  type Conn,
} from '../../../src/index.js';
import { MiniServer } from '../../../src/testing.js';
import { rejectionOf } from '../../support/scripted-server.js';

describe('the text of a quota', () => {
  it.each([
    // as `zkCli.sh setquota -N 2` of 3.8 writes it
    'count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=2',
    // as 3.4 does
    'count=5,bytes=-1',
    // a key of a later server
    'count=1,bytes=2=;byteHardLimit=3;depth=9',
  ])('%s is read and written alike', (text) => {
    expect(formatTrack(parseTrack(Buffer.from(text)))).toBe(text);
  });

  it.each([
    [null, 'count=-1,bytes=-1'],
    ['', 'count=-1,bytes=-1'],
    ['bytes=4,count=3', 'count=3,bytes=4'],
    ['count=,bytes', 'count=-1,bytes=-1'],
    ['count=x;;,bytes=7', 'count=-1,bytes=7'],
  ])('%j becomes %s', (text, wanted) => {
    expect(formatTrack(parseTrack(text === null ? null : Buffer.from(text)))).toBe(wanted);
  });
});

describe('quotas', () => {
  let server: MiniServer;
  let conn: Conn;
  const text = (path: string): string | undefined =>
    server.tree.get(`/zookeeper/quota${path}`)?.data?.toString();
  const LIMITS = { count: null, bytes: null, countHardLimit: null, bytesHardLimit: null };

  beforeAll(async () => {
    server = await MiniServer.start();
    conn = await connect(server.connectString);
    await conn.ensurePath('/a/b/c');
    await conn.ensurePath('/x');
  });

  beforeEach(async () => {
    for (const name of (await conn.children('/zookeeper/quota')).children) {
      await conn.deleteRecursive(`/zookeeper/quota/${name}`);
    }
  });

  afterAll(async () => {
    await conn.close();
    await server.close();
  });

  it('are set, read, changed and deleted', async () => {
    expect(await conn.getQuota('/a/b')).toBeNull();
    await conn.setQuota('/a/b', { count: 10 });
    expect(text('/a/b/zookeeper_limits')).toBe('count=10,bytes=-1');
    expect(text('/a/b/zookeeper_stats')).toMatch(/^count=\d+,bytes=\d+$/);
    await conn.setQuota('/a/b', { bytesHardLimit: 2 ** 40, bytes: 5 });
    expect(text('/a/b/zookeeper_limits')).toBe('count=10,bytes=5=;byteHardLimit=1099511627776');
    const quota = await conn.getQuota('/a/b');
    expect(quota?.limits).toEqual({ count: 10, bytes: 5, countHardLimit: null, bytesHardLimit: 2 ** 40 });
    expect(quota?.usage).toEqual({ count: expect.any(Number), bytes: expect.any(Number) });
    expect(await conn.deleteQuota('/a/b')).toBe(true);
    expect(await conn.getQuota('/a/b')).toBeNull();
    expect(await conn.deleteQuota('/a/b')).toBe(false);
    expect(server.tree.get('/zookeeper/quota')?.children).toEqual([]);
  });

  it('lose single limits, and themselves with the last', async () => {
    await conn.setQuota('/a', { count: 1, countHardLimit: 2 });
    await conn.setQuota('/a', { count: null });
    expect((await conn.getQuota('/a'))?.limits).toEqual({ ...LIMITS, countHardLimit: 2 });
    await conn.setQuota('/a', { bytes: 3 });
    expect(await conn.deleteQuota('/a', ['countHardLimit', 'count'])).toBe(true);
    expect((await conn.getQuota('/a'))?.limits).toEqual({ ...LIMITS, bytes: 3 });
    expect(await conn.deleteQuota('/a', ['bytes'])).toBe(true);
    expect(server.tree.get('/zookeeper/quota/a')).toBeUndefined();
  });

  it('are not touched in their neighbours when one is deleted', async () => {
    await conn.setQuota('/a/b/c', { count: 1 });
    await conn.setQuota('/x', { count: 1 });
    await conn.deleteQuota('/a/b/c');
    expect(server.tree.get('/zookeeper/quota')?.children).toEqual(['x']);
  });

  it('cannot be above or below one another', async () => {
    await conn.setQuota('/a/b', { count: 1 });
    for (const [path, other] of [
      ['/a', '/a/b'],
      ['/a/b/c', '/a/b'],
    ] as const) {
      const error = await rejectionOf(conn.setQuota(path, { count: 1 }));
      expect(error).toBeInstanceOf(InvalidArgumentError);
      expect(error).toMatchObject({ op: 'setQuota', path });
      expect(String(error)).toContain(other);
    }
    await conn.setQuota('/x', { count: 1 });
  });

  it('need a node', async () => {
    const error = await rejectionOf(conn.setQuota('/none', { count: 1 }));
    expect(error).toBeInstanceOf(NoNodeError);
    expect(error).toMatchObject({ op: 'setQuota', path: '/none' });
    expect(server.tree.get('/zookeeper/quota')?.children).toEqual([]);
  });

  it.each(['/', '/zookeeper/quota', '/zookeeper/quota/a', '/a/zookeeper_limits', '/zookeeper_stats/a', 'a'])(
    'are refused for %s',
    async (path) => {
      expect(await rejectionOf(conn.setQuota(path, { count: 1 }))).toBeInstanceOf(InvalidPathError);
      expect(await rejectionOf(conn.getQuota(path))).toBeInstanceOf(InvalidPathError);
      expect(await rejectionOf(conn.deleteQuota(path))).toBeInstanceOf(InvalidPathError);
    },
  );

  it.each([
    [{}, InvalidArgumentError],
    [{ count: -1 }, InvalidArgumentError],
    [{ count: 1.5 }, InvalidArgumentError],
    [{ bytes: '1' as never }, InvalidArgumentError],
    [{ size: 1 }, InvalidOptionError],
    [null as never, InvalidOptionError],
  ])('cannot be %j', async (limits, expected) => {
    expect(await rejectionOf(conn.setQuota('/a', limits as never))).toBeInstanceOf(expected);
  });

  it.each([[[]], [['size']], ['count']])('cannot lose %j', async (which) => {
    expect(await rejectionOf(conn.deleteQuota('/a', which as never))).toBeInstanceOf(InvalidArgumentError);
  });

  it('under a chroot are those of the whole path', async () => {
    const view = conn.chroot('/a');
    await view.setQuota('/b', { count: 7 });
    expect(text('/a/b/zookeeper_limits')).toBe('count=7,bytes=-1');
    expect((await conn.getQuota('/a/b'))?.limits.count).toBe(7);
    expect(await view.deleteQuota('/b')).toBe(true);
    await view.setQuota('/', { count: 8 });
    expect((await conn.getQuota('/a'))?.limits.count).toBe(8);
    expect(await rejectionOf(view.setQuota('/none', { count: 1 }))).toMatchObject({ path: '/none' });
  });

  it('begin anew where a half of one was left behind', async () => {
    await conn.ensurePath('/zookeeper/quota/a');
    await conn.create('/zookeeper/quota/a/zookeeper_stats', 'count=9,bytes=9');
    await conn.setQuota('/a', { count: 7 });
    expect((await conn.getQuota('/a'))?.limits.count).toBe(7);
    await conn.delete('/zookeeper/quota/a/zookeeper_stats');
    expect((await conn.getQuota('/a'))?.usage).toBeNull();
    expect(await conn.deleteQuota('/a')).toBe(true);
  });

  /** Deletes quotas, while others do what they do behind each of the first reads. */
  function disturbed(times: number, act: (n: number) => Promise<unknown>): QuotaCalls {
    let reads = 0;
    return Object.assign(Object.create(conn) as Conn, {
      get: async (path: string) => {
        const result = await conn.get(path);
        if (reads++ < times) await act(reads);
        return result;
      },
    });
  }

  it('that others have changed since they were read are not deleted with the change', async () => {
    await conn.setQuota('/a', { count: 1 });
    const calls = disturbed(1, () => conn.setQuota('/a', { bytes: 5 }));
    expect(await deleteQuota(calls, '/a', '/a', ['count'], () => ({}))).toBe(true);
    expect((await conn.getQuota('/a'))?.limits).toEqual({ ...LIMITS, bytes: 5 });
    const again = disturbed(1, () => conn.setQuota('/a', { bytes: 6 }));
    expect(await deleteQuota(again, '/a', '/a', QUOTA_LIMITS, () => ({}))).toBe(true);
    expect(server.tree.get('/zookeeper/quota/a')).toBeUndefined();
  });

  it('that others change again and again are left to them', async () => {
    await conn.setQuota('/a', { count: 1 });
    const calls = disturbed(1000, (n) => conn.setQuota('/a', { bytes: n }));
    const error = await rejectionOf(deleteQuota(calls, '/a', '/a', QUOTA_LIMITS, () => ({})));
    expect(error).toBeInstanceOf(BadVersionError);
    expect(error).toMatchObject({ op: 'deleteQuota', path: '/a' });
    expect((await conn.getQuota('/a'))?.limits.count).toBe(1);
  });

  it('that others delete meanwhile are none', async () => {
    await conn.setQuota('/a', { count: 1 });
    const calls = disturbed(1, () => conn.deleteQuota('/a'));
    expect(await deleteQuota(calls, '/a', '/a', QUOTA_LIMITS, () => ({}))).toBe(false);
  });

  it('set by several at once hold what each has set', async () => {
    const others = await Promise.all([1, 2, 3].map(() => connect(server.connectString)));
    const [a, b, c] = others as [Conn, Conn, Conn];
    await Promise.all([
      a.setQuota('/a', { count: 1 }),
      b.setQuota('/a', { bytes: 2 }),
      c.setQuota('/a', { countHardLimit: 3 }),
      conn.setQuota('/a', { bytesHardLimit: 4 }),
    ]);
    expect((await conn.getQuota('/a'))?.limits).toEqual({
      count: 1,
      bytes: 2,
      countHardLimit: 3,
      bytesHardLimit: 4,
    });
    await Promise.all(others.map((one) => one.close()));
  });
});
