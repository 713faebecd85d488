/** What the mini-server answers to what no program asks of a real server: a row of that list without a case here is red. */
import { afterEach, describe, expect, it } from 'vitest';
import { OPEN_ACL_UNSAFE } from '../../src/protocol/acls.js';
import { Errno } from '../../src/protocol/error-codes.js';
import { operations, type OpName } from '../../src/protocol/operations.js';
import { MiniServer } from '../../src/testing/mini-server.js';
import type { MiniServerOptions } from '../../src/testing/options.js';
import { makeCertificates } from '../support/certificates.js';
import { RawClient, type Address } from '../support/raw-client.js';
import type { Release } from '../support/zookeeper-jars.js';
import { FORBIDDEN } from './forbidden.js';
import { EMULATED } from './targets.js';
import { preparedPath, SNAPSHOT } from './wrap.js';

/** What the wire can carry and the records cannot. */
const NULL = null as unknown as string;
const node = (path: string, flags = 0) => ({ path, data: null, acl: OPEN_ACL_UNSAFE, flags });
const CLOSED = [{ perms: 31, scheme: 'digest', id: 'nobody:x' }];

const clients: RawClient[] = [];
const servers: MiniServer[] = [];

/** A server like that release, and a client of it. */
async function pair(
  release: Release,
  options: MiniServerOptions = {},
  more: Partial<Address> = {},
): Promise<{ readonly server: MiniServer; readonly client: RawClient }> {
  const server = await MiniServer.start({ emulate: EMULATED[release], enforceQuota: true, ...options });
  servers.push(server);
  const client = await RawClient.open({ port: server.port, ...more });
  clients.push(client);
  return { server, client };
}

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  for (const server of servers.splice(0)) await server.close();
});

/** The errors of requests that are sent all at once. */
async function errnos(
  client: RawClient,
  requests: readonly (readonly [OpName, unknown])[],
): Promise<number[]> {
  for (const [op, request] of requests) client.send(op, request as never);
  const replies: number[] = [];
  for (const [op] of requests) {
    const reply = await client.reply();
    if (reply === null) throw new Error(`${op}: hung up`);
    replies.push(reply.errno);
  }
  return replies;
}

/** It goes on as if nothing had happened. */
async function isWell(client: RawClient): Promise<void> {
  expect((await client.call('exists', { path: '/', watch: false })).errno).toBe(0);
}

const INSTEAD: Readonly<Record<string, (release: Release) => Promise<void>>> = {
  'createTTL with the flags of a node without a TTL and a negative ttl': async (release) => {
    const { server, client } = await pair(release);
    const request = { ...node('/ttl'), ttl: -1 };
    expect((await client.call('createTTL', request)).errno).toBe(Errno.BadArguments);
    const { response } = await client.call('multi', { ops: [{ op: operations.createTTL, request }] });
    // where it can be read, it is the plain create that its flags say
    expect(response?.results.map(({ errno }) => errno)).toEqual([0]);
    expect(server.tree.get('/ttl')?.stat.ephemeralOwner).toBe(0n);
    await isWell(client);
  },
  'createSession (-10)': async (release) => {
    const { client } = await pair(release);
    client.sendFrame(Buffer.from('00000007fffffff6', 'hex'));
    expect(await client.reply()).toMatchObject({ xid: 7, errno: Errno.Unimplemented });
    expect(await client.reply()).toBeNull();
  },
  'a null path of addWatch, checkWatches, removeWatches or setWatches2': async (release) => {
    const { server, client } = await pair(release);
    expect((await client.call('addWatch', { path: NULL, mode: 1 })).errno).toBe(0);
    await client.call('checkWatches', { path: NULL, type: 3 });
    expect((await client.call('removeWatches', { path: NULL, type: 3 })).errno).toBe(0);
    const none = { dataWatches: [], existWatches: [], childWatches: [] };
    const again = { ...none, persistentWatches: [NULL], persistentRecursiveWatches: [] };
    expect((await client.call('setWatches2', { relativeZxid: 0n, ...again })).errno).toBe(0);
    await isWell(client);
    await client.call('closeSession', {});
    expect(await client.reply()).toBeNull();
    expect(server.connectionCount).toBe(0);
  },
  'data of a `zookeeper_stats` that is no usage': async (release) => {
    const { client } = await pair(release);
    const quota = '/zookeeper/quota/q';
    for (const path of ['/q', quota, `${quota}/zookeeper_limits`, `${quota}/zookeeper_stats`]) {
      await client.call('create', { ...node(path), data: Buffer.from('count=5,bytes=5') });
    }
    const data = Buffer.from('nonsense');
    await client.call('setData', { path: `${quota}/zookeeper_stats`, data, version: -1 });
    expect((await client.call('create', node('/q/a'))).errno).toBe(Errno.Marshalling);
    await isWell(client);
  },
  'a setACL with requests right behind it': async (release) => {
    const { client } = await pair(release);
    // what comes behind is judged by the new ACL
    expect(
      await errnos(client, [
        ['create', node('/a')],
        ['setACL', { path: '/a', acl: CLOSED, version: -1 }],
        ['setData', { path: '/a', data: null, version: -1 }],
      ]),
    ).toEqual([0, 0, Errno.NoAuth]);
  },
  'a createContainer with the flags of an ephemeral node, with requests right behind it': async (release) => {
    const { client } = await pair(release);
    // it is a container from the start
    expect(
      await errnos(client, [
        ['createContainer', node('/k', 1)],
        ['create', node('/k/a')],
      ]),
    ).toEqual([0, 0]);
  },
  'a multi with a create of a kind that only createTTL may make, with requests right behind it': async (
    release,
  ) => {
    const { client } = await pair(release);
    const ops = [
      { op: operations.create, request: node('/first') },
      { op: operations.create, request: node('/ttl', 5) },
    ];
    // nothing of it is ever seen
    expect(
      await errnos(client, [
        ['multi', { ops }],
        ['create', node('/first/a')],
      ]),
    ).toEqual([expect.any(Number), Errno.NoNode]);
  },
  'a change of a node above or beside that of the program': async (release) => {
    const { client } = await pair(release);
    expect((await client.call('setData', { path: '/', data: Buffer.from('x'), version: -1 })).errno).toBe(0);
    expect((await client.call('create', node('/none'))).errno).toBe(0);
  },
  'over TLS, a frame of no bytes': async (release) => {
    using certificates = makeCertificates();
    const {
      ca,
      server: { key, cert },
    } = certificates;
    const { client } = await pair(release, { tls: { key, cert } }, { tls: { ca } });
    client.sendBytes(Buffer.alloc(4));
    expect(await client.reply()).toBeNull();
  },
  'over TLS, a `check` outside of a multi': async (release) => {
    using certificates = makeCertificates();
    const {
      ca,
      server: { key, cert },
    } = certificates;
    const { client } = await pair(release, { tls: { key, cert } }, { tls: { ca } });
    // as without TLS: a good one is not answered, and nobody is worse off
    client.send('check', { path: '/', version: -1 });
    await isWell(client);
  },
  'where an identity is demanded, requests right behind one that may be refused': async (release) => {
    const { client } = await pair(release, { enforcedAuthSchemes: ['digest'] });
    client.send('whoAmI', {});
    client.send('create', node('/a'));
    expect(await client.reply()).toMatchObject({ errno: Errno.SessionClosedRequireSaslAuth });
    expect(await client.reply()).toBeNull();
  },
  'at the highest sequence number, requests right behind a create': async (release) => {
    const { server, client } = await pair(release, { snapshot: SNAPSHOT });
    const path = `${preparedPath(0)}/`;
    // each is applied before the next one is looked at: the highest number is all that there is from then on
    expect(
      await errnos(
        client,
        Array.from({ length: 5 }, () => ['create', node(path, 2)] as const),
      ),
    ).toEqual([0, 0, 0, Errno.NodeExists, Errno.NodeExists]);
    expect(server.tree.get(`${path}2147483647`)).toBeDefined();
  },
};

describe('what a real server does not survive, or answers by chance', () => {
  it('has a case for each row', () => {
    expect(Object.keys(INSTEAD)).toEqual(FORBIDDEN.map(({ what }) => what));
  });

  it.each(FORBIDDEN.flatMap(({ what, releases }) => releases.map((release) => [what, release] as const)))(
    '%s, like %s',
    async (what, release) => {
      await INSTEAD[what]?.(release);
    },
  );
});
