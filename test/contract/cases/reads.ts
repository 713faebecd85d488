import { describe, expect, it } from 'vitest';
import {
  InvalidArgumentError,
  NoNodeError,
  OPEN_ACL_UNSAFE,
  READ_ACL_UNSAFE,
  type CallableOpName,
} from '../../../src/index.js';
import { failure, type ContractTarget } from '../target.js';

export function reads(target: ContractTarget): void {
  describe('reads', () => {
    it('get gives data and Stat', async () => {
      const conn = await target.connect();
      await conn.create(target.at('/a'), 'hello');
      const { data, stat } = await conn.get(target.at('/a'));
      expect(data?.toString()).toBe('hello');
      expect(stat).toMatchObject({ version: 0, dataLength: 5, numChildren: 0 });
    });

    it('exists gives the same Stat as get and children, or null', async () => {
      const conn = await target.connect();
      await conn.create(target.at('/a'), 'x');
      const stat = await conn.exists(target.at('/a'));
      expect(stat).toEqual((await conn.get(target.at('/a'))).stat);
      expect(stat).toEqual((await conn.children(target.at('/a'))).stat);
      expect(await conn.exists(target.at('/none'))).toBeNull();
    });

    it('children gives names, of one level', async () => {
      const conn = await target.connect();
      for (const name of ['/a', '/b', '/b/c']) await conn.create(target.at(name));
      const { children, stat } = await conn.children(target.root);
      expect([...children].sort()).toEqual(['a', 'b']);
      expect(stat.numChildren).toBe(2);
      expect((await conn.children(target.at('/a'))).children).toEqual([]);
    });

    it('getAcl gives what was created with', async () => {
      const conn = await target.connect();
      const acl = [
        { perms: 5, scheme: 'world', id: 'anyone' },
        { perms: 16, scheme: 'ip', id: '127.0.0.1' },
      ];
      await conn.create(target.at('/a'), null, { acl });
      expect((await conn.getAcl(target.at('/a'))).acl).toEqual(acl);
    });

    it('sync gives the path back, also of a missing node [E18]', async () => {
      const conn = await target.connect();
      expect(await conn.sync(target.root)).toBe(target.root);
      expect(await conn.sync('/no/such/node')).toBe('/no/such/node');
    });

    it.each(['get', 'getW', 'children', 'childrenW', 'getAcl'] as const)(
      '%s of a missing node is NoNode',
      async (method) => {
        const conn = await target.connect();
        const error = await failure(conn[method](target.at('/none')));
        expect(error).toBeInstanceOf(NoNodeError);
        expect(error).toMatchObject({ errno: -101, outcome: 'rejected', path: target.at('/none') });
      },
    );

    it('names of all kinds of letters come back as they were', async () => {
      const conn = await target.connect();
      const names = ['ä', '漢字', 'a b', '...', '.x', 'x.', '%0A', '\u00a0', '\ufefe', '~'];
      for (const name of names) await conn.create(target.at(`/${name}`), name);
      expect([...(await conn.children(target.root)).children].sort()).toEqual([...names].sort());
      for (const name of names) expect((await conn.get(target.at(`/${name}`))).data?.toString()).toBe(name);
    });

    it('replies come in the order of the calls, each with its own result', async () => {
      const conn = await target.connect();
      await conn.create(target.at('/a'), 'one');
      const order: string[] = [];
      const note = (what: string) => (): void => void order.push(what);
      await Promise.all([
        conn.set(target.at('/a'), 'two').then(note('set')),
        conn.get(target.at('/a')).then(({ data }) => order.push(`get ${String(data)}`)),
        conn.get(target.at('/none')).catch(note('NoNode')),
        conn.exists(target.at('/a')).then(note('exists')),
        conn.delete(target.at('/a')).then(note('delete')),
        conn.exists(target.at('/a')).then((stat) => order.push(stat === null ? 'gone' : 'there')),
      ]);
      expect(order).toEqual(['set', 'get two', 'NoNode', 'exists', 'delete', 'gone']);
    });

    it('what one client wrote, another reads behind a sync', async () => {
      const [a, b] = [await target.connect(), await target.connect()];
      await a.create(target.at('/a'), 'from a');
      await b.sync(target.at('/a'));
      expect((await b.get(target.at('/a'))).data?.toString()).toBe('from a');
    });

    it('the server’s own nodes are there, and their ACLs hold', async () => {
      const conn = await target.connect();
      expect((await conn.children('/')).children).toContain('zookeeper');
      expect([...(await conn.children('/zookeeper')).children].sort()).toEqual(['config', 'quota']);
      expect((await conn.getAcl('/')).acl).toEqual(OPEN_ACL_UNSAFE);
      expect((await conn.getAcl('/zookeeper/config')).acl).toEqual(READ_ACL_UNSAFE);
      expect((await conn.get('/zookeeper/config')).stat.aversion).toBe(-1);
      expect((await conn.get('/zookeeper/quota')).data).toEqual(Buffer.alloc(0));
      expect(await failure(conn.set('/zookeeper/config', 'x'))).toMatchObject({ errno: -102 });
    });

    it('a large answer arrives whole', async () => {
      const conn = await target.connect();
      const big = Buffer.alloc(900_000, 'zk');
      await conn.create(target.at('/big'), big);
      const { data, stat } = await conn.get(target.at('/big'));
      expect(data?.equals(big)).toBe(true);
      expect(stat.dataLength).toBe(900_000);
    });

    it('a node with thousands of children lists them all', async () => {
      const conn = await target.connect();
      const names = Array.from({ length: 2000 }, (_, i) => `child-${i}`);
      await Promise.all(names.map((name) => conn.create(target.at(`/${name}`))));
      expect([...(await conn.children(target.root)).children].sort()).toEqual([...names].sort());
      await conn.deleteRecursive(target.root);
      await conn.create(target.root);
    });
  });

  describe('call', () => {
    it('does each reading operation, record in and record out', async () => {
      const conn = await target.connect();
      const path = target.at('/a');
      await conn.create(path, 'x');
      await conn.create(`${path}/b`);
      const stat = await conn.exists(path);
      const watch = false;
      expect(await conn.call('exists', { path, watch })).toEqual({ stat });
      expect(await conn.call('getData', { path, watch })).toEqual({ data: Buffer.from('x'), stat });
      expect(await conn.call('getChildren', { path, watch })).toEqual({ children: ['b'] });
      expect(await conn.call('getChildren2', { path, watch })).toEqual({ children: ['b'], stat });
      const { acl } = await conn.getAcl(path);
      expect(await conn.call('getACL', { path })).toEqual({ acl, stat });
      expect(await conn.call('sync', { path })).toEqual({ path });
    });

    it('does each writing operation', async () => {
      const conn = await target.connect();
      const path = target.at('/a');
      const { acl } = await conn.getAcl(target.root);
      const node = { path, data: Buffer.from('x'), acl };
      expect(await conn.call('create', { ...node, flags: 0 })).toEqual({ path });
      expect((await conn.call('setData', { path, data: null, version: 0 })).stat.version).toBe(1);
      expect((await conn.call('setACL', { path, acl, version: 0 })).stat.aversion).toBe(1);
      expect(await conn.call('delete', { path, version: 1 })).toEqual({});
      const made = await conn.call('create2', { ...node, flags: 1 });
      expect(made.stat.ephemeralOwner).toBe(conn.sessionId);
      const container = await conn.call('createContainer', { ...node, path: target.at('/c'), flags: 4 });
      expect(container).toMatchObject({ path: target.at('/c'), stat: { ephemeralOwner: 0n } });
      const mortal = await conn.call('createTTL', {
        ...node,
        path: target.at('/t'),
        flags: 5,
        ttl: 3_600_000,
      });
      expect(mortal.stat.dataLength).toBe(1);
    });

    it.each(['exists', 'getData', 'getChildren', 'getChildren2'] as const)(
      'refuses a watch that nobody would hear of (%s)',
      async (name) => {
        const conn = await target.connect();
        const error = await failure(conn.call(name as 'exists', { path: target.root, watch: true }));
        expect(error).toBeInstanceOf(InvalidArgumentError);
        expect(error.outcome).toBe('not-sent');
      },
    );

    it('rejects with the error of the operation', async () => {
      const conn = await target.connect();
      const path = target.at('/none');
      const error = await failure(conn.call('getData', { path, watch: false }));
      expect(error).toMatchObject({ errno: -101, op: 'getData', path, outcome: 'rejected' });
    });

    it.each(['check', 'ping', 'auth', 'setWatches', 'closeSession', 'multi', 'nonsense'])(
      'refuses %s, which nobody may call',
      async (name) => {
        const conn = await target.connect();
        const error = await failure(conn.call(name as CallableOpName, {} as never));
        expect(error).toBeInstanceOf(InvalidArgumentError);
        expect(error.outcome).toBe('not-sent');
      },
    );
  });
}
