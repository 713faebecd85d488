/** What survives a lost connection, and what does not survive a lost session. */
import { describe, expect, it } from 'vitest';
import {
  ConnClosedError,
  OPEN_ACL_UNSAFE,
  SessionExpiredError,
  type SessionChange,
  type Watch,
} from '../../../src/index.js';
import { RawClient } from '../../support/raw-client.js';
import { failure, nextConnection, recordWatches, settled, type ContractTarget } from '../target.js';
import type { Cuttable } from '../target.js';

export function sessions(target: ContractTarget): void {
  /** Cuts the connection and keeps it away until what it returns is called, which waits for the new one. */
  async function away({ conn, link }: Cuttable): Promise<() => Promise<void>> {
    const suspended = nextConnection(conn, 'SUSPENDED');
    link.hold();
    expect(link.cut()).toBe(1);
    await suspended;
    return async () => {
      const reconnected = nextConnection(conn, 'RECONNECTED');
      link.release();
      await reconnected;
      await settled(conn);
    };
  }

  /** Ends the session of a Conn behind its back; it learns of it when it connects again. */
  async function endBehindItsBack({ conn, link }: Cuttable): Promise<void> {
    const suspended = nextConnection(conn, 'SUSPENDED');
    link.hold();
    link.cut();
    await suspended;
    const { sessionId, passwd } = link.session!;
    const thief = await RawClient.open(target.address, { sessionId, passwd });
    await thief.call('closeSession', {});
    thief.destroy();
  }

  describe('a lost connection', () => {
    it('keeps the session, its ephemeral nodes and its epoch', async () => {
      const cuttable = await target.cuttable();
      const { conn } = cuttable;
      const changes: SessionChange[] = [];
      conn.on('session', (change) => changes.push(change));
      const { sessionId, sessionEpoch } = conn;
      const path = await conn.create(target.at('/e'), null, { mode: 'EPHEMERAL' });
      const back = await away(cuttable);
      expect((await (await target.onlooker()).exists(path))?.ephemeralOwner).toBe(sessionId);
      await back();
      expect([conn.sessionId, conn.sessionEpoch]).toEqual([sessionId, sessionEpoch]);
      expect(changes).toEqual([{ what: 'resumed', sessionId, sessionEpoch }]);
      expect((await conn.exists(path))?.ephemeralOwner).toBe(sessionId);
    });

    it('runs what was called meanwhile when it is back, in order', async () => {
      const cuttable = await target.cuttable();
      const { conn } = cuttable;
      const back = await away(cuttable);
      const calls = [
        conn.create(target.at('/a'), 'one'),
        conn.set(target.at('/a'), 'two', 0),
        conn.get(target.at('/a')),
      ] as const;
      await back();
      const [path, stat, got] = await Promise.all(calls);
      expect([path, stat.version, got.data?.toString()]).toEqual([target.at('/a'), 1, 'two']);
    });

    it('presents the credentials again', async () => {
      const cuttable = await target.cuttable({ auth: [{ scheme: 'digest', auth: 'one:1' }] });
      const { conn } = cuttable;
      await conn.addAuth('digest', 'two:2');
      await conn.create(target.at('/mine'), 'x', { acl: [{ perms: 31, scheme: 'auth', id: '' }] });
      const back = await away(cuttable);
      const read = conn.get(target.at('/mine'));
      await back();
      expect((await read).data?.toString()).toBe('x');
      expect((await conn.getAcl(target.at('/mine'))).acl).toHaveLength(2);
    });

    it('is not what silence means: an idle Conn outlives a session that says nothing', async () => {
      // long enough for a machine that stands still for a while
      const timeOut = 6000;
      const conn = await target.connect({ sessionTimeoutMs: timeOut });
      const { sessionId } = conn;
      const silent = await target.raw({ timeOut });
      const node = { path: target.at('/e'), data: null, acl: OPEN_ACL_UNSAFE, flags: 1 };
      await silent.call('create', node);
      await conn.sync('/');
      const { watch } = await conn.existsW(target.at('/e'));
      expect((await watch.event).type).toBe('NodeDeleted');
      expect([conn.sessionId, conn.sessionEpoch]).toEqual([sessionId, 1]);
    });

    it('several times over keeps the session', async () => {
      const cuttable = await target.cuttable();
      const { sessionId } = cuttable.conn;
      for (let i = 0; i < 5; i++) await (await away(cuttable))();
      expect(cuttable.conn.sessionId).toBe(sessionId);
    });
  });

  describe('watches over a lost connection', () => {
    /** One of each kind, on `/data`, `/missing` and `/parent`. */
    async function armAll({ conn }: Cuttable): Promise<Watch[]> {
      await conn.create(target.at('/data'));
      await conn.create(target.at('/parent'));
      return [
        (await conn.getW(target.at('/data'))).watch,
        (await conn.existsW(target.at('/missing'))).watch,
        (await conn.childrenW(target.at('/parent'))).watch,
      ];
    }

    async function changeAll(): Promise<void> {
      await target.admin.set(target.at('/data'), 'x');
      await target.admin.create(target.at('/missing'));
      await target.admin.create(target.at('/parent/child'));
    }

    const EVENTS = ['NodeDataChanged', 'NodeCreated', 'NodeChildrenChanged'];

    it('are armed again [C1]', async () => {
      const cuttable = await target.cuttable();
      const all = await armAll(cuttable);
      const seen = recordWatches(cuttable.conn);
      await (
        await away(cuttable)
      )();
      expect(seen).toEqual([]);
      await changeAll();
      expect(await Promise.all(all.map(async (watch) => (await watch.event).type))).toEqual(EVENTS);
    });

    it('fire once for a change that was missed meanwhile [C1]', async () => {
      const cuttable = await target.cuttable();
      const all = await armAll(cuttable);
      const seen = recordWatches(cuttable.conn);
      const back = await away(cuttable);
      await changeAll();
      await back();
      const events = await Promise.all(all.map((watch) => watch.event));
      expect(events.map(({ type }) => type)).toEqual(EVENTS);
      await changeAgain();
      await settled(cuttable.conn);
      expect(seen).toHaveLength(3);
    });

    async function changeAgain(): Promise<void> {
      await target.admin.set(target.at('/data'), 'y');
      await target.admin.delete(target.at('/missing'));
      await target.admin.delete(target.at('/parent/child'));
    }

    it('fire for a node that was deleted meanwhile', async () => {
      const cuttable = await target.cuttable();
      const [data, , children] = await armAll(cuttable);
      const back = await away(cuttable);
      await target.admin.delete(target.at('/data'));
      await target.admin.delete(target.at('/parent'));
      await back();
      expect([(await data!.event).type, (await children!.event).type]).toEqual([
        'NodeDeleted',
        'NodeDeleted',
      ]);
    });

    it('call a node that was deleted and made again a change', async () => {
      const cuttable = await target.cuttable();
      const { conn } = cuttable;
      await conn.create(target.at('/a'));
      const { watch: exists } = await conn.existsW(target.at('/a'));
      const { watch: data } = await conn.getW(target.at('/a'));
      const seen = recordWatches(conn);
      const back = await away(cuttable);
      await target.admin.delete(target.at('/a'));
      await target.admin.create(target.at('/a'));
      await back();
      expect([(await exists.event).type, (await data.event).type]).toEqual([
        'NodeDataChanged',
        'NodeDataChanged',
      ]);
      expect(seen).toHaveLength(1);
    });

    it('for a missing node that came and went meanwhile go on waiting', async () => {
      const cuttable = await target.cuttable();
      const { conn } = cuttable;
      const { watch } = await conn.existsW(target.at('/a'));
      const seen = recordWatches(conn);
      const back = await away(cuttable);
      await target.admin.create(target.at('/a'));
      await target.admin.delete(target.at('/a'));
      await back();
      expect(seen).toEqual([]);
      await conn.create(target.at('/a'));
      expect((await watch.event).type).toBe('NodeCreated');
    });

    it('that fired before are not armed again', async () => {
      const cuttable = await target.cuttable();
      const all = await armAll(cuttable);
      await changeAll();
      await Promise.all(all.map((watch) => watch.event));
      const seen = recordWatches(cuttable.conn);
      await (
        await away(cuttable)
      )();
      await changeAgain();
      await settled(cuttable.conn);
      expect(seen).toEqual([]);
    });

    it('that were closed are not armed again', async () => {
      const cuttable = await target.cuttable();
      for (const watch of await armAll(cuttable)) watch.close();
      const seen = recordWatches(cuttable.conn);
      await (
        await away(cuttable)
      )();
      await changeAll();
      await settled(cuttable.conn);
      expect(seen).toEqual([]);
    });

    it('by the thousand are armed again', async () => {
      const cuttable = await target.cuttable();
      const paths = Array.from({ length: 3000 }, (_, i) => target.at(`/${'long-name-'.repeat(6)}${i}`));
      const armed = await Promise.all(paths.map((path) => cuttable.conn.existsW(path)));
      await (
        await away(cuttable)
      )();
      for (const i of [0, 1499, 2999]) {
        await target.admin.create(paths[i]!);
        expect((await armed[i]!.watch.event).path).toBe(paths[i]);
      }
    });
  });

  describe('a lost session', () => {
    it('is replaced by a new one, loudly [A3]', async () => {
      const cuttable = await target.cuttable();
      const { conn, link } = cuttable;
      const { sessionId } = conn;
      const seen: string[] = [];
      conn.on('connection', (state) => seen.push(state));
      await conn.create(target.at('/e'), null, { mode: 'EPHEMERAL' });
      const { watch } = await conn.childrenW(target.root);
      await endBehindItsBack(cuttable);
      const connected = nextConnection(conn, 'CONNECTED');
      link.release();
      await connected;
      expect(seen).toEqual(['SUSPENDED', 'LOST', 'CONNECTED']);
      expect(conn.sessionId).not.toBe(sessionId);
      expect(conn.sessionEpoch).toBe(2);
      expect(await failure(watch.event)).toBeInstanceOf(SessionExpiredError);
      await settled(conn);
      expect(await conn.exists(target.at('/e'))).toBeNull();
    });

    it('takes with it what was called meanwhile', async () => {
      const cuttable = await target.cuttable();
      const { conn, link } = cuttable;
      await endBehindItsBack(cuttable);
      const waiting = failure(conn.create(target.at('/a')));
      const connected = nextConnection(conn, 'CONNECTED');
      link.release();
      const error = await waiting;
      expect(error).toBeInstanceOf(SessionExpiredError);
      expect(error.outcome).toBe('not-sent');
      await connected;
      await settled(conn);
      expect(await conn.exists(target.at('/a'))).toBeNull();
    });

    it('is the end of the Conn if that was wanted', async () => {
      const cuttable = await target.cuttable({ sessionExpiry: 'close' });
      const { conn, link } = cuttable;
      await endBehindItsBack(cuttable);
      link.release();
      expect(await conn.closed).toMatchObject({ state: 'Expired' });
      expect(await failure(conn.get(target.root))).toBeInstanceOf(SessionExpiredError);
    });

    it('begins again with the credentials that were there', async () => {
      const cuttable = await target.cuttable({ auth: [{ scheme: 'digest', auth: 'one:1' }] });
      const { conn, link } = cuttable;
      await conn.create(target.at('/mine'), 'x', { acl: [{ perms: 31, scheme: 'auth', id: '' }] });
      await endBehindItsBack(cuttable);
      const connected = nextConnection(conn, 'CONNECTED');
      link.release();
      await connected;
      expect((await conn.get(target.at('/mine'))).data?.toString()).toBe('x');
    });
  });

  describe('close', () => {
    it('answers what was called before, and refuses what comes after [E8]', async () => {
      const conn = await target.connect();
      const created = conn.create(target.at('/a'));
      const closed = conn.close();
      const late = failure(conn.create(target.at('/b')));
      expect(await created).toBe(target.at('/a'));
      expect(await closed).toEqual({ confirmed: true });
      expect(await late).toBeInstanceOf(ConnClosedError);
      expect((await late).outcome).toBe('not-sent');
      expect([conn.state, await conn.closed]).toEqual(['Closed', { state: 'Closed' }]);
    });

    it('ends the session on the server: nobody can attach to it any more', async () => {
      const { conn, link } = await target.cuttable();
      await conn.close();
      const { sessionId, passwd } = link.session!;
      const client = await target.socket();
      expect(await client.handshake({ sessionId, passwd })).toMatchObject({ timeOut: 0, sessionId: 0n });
      await client.hungUp();
    });
  });
}
