/** What watches of every kind hear, alone and beside others, of servers of both generations. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  connect,
  digestAcl,
  Perms,
  type Conn,
  type WatchEvent,
  type WatchStream,
} from '../../../src/index.js';
import { MiniServer } from '../../../src/testing.js';

const MARKS: Readonly<Record<string, string>> = {
  NodeCreated: '+',
  NodeDeleted: '-',
  NodeDataChanged: 'D',
  NodeChildrenChanged: 'C',
};
const mark = ({ type, path }: { readonly type: string; readonly path?: string }): string =>
  `${MARKS[type] ?? type} ${String(path)}`;

/** Each of them armed on a path: what it has heard by now, in order. */
const ARM: Readonly<Record<string, (conn: Conn, path: string) => Promise<readonly string[]>>> = {
  data: async (conn, path) => once((await conn.getW(path)).watch),
  exist: async (conn, path) => once((await conn.existsW(path)).watch),
  child: async (conn, path) => once((await conn.childrenW(path)).watch),
  persistent: async (conn, path) => all(await conn.addWatch(path, 'PERSISTENT')),
  recursive: async (conn, path) => all(await conn.addWatch(path, 'PERSISTENT_RECURSIVE')),
};

function once({ event }: { readonly event: Promise<WatchEvent> }): readonly string[] {
  const heard: string[] = [];
  void event.then((each) => heard.push(mark(each)));
  return heard;
}

function all(stream: WatchStream): readonly string[] {
  const heard: string[] = [];
  void (async () => {
    for await (const each of stream) heard.push(mark(each));
  })();
  return heard;
}

describe.each(['3.8', '3.9'] as const)('on a server like ZooKeeper %s', (emulate) => {
  let server: MiniServer;
  const conns: Conn[] = [];
  beforeEach(async () => {
    server = await MiniServer.start({ emulate });
  });
  afterEach(async () => {
    await Promise.all(conns.splice(0).map((conn) => conn.close()));
    await server.close();
  });
  async function client(): Promise<Conn> {
    const conn = await connect(server.connectString);
    conns.push(conn);
    return conn;
  }

  /** Everything that can happen to a node and around it. */
  async function everything(conn: Conn, path: string): Promise<void> {
    await conn.set(path, '1');
    await conn.create(`${path}/x`);
    await conn.create(`${path}/x/y`);
    await conn.set(`${path}/x`, '2');
    await conn.delete(`${path}/x/y`);
    await conn.delete(`${path}/x`);
    await conn.delete(path);
    await conn.create(path);
    await conn.set(path, '3');
  }

  it.each([
    ['data', ['D /n']],
    ['exist', ['D /n']],
    ['child', ['C /n']],
    ['persistent', ['D /n', 'C /n', 'C /n', '- /n', '+ /n', 'D /n']],
    ['recursive', ['D /n', '+ /n/x', '+ /n/x/y', 'D /n/x', '- /n/x/y', '- /n/x', '- /n', '+ /n', 'D /n']],
  ] as const)('a %s watch hears what it should and nothing else, whoever did it', async (kind, expected) => {
    const conn = await client();
    const other = await client();
    for (const writer of [conn, other]) {
      await other.create('/n');
      const heard = await ARM[kind]!(conn, '/n');
      await everything(writer, '/n');
      await conn.sync('/');
      expect(heard).toEqual(expected);
      await conn.removeWatches('/n', 'Any').catch(() => undefined);
      await other.delete('/n');
    }
  });

  it('a recursive watch on the root sees each path once, and one on /a nothing of /ab', async () => {
    const conn = await client();
    await conn.create('/a');
    const root = await ARM['recursive']!(conn, '/');
    const a = await ARM['recursive']!(conn, '/a');
    const other = await client();
    for (const path of ['/ab', '/ab/c', '/a/b', '/a.', '/a0']) await other.create(path);
    await other.set('/a', 'x');
    await conn.sync('/');
    expect(root).toEqual(['+ /ab', '+ /ab/c', '+ /a/b', '+ /a.', '+ /a0', 'D /a']);
    expect(a).toEqual(['+ /a/b', 'D /a']);
  });

  it('recursive watches above each other tell once each', async () => {
    const conn = await client();
    for (const path of ['/a', '/a/b', '/a/b/c']) await conn.create(path);
    const levels = [];
    for (const path of ['/', '/a', '/a/b', '/a/b/c']) levels.push(await ARM['recursive']!(conn, path));
    await (await client()).set('/a/b/c', 'x');
    await (await client()).set('/a', 'x');
    await conn.sync('/');
    expect(levels).toEqual([['D /a/b/c', 'D /a'], ['D /a/b/c', 'D /a'], ['D /a/b/c'], ['D /a/b/c']]);
  });

  it('two persistent watches and one-shot ones of each kind on one path each hear their own', async () => {
    const conn = await client();
    await conn.create('/n');
    const heard: Record<string, readonly string[]> = {};
    for (const kind of ['persistent', 'data', 'exist', 'child', 'persistent'] as const)
      heard[`${kind}${kind in heard ? ' again' : ''}`] = await ARM[kind]!(conn, '/n');
    const other = await client();
    await other.set('/n', '1');
    await other.create('/n/x');
    await other.delete('/n/x');
    await conn.sync('/');
    const stays = ['D /n', 'C /n', 'C /n'];
    expect(heard).toEqual({
      persistent: stays,
      data: ['D /n'],
      exist: ['D /n'],
      child: ['C /n'],
      'persistent again': stays,
    });
  });

  it('persistent and recursive ones on one path live together as far as the server lets them', async () => {
    const conn = await client();
    await conn.create('/n');
    const persistent = await ARM['persistent']!(conn, '/n');
    const recursive = await ARM['recursive']!(conn, '/n');
    const other = await client();
    await other.set('/n', '1');
    await other.create('/n/x');
    await conn.sync('/');
    // each change is told to each of them at most once, and to the recursive one at least once
    expect(recursive).toEqual(['D /n', '+ /n/x']);
    expect(persistent).toEqual(emulate === '3.9' ? ['D /n', 'C /n'] : ['D /n']);
  });

  it('nothing is told of a node that one may not read', async () => {
    const owner = await client();
    await owner.addAuth('digest', 'ada:secret');
    const acl = [digestAcl(Perms.ALL, 'ada:secret')];
    await owner.create('/a');
    const conn = await client();
    const recursive = await ARM['recursive']!(conn, '/a');
    const told = await ARM['recursive']!(owner, '/a');
    await owner.create('/a/hidden', 'x', { acl });
    await owner.set('/a/hidden', 'y');
    await owner.create('/a/open', 'x');
    await Promise.all([conn.sync('/'), owner.sync('/')]);
    expect(recursive).toEqual(['+ /a/open']);
    expect(told).toEqual(['+ /a/hidden', 'D /a/hidden', '+ /a/open']);
  });
});
