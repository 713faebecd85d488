import { describe, expect, it } from 'vitest';
import { op } from '../../../src/index.js';
import type { ContractTarget } from '../target.js';

const EPHEMERAL = { mode: 'EPHEMERAL' } as const;

export function ephemerals(target: ContractTarget): void {
  describe('ephemeral nodes', () => {
    it('belong to the session that made them', async () => {
      const [a, b] = [await target.connect(), await target.connect()];
      expect(a.sessionId).not.toBe(b.sessionId);
      await a.create(target.at('/a'), null, EPHEMERAL);
      await b.create(target.at('/b'), null, EPHEMERAL);
      await a.sync('/');
      expect((await a.exists(target.at('/a')))?.ephemeralOwner).toBe(a.sessionId);
      expect((await a.exists(target.at('/b')))?.ephemeralOwner).toBe(b.sessionId);
    });

    it('vanish when it closes, and only they', async () => {
      const [conn, other] = [await target.connect(), await target.connect()];
      await conn.create(target.at('/kept'), null, EPHEMERAL);
      await other.create(target.at('/gone'), null, EPHEMERAL);
      await other.create(target.at('/gone-'), null, { mode: 'EPHEMERAL_SEQUENTIAL' });
      await other.create(target.at('/stays'));
      expect(await other.close()).toEqual({ confirmed: true });
      await conn.sync('/');
      expect([...(await conn.children(target.root)).children].sort()).toEqual(['kept', 'stays']);
    });

    it('are told about to watchers when they vanish', async () => {
      const [conn, other] = [await target.connect(), await target.connect()];
      await other.create(target.at('/e'), null, EPHEMERAL);
      await conn.sync('/');
      const { watch } = await conn.getW(target.at('/e'));
      const { watch: below } = await conn.childrenW(target.root);
      await other.close();
      expect(await watch.event).toMatchObject({ type: 'NodeDeleted', path: target.at('/e') });
      expect(await below.event).toMatchObject({ type: 'NodeChildrenChanged', path: target.root });
    });

    it('vanish under one zxid, by which the watchers are told', async () => {
      const [conn, other] = [await target.connect(), await target.raw()];
      const acl = [{ perms: 31, scheme: 'world', id: 'anyone' }];
      for (const path of ['/a', '/b']) {
        await other.call('create', { path: target.at(path), data: null, acl, flags: 1 });
      }
      await conn.sync('/');
      const watches = await Promise.all(['/a', '/b'].map((path) => conn.existsW(target.at(path))));
      const reply = await other.call('closeSession', {});
      const events = await Promise.all(watches.map(({ watch }) => watch.event));
      const expected = target.facts.eventsCarryZxid ? reply.zxid : undefined;
      expect(events.map(({ zxid }) => zxid)).toEqual([expected, expected]);
      expect((await conn.exists(target.root))?.pzxid).toBe(reply.zxid);
    });

    it('may be deleted and set by anybody whom the ACL permits', async () => {
      const [conn, other] = [await target.connect(), await target.connect()];
      await other.create(target.at('/e'), null, EPHEMERAL);
      expect((await conn.set(target.at('/e'), 'x')).ephemeralOwner).toBe(other.sessionId);
      await conn.delete(target.at('/e'));
      await other.sync('/');
      expect(await other.exists(target.at('/e'))).toBeNull();
    });

    it('that were deleted and made by another do not go with the first owner', async () => {
      const [conn, other] = [await target.connect(), await target.connect()];
      await other.create(target.at('/e'), null, EPHEMERAL);
      await conn.delete(target.at('/e'));
      await conn.create(target.at('/e'), null, EPHEMERAL);
      await other.close();
      await conn.sync('/');
      expect((await conn.exists(target.at('/e')))?.ephemeralOwner).toBe(conn.sessionId);
    });

    it('of a failed multi do not haunt the end of the session', async () => {
      const [conn, other] = [await target.connect(), await target.connect()];
      await other
        .multi([op.create(target.at('/e'), null, EPHEMERAL), op.check(target.at('/none'))])
        .catch(() => undefined);
      await conn.create(target.at('/e'));
      await other.close();
      await conn.sync('/');
      expect(await conn.exists(target.at('/e'))).not.toBeNull();
    });

    it('vanish when their session expires', async () => {
      const [conn, owner] = [await target.connect(), await target.raw()];
      const acl = [{ perms: 31, scheme: 'world', id: 'anyone' }];
      await owner.call('create', { path: target.at('/e'), data: null, acl, flags: 1 });
      await conn.sync('/');
      const { watch } = await conn.existsW(target.at('/e'));
      // from here on nothing needs to be done while the session lasts
      const { sessionId, passwd } = owner.session!;
      const silent = await target.socket();
      expect(await silent.handshake({ sessionId, passwd, timeOut: 1 })).toMatchObject({ sessionId });
      expect(await watch.event).toMatchObject({ type: 'NodeDeleted' });
      await silent.hungUp();
    });
  });
}
