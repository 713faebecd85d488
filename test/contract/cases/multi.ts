import { describe, expect, it } from 'vitest';
import { OPEN_ACL_UNSAFE, op, type Operation } from '../../../src/index.js';
import { operations } from '../../../src/protocol/operations.js';
import { failure, multiFailure, recordWatches, settled, type ContractTarget } from '../target.js';

const OK = 0;
const NOT_RUN = -2;

export function multis(target: ContractTarget): void {
  /** Operations that would all go through, on a node `/old` of version 0 with a child. */
  const good = (): Operation<unknown>[] => [
    op.create(target.at('/new'), 'x'),
    op.set(target.at('/old'), 'changed', 0),
    op.delete(target.at('/old/child'), 0),
  ];

  /** One that fails, of each kind and for each reason, on the same nodes. */
  const bad: readonly (readonly [string, number, () => Operation<unknown>])[] = [
    ['create of what exists', -110, () => op.create(target.at('/old'))],
    ['create without a parent', -101, () => op.create(target.at('/none/x'))],
    ['createWithStat of what exists', -110, () => op.createWithStat(target.at('/old'))],
    ['container of what exists', -110, () => op.create(target.at('/old'), null, { mode: 'CONTAINER' })],
    ['set with a wrong version', -103, () => op.set(target.at('/old'), 'x', 7)],
    ['set of a missing node', -101, () => op.set(target.at('/none'), 'x')],
    ['delete with a wrong version', -103, () => op.delete(target.at('/old'), 7)],
    ['delete of a missing node', -101, () => op.delete(target.at('/none'))],
    ['check of a wrong version', -103, () => op.check(target.at('/old'), 7)],
    ['check of a missing node', -101, () => op.check(target.at('/none'))],
  ];

  describe('multi', () => {
    it('does everything and gives one result per operation', async () => {
      const conn = await target.connect();
      await conn.create(target.at('/old'));
      await conn.create(target.at('/gone'));
      const results = await conn.multi([
        op.check(target.at('/old'), 0),
        op.create(target.at('/new'), 'x'),
        op.createWithStat(target.at('/seq-'), null, { mode: 'PERSISTENT_SEQUENTIAL' }),
        op.set(target.at('/old'), 'y'),
        op.delete(target.at('/gone')),
      ]);
      expect(results[0]).toBeUndefined();
      expect(results[1]).toBe(target.at('/new'));
      expect(results[2].path).toBe(target.at('/seq-0000000003'));
      expect(results[3]).toEqual(await conn.exists(target.at('/old')));
      expect(results[4]).toBeUndefined();
      expect(await conn.exists(target.at('/gone'))).toBeNull();
      const stat = await conn.exists(target.at('/seq-0000000003'));
      expect(results[2].stat).toEqual(target.facts.create2InMultiHasStat ? stat : null);
    });

    it('lets later operations see earlier ones', async () => {
      const conn = await target.connect();
      const [, , set] = await conn.multi([
        op.create(target.at('/a')),
        op.create(target.at('/a/b')),
        op.set(target.at('/a'), 'x', 0),
        op.check(target.at('/a'), 1),
        op.delete(target.at('/a/b'), 0),
        op.delete(target.at('/a'), 1),
        op.create(target.at('/a'), 'again'),
        op.check(target.at('/a'), 0),
      ]);
      expect(set).toMatchObject({ version: 1, dataLength: 1, numChildren: 1, cversion: 1 });
      expect((await conn.get(target.at('/a'))).data?.toString()).toBe('again');
      expect(await conn.exists(target.at('/a/b'))).toBeNull();
    });

    it('numbers sequential nodes one after the other', async () => {
      const conn = await target.connect();
      const create = () => op.create(target.at('/n'), null, { mode: 'PERSISTENT_SEQUENTIAL' });
      expect(await conn.multi([create(), create(), create()])).toEqual(
        ['0000000000', '0000000001', '0000000002'].map((number) => target.at(`/n${number}`)),
      );
    });

    it('of nothing is nothing', async () => {
      const conn = await target.connect();
      expect(await conn.multi([])).toEqual([]);
    });

    it.each([0, 1, 2, 3])('with the failing operation at index %i does nothing', async (index) => {
      const conn = await target.connect();
      await conn.create(target.at('/old'), 'kept');
      await conn.create(target.at('/old/child'));
      const before = await conn.get(target.at('/old'));
      const list = good();
      list.splice(index, 0, op.check(target.at('/none')));
      const error = await multiFailure(conn.multi(list));
      expect(error).toMatchObject({ index, errno: -101, path: target.at('/none'), outcome: 'rejected' });
      const errnos = error.results.map(({ errno }) => errno);
      expect(errnos).toEqual(list.map((_, i) => (i < index ? OK : i === index ? -101 : NOT_RUN)));
      expect(await conn.get(target.at('/old'))).toEqual(before);
      expect((await conn.children(target.root)).children).toEqual(['old']);
    });

    it.each(bad)('fails as a whole for a %s', async (_name, errno, make) => {
      const conn = await target.connect();
      await conn.create(target.at('/old'), 'kept');
      await conn.create(target.at('/old/child'));
      const error = await multiFailure(conn.multi([op.create(target.at('/new')), make()]));
      expect(error.results.map((result) => result.errno)).toEqual([OK, errno]);
      expect(error).toMatchObject({ index: 1, errno });
      expect(await conn.exists(target.at('/new'))).toBeNull();
    });

    it('fails for a delete of a node with children, unless they go first', async () => {
      const conn = await target.connect();
      await conn.create(target.at('/old'));
      await conn.create(target.at('/old/child'));
      const [parent, child] = [op.delete(target.at('/old')), op.delete(target.at('/old/child'))];
      expect(await failure(conn.multi([parent, child]))).toMatchObject({ errno: -111, index: 0 });
      await conn.multi([child, parent]);
      expect(await conn.exists(target.at('/old'))).toBeNull();
    });

    it('fails for what the ACL forbids', async () => {
      const [conn, owner] = [await target.connect(), await target.as('owner:secret')];
      await owner.create(target.at('/mine'), null, { acl: [{ perms: 31, scheme: 'auth', id: '' }] });
      for (const forbidden of [
        op.set(target.at('/mine'), 'x'),
        op.create(target.at('/mine/x')),
        op.check(target.at('/mine')),
      ]) {
        const error = await failure(conn.multi([op.create(target.at('/new')), forbidden]));
        expect(error).toMatchObject({ errno: -102, index: 1 });
      }
      expect(await conn.exists(target.at('/new'))).toBeNull();
    });

    it('fires watches in the order of its operations, before its reply', async () => {
      const conn = await target.connect();
      for (const path of ['/a', '/b', '/c']) await conn.create(target.at(path));
      const seen = recordWatches(conn);
      await conn.getW(target.at('/c'));
      await conn.getW(target.at('/a'));
      await conn.existsW(target.at('/new'));
      await conn.getW(target.at('/b'));
      await conn.childrenW(target.root);
      await conn
        .multi([
          op.set(target.at('/b'), 'x'),
          op.create(target.at('/new')),
          op.delete(target.at('/a')),
          op.set(target.at('/c'), 'x'),
        ])
        .then(() => seen.push('reply'));
      expect(seen).toEqual([
        `NodeDataChanged ${target.at('/b')}`,
        `NodeCreated ${target.at('/new')}`,
        `NodeChildrenChanged ${target.root}`,
        `NodeDeleted ${target.at('/a')}`,
        `NodeDataChanged ${target.at('/c')}`,
        'reply',
      ]);
    });

    it('that fails fires no watch', async () => {
      const conn = await target.connect();
      await conn.create(target.at('/a'));
      const seen = recordWatches(conn);
      await conn.getW(target.at('/a'));
      await conn.existsW(target.at('/new'));
      await conn.childrenW(target.root);
      await failure(
        conn.multi([
          op.set(target.at('/a'), 'x'),
          op.create(target.at('/new')),
          op.delete(target.at('/new')),
          op.check(target.at('/none')),
        ]),
      );
      await settled(conn);
      expect(seen).toEqual([]);
      // and the watches are still there
      await conn.set(target.at('/a'), 'y');
      expect(seen).toEqual([`NodeDataChanged ${target.at('/a')}`]);
    });

    it('is one step for those who look on', async () => {
      const [writer, reader] = [await target.connect(), await target.connect()];
      await writer.multi([op.create(target.at('/a')), op.create(target.at('/b'))]);
      await reader.sync('/');
      const look = async (): Promise<void> => {
        const [a, b] = await Promise.all([reader.exists(target.at('/a')), reader.exists(target.at('/b'))]);
        // a write may come between the two reads, but b alone cannot be behind
        expect(b!.version).toBeGreaterThanOrEqual(a!.version);
      };
      for (let i = 0; i < 30; i++) {
        const both = [op.set(target.at('/a'), null), op.set(target.at('/b'), null)];
        await Promise.all([writer.multi(both), look(), look(), look()]);
      }
    });

    it('as a transaction is collected step by step', async () => {
      const conn = await target.connect();
      const transaction = conn.transaction().create(target.at('/a'), 'x').set(target.at('/a'), 'y', 0);
      expect(await conn.exists(target.at('/a'))).toBeNull();
      const [path, stat] = await transaction.check(target.at('/a'), 1).commit();
      expect([path, stat.version]).toEqual([target.at('/a'), 1]);
      // the same once more is a new multi
      expect(await failure(transaction.commit())).toMatchObject({ errno: -110, index: 0 });
    });
  });

  describe('multi on the wire', () => {
    it('has 0 in its header, also when it fails', async () => {
      const client = await target.raw();
      const request = { path: target.at('/none'), version: -1 };
      const reply = await client.call('multi', {
        ops: [
          { op: operations.check, request: { path: target.root, version: 0 } },
          { op: operations.delete, request },
          { op: operations.check, request },
        ],
      });
      expect(reply.errno).toBe(0);
      expect(reply.response?.results.map(({ errno }) => errno)).toEqual([OK, -101, NOT_RUN]);
    });

    it('uses up a zxid, also when it fails', async () => {
      const client = await target.raw();
      const check = (path: string) => ({
        ops: [{ op: operations.check, request: { path, version: -1 } }],
      });
      const good = await client.call('multi', check(target.root));
      const failed = await client.call('multi', check(target.at('/none')));
      const last = await client.call('multi', check(target.root));
      expect(failed.zxid > good.zxid && last.zxid > failed.zxid).toBe(true);
    });

    it('of nothing is answered', async () => {
      const client = await target.raw();
      const reply = await client.call('multi', { ops: [] });
      expect([reply.errno, reply.response?.results]).toEqual([0, []]);
    });

    it.each(['getData', 'exists', 'setACL', 'multi', 'sync', 'closeSession'] as const)(
      'refuses %s in it as a whole',
      async (name) => {
        const client = await target.raw();
        const path = target.at('/new');
        const node = { path, data: null, acl: OPEN_ACL_UNSAFE, flags: 0 };
        const requests = {
          getData: { path: target.root, watch: false },
          exists: { path: target.root, watch: false },
          setACL: { path: target.root, acl: OPEN_ACL_UNSAFE, version: -1 },
          multi: { ops: [] },
          sync: { path: target.root },
          closeSession: {},
        };
        const reply = await client.call('multi', {
          ops: [
            { op: operations.create, request: node },
            { op: operations[name], request: requests[name] },
          ],
        });
        expect([reply.errno, reply.body.length]).toEqual([-5, 0]);
        expect((await client.call('exists', { path, watch: false })).errno).toBe(-101);
      },
    );

    it.each([
      // null: the whole request cannot be read. A null list of ACLs is left out: an ensemble of 3.9.3 cannot bear it
      ['flags that mean nothing', target.facts.multiReadsCreatesStrictly ? null : -8, { flags: 7 }],
      ['the flags of a TTL node', null, { flags: 5 }],
      ['an empty ACL', -114, { acl: [] }],
      ['a bad path', -8, { path: '/..' }],
      ['a parent that is missing and a bad path', -101, { path: '/none/' }],
    ])('with %s in a create', async (_name, errno, wrong) => {
      const client = await target.raw();
      const node = { path: '/a', data: null, acl: OPEN_ACL_UNSAFE, flags: 0 };
      const ops = [
        { ...node, path: '/first' },
        { ...node, ...wrong },
      ].map((request) => ({
        op: operations.create,
        request: { ...request, path: target.at(request.path) },
      }));
      const reply = await client.call('multi', { ops });
      expect(reply.errno).toBe(errno === null ? -5 : 0);
      if (errno !== null) expect(reply.response?.results.map((result) => result.errno)).toEqual([OK, errno]);
      expect((await client.call('exists', { path: target.at('/first'), watch: false })).errno).toBe(-101);
    });

    it.each([
      ['no list of ACLs', -114, {}],
      ['no list of ACLs and the flags of another kind of node', -114, { flags: 4 }],
      ['no list of ACLs and flags that mean nothing', -8, { flags: 77 }],
    ])('with %s in a createTTL fails at it', async (_name, errno, wrong) => {
      const client = await target.raw();
      const plain = { path: target.at('/first'), data: null, acl: OPEN_ACL_UNSAFE, flags: 0 };
      const reply = await client.call('multi', {
        ops: [
          { op: operations.create, request: plain },
          {
            op: operations.createTTL,
            request: { ...plain, path: target.at('/a'), acl: null, flags: 5, ttl: 1e6, ...wrong },
          },
        ],
      });
      expect(reply.response?.results.map((result) => result.errno)).toEqual([OK, errno]);
      expect((await client.call('exists', { path: plain.path, watch: false })).errno).toBe(-101);
    });

    it('gives the results of containers and TTL nodes as those of create2', async () => {
      const client = await target.raw();
      const node = { data: null, acl: OPEN_ACL_UNSAFE };
      const reply = await client.call('multi', {
        ops: [
          { op: operations.createContainer, request: { ...node, path: target.at('/c'), flags: 4 } },
          { op: operations.createTTL, request: { ...node, path: target.at('/t'), flags: 5, ttl: 1e6 } },
          { op: operations.create, request: { ...node, path: target.at('/p'), flags: 0 } },
        ],
      });
      expect(reply.response?.results.map((result) => result.op?.name)).toEqual([
        'create2',
        'create2',
        'create',
      ]);
    });
  });
}
