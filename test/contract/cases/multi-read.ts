import { describe, expect, it } from 'vitest';
import { digestAcl, NoAuthError, NoNodeError, op, ZkError } from '../../../src/index.js';
import type { AnyOp } from '../../../src/protocol/op.js';
import { operations } from '../../../src/protocol/operations.js';
import { decodeResponse } from '../../support/raw-client.js';
import { settled, type ContractTarget } from '../target.js';

export function multiReads(target: ContractTarget): void {
  describe('multiRead', () => {
    it('gives for each read its own result or error', async () => {
      const conn = await target.connect();
      await conn.create(target.at('/a'), 'x');
      await conn.create(target.at('/locked'), null, { acl: [digestAcl(31, 'u:p')] });
      const [a, none, root, locked, nothing] = await conn.multiRead([
        op.get(target.at('/a')),
        op.get(target.at('/none')),
        op.children(target.root),
        op.get(target.at('/locked')),
        op.children(target.at('/none')),
      ]);
      expect(a).toEqual(await conn.get(target.at('/a')));
      expect(none).toBeInstanceOf(NoNodeError);
      expect(none).toMatchObject({ op: 'getData', path: target.at('/none'), outcome: 'rejected' });
      if (root instanceof ZkError) throw root;
      expect([...root].sort()).toEqual(['a', 'locked']);
      expect(locked).toBeInstanceOf(NoAuthError);
      expect(nothing).toBeInstanceOf(NoNodeError);
      expect(nothing).toMatchObject({ op: 'getChildren' });
    });

    it('of nothing is nothing', async () => {
      const conn = await target.connect();
      expect(await conn.multiRead([])).toEqual([]);
      const client = await target.raw();
      const reply = await client.call('multiRead', { ops: [] });
      expect([reply.errno, reply.response?.results]).toEqual([0, []]);
    });

    it('puts the chroot before its paths', async () => {
      const conn = await target.connect({}, target.root);
      await conn.create('/a', 'x');
      const [children, a, none] = await conn.multiRead([op.children('/'), op.get('/a'), op.get('/none')]);
      expect([children, a]).toEqual([['a'], await conn.get('/a')]);
      expect(none).toMatchObject({ path: '/none' });
    });

    it('sees what the session wrote before it, and uses up no zxid', async () => {
      const client = await target.raw();
      const path = target.at('/a');
      const made = await client.call('create', {
        path,
        data: null,
        acl: [{ perms: 31, scheme: 'world', id: 'anyone' }],
        flags: 0,
      });
      const read = await client.call('multiRead', {
        ops: [{ op: operations.getData, request: { path, watch: false } }],
      });
      expect(read.zxid >= made.zxid).toBe(true);
      expect(read.response?.results.map(({ errno }) => errno)).toEqual([0]);
    });

    it('sets no watch, whatever it asks for', async () => {
      const client = await target.raw();
      const request = { path: target.root, watch: true };
      await client.call('multiRead', {
        ops: [
          { op: operations.getData, request },
          { op: operations.getChildren, request },
        ],
      });
      expect((await client.call('checkWatches', { path: target.root, type: 3 })).errno).toBe(-121);
    });

    it.each(['exists', 'getChildren2', 'getACL', 'setData', 'check', 'multi'] as const)(
      'with %s in it is unreadable as a whole',
      async (name) => {
        const path = target.root;
        const requests = {
          exists: { path, watch: false },
          getChildren2: { path, watch: false },
          getACL: { path },
          setData: { path, data: null, version: -1 },
          check: { path, version: -1 },
          multi: { ops: [] },
        };
        const client = await target.raw();
        const { errno, body } = await client.call('multiRead', {
          ops: [
            { op: operations.getData, request: { path, watch: false } },
            { op: operations[name] as AnyOp, request: requests[name] },
          ],
        });
        expect([errno, body.length]).toEqual([-5, 0]);
        expect((await client.call('ping', {})).errno).toBe(0);
      },
    );

    it('with a null path is a marshalling error, behind which stands what was read before', async () => {
      const client = await target.raw();
      const get = (path: string | null) => ({
        op: operations.getData,
        request: { path: path as string, watch: false },
      });
      const { errno, body } = await client.call('multiRead', {
        ops: [get(target.root), get(target.at('/none')), get(null), get(target.root)],
      });
      expect(errno).toBe(-5);
      expect(decodeResponse('multiRead', body).results.map((result) => result.errno)).toEqual([0, -101]);
      expect((await client.call('ping', {})).errno).toBe(0);
    });

    it('does not look at how a path is spelt', async () => {
      const client = await target.raw();
      const { response } = await client.call('multiRead', {
        ops: ['', 'abc', '/a//b', '/a/'].map((path) => ({
          op: operations.getData,
          request: { path, watch: false },
        })),
      });
      expect(response?.results.map(({ errno }) => errno)).toEqual([0, -101, -101, -101]);
    });

    it('of big nodes and many comes back whole', async () => {
      const conn = await target.connect();
      await conn.create(target.at('/big'), Buffer.alloc(20_000, 'x'));
      const results = await conn.multiRead(Array.from({ length: 40 }, () => op.get(target.at('/big'))));
      expect(results.map((each) => (each instanceof ZkError ? each : each.data?.length))).toEqual(
        Array(40).fill(20_000),
      );
      await settled(conn);
    });
  });
}
