/** The first message each way, and what attaching to a session does. All through bare sockets. */
import { describe, expect, it } from 'vitest';
import { Errno, OPEN_ACL_UNSAFE } from '../../../src/index.js';
import type { ContractTarget } from '../target.js';

const NO_PASSWORD = Buffer.alloc(16);

export function handshake(target: ContractTarget): void {
  describe('handshake', () => {
    it('gives an id, a password of 16 bytes, the timeout asked for, and the read-only byte', async () => {
      const client = await target.raw({ timeOut: 12_345 });
      const { sessionId, passwd, timeOut, readOnly, protocolVersion } = client.session!;
      expect(sessionId).not.toBe(0n);
      expect(passwd).toHaveLength(16);
      expect([timeOut, readOnly, protocolVersion]).toEqual([12_345, false, 0]);
    });

    it('without the read-only byte is answered without one', async () => {
      const client = await target.raw({ readOnly: undefined });
      expect(client.session).toHaveProperty('readOnly', undefined);
    });

    it('of 28 bytes, with neither password nor read-only byte, is fine', async () => {
      const client = await target.raw({ passwd: null, readOnly: undefined });
      expect(client.session?.passwd).toHaveLength(16);
      expect((await client.call('exists', { path: '/', watch: false })).errno).toBe(0);
    });

    it.each([0, 1, 17, 100])('for a new session takes a password of %i bytes', async (length) => {
      const client = await target.raw({ passwd: Buffer.alloc(length, 7) });
      expect(client.session?.timeOut).toBeGreaterThan(0);
    });

    it('may ask for read-only and still gets a server that writes', async () => {
      const client = await target.raw({ readOnly: true });
      expect(client.session?.readOnly).toBe(false);
      const node = { path: target.at('/a'), data: null, acl: OPEN_ACL_UNSAFE, flags: 0 };
      expect((await client.call('create', node)).errno).toBe(0);
    });

    it('in single bytes is understood', async () => {
      const request = Buffer.alloc(4 + 45);
      request.writeInt32BE(45, 0);
      request.writeInt32BE(10_000, 16);
      request.writeInt32BE(16, 28);
      const client = await target.socket();
      for (const byte of request) client.sendBytes(Buffer.from([byte]));
      expect((await client.frame())?.length).toBe(37);
      client.send('closeSession', {});
      await client.hungUp();
    });

    it('keeps the timeout within the server’s bounds', async () => {
      // asked for nothing more: the shortest of them may soon be over
      const granted = async (timeOut: number): Promise<number> =>
        (await (await target.socket()).handshake({ timeOut }))!.timeOut;
      const [low, high] = [await granted(1), await granted(0x7fffffff)];
      expect(low).toBeLessThan(high);
      for (const timeOut of [-1, 0, low - 1]) expect(await granted(timeOut)).toBe(low);
      expect(await granted(low + 1)).toBe(low + 1);
      expect(await granted(high - 1)).toBe(high - 1);
      expect(await granted(high + 1)).toBe(high);
    });

    it('that has seen more than the server closes without an answer', async () => {
      const client = await target.socket();
      expect(await client.handshake({ lastZxidSeen: 0x7fff_ffff_ffff_fff0n })).toBeNull();
    });

    it('that has seen as much as the server is fine', async () => {
      const first = await target.raw();
      const { zxid } = await first.call('sync', { path: '/' });
      const second = await target.raw({ lastZxidSeen: zxid });
      expect(second.session?.timeOut).toBeGreaterThan(0);
    });

    it('with an unknown session is refused with zeros', async () => {
      const client = await target.socket();
      expect(await client.handshake({ sessionId: 0x7777_7777n, passwd: NO_PASSWORD })).toEqual({
        protocolVersion: 0,
        timeOut: 0,
        sessionId: 0n,
        passwd: NO_PASSWORD,
        readOnly: false,
      });
      await client.hungUp();
    });

    it.each([
      ['wrong', Buffer.alloc(16, 9)],
      ['missing', null],
      ['empty', Buffer.alloc(0)],
      ['short', Buffer.alloc(15)],
    ])('with a %s password is refused, hangs up both, and leaves the session', async (_name, passwd) => {
      const owner = await target.raw();
      const { sessionId } = owner.session!;
      const thief = await target.socket();
      expect(await thief.handshake({ sessionId, passwd })).toMatchObject({ timeOut: 0, sessionId: 0n });
      await thief.hungUp();
      await owner.hungUp();
      const again = await target.reattach(owner);
      expect(again.session?.sessionId).toBe(sessionId);
    });
  });

  describe('attaching to a session', () => {
    it('hangs up the connection before, keeps id and ephemeral nodes', async () => {
      const first = await target.raw();
      const path = target.at('/e');
      await first.call('create', { path, data: null, acl: OPEN_ACL_UNSAFE, flags: 1 });
      const second = await target.reattach(first);
      await first.hungUp();
      expect(second.session).toEqual(first.session);
      const { response } = await second.call('exists', { path, watch: false });
      expect(response?.stat.ephemeralOwner).toBe(first.session!.sessionId);
    });

    it('negotiates the timeout anew', async () => {
      const first = await target.raw({ timeOut: 20_000 });
      const { sessionId, passwd } = first.session!;
      const second = await target.raw({ sessionId, passwd, timeOut: 15_000 });
      expect(second.session?.timeOut).toBe(15_000);
    });

    it('forgets who the connection before had authenticated as', async () => {
      const first = await target.raw();
      await first.call('auth', { type: 0, scheme: 'digest', auth: Buffer.from('u:p') }, -4);
      const path = target.at('/mine');
      const acl = [{ perms: 31, scheme: 'auth', id: '' }];
      expect((await first.call('create', { path, data: null, acl, flags: 0 })).errno).toBe(0);
      const second = await target.reattach(first);
      expect((await second.call('getData', { path, watch: false })).errno).toBe(-102);
    });

    it('is not possible after closeSession', async () => {
      const first = await target.raw();
      await first.call('closeSession', {});
      await first.hungUp();
      const { sessionId, passwd } = first.session!;
      const second = await target.socket();
      expect((await second.handshake({ sessionId, passwd }))?.timeOut).toBe(0);
    });
  });

  describe('closeSession', () => {
    it('tells the session’s own watches, then replies, then hangs up', async () => {
      const client = await target.raw();
      const path = target.at('/e');
      await client.call('create', { path, data: null, acl: OPEN_ACL_UNSAFE, flags: 1 });
      await client.call('exists', { path, watch: true });
      const reply = await client.call('closeSession', {}, 77);
      expect([reply.xid, reply.errno, reply.body.length]).toEqual([77, 0, 0]);
      expect(client.events.map((event) => [event.type, event.path])).toEqual([[2, path]]);
      expect(await client.reply()).toBeNull();
    });

    it('lets nothing happen that was asked for behind it', async () => {
      const client = await target.raw();
      client.send('closeSession', {}, 1);
      client.send('create', { path: target.at('/a'), data: null, acl: OPEN_ACL_UNSAFE, flags: 0 }, 2);
      expect((await client.reply())?.xid).toBe(1);
      // mostly it is dropped; a real server sometimes finds the time to say SessionExpired
      const late = await client.reply();
      // SessionExpired or UnknownSession, by how far the end of the session has got
      if (late !== null) expect([Errno.SessionExpired, Errno.UnknownSession]).toContain(late.errno);
      expect(await client.reply()).toBeNull();
      const other = await target.connect();
      expect(await other.exists(target.at('/a'))).toBeNull();
    });
  });
}
