/** What can be asked of the session and the ensemble: own nodes, counts, identities, the configuration. */
import { describe, expect, it } from 'vitest';
import {
  digestAcl,
  NoAuthError,
  NoNodeError,
  OPEN_ACL_UNSAFE,
  ReconfigDisabledError,
} from '../../../src/index.js';
import { failure, type ContractTarget } from '../target.js';

export function ensemble(target: ContractTarget): void {
  describe('getEphemerals', () => {
    async function world() {
      const [conn, other] = [await target.connect(), await target.connect()];
      await conn.create(target.at('/d'));
      for (const path of ['/a', '/ab', '/d/a'])
        await conn.create(target.at(path), null, { mode: 'EPHEMERAL' });
      await conn.create(target.at('/c'), null, { mode: 'CONTAINER' });
      await other.create(target.at('/others'), null, { mode: 'EPHEMERAL' });
      return conn;
    }
    const sorted = (paths: readonly string[]) => [...paths].sort();

    it.each([
      ['/', ['/a', '/ab', '/d/a']],
      ['/a', ['/a', '/ab']],
      ['/d', ['/d/a']],
      ['/d/', ['/d/a']],
      ['/none', []],
    ])('gives this session’s own nodes that begin with %s', async (prefix, found) => {
      const conn = await world();
      const paths = await conn.getEphemerals(target.at(prefix));
      expect(sorted(paths)).toEqual(found.map((path) => target.at(path)));
    });

    it('gives all of them for the root, and by default', async () => {
      const conn = await world();
      const all = ['/a', '/ab', '/d/a'].map((path) => target.at(path));
      expect(sorted(await conn.getEphemerals('/'))).toEqual(all);
      expect(sorted(await conn.getEphemerals())).toEqual(all);
    });

    it('under a chroot gives those below it, by their paths there', async () => {
      const chroot = `${target.root}/chroot`;
      const whole = await target.connect();
      await whole.create(chroot);
      const conn = await target.connect({}, chroot);
      await conn.create('/a', null, { mode: 'EPHEMERAL' });
      await conn.create('/b', null, { mode: 'EPHEMERAL' });
      expect(sorted(await conn.getEphemerals())).toEqual(['/a', '/b']);
      expect(await conn.getEphemerals('/b')).toEqual(['/b']);
      expect((await conn.call('getEphemerals', { prefixPath: '/b' })).ephemerals).toEqual(['/b']);
    });

    it('asks no ACL, and forgets what is deleted', async () => {
      const conn = await world();
      await conn.setAcl(target.at('/a'), [digestAcl(31, 'u:p')]);
      await conn.delete(target.at('/ab'));
      expect(sorted(await conn.getEphemerals(target.at('/a')))).toEqual([target.at('/a')]);
    });

    it.each(['', ' ', ' / '])('takes the prefix %j for all, on the wire', async (prefixPath) => {
      const client = await target.raw();
      const path = target.at('/a');
      await client.call('create', { path, data: null, acl: OPEN_ACL_UNSAFE, flags: 1 });
      expect((await client.call('getEphemerals', { prefixPath })).response?.ephemerals).toEqual([path]);
    });
  });

  describe('countDescendants', () => {
    it('counts all levels, and not the node itself', async () => {
      const conn = await target.connect();
      for (const path of ['/d', '/d/e', '/d/e/f', '/d/g', '/de']) await conn.create(target.at(path));
      const counts = ['', '/d', '/d/e', '/de'].map((path) => conn.countDescendants(target.at(path)));
      expect(await Promise.all(counts)).toEqual([5, 3, 1, 0]);
      const all = await conn.countDescendants('/');
      expect(all).toBeGreaterThanOrEqual(3 + 6);
      expect(await conn.countDescendants('/zookeeper')).toBeGreaterThanOrEqual(2);
    });

    it('needs READ on the node, and on nothing below it', async () => {
      const conn = await target.connect();
      await conn.create(target.at('/d'));
      await conn.create(target.at('/d/locked'), null, { acl: [digestAcl(31, 'u:p')] });
      expect(await conn.countDescendants(target.at('/d'))).toBe(1);
      expect(await failure(conn.countDescendants(target.at('/d/locked')))).toBeInstanceOf(NoAuthError);
    });

    it('of a missing node fails', async () => {
      const conn = await target.connect({}, target.root);
      const error = await failure(conn.countDescendants('/none'));
      expect(error).toBeInstanceOf(NoNodeError);
      expect(error).toMatchObject({ path: '/none', op: 'getAllChildrenNumber' });
      expect(await conn.countDescendants('/')).toBe(0);
    });

    it('knows the root by a second name, by which it counts itself', async () => {
      const client = await target.raw();
      const count = async (path: string) =>
        (await client.call('getAllChildrenNumber', { path })).response!.totalNumber;
      expect(await count('')).toBe((await count('/')) + 1);
    });
  });

  describe('whoAmI', () => {
    it('names the address alone, at first', async () => {
      const conn = await target.connect();
      const [identity, ...more] = await conn.whoAmI();
      expect([identity?.scheme, more]).toEqual(['ip', []]);
      expect(identity?.user).toMatch(/^[\d.]+$|:/);
    });

    it('names all digests without what proves them', async () => {
      const conn = await target.connect();
      for (const auth of ['bob:secret', 'bob:other', 'ann:a:b', 'nobody', ':x'])
        await conn.addAuth('digest', auth);
      const identities = await conn.whoAmI();
      const users = identities.filter(({ scheme }) => scheme === 'digest').map(({ user }) => user);
      expect(users.sort()).toEqual(['', 'ann', 'bob', 'bob', 'nobody']);
      expect(identities).toHaveLength(6);
      expect(JSON.stringify(identities)).not.toContain('secret');
    });

    it('names the superuser without a name', async () => {
      const conn = await target.as('super:test');
      const identities = await conn.whoAmI();
      expect(identities).toContainEqual({ scheme: 'super', user: '' });
      expect(identities).toContainEqual({ scheme: 'digest', user: 'super' });
    });
  });

  describe('the configuration', () => {
    it('is the same under a chroot', async () => {
      const [conn, whole] = [await target.connect({}, target.root), await target.connect()];
      const config = await conn.getConfig();
      expect(config).toEqual(await whole.getConfig());
      const { data, stat } = await whole.get('/zookeeper/config');
      expect([config.text, config.stat]).toEqual([data!.toString(), stat]);
      expect((await whole.getAcl('/zookeeper/config')).acl).toEqual([
        { perms: 1, scheme: 'world', id: 'anyone' },
      ]);
    });

    it('names each server of an ensemble; a server by itself has none', async () => {
      const conn = await target.connect();
      const { text, version, servers, stat } = await conn.getConfig();
      expect(servers).toHaveLength(text.split('\n').filter((line) => line.startsWith('server.')).length);
      if (text === '') expect([version, stat.aversion]).toEqual([0n, -1]);
    });

    it('has a watch', async () => {
      const conn = await target.connect({}, target.root);
      const { watch, ...config } = await conn.getConfigW();
      expect(watch.path).toBe('/zookeeper/config');
      expect(config).toEqual(await conn.getConfig());
      watch.close();
    });

    it('may be changed by nobody where reconfig is off; the attempt uses up a zxid [E18]', async () => {
      const conn = await target.connect();
      const before = await conn.exists(target.root);
      const error = await failure(conn.reconfig({ leaving: [9] }));
      expect(error).toBeInstanceOf(ReconfigDisabledError);
      expect(error).toMatchObject({ op: 'reconfig', outcome: 'rejected', errno: -123 });
      const members = ['server.1=127.0.0.1:2888:3888:participant;2181'];
      expect(await failure(conn.reconfig({ members, fromConfig: 5n }))).toBeInstanceOf(ReconfigDisabledError);
      const { stat } = await conn.createWithStat(target.at('/a'));
      expect(stat.czxid).toBeGreaterThan(before!.czxid + 2n);
    });
  });
}
