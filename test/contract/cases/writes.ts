import { describe, expect, it } from 'vitest';
import {
  BadArgumentsError,
  BadVersionError,
  NoNodeError,
  NotEmptyError,
  RequestTooLargeError,
} from '../../../src/index.js';
import { failure, type ContractTarget } from '../target.js';

export function writes(target: ContractTarget): void {
  describe('set', () => {
    it('raises the version by one and gives the new Stat', async () => {
      const conn = await target.connect();
      await conn.create(target.at('/a'), 'one');
      const first = await conn.set(target.at('/a'), 'three');
      const second = await conn.set(target.at('/a'), 'four', 1);
      expect([first.version, second.version]).toEqual([1, 2]);
      expect(await conn.get(target.at('/a'))).toEqual({ data: Buffer.from('four'), stat: second });
    });

    it('with the right version 0 goes through', async () => {
      const conn = await target.connect();
      await conn.create(target.at('/a'));
      expect((await conn.set(target.at('/a'), 'x', 0)).version).toBe(1);
    });

    it.each([0, 2, 0x7fffffff])('with version %i where it is 1 is BadVersion', async (version) => {
      const conn = await target.connect();
      await conn.create(target.at('/a'));
      const stat = await conn.set(target.at('/a'), 'kept');
      const error = await failure(conn.set(target.at('/a'), 'lost', version));
      expect(error).toBeInstanceOf(BadVersionError);
      expect(error).toMatchObject({ errno: -103, op: 'setData', path: target.at('/a'), outcome: 'rejected' });
      expect(await conn.get(target.at('/a'))).toEqual({ data: Buffer.from('kept'), stat });
    });

    it('of a missing node is NoNode', async () => {
      const conn = await target.connect();
      expect(await failure(conn.set(target.at('/none'), 'x'))).toBeInstanceOf(NoNodeError);
      expect(await failure(conn.set(target.at('/none'), 'x', 7))).toBeInstanceOf(NoNodeError);
    });

    it('starts again at 0 for a node that was deleted and created', async () => {
      const conn = await target.connect();
      await conn.create(target.at('/a'));
      await conn.set(target.at('/a'), 'x');
      await conn.delete(target.at('/a'));
      const { stat } = await conn.createWithStat(target.at('/a'));
      expect(stat.version).toBe(0);
    });
  });

  it('createOrSet creates a node, and sets one that is there', async () => {
    const conn = await target.connect();
    expect(await conn.createOrSet(target.at('/a'), 'one')).toBe(true);
    expect(await conn.createOrSet(target.at('/a'), 'two')).toBe(false);
    const { data, stat } = await conn.get(target.at('/a'));
    expect([String(data), stat.version]).toEqual(['two', 1]);
    expect(await failure(conn.createOrSet(target.at('/none/a'), 'x'))).toBeInstanceOf(NoNodeError);
  });

  describe('delete', () => {
    it.each([-1, 0])('with version %i takes a new node away', async (version) => {
      const conn = await target.connect();
      await conn.create(target.at('/a'));
      await conn.delete(target.at('/a'), version);
      expect(await conn.exists(target.at('/a'))).toBeNull();
    });

    it('with the wrong version is BadVersion', async () => {
      const conn = await target.connect();
      await conn.create(target.at('/a'));
      await conn.set(target.at('/a'), 'x');
      const error = await failure(conn.delete(target.at('/a'), 0));
      expect(error).toBeInstanceOf(BadVersionError);
      await conn.delete(target.at('/a'), 1);
    });

    it('of a node with children is NotEmpty', async () => {
      const conn = await target.connect();
      await conn.create(target.at('/a'));
      await conn.create(target.at('/a/b'));
      const error = await failure(conn.delete(target.at('/a')));
      expect(error).toBeInstanceOf(NotEmptyError);
      expect(error).toMatchObject({ errno: -111, outcome: 'rejected' });
      expect((await conn.exists(target.at('/a')))?.numChildren).toBe(1);
    });

    it('of a missing node, and below one, is NoNode', async () => {
      const conn = await target.connect();
      expect(await failure(conn.delete(target.at('/none')))).toBeInstanceOf(NoNodeError);
      expect(await failure(conn.delete(target.at('/none/none')))).toBeInstanceOf(NoNodeError);
    });

    it.each(['/zookeeper', '/zookeeper/quota', '/zookeeper/config'])(
      'of %s is BadArguments',
      async (path) => {
        const error = await failure(target.admin.delete(path));
        expect(error).toBeInstanceOf(BadArgumentsError);
        expect(error).toMatchObject({ errno: -8, outcome: 'rejected' });
      },
    );

    it('with ifExists is quiet about a missing node', async () => {
      const conn = await target.connect();
      await conn.delete(target.at('/none'), -1, { ifExists: true });
      await conn.delete(target.at('/none'), 7, { ifExists: true });
      await conn.create(target.at('/a'));
      const error = await failure(conn.delete(target.at('/a'), 7, { ifExists: true }));
      expect(error).toBeInstanceOf(BadVersionError);
      await conn.delete(target.at('/a'), 0, { ifExists: true });
      expect(await conn.exists(target.at('/a'))).toBeNull();
    });

    it('deleteRecursive takes everything below with it, and nothing beside it', async () => {
      const conn = await target.connect();
      for (const path of ['/a', '/a/b', '/a/b/c', '/a/d', '/ab']) await conn.create(target.at(path));
      await conn.deleteRecursive(target.at('/a'));
      await conn.deleteRecursive(target.at('/a'));
      expect((await conn.children(target.root)).children).toEqual(['ab']);
    });
  });

  describe('data', () => {
    it.each([
      ['null', null, null],
      ['an empty string', '', Buffer.alloc(0)],
      ['no bytes', new Uint8Array(0), Buffer.alloc(0)],
      ['text', 'zäh', Buffer.from('zäh')],
      ['bytes', new Uint8Array([0, 255, 128]), Buffer.from([0, 255, 128])],
    ] as const)('%s stays what it is, through create and set', async (_name, given, kept) => {
      const conn = await target.connect();
      await conn.create(target.at('/a'), given);
      expect((await conn.get(target.at('/a'))).data).toEqual(kept);
      await conn.create(target.at('/b'), 'something else');
      const stat = await conn.set(target.at('/b'), given);
      expect(await conn.get(target.at('/b'))).toEqual({ data: kept, stat });
      expect(stat.dataLength).toBe(kept?.length ?? 0);
    });

    it('is null if create is called without any', async () => {
      const conn = await target.connect();
      await conn.create(target.at('/a'));
      const { data, stat } = await conn.get(target.at('/a'));
      expect([data, stat.dataLength]).toEqual([null, 0]);
    });

    it('over the limit is refused here, and the connection stays', async () => {
      const conn = await target.connect();
      const error = await failure(conn.create(target.at('/a'), Buffer.alloc(0x100000)));
      expect(error).toBeInstanceOf(RequestTooLargeError);
      expect(error.outcome).toBe('not-sent');
      expect(await conn.exists(target.at('/a'))).toBeNull();
    });

    it('up to the very limit of a frame is taken', async () => {
      const conn = await target.connect();
      const path = target.at('/a');
      await conn.create(path);
      // xid, type, length of the path, length of the data, version
      const room = 0xfffff - (4 + 4 + 4 + path.length + 4 + 4);
      expect((await conn.set(path, Buffer.alloc(room, 1))).dataLength).toBe(room);
      const error = await failure(conn.set(path, Buffer.alloc(room + 1, 1)));
      expect(error).toBeInstanceOf(RequestTooLargeError);
    });
  });
}
