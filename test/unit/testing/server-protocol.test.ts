/** What the mini-server answers, frame by frame. Each of these was seen on a ZooKeeper 3.9.3. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { digestAcl, OPEN_ACL_UNSAFE } from '../../../src/protocol/acls.js';
import { EventTypeCode, Perms, Xid } from '../../../src/protocol/constants.js';
import { Errno } from '../../../src/protocol/error-codes.js';
import { JuteWriter } from '../../../src/protocol/jute.js';
import { operations, type OpName, type RequestOf } from '../../../src/protocol/operations.js';
import type { ConnectRequest } from '../../../src/protocol/records.js';
import { MiniServer } from '../../../src/testing/mini-server.js';
import { RawClient, requestBytes } from '../../support/raw-client.js';

const { NodeCreated, NodeDeleted, NodeDataChanged, NodeChildrenChanged } = EventTypeCode;

let server: MiniServer;
let client: RawClient;
const clients: RawClient[] = [];

beforeAll(async () => {
  server = await MiniServer.start({ superDigest: 'super:D/InIHSb7yEEbrWz8b9l71RjZJU=' });
});
beforeEach(async () => {
  client = await open();
  await remove('/t');
  await create('/t');
});
afterEach(() => {
  for (const each of clients.splice(0)) each.destroy();
});
afterAll(() => server.close());

async function open(request: Partial<ConnectRequest> = {}): Promise<RawClient> {
  const opened = await RawClient.open(server, request);
  clients.push(opened);
  return opened;
}

async function socket(): Promise<RawClient> {
  const opened = await RawClient.connect(server);
  clients.push(opened);
  return opened;
}

/** As superuser, so that no test leaves anything that the next cannot delete. */
async function remove(path: string): Promise<void> {
  const root = await open();
  await root.call('auth', { type: 0, scheme: 'digest', auth: Buffer.from('super:test') });
  const below = server.tree.paths().filter((each) => each === path || each.startsWith(`${path}/`));
  for (const each of below.reverse()) await root.call('delete', { path: each, version: -1 });
}

const create = (path: string, flags = 0, data: Buffer | null = null, by = client) =>
  by.call('create', { path, data, acl: OPEN_ACL_UNSAFE, flags });

/** Error codes of one request after the other. */
async function errnos<K extends OpName>(name: K, requests: readonly RequestOf<K>[]): Promise<number[]> {
  const codes: number[] = [];
  for (const request of requests) codes.push((await client.call(name, request)).errno);
  return codes;
}

const multiOf = (...ops: { [K in OpName]: [K, RequestOf<K>] }[OpName][]) => ({
  ops: ops.map(([name, request]) => ({ op: operations[name], request })),
});

describe('the handshake', () => {
  it('moves the timeout to the nearest bound', async () => {
    for (const [asked, given] of [
      [-5, 1000],
      [1, 1000],
      [7000, 7000],
      [60_001, 60_000],
    ] as const) {
      expect((await (await socket()).handshake({ timeOut: asked }))?.timeOut).toBe(given);
    }
  });

  it('has the read-only byte only if the request had it', async () => {
    expect((await (await socket()).handshake({ readOnly: true }))?.readOnly).toBe(false);
    expect((await (await socket()).handshake({ readOnly: undefined }))?.readOnly).toBeUndefined();
  });

  it('takes any password for a new session, and none', async () => {
    for (const passwd of [null, Buffer.alloc(3)]) {
      expect((await (await socket()).handshake({ passwd }))?.sessionId).not.toBe(0n);
    }
  });

  it('hangs up on a client that has seen more than there is', async () => {
    expect(await (await socket()).handshake({ lastZxidSeen: server.lastZxid + 1n })).toBeNull();
    expect(await (await socket()).handshake({ lastZxidSeen: server.lastZxid })).not.toBeNull();
  });

  it('hangs up on a connect request that is too short', async () => {
    const short = await socket();
    short.sendFrame(Buffer.alloc(20));
    expect(await short.frame()).toBeNull();
  });

  it('takes a zxid for a new session and none for an old one', async () => {
    const before = server.lastZxid;
    const fresh = await open();
    expect(server.lastZxid).toBe(before + 1n);
    await RawClient.reattach(server, fresh);
    expect(server.lastZxid).toBe(before + 1n);
  });

  it('closes the other connection of the session and takes its watches along', async () => {
    const auth = { type: 0, scheme: 'digest', auth: Buffer.from('u:p') };
    await client.call('auth', auth);
    await client.call('getData', { path: '/t', watch: true });
    const again = await RawClient.reattach(server, client);
    clients.push(again);
    await client.hungUp();
    expect(again.session).toMatchObject({ sessionId: client.session!.sessionId, timeOut: 30_000 });
    expect(server.watchCount('/t')).toBe(0);
  });

  it('answers a wrong password with zeros, and closes the good connection as well', async () => {
    const { sessionId } = client.session!;
    for (const passwd of [Buffer.alloc(16, 1), null]) {
      const wrong = await socket();
      const response = await wrong.handshake({ sessionId, passwd });
      expect(response).toMatchObject({
        timeOut: 0,
        sessionId: 0n,
        passwd: Buffer.alloc(16),
        readOnly: false,
      });
      await wrong.hungUp();
    }
    await client.hungUp();
    expect((await RawClient.reattach(server, client)).session?.sessionId).toBe(sessionId);
  });
});

describe('headers', () => {
  it('carry the zxid that a write took, also one that failed', async () => {
    const created = await create('/t/a');
    expect((await create('/t/a')).zxid).toBe(created.zxid + 1n);
    const read = await client.call('exists', { path: '/t/a', watch: false });
    expect([read.zxid, read.errno]).toEqual([created.zxid + 1n, 0]);
  });

  it('answer a ping with xid -2 whatever it had', async () => {
    expect(await client.call('ping', {}, 77)).toMatchObject({
      xid: Xid.PING,
      zxid: server.lastZxid,
      errno: 0,
    });
  });

  it('answer auth with its xid and zxid 0', async () => {
    const auth = { type: 9, scheme: 'digest', auth: Buffer.from('u:p') };
    expect(await client.call('auth', auth, 44)).toMatchObject({ xid: 44, zxid: 0n, errno: 0 });
  });

  it('come in the order of the requests', async () => {
    const xids = [5, 3, 9, 1].map((xid) => client.send('exists', { path: '/t', watch: false }, xid));
    for (const xid of xids) expect((await client.reply())?.xid).toBe(xid);
  });
});

describe('bad requests', () => {
  it('of an unknown type are answered Unimplemented with zxid -1, then comes the end', async () => {
    for (const type of [0, 13, 999, -1]) {
      const other = await open();
      const w = new JuteWriter();
      w.int(3);
      w.int(type);
      other.sendFrame(w.bytes());
      expect(await other.reply()).toMatchObject({ xid: 3, zxid: -1n, errno: Errno.Unimplemented });
      expect(await other.frame()).toBeNull();
    }
  });

  it('with a body cut short are MarshallingError, take no zxid, and the connection stays', async () => {
    const before = server.lastZxid;
    for (const [name, request] of [
      ['create', { path: '/t/x', data: null, acl: OPEN_ACL_UNSAFE, flags: 0 }],
      ['setData', { path: '/t', data: null, version: -1 }],
      ['getData', { path: '/t', watch: false }],
      ['setWatches', { relativeZxid: 0n, dataWatches: [], existWatches: [], childWatches: [] }],
    ] as const) {
      const bytes = requestBytes(name, request as never, 5);
      for (let length = 8; length < bytes.length; length++) {
        client.sendFrame(bytes.subarray(0, length));
        expect(await client.reply()).toMatchObject({ xid: 5, zxid: before, errno: Errno.Marshalling });
      }
    }
  });

  it('that are a multi cut short take a zxid', async () => {
    const before = server.lastZxid;
    client.sendFrame(
      requestBytes('multi', multiOf(['check', { path: '/t', version: 0 }]), 5).subarray(0, 20),
    );
    expect(await client.reply()).toMatchObject({ zxid: before + 1n, errno: Errno.Marshalling });
  });

  it('with bytes behind the body are fine', async () => {
    client.sendFrame(
      Buffer.concat([requestBytes('exists', { path: '/t', watch: false }, 5), Buffer.alloc(9)]),
    );
    expect((await client.reply())?.errno).toBe(0);
  });

  it.each([-1, 0, 4, 7])('with the frame length %i end the connection', async (length) => {
    const w = new JuteWriter();
    w.int(length);
    for (let i = 0; i < length; i++) w.bool(false);
    client.sendBytes(w.bytes());
    expect(await client.frame()).toBeNull();
  });

  it('pass with 1048575 bytes and end the connection with one more', async () => {
    const bytes = (size: number) => {
      const over = requestBytes('setData', { path: '/t', data: null, version: 9 }, 5).length;
      return requestBytes('setData', { path: '/t', data: Buffer.alloc(size - over), version: 9 }, 5);
    };
    client.sendFrame(bytes(1_048_575));
    expect((await client.reply())?.errno).toBe(Errno.BadVersion);
    client.sendFrame(bytes(1_048_576));
    expect(await client.frame()).toBeNull();
  });

  it('behind a good one do not eat its reply', async () => {
    client.sendBytes(
      Buffer.concat([
        Buffer.from([0, 0, 0, 8]),
        requestBytes('ping', {}, 1),
        Buffer.from([0xff, 0xff, 0xff, 0xff]),
      ]),
    );
    expect((await client.reply())?.xid).toBe(Xid.PING);
    expect(await client.frame()).toBeNull();
  });
});

describe('create', () => {
  const request = (path: string, flags = 0, acl = OPEN_ACL_UNSAFE) => ({ path, data: null, acl, flags });

  it('checks flags, slash, ACL, parent, path, existence, ephemeral parent, in this order', async () => {
    await create('/t/e', 1);
    expect(
      await errnos('create', [
        request('nowhere', 7),
        request('nowhere', 0, []),
        request('/none/x', 0, []),
        request('/none/'),
        request('/t/'),
        request('/t/.'),
        request('/t/a\u0001'),
        request('/t'),
        request('/t/e/x'),
        request('/t/a\0'),
        request('/t/a', 5),
      ]),
    ).toEqual([
      Errno.BadArguments,
      Errno.BadArguments,
      Errno.InvalidAcl,
      Errno.NoNode,
      Errno.BadArguments,
      Errno.BadArguments,
      Errno.BadArguments,
      Errno.NodeExists,
      Errno.NoChildrenForEphemerals,
      Errno.BadArguments,
      Errno.BadArguments,
    ]);
  });

  it('numbers sequential children by the creates of any child', async () => {
    const created: (string | undefined)[] = [];
    for (const [path, flags] of [
      ['/t/', 2],
      ['/t/plain', 0],
      ['/t/x-', 3],
      ['/t/plain', 0],
      ['/t/..', 2],
    ] as const) {
      created.push((await create(path, flags)).response?.path);
    }
    expect(created).toEqual(['/t/0000000000', '/t/plain', '/t/x-0000000002', undefined, '/t/..0000000003']);
  });

  it('makes a plain node of flag 4, and a container only by createContainer', async () => {
    await create('/t/a', 4);
    await client.call('createContainer', request('/t/b', 0));
    for (const path of ['/t/a', '/t/b']) await create(`${path}/x`);
    for (const path of ['/t/a', '/t/b']) await client.call('delete', { path: `${path}/x`, version: -1 });
    server.reap();
    expect([server.tree.get('/t/a'), server.tree.get('/t/b')].map((node) => node !== undefined)).toEqual([
      true,
      false,
    ]);
  });

  it('bounds the TTL, and answers what ends the process of a real server', async () => {
    const ttl = (ms: number, flags = 5) => ({ ...request(`/t/${ms}-${flags}`, flags), ttl: ms });
    expect(
      await errnos('createTTL', [
        ttl(0),
        ttl(-1),
        ttl(2 ** 40),
        ttl(2 ** 40 - 1),
        ttl(1),
        ttl(5, 0),
        ttl(-1, 0),
      ]),
    ).toEqual([
      ...Array.from({ length: 3 }, () => Errno.BadArguments),
      0,
      0,
      Errno.BadArguments,
      Errno.BadArguments,
    ]);
  });

  it('keeps null and empty data apart', async () => {
    await create('/t/null');
    await create('/t/empty', 0, Buffer.alloc(0));
    const read = async (path: string) => (await client.call('getData', { path, watch: false })).response;
    expect(await read('/t/null')).toMatchObject({ data: null, stat: { dataLength: 0 } });
    expect((await read('/t/empty'))?.data).toHaveLength(0);
  });
});

describe('delete, setData, setACL', () => {
  it('check in the order of a real server', async () => {
    await create('/t/a');
    await create('/t/a/b');
    const del = (path: string, version = -1) => ({ path, version });
    expect(
      await errnos('delete', [
        del('/'),
        del('/zookeeper/config'),
        del('x'),
        del('/none/x'),
        del('/t/none'),
        del('/t/a', 7),
        del('/t/a', -2),
        del('/t/a'),
        del('/t/a/b', 0),
      ]),
    ).toEqual([
      Errno.BadArguments,
      Errno.BadArguments,
      Errno.BadArguments,
      Errno.NoNode,
      Errno.NoNode,
      Errno.BadVersion,
      Errno.BadVersion,
      Errno.NotEmpty,
      0,
    ]);
    const set = (path: string, version = -1) => ({ path, data: null, version });
    expect(
      await errnos('setData', [set('x'), set('/t/none'), set('/t/a', 4), set('/t/a', 0), set('/t/a', 0)]),
    ).toEqual([Errno.BadArguments, Errno.NoNode, Errno.BadVersion, 0, Errno.BadVersion]);
    const setAcl = (path: string, version: number, acl = OPEN_ACL_UNSAFE) => ({ path, acl, version });
    expect(
      await errnos('setACL', [
        setAcl('/t/none', 0, []),
        setAcl('/t/none', 0),
        setAcl('/t/a', 1),
        setAcl('/t/a', 0),
      ]),
    ).toEqual([Errno.InvalidAcl, Errno.NoNode, Errno.BadVersion, 0]);
  });
});

describe('reads', () => {
  it('do not look at how a path is spelt, but exists at a NUL', async () => {
    const q = (path: string) => ({ path, watch: true });
    expect(await errnos('getData', [q(''), q('abc'), q('/t/'), q('/a\0')])).toEqual([
      0,
      ...Array<number>(3).fill(Errno.NoNode),
    ]);
    expect(await errnos('exists', [q('abc'), q('/a\0')])).toEqual([Errno.NoNode, Errno.BadArguments]);
    expect((await client.call('sync', { path: 'any thing' })).response).toEqual({ path: 'any thing' });
  });

  it('show the Stat of the root and of the config node', async () => {
    const config = await client.call('getACL', { path: '/zookeeper/config' });
    expect(config.response).toMatchObject({
      acl: [{ perms: Perms.READ, scheme: 'world', id: 'anyone' }],
      stat: { aversion: -1 },
    });
    const { children } = (await client.call('getChildren', { path: '/zookeeper', watch: false })).response!;
    expect([...children].sort()).toEqual(['config', 'quota']);
  });
});

describe('watches', () => {
  const typed = (events: readonly { type: number; path: string }[]) =>
    events.map(({ type, path }) => [type, path]);

  it('fire before the reply, the node first and then its parent, with the zxid of the change', async () => {
    await client.call('exists', { path: '/t/a', watch: true });
    await client.call('getChildren', { path: '/t', watch: true });
    const { zxid } = await create('/t/a');
    expect(client.events.splice(0)).toEqual([
      { zxid, type: NodeCreated, path: '/t/a' },
      { zxid, type: NodeChildrenChanged, path: '/t' },
    ]);
    await create('/t/b');
    expect(client.events).toEqual([]);
  });

  it('tell of a deletion once', async () => {
    await create('/t/a');
    await client.call('getData', { path: '/t/a', watch: true });
    await client.call('getChildren2', { path: '/t/a', watch: true });
    await client.call('delete', { path: '/t/a', version: -1 });
    expect(typed(client.events)).toEqual([[NodeDeleted, '/t/a']]);
  });

  it('are left by exists on a missing node, and not by getData or getChildren', async () => {
    const missing = { path: '/t/m', watch: true };
    await client.call('exists', missing);
    await client.call('getData', missing);
    await client.call('getChildren', missing);
    expect(server.watchCount('/t/m')).toBe(1);
  });

  it('reach other connections', async () => {
    const other = await open();
    await other.call('getData', { path: '/t', watch: true });
    const { zxid } = await client.call('setData', { path: '/t', data: null, version: -1 });
    expect(await other.event()).toEqual({ zxid, type: NodeDataChanged, path: '/t' });
  });

  it('go with their connection', async () => {
    const other = await open();
    await other.call('getData', { path: '/t', watch: true });
    await RawClient.reattach(server, other);
    expect(server.watchCount('/t')).toBe(0);
  });

  it('are not told of what may not be read, and are used up all the same', async () => {
    const owner = await open();
    await owner.call('auth', { type: 0, scheme: 'digest', auth: Buffer.from('u:p') });
    await create('/t/a');
    await client.call('getData', { path: '/t/a', watch: true });
    await owner.call('getData', { path: '/t/a', watch: true });
    await owner.call('setACL', { path: '/t/a', acl: [digestAcl(Perms.ALL, 'u:p')], version: -1 });
    await owner.call('setData', { path: '/t/a', data: null, version: -1 });
    expect(await client.drainEvents()).toEqual([]);
    expect(typed(await owner.drainEvents())).toEqual([[NodeDataChanged, '/t/a']]);
    expect(server.watchCount('/t/a')).toBe(0);
    expect((await client.call('getData', { path: '/t/a', watch: true })).errno).toBe(Errno.NoAuth);
    expect((await client.call('exists', { path: '/t/a', watch: true })).errno).toBe(Errno.NoAuth);
    expect(server.watchCount('/t/a')).toBe(0);
  });

  it('are set again by setWatches, and what was missed comes first', async () => {
    const { zxid } = await create('/t/a');
    const set = (relativeZxid: bigint) =>
      client.call('setWatches', {
        relativeZxid,
        dataWatches: ['/t/a', '/t/gone'],
        existWatches: ['/t/a', '/t/later'],
        childWatches: ['/t', '/t/gone'],
      });
    await set(zxid - 1n);
    expect(client.events.splice(0)).toEqual(
      [
        [NodeDataChanged, '/t/a'],
        [NodeDeleted, '/t/gone'],
        [NodeCreated, '/t/a'],
        [NodeChildrenChanged, '/t'],
        [NodeDeleted, '/t/gone'],
      ].map(([type, path]) => ({ zxid: -1n, type, path })),
    );
    expect(server.watchCount()).toBe(1);
    await set(zxid);
    expect(typed(client.events.splice(0))).toEqual([
      [NodeDeleted, '/t/gone'],
      [NodeCreated, '/t/a'],
      [NodeDeleted, '/t/gone'],
    ]);
    await create('/t/later');
    expect(typed(client.events)).toEqual([
      [NodeCreated, '/t/later'],
      [NodeChildrenChanged, '/t'],
    ]);
  });
});

describe('multi', () => {
  const acl = OPEN_ACL_UNSAFE;

  it('does everything under one zxid, each seeing what is before it', async () => {
    await client.call('getChildren', { path: '/t', watch: true });
    const { zxid, response } = await client.call(
      'multi',
      multiOf(
        ['create', { path: '/t/a', data: null, acl, flags: 0 }],
        ['create2', { path: '/t/a/b', data: null, acl, flags: 0 }],
        ['setData', { path: '/t/a', data: Buffer.from('1'), version: 0 }],
        ['setData', { path: '/t/a', data: Buffer.from('22'), version: 1 }],
        ['check', { path: '/t/a', version: 2 }],
        ['createTTL', { path: '/t/ttl', data: null, acl, flags: 5, ttl: 1000 }],
        ['delete', { path: '/t/a/b', version: 0 }],
      ),
    );
    expect(response?.results.map(({ op }) => op?.name)).toEqual([
      'create',
      'create2',
      'setData',
      'setData',
      'check',
      'create2',
      'delete',
    ]);
    expect(response?.results[2]?.response).toMatchObject({
      stat: { version: 1, dataLength: 1, mzxid: zxid },
    });
    expect(response?.results[3]?.response).toMatchObject({
      stat: { version: 2, dataLength: 2, mzxid: zxid },
    });
    expect(client.events).toEqual([{ zxid, type: NodeChildrenChanged, path: '/t' }]);
  });

  it('does nothing if one fails, and says which in a reply without error', async () => {
    await client.call('getChildren', { path: '/t', watch: true });
    const before = server.tree.get('/t')?.stat;
    const reply = await client.call(
      'multi',
      multiOf(
        ['create', { path: '/t/s-', data: null, acl, flags: 2 }],
        ['check', { path: '/t', version: 9 }],
        ['delete', { path: '/t', version: 0 }],
      ),
    );
    expect(reply).toMatchObject({ errno: 0, zxid: server.lastZxid });
    expect(reply.response?.results.map(({ errno }) => errno)).toEqual([
      0,
      Errno.BadVersion,
      Errno.RuntimeInconsistency,
    ]);
    expect(server.tree.get('/t')?.stat).toEqual(before);
    expect(await client.drainEvents()).toEqual([]);
    expect((await create('/t/s-', 2)).response?.path).toBe('/t/s-0000000000');
  });

  it('may be empty', async () => {
    expect((await client.call('multi', { ops: [] })).response).toEqual({ results: [] });
  });

  it('makes of a create what its flags say', async () => {
    const q = (path: string, flags: number) => ({ path, data: null, acl, flags });
    const { response } = await client.call(
      'multi',
      multiOf(
        ['create', q('/t/c', 4)],
        ['createContainer', q('/t/d', 0)],
        ['createTTL', { ...q('/t/p', 0), ttl: 3 }],
      ),
    );
    expect(response?.results.map(({ op }) => op?.name)).toEqual(['create2', 'create2', 'create']);
    expect((await client.call('multi', multiOf(['create', q('/t/x', 5)]))).errno).toBe(Errno.Marshalling);
    expect((await client.call('multi', multiOf(['create', q('/t/x', 9)]))).errno).toBe(Errno.Marshalling);
  });

  it('refuses what may not stand in it', async () => {
    for (const foreign of [
      multiOf(['getData', { path: '/t', watch: false }]),
      multiOf(['setACL', { path: '/t', acl, version: -1 }]),
    ]) {
      expect((await client.call('multi', foreign)).errno).toBe(Errno.Marshalling);
    }
  });
});

describe('auth and ACLs', () => {
  const login = (who: RawClient, name: string) =>
    who.call('auth', { type: 0, scheme: 'digest', auth: Buffer.from(name) }, Xid.AUTH);

  it('refuse the strange and obey the owner', async () => {
    const acl = [digestAcl(Perms.ALL, 'u:p')];
    await client.call('create', { path: '/t/a', data: null, acl, flags: 0 });
    const q = { path: '/t/a', watch: false };
    const attempts = async () => [
      await errnos('getData', [q]),
      await errnos('getChildren', [q]),
      await errnos('getACL', [q]),
      await errnos('setData', [{ path: '/t/a', data: null, version: 9 }]),
      await errnos('setACL', [{ path: '/t/a', acl, version: 9 }]),
      await errnos('create', [{ path: '/t/a/', data: null, acl, flags: 0 }]),
      await errnos('delete', [{ path: '/t/a/x', version: -1 }]),
    ];
    expect((await attempts()).flat()).toEqual(Array<number>(7).fill(Errno.NoAuth));
    await login(client, 'u:p');
    expect((await attempts()).flat()).toEqual([
      0,
      0,
      0,
      Errno.BadVersion,
      Errno.BadVersion,
      Errno.BadArguments,
      Errno.NoNode,
    ]);
  });

  it('expand auth and hide hashes from who has no ADMIN', async () => {
    await login(client, 'u:p');
    const { id } = digestAcl(0, 'u:p');
    await client.call('create', {
      path: '/t/a',
      data: null,
      acl: [{ perms: 31, scheme: 'auth', id: '' }],
      flags: 0,
    });
    const acl = async (who: RawClient) => (await who.call('getACL', { path: '/t/a' })).response?.acl;
    expect(await acl(client)).toEqual([{ perms: 31, scheme: 'digest', id }]);
    const everyone = { perms: Perms.READ, scheme: 'world', id: 'anyone' };
    await client.call('setACL', {
      path: '/t/a',
      acl: [{ perms: 31, scheme: 'digest', id }, everyone],
      version: 0,
    });
    expect(await acl(await open())).toEqual([{ perms: 31, scheme: 'digest', id: 'u:x' }, everyone]);
  });

  it('let the superuser pass', async () => {
    await client.call('create', { path: '/t/a', data: null, acl: [digestAcl(Perms.ALL, 'u:p')], flags: 0 });
    await login(client, 'super:test');
    expect((await client.call('getData', { path: '/t/a', watch: false })).errno).toBe(0);
  });

  it('end the connection of who cannot be authenticated, not the session', async () => {
    const other = await open();
    expect(await other.call('auth', { type: 0, scheme: 'nope', auth: null }, 12)).toMatchObject({
      xid: 12,
      zxid: 0n,
      errno: Errno.AuthFailed,
    });
    expect(await other.frame()).toBeNull();
    expect((await RawClient.reattach(server, other)).session?.sessionId).toBe(other.session?.sessionId);
  });

  it('end the connection on an auth packet that cannot be read', async () => {
    client.sendFrame(
      requestBytes('auth', { type: 0, scheme: 'digest', auth: Buffer.from('u:p') }, -4).subarray(0, 20),
    );
    expect(await client.frame()).toBeNull();
  });
});

describe('closeSession', () => {
  it('fires the own watches, answers, hangs up, and drops what comes behind it', async () => {
    const other = await open();
    await create('/t/e', 1);
    await client.call('exists', { path: '/t/e', watch: true });
    await other.call('getChildren', { path: '/t', watch: true });
    client.send('closeSession', {}, 9);
    client.send('create', { path: '/t/late', data: null, acl: OPEN_ACL_UNSAFE, flags: 0 }, 10);
    const reply = await client.reply();
    expect(reply).toMatchObject({ xid: 9, errno: 0, zxid: server.lastZxid });
    expect(client.events).toEqual([{ zxid: reply!.zxid, type: NodeDeleted, path: '/t/e' }]);
    expect(await client.frame()).toBeNull();
    expect(await other.event()).toEqual({ zxid: reply!.zxid, type: NodeChildrenChanged, path: '/t' });
    expect(server.tree.get('/t/late')).toBeUndefined();
  });
});
