import { describe, expect, it } from 'vitest';
import {
  CREATOR_ALL_ACL,
  InvalidAclError,
  NoAuthError,
  OPEN_ACL_UNSAFE,
  Perms,
  digestAcl,
  digestId,
  op,
  type Acl,
  type Conn,
} from '../../../src/index.js';
import { SUPER, failure, type ContractTarget } from '../target.js';

/** Each permission alone. */
const PERMS = ['READ', 'WRITE', 'CREATE', 'DELETE', 'ADMIN'] as const;

const anyone = (perms: number): Acl => ({ perms, scheme: 'world', id: 'anyone' });

interface Act {
  /** Permissions that each permit it. */
  readonly needs: readonly (typeof PERMS)[number][];
  /** Does something to the node `n`, which has a child `n/child` that all may do anything to. */
  readonly run: (conn: Conn, n: string) => Promise<unknown>;
}

const ACTS: Readonly<Record<string, Act>> = {
  get: { needs: ['READ'], run: (conn, n) => conn.get(n) },
  getW: { needs: ['READ'], run: (conn, n) => conn.getW(n) },
  children: { needs: ['READ'], run: (conn, n) => conn.children(n) },
  getAcl: { needs: ['READ', 'ADMIN'], run: (conn, n) => conn.getAcl(n) },
  set: { needs: ['WRITE'], run: (conn, n) => conn.set(n, 'x') },
  'create of a child': { needs: ['CREATE'], run: (conn, n) => conn.create(`${n}/new`) },
  'createWithStat of a child': { needs: ['CREATE'], run: (conn, n) => conn.createWithStat(`${n}/new`) },
  'container as a child': {
    needs: ['CREATE'],
    run: (conn, n) => conn.create(`${n}/new`, null, { mode: 'CONTAINER' }),
  },
  'delete of a child': { needs: ['DELETE'], run: (conn, n) => conn.delete(`${n}/child`) },
  setAcl: { needs: ['ADMIN'], run: (conn, n) => conn.setAcl(n, OPEN_ACL_UNSAFE) },
  'check in a multi': { needs: ['READ'], run: (conn, n) => conn.multi([op.check(n)]) },
  'set in a multi': { needs: ['WRITE'], run: (conn, n) => conn.multi([op.set(n, 'x')]) },
  'create in a multi': { needs: ['CREATE'], run: (conn, n) => conn.multi([op.create(`${n}/new`)]) },
  'delete in a multi': { needs: ['DELETE'], run: (conn, n) => conn.multi([op.delete(`${n}/child`)]) },
};

export function acls(target: ContractTarget): void {
  /** Which single permissions of a node permit an act. */
  async function permittedBy(conn: Conn, run: Act['run']): Promise<string[]> {
    const permitted: string[] = [];
    for (const perm of PERMS) {
      const path = target.at(`/${perm}`);
      await target.admin.create(path);
      await target.admin.create(`${path}/child`);
      await target.admin.setAcl(path, [anyone(Perms[perm])]);
      await conn.sync(path);
      try {
        await run(conn, path);
        permitted.push(perm);
      } catch (error) {
        expect(error).toMatchObject({ errno: -102 });
      }
    }
    return permitted;
  }

  describe('permissions', () => {
    it.each(Object.entries(ACTS))('%s', async (_name, { needs, run }) => {
      const conn = await target.connect();
      expect(await permittedBy(conn, run)).toEqual(needs);
    });

    it('exists', async () => {
      const conn = await target.connect();
      const expected = target.facts.existsNeedsRead ? ['READ'] : PERMS;
      expect(await permittedBy(conn, (c, n) => c.exists(n))).toEqual(expected);
    });

    it('sync needs none', async () => {
      const conn = await target.connect();
      expect(await permittedBy(conn, (c, n) => c.sync(n))).toEqual(PERMS);
    });

    it('the delete of a node asks its parent, not the node', async () => {
      const conn = await target.connect();
      await conn.create(target.at('/a'), null, { acl: [anyone(Perms.READ)] });
      await conn.delete(target.at('/a'));
    });

    it('refusals are NoAuthError, and nothing has happened', async () => {
      const conn = await target.connect();
      await conn.create(target.at('/a'), 'kept', { acl: [anyone(Perms.READ)] });
      const error = await failure(conn.set(target.at('/a'), 'lost'));
      expect(error).toBeInstanceOf(NoAuthError);
      expect(error).toMatchObject({ op: 'setData', path: target.at('/a'), outcome: 'rejected' });
      expect((await conn.get(target.at('/a'))).data?.toString()).toBe('kept');
    });

    it('several entries add up, also for one identity', async () => {
      const conn = await target.as('u:p');
      const acl = [anyone(Perms.READ), digestAcl(Perms.WRITE, 'u:p'), digestAcl(Perms.CREATE, 'x:y')];
      await conn.create(target.at('/a'), null, { acl });
      await conn.get(target.at('/a'));
      await conn.set(target.at('/a'), 'x');
      expect(await failure(conn.create(target.at('/a/b')))).toBeInstanceOf(NoAuthError);
    });
  });

  describe('identities', () => {
    it.each([
      ['nobody in particular', [], ['world', 'ip']],
      ['the right digest', [{ scheme: 'digest', auth: 'u:p' }], ['world', 'digest', 'ip']],
      ['a wrong digest', [{ scheme: 'digest', auth: 'u:q' }], ['world', 'ip']],
      [
        'two digests',
        [
          { scheme: 'digest', auth: 'u:q' },
          { scheme: 'digest', auth: 'u:p' },
        ],
        ['world', 'digest', 'ip'],
      ],
      ['the superuser', [SUPER], ['world', 'digest', 'ip', 'other ip']],
      ['a wrong super password', [{ scheme: 'digest', auth: 'super:wrong' }], ['world', 'ip']],
      ['ip in an auth packet', [{ scheme: 'ip', auth: '10.0.0.1' }], ['world', 'ip']],
    ] as const)('%s may read', async (_name, auth, expected) => {
      const conn = await target.connect({ auth });
      const entries: Record<string, Acl> = {
        world: anyone(31),
        digest: digestAcl(31, 'u:p'),
        ip: { perms: 31, scheme: 'ip', id: '127.0.0.0/8' },
        'other ip': { perms: 31, scheme: 'ip', id: '10.0.0.0/8' },
      };
      const may: string[] = [];
      for (const [name, entry] of Object.entries(entries)) {
        await target.admin.create(target.at(`/${name}`), null, { acl: [entry] });
        await conn.sync('/');
        const read = await conn.get(target.at(`/${name}`)).catch((error: unknown) => error);
        if (read instanceof NoAuthError) continue;
        may.push(name);
      }
      expect(may).toEqual(expected);
    });

    it('an added credential counts from then on', async () => {
      const conn = await target.connect();
      await target.admin.create(target.at('/a'), null, { acl: [digestAcl(31, 'u:p')] });
      await conn.sync('/');
      const before = failure(conn.get(target.at('/a')));
      const added = conn.addAuth('digest', 'u:p');
      const after = conn.get(target.at('/a'));
      expect(await before).toBeInstanceOf(NoAuthError);
      await added;
      expect((await after).data).toBeNull();
    });

    it('auth stands for every digest identity of the connection', async () => {
      const conn = await target.connect({
        auth: [
          { scheme: 'digest', auth: 'one:1' },
          { scheme: 'digest', auth: 'two:2' },
        ],
      });
      await conn.create(target.at('/a'), null, { acl: CREATOR_ALL_ACL });
      const { acl } = await conn.getAcl(target.at('/a'));
      expect([...acl].sort((a, b) => (a.id < b.id ? -1 : 1))).toEqual([
        digestAcl(31, 'one:1'),
        digestAcl(31, 'two:2'),
      ]);
    });

    it('the id of auth does not matter', async () => {
      const conn = await target.as('u:p');
      await conn.create(target.at('/a'), null, { acl: [{ perms: 3, scheme: 'auth', id: 'whatever' }] });
      expect((await (await target.onlooker()).getAcl(target.at('/a'))).acl).toEqual([digestAcl(3, 'u:p')]);
    });
  });

  describe('ACLs that are stored', () => {
    it('have each entry once, in order', async () => {
      const conn = await target.connect();
      const acl = [anyone(1), anyone(2), anyone(1), digestAcl(31, 'u:p'), anyone(2), anyone(16)];
      await conn.create(target.at('/a'), null, { acl });
      expect((await (await target.onlooker()).getAcl(target.at('/a'))).acl).toEqual([
        anyone(1),
        anyone(2),
        digestAcl(31, 'u:p'),
        anyone(16),
      ]);
    });

    it('may have an entry without permissions', async () => {
      const conn = await target.connect();
      await conn.create(target.at('/a'), null, { acl: [anyone(0)] });
      expect((await (await target.onlooker()).getAcl(target.at('/a'))).acl).toEqual([anyone(0)]);
      expect(await failure(conn.get(target.at('/a')))).toBeInstanceOf(NoAuthError);
    });

    it('show digests only to those who may set them', async () => {
      const [conn, owner] = [await target.connect(), await target.as('u:p')];
      const acl = [anyone(Perms.READ), digestAcl(31, 'u:p'), { perms: 1, scheme: 'digest', id: 'v:h' }];
      await owner.create(target.at('/a'), null, { acl });
      await conn.sync('/');
      expect((await owner.getAcl(target.at('/a'))).acl).toEqual(acl);
      expect((await conn.getAcl(target.at('/a'))).acl.map(({ id }) => id)).toEqual(['anyone', 'u:x', 'v:x']);
    });

    it.each([
      ['world with another id', { perms: 31, scheme: 'world', id: 'nobody' }],
      ['an unknown scheme', { perms: 31, scheme: 'nonsense', id: 'x' }],
      ['a scheme in capitals', { perms: 31, scheme: 'DIGEST', id: 'u:p' }],
      ['a digest without a colon', { perms: 31, scheme: 'digest', id: 'u' }],
      ['a digest with two colons', { perms: 31, scheme: 'digest', id: 'u:p:q' }],
      ['an empty digest', { perms: 31, scheme: 'digest', id: '' }],
      ['a digest with nothing behind its colon', { perms: 31, scheme: 'digest', id: 'u:' }],
      ['an ip with empty bits', { perms: 31, scheme: 'ip', id: '1.2.3.4/' }],
      ['an ip with bits that are no number', { perms: 31, scheme: 'ip', id: '1.2.3.4/x' }],
      ['an ip with negative bits', { perms: 31, scheme: 'ip', id: '1.2.3.4/-1' }],
      ['an ip with two kinds of bits', { perms: 31, scheme: 'ip', id: '1.2.3.4/8/9' }],
      ['an ip out of range', { perms: 31, scheme: 'ip', id: '256.1.1.1' }],
      ['an address of IPv6', { perms: 31, scheme: 'ip', id: '::1' }],
      ['a network of IPv6', { perms: 31, scheme: 'ip', id: 'fe80::1/64' }],
      ['a host name', { perms: 31, scheme: 'ip', id: 'localhost' }],
      ['an ip that is none', { perms: 31, scheme: 'ip', id: '1.2.3' }],
      ['an ip with too many bits', { perms: 31, scheme: 'ip', id: '1.2.3.4/33' }],
      ['auth without an identity', { perms: 31, scheme: 'auth', id: '' }],
    ])('cannot have %s', async (_name, entry) => {
      const conn = await target.connect();
      const error = await failure(conn.create(target.at('/a'), null, { acl: [anyone(31), entry] }));
      expect(error).toBeInstanceOf(InvalidAclError);
      expect(error).toMatchObject({ errno: -114, outcome: 'rejected' });
      expect(await failure(conn.setAcl(target.root, [entry]))).toBeInstanceOf(InvalidAclError);
      const multi = await failure(conn.multi([op.create(target.at('/a'), null, { acl: [entry] })]));
      expect(multi).toMatchObject({ errno: -114, index: 0 });
      expect((await conn.getAcl(target.root)).acl).toEqual(OPEN_ACL_UNSAFE);
    });

    it.each([
      { perms: 31, scheme: 'digest', id: digestId('u:p') },
      { perms: 31, scheme: 'digest', id: 'u:' + 'anything' },
      { perms: 31, scheme: 'ip', id: '1.2.3.4' },
      { perms: 31, scheme: 'ip', id: '1.2.3.4/0' },
      { perms: 31, scheme: 'ip', id: '1.2.3.4/32' },
      { perms: 31, scheme: 'digest', id: ':p' },
      { perms: 31, scheme: 'digest', id: 'u:p:' },
    ])('can have $scheme $id', async (entry) => {
      const conn = await target.connect();
      await conn.create(target.at('/a'), null, { acl: [entry] });
      expect((await (await target.onlooker()).getAcl(target.at('/a'))).acl).toEqual([entry]);
    });

    it.each([-1, 32, 0x7fffffff])('may have permissions that mean nothing (%i)', async (perms) => {
      const client = await target.raw();
      const node = { path: target.at('/a'), data: null, flags: 0, acl: [anyone(perms)] };
      expect((await client.call('create', node)).errno).toBe(0);
      expect((await (await target.onlooker()).getAcl(target.at('/a'))).acl).toEqual([anyone(perms)]);
    });

    it.each([null, []])('cannot be %j', async (acl) => {
      const client = await target.raw();
      const node = { path: target.at('/a'), data: null, flags: 0 };
      expect((await client.call('create', { ...node, acl })).errno).toBe(-114);
      expect((await client.call('setACL', { path: target.root, acl, version: -1 })).errno).toBe(-114);
    });
  });

  describe('setAcl', () => {
    it('asks for the aversion, not the version', async () => {
      const conn = await target.connect();
      await conn.create(target.at('/a'));
      await conn.set(target.at('/a'), 'x');
      expect((await conn.setAcl(target.at('/a'), OPEN_ACL_UNSAFE, 0)).aversion).toBe(1);
      const error = await failure(conn.setAcl(target.at('/a'), OPEN_ACL_UNSAFE, 0));
      expect(error).toMatchObject({ errno: -103, op: 'setACL', outcome: 'rejected' });
      expect((await conn.setAcl(target.at('/a'), OPEN_ACL_UNSAFE, 1)).aversion).toBe(2);
      expect((await conn.setAcl(target.at('/a'), OPEN_ACL_UNSAFE)).aversion).toBe(3);
    });

    it('counts at once', async () => {
      const conn = await target.connect();
      await conn.create(target.at('/a'), 'x');
      await conn.setAcl(target.at('/a'), [anyone(Perms.WRITE)]);
      expect(await failure(conn.get(target.at('/a')))).toBeInstanceOf(NoAuthError);
      expect(await failure(conn.setAcl(target.at('/a'), OPEN_ACL_UNSAFE))).toBeInstanceOf(NoAuthError);
      await conn.set(target.at('/a'), 'y');
    });

    it('of a missing node is NoNode', async () => {
      const conn = await target.connect();
      expect(await failure(conn.setAcl(target.at('/none'), OPEN_ACL_UNSAFE))).toMatchObject({ errno: -101 });
    });
  });
}
