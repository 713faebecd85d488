/** What the mini-server answers, frame by frame. Each of these was seen on a ZooKeeper 3.9.3. */
import { describe, expect, it } from 'vitest';
import { OPEN_ACL_UNSAFE } from '../../../src/protocol/acls.js';
import { EventTypeCode, Xid } from '../../../src/protocol/constants.js';
import { Errno } from '../../../src/protocol/error-codes.js';
import { JuteWriter } from '../../../src/protocol/jute.js';
import { RawClient, requestBytes } from '../../support/raw-client.js';
import { client, clients, create, multiOf, open, server, socket, useServer } from './protocol-world.js';

const { NodeDeleted, NodeChildrenChanged } = EventTypeCode;

useServer();

describe('the handshake', () => {
  it('moves the timeout to the nearest bound', async () => {
    for (const [asked, given] of [
      [-5, 1000],
      [1, 1000],
      [7000, 7000],
      [60_001, 60_000],
    ] as const) {
      expect((await (await socket()).handshake({ timeOut: asked }))?.timeOut).toBe(given);
    }
  });

  it('has the read-only byte only if the request had it', async () => {
    expect((await (await socket()).handshake({ readOnly: true }))?.readOnly).toBe(false);
    expect((await (await socket()).handshake({ readOnly: undefined }))?.readOnly).toBeUndefined();
  });

  it('takes any password for a new session, and none', async () => {
    for (const passwd of [null, Buffer.alloc(3)]) {
      expect((await (await socket()).handshake({ passwd }))?.sessionId).not.toBe(0n);
    }
  });

  it('hangs up on a client that has seen more than there is', async () => {
    expect(await (await socket()).handshake({ lastZxidSeen: server.lastZxid + 1n })).toBeNull();
    expect(await (await socket()).handshake({ lastZxidSeen: server.lastZxid })).not.toBeNull();
  });

  it('hangs up on a connect request that is too short', async () => {
    const short = await socket();
    short.sendFrame(Buffer.alloc(20));
    expect(await short.frame()).toBeNull();
  });

  it('takes a zxid for a new session and none for an old one', async () => {
    const before = server.lastZxid;
    const fresh = await open();
    expect(server.lastZxid).toBe(before + 1n);
    await RawClient.reattach(server, fresh);
    expect(server.lastZxid).toBe(before + 1n);
  });

  it('closes the other connection of the session and takes its watches along', async () => {
    const auth = { type: 0, scheme: 'digest', auth: Buffer.from('u:p') };
    await client.call('auth', auth);
    await client.call('getData', { path: '/t', watch: true });
    const again = await RawClient.reattach(server, client);
    clients.push(again);
    await client.hungUp();
    expect(again.session).toMatchObject({ sessionId: client.session!.sessionId, timeOut: 30_000 });
    expect(server.watchCount('/t')).toBe(0);
  });

  it('answers a wrong password with zeros, and closes the good connection as well', async () => {
    const { sessionId } = client.session!;
    for (const passwd of [Buffer.alloc(16, 1), null]) {
      const wrong = await socket();
      const response = await wrong.handshake({ sessionId, passwd });
      expect(response).toMatchObject({
        timeOut: 0,
        sessionId: 0n,
        passwd: Buffer.alloc(16),
        readOnly: false,
      });
      await wrong.hungUp();
    }
    await client.hungUp();
    expect((await RawClient.reattach(server, client)).session?.sessionId).toBe(sessionId);
  });
});

describe('headers', () => {
  it('carry the zxid that a write took, also one that failed', async () => {
    const created = await create('/t/a');
    expect((await create('/t/a')).zxid).toBe(created.zxid + 1n);
    const read = await client.call('exists', { path: '/t/a', watch: false });
    expect([read.zxid, read.errno]).toEqual([created.zxid + 1n, 0]);
  });

  it('answer a ping with xid -2 whatever it had', async () => {
    expect(await client.call('ping', {}, 77)).toMatchObject({
      xid: Xid.PING,
      zxid: server.lastZxid,
      errno: 0,
    });
  });

  it('answer auth with its xid and zxid 0', async () => {
    const auth = { type: 9, scheme: 'digest', auth: Buffer.from('u:p') };
    expect(await client.call('auth', auth, 44)).toMatchObject({ xid: 44, zxid: 0n, errno: 0 });
  });

  it('come in the order of the requests', async () => {
    const xids = [5, 3, 9, 1].map((xid) => client.send('exists', { path: '/t', watch: false }, xid));
    for (const xid of xids) expect((await client.reply())?.xid).toBe(xid);
  });
});

describe('bad requests', () => {
  it('of an unknown type are answered Unimplemented with zxid -1, then comes the end', async () => {
    for (const type of [0, 13, 999, -1]) {
      const other = await open();
      const w = new JuteWriter();
      w.int(3);
      w.int(type);
      other.sendFrame(w.bytes());
      expect(await other.reply()).toMatchObject({ xid: 3, zxid: -1n, errno: Errno.Unimplemented });
      expect(await other.frame()).toBeNull();
    }
  });

  it('with a body cut short are MarshallingError, take no zxid, and the connection stays', async () => {
    const before = server.lastZxid;
    for (const [name, request] of [
      ['create', { path: '/t/x', data: null, acl: OPEN_ACL_UNSAFE, flags: 0 }],
      ['setData', { path: '/t', data: null, version: -1 }],
      ['getData', { path: '/t', watch: false }],
      ['setWatches', { relativeZxid: 0n, dataWatches: [], existWatches: [], childWatches: [] }],
    ] as const) {
      const bytes = requestBytes(name, request as never, 5);
      for (let length = 8; length < bytes.length; length++) {
        client.sendFrame(bytes.subarray(0, length));
        expect(await client.reply()).toMatchObject({ xid: 5, zxid: before, errno: Errno.Marshalling });
      }
    }
  });

  it('with less than no elements have none: no list of ACLs, and no watch', async () => {
    for (const [name, request, errno] of [
      ['create', { path: '/t/x', data: null, acl: null, flags: 0 }, Errno.InvalidAcl],
      ['setACL', { path: '/t', acl: null, version: -1 }, Errno.InvalidAcl],
      ['setWatches', { relativeZxid: 0n, dataWatches: [], existWatches: [], childWatches: null }, 0],
    ] as const) {
      const bytes = requestBytes(name, request as never, 5);
      // the null of each is the only count of -1
      const at = bytes.lastIndexOf(Buffer.from('ffffffff', 'hex'), name === 'setACL' ? -5 : undefined);
      bytes.writeInt32BE(-2, at);
      client.sendFrame(bytes);
      expect(await client.reply(), name).toMatchObject({ xid: 5, errno });
    }
  });

  it('that are a multi cut short take a zxid', async () => {
    const before = server.lastZxid;
    client.sendFrame(
      requestBytes('multi', multiOf(['check', { path: '/t', version: 0 }]), 5).subarray(0, 20),
    );
    expect(await client.reply()).toMatchObject({ zxid: before + 1n, errno: Errno.Marshalling });
  });

  it('with bytes behind the body are fine', async () => {
    client.sendFrame(
      Buffer.concat([requestBytes('exists', { path: '/t', watch: false }, 5), Buffer.alloc(9)]),
    );
    expect((await client.reply())?.errno).toBe(0);
  });

  it.each([-1, 0, 4, 7])('with the frame length %i end the connection', async (length) => {
    const w = new JuteWriter();
    w.int(length);
    for (let i = 0; i < length; i++) w.bool(false);
    client.sendBytes(w.bytes());
    expect(await client.frame()).toBeNull();
  });

  it('pass with 1048575 bytes and end the connection with one more', async () => {
    const bytes = (size: number) => {
      const over = requestBytes('setData', { path: '/t', data: null, version: 9 }, 5).length;
      return requestBytes('setData', { path: '/t', data: Buffer.alloc(size - over), version: 9 }, 5);
    };
    client.sendFrame(bytes(1_048_575));
    expect((await client.reply())?.errno).toBe(Errno.BadVersion);
    client.sendFrame(bytes(1_048_576));
    expect(await client.frame()).toBeNull();
  });

  it('behind a good one do not eat its reply', async () => {
    client.sendBytes(
      Buffer.concat([
        Buffer.from([0, 0, 0, 8]),
        requestBytes('ping', {}, 1),
        Buffer.from([0xff, 0xff, 0xff, 0xff]),
      ]),
    );
    expect((await client.reply())?.xid).toBe(Xid.PING);
    expect(await client.frame()).toBeNull();
  });
});

describe('closeSession', () => {
  it('fires the own watches, answers, hangs up, and drops what comes behind it', async () => {
    const other = await open();
    await create('/t/e', 1);
    await client.call('exists', { path: '/t/e', watch: true });
    await other.call('getChildren', { path: '/t', watch: true });
    client.send('closeSession', {}, 9);
    client.send('create', { path: '/t/late', data: null, acl: OPEN_ACL_UNSAFE, flags: 0 }, 10);
    const reply = await client.reply();
    expect(reply).toMatchObject({ xid: 9, errno: 0, zxid: server.lastZxid });
    expect(client.events).toEqual([{ zxid: reply!.zxid, type: NodeDeleted, path: '/t/e' }]);
    expect(await client.frame()).toBeNull();
    expect(await other.event()).toEqual({ zxid: reply!.zxid, type: NodeChildrenChanged, path: '/t' });
    expect(server.tree.get('/t/late')).toBeUndefined();
  });
});
