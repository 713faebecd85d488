import { describe, expect, it } from 'vitest';
import { op } from '../../../src/index.js';
import { READ_ACL_UNSAFE } from '../../../src/protocol/acls.js';
import type { Conn, Stat } from '../../../src/index.js';
import type { ContractTarget } from '../target.js';

export function stats(target: ContractTarget): void {
  describe('Stat', () => {
    it('of a new node has one zxid and one time', async () => {
      const conn = await target.connect();
      const { stat } = await conn.createWithStat(target.at('/a'), 'abc');
      expect(stat).toEqual({
        czxid: stat.czxid,
        mzxid: stat.czxid,
        pzxid: stat.czxid,
        ctime: stat.ctime,
        mtime: stat.ctime,
        version: 0,
        cversion: 0,
        aversion: 0,
        ephemeralOwner: 0n,
        dataLength: 3,
        numChildren: 0,
      });
      expect(stat.czxid).toBe(conn.lastZxid);
      expect(stat.czxid > 0n).toBe(true);
    });

    it('after set: version, mzxid and mtime move, the rest stays', async () => {
      const conn = await target.connect();
      const { stat: before } = await conn.createWithStat(target.at('/a'), 'abc');
      const after = await conn.set(target.at('/a'), 'x');
      expect(after).toEqual({
        ...before,
        version: 1,
        dataLength: 1,
        mzxid: after.mzxid,
        mtime: after.mtime,
      });
      expect(after.mzxid > before.mzxid).toBe(true);
      expect(after.mtime).toBeGreaterThanOrEqual(before.mtime);
    });

    it('after setAcl: aversion alone moves', async () => {
      const conn = await target.connect();
      const { stat: before } = await conn.createWithStat(target.at('/a'), 'abc');
      const acl = [...READ_ACL_UNSAFE, { perms: 16, scheme: 'world', id: 'anyone' }];
      expect(await conn.setAcl(target.at('/a'), acl)).toEqual({ ...before, aversion: 1 });
      expect(await conn.setAcl(target.at('/a'), acl)).toEqual({ ...before, aversion: 2 });
    });

    it('of a parent: cversion counts creates and deletes, pzxid is that of the last one', async () => {
      const conn = await target.connect();
      const { stat: empty } = await conn.createWithStat(target.at('/p'));
      const { stat: a } = await conn.createWithStat(target.at('/p/a'));
      const one = await statOf(conn, target.at('/p'));
      expect(one).toEqual({ ...empty, cversion: 1, numChildren: 1, pzxid: a.czxid });
      const { stat: b } = await conn.createWithStat(target.at('/p/b'));
      expect(await statOf(conn, target.at('/p'))).toEqual({
        ...empty,
        cversion: 2,
        numChildren: 2,
        pzxid: b.czxid,
      });
      await conn.delete(target.at('/p/a'));
      const deleted = await statOf(conn, target.at('/p'));
      expect(deleted).toEqual({ ...empty, cversion: 3, numChildren: 1, pzxid: deleted.pzxid });
      expect(deleted.pzxid > b.czxid).toBe(true);
      await conn.delete(target.at('/p/b'));
      expect(await statOf(conn, target.at('/p'))).toMatchObject({ cversion: 4, numChildren: 0 });
    });

    it('of a parent is left alone by its child’s data, ACL and children, and by reads', async () => {
      const conn = await target.connect();
      await conn.create(target.at('/p'));
      await conn.create(target.at('/p/c'));
      const before = await statOf(conn, target.at('/p'));
      await conn.set(target.at('/p/c'), 'x');
      await conn.setAcl(target.at('/p/c'), (await conn.getAcl(target.at('/p'))).acl);
      await conn.create(target.at('/p/c/d'));
      await conn.get(target.at('/p'));
      expect(await statOf(conn, target.at('/p'))).toEqual(before);
    });

    it('of a parent is left alone by failed creates and deletes', async () => {
      const conn = await target.connect();
      await conn.create(target.at('/p'));
      await conn.create(target.at('/p/c'));
      const before = await statOf(conn, target.at('/p'));
      await conn.create(target.at('/p/c')).catch(() => undefined);
      await conn.delete(target.at('/p/none')).catch(() => undefined);
      await conn
        .multi([op.create(target.at('/p/m')), op.delete(target.at('/p/c')), op.delete(target.at('/p/none'))])
        .catch(() => undefined);
      expect(await statOf(conn, target.at('/p'))).toEqual(before);
    });

    it('of all that a multi does has one zxid', async () => {
      const conn = await target.connect();
      await conn.create(target.at('/old'));
      const [, set] = await conn.multi([
        op.create(target.at('/a')),
        op.set(target.at('/old'), 'x'),
        op.create(target.at('/a/b')),
      ]);
      // that of the answer: a read later on tells of what others have written meanwhile
      const { lastZxid } = conn;
      const a = await statOf(conn, target.at('/a'));
      const b = await statOf(conn, target.at('/a/b'));
      expect([a.czxid, a.pzxid, b.czxid, set.mzxid]).toEqual([a.czxid, a.czxid, a.czxid, a.czxid]);
      expect([a.ctime, b.ctime]).toEqual([set.mtime, set.mtime]);
      expect(lastZxid).toBe(a.czxid);
    });

    it('counts an ephemeral child that goes with its session', async () => {
      const [conn, other] = [await target.connect(), await target.connect()];
      await other.create(target.at('/e'), null, { mode: 'EPHEMERAL' });
      await other.close();
      await conn.sync('/');
      expect(await statOf(conn, target.root)).toMatchObject({ cversion: 2, numChildren: 0 });
    });
  });
}

async function statOf(conn: Conn, path: string): Promise<Stat> {
  const stat = await conn.exists(path);
  if (stat === null) throw new Error(`${path} is missing`);
  return stat;
}
