import { afterEach, describe, expect, it } from 'vitest';
import { connect, digestAcl, type Conn } from '../../../src/index.js';
import {
  MiniServer,
  SnapshotError,
  VirtualClock,
  type MiniServerOptions,
  type Snapshot,
  type SnapshotNode,
} from '../../../src/testing.js';
import { RawClient } from '../../support/raw-client.js';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(options?: MiniServerOptions): Promise<MiniServer> {
  const server = await MiniServer.start(options);
  closers.push(() => server.close());
  return server;
}

async function open(server: MiniServer, options = {}): Promise<Conn> {
  const conn = await connect(server.connectString, { dialer: server.dialer, ...options });
  closers.push(() => conn.close());
  return conn;
}

const through = (snapshot: Snapshot): Snapshot => JSON.parse(JSON.stringify(snapshot)) as Snapshot;
const byHand = (...nodes: SnapshotNode[]): Snapshot => ({ format: 'zk-conn-snapshot', version: 1, nodes });

describe('snapshot', () => {
  it('is JSON that a person can read, and that names no session unless it is asked to', async () => {
    const server = await start({ clock: new VirtualClock({ wallMs: 1000 }) });
    const conn = await open(server);
    await conn.create('/text', 'grün\n');
    await conn.create('/bytes', Buffer.from([0xff, 0]));
    await conn.create('/nothing', null);
    await conn.create('/locked', '', { acl: [digestAcl(31, 'a:b')] });
    await conn.create('/box', null, { mode: 'CONTAINER' });
    await conn.create('/mayfly', null, { mode: 'PERSISTENT_WITH_TTL', ttlMs: 500 });
    await conn.create('/me', null, { mode: 'EPHEMERAL' });
    const { nodes, sessions, ...rest } = through(server.snapshot());
    expect(rest).toEqual({ format: 'zk-conn-snapshot', version: 1, lastZxid: '0x8' });
    expect(sessions).toBeUndefined();
    const at = (path: string): SnapshotNode | undefined => nodes.find((node) => node.path === path);
    expect(at('/text')).toEqual({
      path: '/text',
      text: 'grün\n',
      czxid: '0x2',
      mzxid: '0x2',
      pzxid: '0x2',
      ctime: 1000,
      mtime: 1000,
      version: 0,
      aversion: 0,
      creates: 0,
    });
    expect(at('/bytes')?.data).toBe('/wA=');
    expect(at('/nothing')?.data).toBeNull();
    expect(at('/locked')?.acl).toMatchObject([{ perms: 31, scheme: 'digest' }]);
    expect(at('/box')?.container).toBe(true);
    expect(at('/mayfly')?.ttlMs).toBe(500);
    expect(at('/me')).toBeUndefined();
    const full = server.snapshot({ ephemerals: true });
    expect(full.sessions).toHaveLength(1);
    expect(full.nodes.find(({ path }) => path === '/me')?.owner).toBe(full.sessions?.[0]?.id);
  });
});

describe('the option `snapshot`', () => {
  it('starts a server that has the same nodes, down to the next sequential number', async () => {
    const first = await start({ enforceQuota: true });
    const conn = await open(first);
    await conn.create('/a', 'x');
    const seq = { mode: 'PERSISTENT_SEQUENTIAL' } as const;
    await conn.create('/a/n-', null, seq);
    await conn.delete(await conn.create('/a/n-', null, seq));
    await conn.set('/a', 'y');
    await conn.setQuota('/a', { countHardLimit: 4 });
    const second = await start({ enforceQuota: true, snapshot: through(first.snapshot()) });
    expect(second.tree.paths()).toEqual(first.tree.paths());
    for (const path of first.tree.paths()) expect(second.tree.get(path)).toEqual(first.tree.get(path));
    expect(second.lastZxid).toBe(first.lastZxid);
    const other = await open(second);
    expect(await other.create('/a/n-', null, seq)).toBe('/a/n-0000000002');
    await other.create('/a/last');
    await expect(other.create('/a/much')).rejects.toMatchObject({ code: 'ZK_QUOTA_EXCEEDED' });
  });

  it('counts quotas anew without the ephemeral nodes that are left out', async () => {
    const first = await start();
    const conn = await open(first);
    await conn.create('/a', 'xy');
    await conn.create('/a/me', '12345', { mode: 'EPHEMERAL' });
    await conn.setQuota('/a', { count: 10 });
    expect((await conn.getQuota('/a'))?.usage).toEqual({ count: 2, bytes: 7 });
    const second = await start({ snapshot: first.snapshot() });
    expect((await (await open(second)).getQuota('/a'))?.usage).toEqual({ count: 1, bytes: 2 });
    expect(second.tree.get('/a')?.stat).toMatchObject({ numChildren: 0, cversion: 2 });
  });

  it('takes over sessions with their ephemeral nodes, which expire if nobody goes on with them', async () => {
    const clock = new VirtualClock();
    const first = await start({ clock });
    const [a, b] = [await open(first, { clock }), await open(first, { clock })] as const;
    for (const conn of [a, b]) {
      await conn.create('/of-', null, { mode: 'EPHEMERAL_SEQUENTIAL' });
    }
    // later, though its name comes first
    await a.create('/a', null, { mode: 'EPHEMERAL' });
    const snapshot = through(first.snapshot({ ephemerals: true }));
    const session = await a.detach();
    const second = await start({ clock, snapshot });
    const heir = await open(second, { clock, session });
    expect(heir.sessionId).toBe(session.id);
    await clock.advance(60_000);
    expect(second.sessions.map(({ id, ephemerals }) => [id, ephemerals])).toEqual([
      [session.id, ['/of-0000000000', '/a']],
    ]);
    expect(second.tree.get('/of-0000000001')).toBeUndefined();
    // and ids are not given away twice
    expect((await open(second, { clock })).sessionId > b.sessionId).toBe(true);
  });

  it('fills in what is left out in one that was written by hand', async () => {
    const server = await start({
      clock: new VirtualClock({ wallMs: 77 }),
      snapshot: byHand(
        { path: '/app/config/colour', text: 'blue' },
        { path: '/app/config', version: 3 },
        { path: '/jobs', creates: 12, czxid: '0x10' },
      ),
    });
    const stat = (path: string) => server.tree.get(path)?.stat;
    expect(server.tree.get('/app/config/colour')?.data?.toString()).toBe('blue');
    expect(stat('/app')).toMatchObject({ numChildren: 1, cversion: 1, ctime: 77, version: 0 });
    expect(stat('/app/config')).toMatchObject({ version: 3, cversion: 1 });
    expect(stat('/app/config')?.pzxid).toBe(stat('/app/config/colour')?.czxid);
    expect(stat('/jobs')).toMatchObject({ czxid: 16n, mzxid: 16n, cversion: 24, numChildren: 0 });
    expect(stat('/app')?.czxid).toBe(17n);
    expect(stat('/')).toMatchObject({ numChildren: 3, cversion: 1, pzxid: 17n });
    expect(server.lastZxid).toBe(19n);
    const conn = await open(server);
    expect(await conn.create('/jobs/j-', null, { mode: 'PERSISTENT_SEQUENTIAL' })).toBe('/jobs/j-0000000012');
  });
});

describe('a snapshot of a server is one that it takes back:', () => {
  it('with bits in an ACL that mean nothing', async () => {
    const server = await start();
    const client = await RawClient.connect(server);
    closers.push(async () => client.destroy());
    await client.handshake();
    for (const perms of [0, 32, 63, -1, -0x8000_0000, 0x7fff_ffff]) {
      const acl = [{ perms, scheme: 'world', id: 'anyone' }];
      const created = await client.call('create', { path: `/p${perms}`, data: null, acl, flags: 0 });
      expect(created.errno).toBe(0);
    }
    const snapshot = through(server.snapshot());
    server.restore(snapshot);
    expect(through(server.snapshot())).toEqual(snapshot);
    expect(server.tree.get('/p-1')?.acl).toEqual([{ perms: -1, scheme: 'world', id: 'anyone' }]);
  });

  it('with a path of very many parts', async () => {
    const path = '/a'.repeat(12_000);
    const server = await start({ snapshot: byHand({ path, text: 'deep' }) });
    expect(server.tree.get(path)?.text).toBe('deep');
    expect(server.lastZxid).toBe(12_000n);
  });
});

describe('restore', () => {
  it('puts everything back, and lets clients come back with new sessions', async () => {
    const clock = new VirtualClock();
    const server = await start({ clock });
    const conn = await open(server, { clock });
    await conn.create('/kept', 'before');
    const snapshot = server.snapshot();
    await conn.set('/kept', 'after');
    await conn.create('/more');
    await conn.create('/me', null, { mode: 'EPHEMERAL' });
    const { watch } = await conn.getW('/kept');
    const zxid = server.lastZxid;
    server.restore(snapshot);
    expect([server.sessions, server.watchCount()]).toEqual([[], 0]);
    expect(server.tree.paths().filter((path) => !path.startsWith('/zookeeper'))).toEqual(['/', '/kept']);
    expect(server.tree.get('/kept')?.data?.toString()).toBe('before');
    expect(server.lastZxid).toBe(zxid);
    await clock.advanceUntil(() => conn.sessionEpoch === 2);
    await expect(watch.event).rejects.toMatchObject({ code: 'ZK_SESSION_EXPIRED' });
    await conn.create('/more');
    expect(server.tree.get('/more')?.stat.czxid).toBeGreaterThan(zxid);
  });

  it('changes nothing if it is no snapshot', async () => {
    const server = await start();
    const conn = await open(server);
    await conn.create('/kept');
    expect(() => server.restore({ ...server.snapshot(), version: 2 })).toThrow(SnapshotError);
    expect(server.sessions).toHaveLength(1);
    expect(server.tree.get('/kept')).toBeDefined();
  });
});

describe('what is no snapshot is refused, with its place:', () => {
  const good = byHand({ path: '/a' });
  const session = { id: '0x1', passwd: '', timeoutMs: 1000 };
  const node = (fields: object): unknown => ({ ...good, nodes: [{ path: '/a', ...fields }] });

  it.each<[string, unknown, string]>([
    ['null', null, 'it must be an object, not null'],
    ['an array', [], 'it must be an object, not an array'],
    ['another format', { nodes: [] }, 'its format is not "zk-conn-snapshot"'],
    ['another version', { ...good, version: 2 }, 'its version is 2, and only 1 is known'],
    ['an unknown key', { ...good, more: 1 }, 'it has "more"'],
    ['no nodes', { ...good, nodes: undefined }, 'nodes must be an array, not undefined'],
    ['a node that is none', { ...good, nodes: ['/a'] }, 'nodes[0] must be an object, not "/a"'],
    ['a bad path', node({ path: 'a' }), 'nodes[0].path: '],
    ['no path', node({ path: undefined }), 'nodes[0].path must be a path, not undefined'],
    ['a node twice', { ...good, nodes: [...good.nodes, ...good.nodes] }, 'nodes[1]: /a is there twice'],
    ['an unknown key of a node', node({ txet: 'x' }), 'nodes[0] has "txet"'],
    ['text and data', node({ text: 'x', data: 'eA==' }), 'nodes[0] (/a): text or data, not both'],
    ['text that is none', node({ text: 5 }), 'nodes[0] (/a): text must be text, not 5'],
    ['data that is no base64', node({ data: 'x!' }), 'nodes[0] (/a): data must be base64'],
    ['a bad zxid', node({ czxid: 5 }), 'nodes[0] (/a): czxid must be a text such as "0x1f", not 5'],
    ['a bad version', node({ version: 0.5 }), 'nodes[0] (/a): version must be a whole number of 32 bits'],
    ['a bad time', node({ mtime: 'now' }), 'nodes[0] (/a): mtime must be a whole number of ms, not "now"'],
    ['an empty ACL', node({ acl: [] }), 'nodes[0] (/a): acl must not be empty'],
    ['a bad ACL', node({ acl: [{ perms: 31, scheme: 'world' }] }), 'nodes[0] (/a): acl[0] must be'],
    [
      'perms of more than 32 bits',
      node({ acl: [{ perms: 2 ** 31, scheme: 'world', id: 'anyone' }] }),
      'nodes[0] (/a): acl[0].perms must be a whole number of 32 bits, not 2147483648',
    ],
    ['an owner that is not there', node({ owner: '0x5' }), 'nodes[0] (/a): there is no session "0x5"'],
    [
      'two kinds of node',
      node({ container: true, ttlMs: 5 }),
      'nodes[0] (/a): owner, container and ttlMs exclude',
    ],
    ['a bad TTL', node({ ttlMs: 0 }), 'nodes[0] (/a): ttlMs must be a whole number from 1'],
    [
      'a TTL of more than 40 bits',
      node({ ttlMs: 2 ** 40 }),
      'nodes[0] (/a): ttlMs must be a whole number from 1 to',
    ],
    ['no zxid left for a node', { ...good, lastZxid: '0x7fffffffffffffff' }, 'its zxids leave none'],
    [
      'a zxid that is filled in as the last one',
      { ...good, lastZxid: '0x7ffffffffffffffe' },
      'its zxids leave none for the next change',
    ],
    ['a node with the last zxid', node({ czxid: '0x7fffffffffffffff' }), 'its zxids leave none'],
    [
      'a session without an id',
      { ...good, sessions: [{ ...session, id: '0x0' }] },
      'sessions[0].id must not be 0',
    ],
    ['a container that is none', node({ container: 1 }), 'nodes[0] (/a): container must be true or false'],
    ['a root that ends', node({ path: '/', container: true }), 'nodes[0] (/): this node cannot be'],
    [
      'a child of an ephemeral node',
      { ...good, sessions: [session], nodes: [{ path: '/a', owner: '0x1' }, { path: '/a/b' }] },
      '/a/b stands below /a, which is ephemeral',
    ],
    ['a session twice', { ...good, sessions: [session, session] }, 'a session is there twice'],
    [
      'a session without a timeout',
      { ...good, sessions: [{ ...session, timeoutMs: 0 }] },
      'sessions[0].timeoutMs',
    ],
    [
      'a password that is no base64',
      { ...good, sessions: [{ ...session, passwd: 'hunter2' }] },
      'passwd must be base64',
    ],
  ])('%s', async (_what, snapshot, text) => {
    const error: unknown = await MiniServer.start({ snapshot: snapshot as Snapshot }).catch(
      (e: unknown) => e,
    );
    expect(error).toBeInstanceOf(SnapshotError);
    expect((error as Error).message).toContain(
      `the snapshot cannot be used: ${text.startsWith('passwd') ? 'sessions[0].' : ''}${text}`,
    );
    expect((error as Error).message).not.toContain('hunter2');
  });
});
