import { describe, expect, it } from 'vitest';
import { InvalidArgumentError, NoNodeError, op } from '../../../src/index.js';
import { failure, multiFailure, type ContractTarget } from '../target.js';

/** What is built on calls on single znodes. */
export function trees(target: ContractTarget): void {
  describe('a view under a chroot [G4]', () => {
    it.each(['/zoo', '/zookeeper', '/a'])('%s shows paths below it, and whole names only', async (name) => {
      const conn = await target.connect();
      const chroot = target.at(name);
      for (const sibling of ['', '/config', 'keeper', 'keeper/config'])
        await conn.create(`${chroot}${sibling}`);
      const view = conn.chroot(chroot);
      const { watch: root } = await view.childrenW('/');
      const { watch: made } = await view.existsW('/s');
      expect(await view.create('/s', 'x')).toBe('/s');
      expect(await view.create('/s/q-', null, { mode: 'EPHEMERAL_SEQUENTIAL' })).toBe('/s/q-0000000000');
      expect([(await root.event).path, (await made.event).path]).toEqual(['/', '/s']);
      expect([...(await view.children('/')).children].sort()).toEqual(['config', 's']);
      expect(await view.sync('/s')).toBe('/s');
      const results = await view.multi([
        op.create('/m'),
        op.create('/m/-', null, { mode: 'PERSISTENT_SEQUENTIAL' }),
      ]);
      expect(results).toEqual(['/m', '/m/-0000000000']);
      const error = await multiFailure(view.multi([op.set('/m', 'y'), op.create('/none/x')]));
      expect([error.path, error.results.map(({ path }) => path)]).toEqual(['/none/x', ['/m', '/none/x']]);
      expect(await failure(view.get('/none'))).toMatchObject({ path: '/none' });
      const found: string[] = [];
      for await (const { path } of view.walk('/')) found.push(path);
      expect(found).toEqual(['/', '/config', '/m', '/s', '/m/-0000000000', '/s/q-0000000000']);
      await view.deleteRecursive('/s');
      expect((await conn.get(`${chroot}keeper/config`)).stat.version).toBe(0);
    });
  });

  describe('subtrees', () => {
    it('are made, copied and deleted', async () => {
      const conn = await target.connect({}, target.root);
      await Promise.all(Array.from({ length: 100 }, () => conn.ensurePath('/from/a/b')));
      const names = Array.from({ length: 1200 }, (_, i) => `/from/a/n-${i}`);
      await conn.multi(names.slice(0, 600).map((name) => op.create(name, name)));
      await conn.multi(names.slice(600).map((name) => op.create(name, name)));
      await conn.create('/from/e', null, { mode: 'EPHEMERAL' });
      expect(await conn.copyTree('/from', '/to')).toEqual({ created: 1203, overwritten: 0, skipped: 1 });
      expect((await conn.get('/to/a/n-1199')).data?.toString()).toBe('/from/a/n-1199');
      expect(await conn.deleteRecursive('/from')).toBe(1204);
      expect(await conn.deleteRecursive('/to')).toBe(1203);
      expect((await conn.children('/')).children).toEqual([]);
    });
  });

  describe('quotas', () => {
    it('are set, changed and deleted', async () => {
      const conn = await target.connect();
      await conn.create(target.at('/a'), 'abc');
      const view = conn.chroot(target.root);
      await view.setQuota('/a', { count: 100, countHardLimit: 100 });
      const unlimited = { bytes: null, bytesHardLimit: null };
      expect((await conn.getQuota(target.at('/a')))?.limits).toEqual({
        ...unlimited,
        count: 100,
        countHardLimit: 100,
      });
      const { data } = await conn.get(`/zookeeper/quota${target.at('/a')}/zookeeper_limits`);
      expect(data?.toString()).toBe('count=100,bytes=-1=;countHardLimit=100');
      await view.setQuota('/a', { count: null, bytes: 9 });
      expect((await view.getQuota('/a'))?.limits).toEqual({
        count: null,
        bytes: 9,
        countHardLimit: 100,
        bytesHardLimit: null,
      });
      expect(await failure(view.setQuota('/', { count: 1 }))).toBeInstanceOf(InvalidArgumentError);
      expect(await failure(view.setQuota('/none', { count: 1 }))).toBeInstanceOf(NoNodeError);
      expect(await view.deleteQuota('/a')).toBe(true);
      expect(await view.getQuota('/a')).toBeNull();
      expect(await (await target.onlooker()).exists(`/zookeeper/quota${target.root}`)).toBeNull();
    });
  });
}
