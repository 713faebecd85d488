import { describe, expect, it } from 'vitest';
import { AuthFailedError } from '../../../src/index.js';
import { operations } from '../../../src/protocol/operations.js';
import { failure, type ContractTarget } from '../target.js';

export function auth(target: ContractTarget): void {
  describe('addAuth', () => {
    it.each(['u:p', 'no colon', '', ':', 'ä:ö', 'u:p:q'])('takes the digest %j', async (text) => {
      const conn = await target.connect();
      await conn.addAuth('digest', text);
      await conn.create(target.at('/mine'), null, { acl: [{ perms: 31, scheme: 'auth', id: '' }] });
      expect(await conn.get(target.at('/mine'))).toMatchObject({ data: null });
    });

    it.each(['nonsense', 'DIGEST', 'world', 'auth', 'super'])(
      'with the scheme %s is refused, and that is the end of the Conn',
      async (scheme) => {
        const conn = await target.connect();
        const error = await failure(conn.addAuth(scheme, 'u:p'));
        expect(error).toBeInstanceOf(AuthFailedError);
        expect(error.errno).toBe(-115);
        expect(await conn.closed).toMatchObject({ state: 'AuthFailed' });
        expect(conn.state).toBe('AuthFailed');
        const late = await failure(conn.get(target.root));
        expect(late).toBeInstanceOf(AuthFailedError);
        expect(late.outcome).toBe('not-sent');
      },
    );

    it('that is refused ends the watches with it', async () => {
      const conn = await target.connect();
      const { watch } = await conn.existsW(target.at('/a'));
      await failure(conn.addAuth('nonsense', 'u:p'));
      expect(await failure(watch.event)).toBeInstanceOf(AuthFailedError);
    });
  });

  describe('auth on the wire', () => {
    const digest = { type: 0, scheme: 'digest', auth: Buffer.from('u:p') };

    it.each([-4, 12])('is answered with its xid (%i) and zxid 0', async (xid) => {
      const client = await target.raw();
      const reply = await client.call('auth', digest, xid);
      expect(reply).toMatchObject({ xid, zxid: 0n, errno: 0 });
      expect(reply.body).toHaveLength(0);
    });

    it('that is refused is answered, then the server hangs up; the session lives on', async () => {
      const client = await target.raw();
      const reply = await client.call('auth', { ...digest, scheme: 'nonsense' }, -4);
      expect(reply).toMatchObject({ xid: -4, zxid: 0n, errno: -115 });
      expect(await client.reply()).toBeNull();
      expect((await target.reattach(client)).session?.sessionId).toBe(client.session?.sessionId);
    });

    it('without any bytes is refused', async () => {
      const client = await target.raw();
      expect((await client.call('auth', { ...digest, auth: null }, -4)).errno).toBe(-115);
    });

    it('that is cut short ends the connection', async () => {
      const client = await target.raw();
      const bytes = Buffer.alloc(8);
      bytes.writeInt32BE(-4, 0);
      bytes.writeInt32BE(operations.auth.code, 4);
      client.sendFrame(bytes);
      expect(await client.reply()).toBeNull();
    });
  });
}
