/** Servers that the mini-server can be like, and requests that real ones do not survive. All through bare sockets. */
import { afterEach, describe, expect, it } from 'vitest';
import { digestAcl, OPEN_ACL_UNSAFE } from '../../../src/protocol/acls.js';
import { Errno } from '../../../src/protocol/error-codes.js';
import type { MultiOp } from '../../../src/protocol/multi.js';
import type { AnyOp } from '../../../src/protocol/op.js';
import { operations } from '../../../src/protocol/operations.js';
import { MiniEnsemble } from '../../../src/testing/ensemble/mini-ensemble.js';
import { MiniServer } from '../../../src/testing/mini-server.js';
import type { MiniServerOptions } from '../../../src/testing/options.js';
import { EMULATIONS } from '../../../src/testing/release.js';
import { fourLetterWord, RawClient } from '../../support/raw-client.js';

const node = (path: string, flags = 0) => ({ path, data: null, acl: OPEN_ACL_UNSAFE, flags });
const NULL = null as unknown as string;

describe('emulate', () => {
  const servers: MiniServer[] = [];
  const clients: RawClient[] = [];
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await Promise.all(servers.splice(0).map((server) => server.close()));
  });

  async function started(options: MiniServerOptions): Promise<MiniServer> {
    const server = await MiniServer.start(options);
    servers.push(server);
    return server;
  }

  async function open(server: MiniServer): Promise<RawClient> {
    const client = await RawClient.open(server);
    clients.push(client);
    return client;
  }

  it.each([
    ['3.4', '3.4.14'],
    ['3.8', '3.8.0'],
    ['3.9', '3.9.3'],
    ['keeper', '3.8.0'],
  ] as const)('%s says that it is %s, unless told otherwise', async (emulate, version) => {
    const says = async (options: MiniServerOptions) =>
      /version: ([\d.]+)/.exec(await fourLetterWord(await started(options), 'srvr'))?.[1];
    expect(await says({ emulate })).toBe(version);
    expect(await says({ emulate, version: '3.7.1' })).toBe('3.7.1');
  });

  it('follows the version where it is not given', async () => {
    const client = await open(await started({ version: '3.7.0' }));
    await client.call('addWatch', { path: '/a', mode: 0 });
    await client.call('create', node('/a'));
    expect(client.events).toEqual([{ type: 1, path: '/a', zxid: -1n }]);
  });

  it('3.4 does not know what came later, and sends events also to those who may not read', async () => {
    const server = await started({ emulate: '3.4' });
    const [client, other] = [await open(server), await open(server)];
    await client.call('create', node('/a'));
    await other.call('exists', { path: '/a', watch: true });
    await client.call('setACL', {
      path: '/a',
      acl: [digestAcl(2, 'u:p'), { perms: 2, scheme: 'world', id: 'anyone' }],
      version: -1,
    });
    await client.call('setData', { path: '/a', data: null, version: -1 });
    expect(await other.drainEvents()).toEqual([{ type: 3, path: '/a', zxid: -1n }]);
    other.send('create2', node('/b'));
    expect(await other.reply()).toMatchObject({ errno: Errno.Unimplemented, zxid: -1n });
    expect(await other.reply()).toBeNull();
  });

  it('3.4 knows no operation that came later, and no configuration', async () => {
    const server = await started({ emulate: '3.4' });
    const later = Object.values<AnyOp>(operations).filter(({ since }) => since !== '3.4');
    expect(later.map(({ name }) => name).sort()).toEqual(
      [
        ...[
          'create2',
          'createContainer',
          'createTTL',
          'reconfig',
          'checkWatches',
          'removeWatches',
          'addWatch',
        ],
        ...['setWatches2', 'getEphemerals', 'getAllChildrenNumber', 'multiRead', 'whoAmI'],
      ].sort(),
    );
    for (const { code, name } of later) {
      const client = await open(server);
      const header = Buffer.alloc(8);
      header.writeInt32BE(9);
      header.writeInt32BE(code, 4);
      client.sendFrame(header);
      expect(await client.reply(), name).toMatchObject({ xid: 9, errno: Errno.Unimplemented, zxid: -1n });
      expect(await client.reply(), name).toBeNull();
    }
    expect(server.tree.paths()).toEqual(['/', '/zookeeper', '/zookeeper/quota']);
    const client = await open(server);
    const config = { path: '/zookeeper/config', watch: false };
    expect((await client.call('getData', config)).errno).toBe(Errno.NoNode);
    // here it is a node like any other
    expect((await client.call('create', node(config.path))).errno).toBe(0);
    const own = server.snapshot();
    expect((await client.call('delete', { path: config.path, version: -1 })).errno).toBe(0);
    server.restore(own);
    expect(server.tree.get(config.path)).toBeDefined();
    server.restore((await started({})).snapshot());
    expect(server.tree.paths()).toEqual(['/', '/zookeeper', '/zookeeper/quota']);
    expect(server.tree.get('/zookeeper')!.children).toEqual(['quota']);
  });

  it('3.4 makes neither containers nor TTL nodes, and says so when all else is well', async () => {
    const client = await open(await started({ emulate: '3.4', extendedTypesEnabled: true }));
    for (const flags of [4, 5, 6, 7, -1]) {
      expect((await client.call('create', node('/none/a', flags))).errno).toBe(Errno.NoNode);
      expect((await client.call('create', node('/a', flags))).errno).toBe(Errno.BadArguments);
      const ops = [{ op: operations.create, request: node('/a', flags) }] as MultiOp[];
      const { response } = await client.call('multi', { ops });
      expect(response!.results.map(({ errno }) => errno)).toEqual([Errno.BadArguments]);
    }
    expect((await client.call('create', node('/a', 3))).errno).toBe(0);
  });

  it('an ensemble of 3.4 has no configuration to read', async () => {
    await using ensemble = await MiniEnsemble.start({ emulate: '3.4' });
    for (const { tree } of ensemble.members) expect(tree.get('/zookeeper/config')).toBeUndefined();
    const client = await open(ensemble.leader!);
    expect((await client.call('create', node('/a'))).errno).toBe(0);
    await ensemble.stop(ensemble.leader!);
    expect(ensemble.leader!.tree.get('/a')).toBeDefined();
  });

  it('keeper hangs up on what it does not know, and gives strangers a session', async () => {
    const server = await started({ emulate: 'keeper' });
    for (const send of [
      (client: RawClient) => client.send('create2', node('/b')),
      (client: RawClient) => client.send('addWatch', { path: '/b', mode: 0 }),
    ]) {
      const client = await open(server);
      expect((await client.call('exists', { path: '/', watch: false })).errno).toBe(0);
      send(client);
      expect(await client.reply()).toBeNull();
    }
    const stranger = await RawClient.connect(server);
    clients.push(stranger);
    const answer = await stranger.handshake({ sessionId: 0x7777n });
    expect(answer?.timeOut).toBeGreaterThan(0);
    expect(answer?.sessionId).not.toBe(0x7777n);
  });

  it.each(EMULATIONS)('%s survives what a real server does not', async (emulate) => {
    const server = await started({ emulate, enforceQuota: true });
    const client = await open(server);
    const bears = async (): Promise<void> => {
      expect((await client.call('exists', { path: '/', watch: false })).errno).toBe(0);
    };
    if (emulate === '3.8' || emulate === '3.9') {
      // ends a real server, and again at every start
      const ttl = await client.call('createTTL', { ...node('/ttl'), ttl: -1 });
      expect(ttl.errno).toBe(Errno.BadArguments);
      // hangs a 3.8.0 for good
      expect((await client.call('addWatch', { path: NULL, mode: 1 })).errno).toBe(0);
      expect((await client.call('removeWatches', { path: NULL, type: 3 })).errno).toBe(0);
      await bears();
    }
    const quota = '/zookeeper/quota/q';
    for (const path of ['/q', quota, `${quota}/zookeeper_limits`, `${quota}/zookeeper_stats`]) {
      await client.call('create', { ...node(path), data: Buffer.from('count=5,bytes=5') });
    }
    // a real server logs the next change below and cannot apply it
    await client.call('setData', {
      path: `${quota}/zookeeper_stats`,
      data: Buffer.from('nonsense'),
      version: -1,
    });
    expect((await client.call('create', node('/q/a'))).errno).toBe(Errno.Marshalling);
    await bears();
    // a real server obeys, and answers with a second greeting
    client.sendFrame(Buffer.from('00000007fffffff6', 'hex'));
    const last = await client.reply();
    if (emulate !== 'keeper') expect(last).toMatchObject({ xid: 7, errno: Errno.Unimplemented });
    expect(await client.reply()).toBeNull();
  });
});
