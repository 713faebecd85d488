/** What the mini-server answers to each operation, frame by frame. Each of these was seen on a ZooKeeper 3.9.3. */
import { describe, expect, it } from 'vitest';
import { digestAcl, OPEN_ACL_UNSAFE } from '../../../src/protocol/acls.js';
import { EventTypeCode, Perms, Xid } from '../../../src/protocol/constants.js';
import { Errno } from '../../../src/protocol/error-codes.js';
import { RawClient, requestBytes } from '../../support/raw-client.js';
import { client, create, errnos, multiOf, open, server, useServer } from './protocol-world.js';

const { NodeChildrenChanged } = EventTypeCode;

useServer();

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
