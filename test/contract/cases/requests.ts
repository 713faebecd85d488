/** Frames, headers and bodies that no good client sends, and the zxids of replies. All through bare sockets. */
import { describe, expect, it } from 'vitest';
import { OPEN_ACL_UNSAFE } from '../../../src/index.js';
import { operations } from '../../../src/protocol/operations.js';
import { requestBytes } from '../../support/raw-client.js';
import type { ContractTarget } from '../target.js';

/** The server's `jute.maxbuffer`. */
const LONGEST_FRAME = 0xfffff;

/** xid and type, and nothing behind them. */
function bare(xid: number, type: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeInt32BE(xid, 0);
  bytes.writeInt32BE(type, 4);
  return bytes;
}

export function requests(target: ContractTarget): void {
  const exists = (path: string) => ({ path, watch: false });
  const create = (path: string) => ({ path, data: null, acl: OPEN_ACL_UNSAFE, flags: 0 });

  describe('ping', () => {
    it.each([-2, 5])('is answered with xid -2, whatever its own was (%i)', async (xid) => {
      const client = await target.raw();
      const { zxid } = await client.call('sync', { path: '/' });
      const reply = await client.call('ping', {}, xid);
      expect([reply.xid, reply.errno, reply.body.length]).toEqual([-2, 0, 0]);
      expect(reply.zxid >= zxid).toBe(true);
    });
  });

  describe('replies', () => {
    it.each([1, 0, 0x7fffffff, -3, -8, -2_000_000_000])(
      'carry the xid of their request (%i)',
      async (xid) => {
        const client = await target.raw();
        expect((await client.call('exists', exists('/'), xid)).xid).toBe(xid);
      },
    );

    it('come in the order of the requests', async () => {
      const client = await target.raw();
      const path = target.at('/a');
      client.send('create', create(path), 10);
      client.send('exists', exists(path), 11);
      client.send('ping', {}, -2);
      client.send('delete', { path, version: -1 }, 12);
      client.send('exists', exists(path), 13);
      client.send('sync', { path }, 14);
      const got: [number, number][] = [];
      for (let i = 0; i < 6; i++) {
        const reply = (await client.reply())!;
        got.push([reply.xid, reply.errno]);
      }
      expect(got.filter(([xid]) => xid !== -2)).toEqual([
        [10, 0],
        [11, 0],
        [12, 0],
        [13, -101],
        [14, 0],
      ]);
    });

    it('to a write have its own zxid, also when it failed; to a read the last one', async () => {
      const client = await target.raw();
      const path = target.at('/a');
      const good = await client.call('create2', { ...create(path) });
      expect(good.zxid).toBe(good.response?.stat.czxid);
      const read = await client.call('exists', exists(path));
      const failed = await client.call('create', create(path));
      const set = await client.call('setData', { path, data: null, version: -1 });
      expect(read.zxid >= good.zxid).toBe(true);
      expect(failed.errno).toBe(-110);
      expect(failed.zxid > read.zxid || failed.zxid > good.zxid).toBe(true);
      expect(set.zxid > failed.zxid).toBe(true);
      expect(set.response?.stat.mzxid).toBe(set.zxid);
    });

    it('with an error have no body', async () => {
      const client = await target.raw();
      const reply = await client.call('getData', exists(target.at('/none')));
      expect([reply.errno, reply.body.length]).toEqual([-101, 0]);
    });
  });

  describe('a request that is cut short', () => {
    // unreadable writes are left out: an ensemble of 3.9.3 cannot bear them (research/observed.md)
    it.each(['exists', 'getData', 'getChildren', 'getChildren2', 'getACL', 'multi'] as const)(
      '%s is a marshalling error, and the connection stays',
      async (name) => {
        const client = await target.raw();
        client.sendFrame(bare(7, operations[name].code));
        expect(await client.reply()).toMatchObject({ xid: 7, errno: -5 });
        expect((await client.call('exists', exists('/'))).errno).toBe(0);
      },
    );

    it('with a length that goes beyond it is a marshalling error', async () => {
      const client = await target.raw();
      const body = Buffer.alloc(4);
      for (const length of [0x7fffffff, 100, -2]) {
        body.writeInt32BE(length);
        client.sendFrame(Buffer.concat([bare(8, operations.getData.code), body]));
        expect(await client.reply()).toMatchObject({ xid: 8, errno: -5 });
      }
    });

    it('a check alone depends on the release', async () => {
      const client = await target.raw();
      client.sendFrame(
        Buffer.concat([
          bare(9, 13),
          requestBytes('delete', { path: target.at('/none'), version: 0 }, 0).subarray(8),
        ]),
      );
      const reply = await client.reply();
      if (target.facts.checkAloneIsUnknown) {
        expect(reply).toMatchObject({ xid: 9, errno: -6, zxid: -1n });
        expect(await client.reply()).toBeNull();
      } else {
        expect(reply).toMatchObject({ xid: 9, errno: -101 });
        expect((await client.call('exists', exists('/'))).errno).toBe(0);
      }
    });
  });

  describe('a request that is too long for what it is', () => {
    it('is answered all the same', async () => {
      const client = await target.raw();
      client.sendFrame(Buffer.concat([requestBytes('exists', exists('/'), 5), Buffer.from('more')]));
      expect(await client.reply()).toMatchObject({ xid: 5, errno: 0 });
    });
  });

  describe('deleteContainer, which is for servers', () => {
    const ofPath = (xid: number, path: string): Buffer =>
      Buffer.concat([bare(xid, 20), requestBytes('sync', { path }, 0).subarray(8)]);

    it('depends on the release', async () => {
      const client = await target.raw();
      const obeys = target.facts.deleteContainerObeys;
      const [plain, parent, ephemeral] = [target.at('/plain'), target.root, target.at('/e')];
      await client.call('create', create(plain));
      await client.call('create', { ...create(ephemeral), flags: 1 });
      const results = [
        [parent, -111],
        [ephemeral, -103],
        [plain, 0],
        [plain, -101],
        ['/zookeeper', -8],
        ['abc', -8],
      ] as const;
      for (const [path, errno] of results) {
        client.sendFrame(ofPath(4, path));
        expect(await client.reply(), path).toMatchObject({ xid: 4, errno: obeys ? errno : -8 });
      }
      expect((await client.call('exists', exists(plain))).errno).toBe(obeys ? -101 : 0);
    });
  });

  describe('an unknown operation', () => {
    it.each([10, 0, 99, 108, 1000, -2, -100, 0x7fffffff])(
      '%i is Unimplemented with zxid -1, then the server hangs up',
      async (type) => {
        const client = await target.raw();
        client.sendFrame(bare(3, type));
        expect(await client.reply()).toMatchObject({ xid: 3, errno: -6, zxid: -1n });
        expect(await client.reply()).toBeNull();
        // the session lives on
        expect((await target.reattach(client)).session?.sessionId).toBe(client.session?.sessionId);
      },
    );
  });

  describe('a frame', () => {
    it('of the greatest length is taken', async () => {
      const client = await target.raw();
      const request = requestBytes('exists', exists('/'), 5);
      client.sendFrame(Buffer.concat([request, Buffer.alloc(LONGEST_FRAME - request.length)]));
      expect(await client.reply()).toMatchObject({ xid: 5, errno: 0 });
    });

    it.each([LONGEST_FRAME + 1, 0x7fffffff, -1, -0x80000000, 0])(
      'of length %i ends the connection',
      async (length) => {
        const client = await target.raw();
        const head = Buffer.alloc(4);
        head.writeInt32BE(length);
        client.sendBytes(head);
        expect(await client.reply()).toBeNull();
      },
    );

    it.each([1, 4, 7])('of %i bytes, too short for a header, ends the connection', async (length) => {
      const client = await target.raw();
      client.sendFrame(Buffer.alloc(length));
      expect(await client.reply()).toBeNull();
    });

    it('in single bytes is understood', async () => {
      const client = await target.raw();
      const request = requestBytes('exists', exists(target.root), 6);
      const length = Buffer.alloc(4);
      length.writeInt32BE(request.length);
      for (const byte of Buffer.concat([length, request])) client.sendBytes(Buffer.from([byte]));
      expect(await client.reply()).toMatchObject({ xid: 6, errno: 0 });
    });
  });
}
