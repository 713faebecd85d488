import { describe, expect, it } from 'vitest';
import { InvalidPathError, NoNodeError, OPEN_ACL_UNSAFE, op } from '../../../src/index.js';
import {
  failure,
  multiFailure,
  nextConnection,
  recordWatches,
  settled,
  type ContractTarget,
} from '../target.js';

export function chroot(target: ContractTarget): void {
  describe('chroot', () => {
    it('is put before every path and taken off every result', async () => {
      const [conn, whole] = [await target.connect({}, target.root), await target.connect()];
      expect(conn.chrootPath).toBe(target.root);
      expect(await conn.create('/a', 'x')).toBe('/a');
      expect(await conn.create('/s-', null, { mode: 'EPHEMERAL_SEQUENTIAL' })).toBe('/s-0000000001');
      expect((await conn.createWithStat('/b')).path).toBe('/b');
      expect(await conn.sync('/a')).toBe('/a');
      await whole.sync('/');
      expect((await whole.get(target.at('/a'))).data?.toString()).toBe('x');
      await conn.set('/a', 'y', 0);
      await conn.setAcl('/a', OPEN_ACL_UNSAFE, 0);
      expect((await conn.getAcl('/a')).stat).toEqual(await conn.exists('/a'));
      await conn.delete('/b');
      expect([...(await conn.children('/')).children].sort()).toEqual(['a', 's-0000000001']);
    });

    it('is the root', async () => {
      const conn = await target.connect({}, target.root);
      await conn.set('/', 'root');
      expect((await conn.get('/')).data?.toString()).toBe('root');
      expect((await (await target.onlooker()).get(target.root)).data?.toString()).toBe('root');
      expect(await conn.sync('/')).toBe('/');
      expect(await conn.create('/', null, { mode: 'PERSISTENT_SEQUENTIAL' })).toBe('/0000000000');
    });

    it('is not deleted by a delete of the root', async () => {
      const conn = await target.connect({}, target.root);
      expect(await failure(conn.delete('/'))).toBeInstanceOf(InvalidPathError);
      expect(() => op.delete('/')).toThrow(InvalidPathError);
      expect(await failure(conn.call('delete', { path: '/', version: -1 }))).toBeInstanceOf(InvalidPathError);
      expect(await (await target.onlooker()).exists(target.root)).not.toBeNull();
    });

    it('does not show in errors', async () => {
      const conn = await target.connect({}, target.root);
      const error = await failure(conn.get('/none'));
      expect(error).toMatchObject({ path: '/none', errno: -101 });
      expect(error.message).not.toContain(target.root);
    });

    it('does not show in events', async () => {
      const conn = await target.connect({}, target.root);
      const seen = recordWatches(conn);
      const { watch: created } = await conn.existsW('/a');
      const { watch: children } = await conn.childrenW('/');
      await conn.create('/a');
      expect([created.path, (await created.event).path]).toEqual(['/a', '/a']);
      expect((await children.event).path).toBe('/');
      expect(seen).toEqual(['NodeCreated /a', 'NodeChildrenChanged /']);
    });

    it('holds for watches that are armed again', async () => {
      const { conn, link } = await target.cuttable({}, target.root);
      const { watch } = await conn.existsW('/a');
      const back = nextConnection(conn, 'RECONNECTED');
      link.cut();
      await back;
      await settled(conn);
      await conn.create('/a');
      expect((await watch.event).path).toBe('/a');
    });

    it('holds in multi: paths, results and errors', async () => {
      const conn = await target.connect({}, target.root);
      const results = await conn.multi([
        op.create('/a'),
        op.create('/a/s', null, { mode: 'PERSISTENT_SEQUENTIAL' }),
        op.createWithStat('/b'),
        op.set('/a', 'x'),
        op.delete('/b'),
        op.check('/'),
      ]);
      expect([results[0], results[1], results[2].path]).toEqual(['/a', '/a/s0000000000', '/b']);
      const error = await multiFailure(conn.multi([op.check('/a'), op.create('/a')]));
      expect(error.path).toBe('/a');
      expect(error.results.map(({ path }) => path)).toEqual(['/a', '/a']);
    });

    it('holds for call', async () => {
      const conn = await target.connect({}, target.root);
      const node = { data: null, acl: OPEN_ACL_UNSAFE, flags: 0 };
      expect(await conn.call('create', { ...node, path: '/a' })).toEqual({ path: '/a' });
      expect((await conn.call('create2', { ...node, path: '/b' })).path).toBe('/b');
      expect(await conn.call('sync', { path: '/' })).toEqual({ path: '/' });
      expect((await conn.call('getChildren', { path: '/', watch: false })).children).toHaveLength(2);
    });

    it('holds for ensurePath and deleteRecursive', async () => {
      const conn = await target.connect({}, target.root);
      await conn.ensurePath('/a/b/c');
      expect(await (await target.onlooker()).exists(target.at('/a/b/c'))).not.toBeNull();
      await conn.deleteRecursive('/a');
      expect(await (await target.onlooker()).exists(target.at('/a'))).toBeNull();
    });

    it('that is missing is made by ensurePath [G3]', async () => {
      const conn = await target.connect({}, target.at('/missing/deep'));
      await conn.ensurePath('/a/b');
      expect(await (await target.onlooker()).exists(target.at('/missing/deep/a/b'))).not.toBeNull();
      expect((await conn.children('/')).children).toEqual(['a']);
    });

    it('of the options comes behind that of the connect string', async () => {
      const conn = await target.connect({ chroot: '/in' }, target.root);
      expect(conn.chrootPath).toBe(target.at('/in'));
      expect(await conn.create('/')).toBe('/');
      expect(await (await target.onlooker()).exists(target.at('/in'))).not.toBeNull();
      expect(await conn.create('/a')).toBe('/a');
      expect(await (await target.onlooker()).exists(target.at('/in/a'))).not.toBeNull();
    });

    it('that does not exist is NoNode, until it is made', async () => {
      const conn = await target.connect({}, target.at('/missing/deep'));
      expect(await failure(conn.create('/a'))).toBeInstanceOf(NoNodeError);
      expect(await conn.exists('/')).toBeNull();
      await target.admin.ensurePath(target.at('/missing/deep'));
      await conn.sync('/');
      expect(await conn.create('/a')).toBe('/a');
    });

    it('of another Conn with the same beginning is another', async () => {
      await target.admin.create(target.at('/ab'));
      await target.admin.create(target.at('/a'));
      const [a, ab] = [await target.connect({}, target.at('/a')), await target.connect({}, target.at('/ab'))];
      await ab.create('/x');
      await a.sync('/');
      expect(await a.exists('/x')).toBeNull();
      expect((await a.children('/')).children).toEqual([]);
    });
  });
}
