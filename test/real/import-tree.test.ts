/** A mini-server that was given the tree of a real server shows what that one shows. */
import { expect, it } from 'vitest';
import { connect, digestAcl, type Conn, type Stat } from '../../src/index.js';
import { MiniServer, importTree } from '../../src/testing.js';
import { startRealServer } from '../support/real-zookeeper.js';
import { onEveryRelease } from '../support/targets.js';

interface Shown {
  readonly path: string;
  readonly data: string | undefined;
  readonly stat: Stat;
  readonly acl: unknown;
  readonly children: readonly string[];
}

/** All that a client sees of a tree. */
async function shownBy(conn: Conn): Promise<readonly Shown[]> {
  const shown: Shown[] = [];
  for await (const { path, data, stat, children } of conn.walk('/', { data: true })) {
    if (path === '/zookeeper/config') continue;
    const { acl } = await conn.getAcl(path);
    shown.push({ path, data: data?.toString('hex'), stat, acl, children });
  }
  return shown;
}

onEveryRelease('importTree', (version) => {
  it('imports a tree with data, ACLs and Stats', async () => {
    const real = await startRealServer({ version });
    try {
      await using conn = await connect(real.connectString);
      await conn.addAuth('digest', 'a:b');
      await conn.create('/app', 'text');
      await conn.create('/app/null', null);
      await conn.create('/app/bytes', Buffer.from([0, 255]));
      await conn.create('/app/mine', 'secret', { acl: [digestAcl(31, 'a:b')] });
      await conn.setAcl('/app/bytes', [{ perms: 1, scheme: 'world', id: 'anyone' }]);
      for (let i = 0; i < 20; i++) await conn.create('/app/n-', null, { mode: 'PERSISTENT_SEQUENTIAL' });
      await conn.delete('/app/n-0000000019');
      await conn.set('/app', 'new text');
      await conn.setQuota('/app', { count: 1000 });
      const snapshot = await importTree(conn);

      await using mini = await MiniServer.start({ snapshot });
      await using other = await connect(mini.connectString);
      await other.addAuth('digest', 'a:b');
      const wanted = await shownBy(conn);
      expect(wanted.length).toBeGreaterThan(26);
      expect(await shownBy(other)).toEqual(wanted);
      const next = (each: Conn) => each.create('/app/n-', null, { mode: 'PERSISTENT_SEQUENTIAL' });
      expect(await next(other)).toBe(await next(conn));
      expect((await other.getQuota('/app'))?.usage).toEqual((await conn.getQuota('/app'))?.usage);
    } finally {
      await real.stop();
    }
  });
});
