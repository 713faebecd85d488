import { afterEach, describe, expect, it } from 'vitest';
import { InvalidOptionError, NoNodeError, connect, digestAcl, type Conn } from '../../../src/index.js';
import {
  ImportError,
  MiniServer,
  importTree,
  type ImportOptions,
  type SnapshotNode,
  type TreeSource,
} from '../../../src/testing.js';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function world(): Promise<{ server: MiniServer; conn: Conn }> {
  const server = await MiniServer.start();
  closers.push(() => server.close());
  const conn = await connect(server.connectString);
  closers.push(() => conn.close());
  return { server, conn };
}

/** Also what cannot be imported: a container, and an ephemeral node. */
async function fill(conn: Conn): Promise<void> {
  await conn.addAuth('digest', 'a:b');
  await conn.create('/app', 'text');
  await conn.create('/app/bytes', Buffer.from([1, 2, 255]));
  await conn.create('/app/null', null);
  await conn.create('/app/mine', 'secret', { acl: [digestAcl(31, 'a:b')] });
  await conn.setAcl('/app/bytes', [{ perms: 1, scheme: 'world', id: 'anyone' }]);
  for (let i = 0; i < 40; i++) await conn.create('/app/n-', String(i), { mode: 'PERSISTENT_SEQUENTIAL' });
  await conn.delete('/app/n-0000000020');
  await conn.set('/app', 'new text');
  await conn.create('/app/live', 'me', { mode: 'EPHEMERAL' });
}

const paths = (nodes: readonly SnapshotNode[]): string[] => nodes.map(({ path }) => path);

describe('importTree', () => {
  it('gives what a snapshot of that server would, but for /zookeeper/config', async () => {
    const { server, conn } = await world();
    await fill(conn);
    const { lastZxid, ...imported } = await importTree(conn);
    const { lastZxid: last, ...own } = server.snapshot();
    const config = (node: SnapshotNode): boolean => node.path !== '/zookeeper/config';
    expect(imported).toEqual({ ...own, nodes: own.nodes.filter(config) });
    expect(lastZxid).toBe(last);
    const second = await MiniServer.start({ snapshot: { ...imported, lastZxid: last } });
    closers.push(() => second.close());
    await conn.delete('/app/live');
    expect(second.tree.get('/app')).toMatchObject({
      children: server.tree.get('/app')?.children,
      stat: { cversion: server.tree.get('/app')?.stat.cversion },
    });
  });

  it('reads a part of a tree, and makes ephemeral nodes stay if it is told to', async () => {
    const { conn } = await world();
    await fill(conn);
    await conn.create('/other');
    const { nodes } = await importTree(conn, '/app', { ephemerals: 'persistent' });
    expect(paths(nodes).filter((path) => !path.startsWith('/app/n-'))).toEqual([
      '/app',
      '/app/bytes',
      '/app/live',
      '/app/mine',
      '/app/null',
    ]);
    expect(nodes.find(({ path }) => path === '/app/live')).toMatchObject({ text: 'me' });
    const second = await MiniServer.start({ snapshot: await importTree(conn.chroot('/app'), '/mine') });
    closers.push(() => second.close());
    expect(second.tree.paths().filter((path) => !path.startsWith('/zookeeper'))).toEqual(['/', '/mine']);
  });

  it('leaves out what is deleted meanwhile, but not the root', async () => {
    const { conn } = await world();
    await fill(conn);
    const source: TreeSource = {
      children: (path) => conn.children(path),
      getAcl: (path) => conn.getAcl(path),
      get: async (path) => {
        if (path === '/app/null') await conn.delete(path);
        return conn.get(path);
      },
    };
    expect(paths((await importTree(source, '/app')).nodes)).not.toContain('/app/null');
    await expect(importTree(source, '/app/null')).rejects.toThrow(NoNodeError);
  });

  it('rejects with what a read rejects with', async () => {
    const { server, conn } = await world();
    await fill(conn);
    const stranger = await connect(server.connectString);
    closers.push(() => stranger.close());
    await expect(importTree(stranger)).rejects.toMatchObject({ code: 'ZK_NO_AUTH', path: '/app/mine' });
  });

  it('stops at its bounds', async () => {
    const { conn } = await world();
    await fill(conn);
    const reject = async (options: ImportOptions, type: typeof ImportError | typeof InvalidOptionError) =>
      expect(importTree(conn, '/app', options)).rejects.toThrow(type);
    await reject({ maxNodes: 43 }, ImportError);
    await reject({ maxBytes: 10 }, ImportError);
    await reject({ maxNodes: 0 }, InvalidOptionError);
    await reject({ maxBytes: NaN }, InvalidOptionError);
    await reject({ ephemerals: 'keep' as 'omit' }, InvalidOptionError);
    await reject({ max: 5 } as ImportOptions, InvalidOptionError);
    // the root, what is below it, and the ephemeral node that is left out in the end
    expect((await importTree(conn, '/app', { maxNodes: 44 })).nodes).toHaveLength(43);
  });
});
