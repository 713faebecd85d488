/** Data of every length, children without end, and buffers that their owner goes on to use. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Conn, RequestTooLargeError, op } from '../../../src/index.js';
import { MiniServer } from '../../../src/testing.js';
import { rejectionOf } from '../../support/scripted-server.js';

let server: MiniServer;
let conn: Conn;

beforeEach(async () => {
  server = await MiniServer.start();
  conn = new Conn(server.connectString, { dialer: server.dialer });
  await conn.connect();
});

afterEach(async () => {
  await conn.close();
  await server.close();
});

/** Bytes that say where they are. */
function pattern(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + length) & 0xff;
  return bytes;
}

describe('data', () => {
  // the limit of a frame, without xid, type, length and text of the path, length of the data, version
  const ROOM = 0xfffff - (4 + 4 + 4 + '/a'.length + 4 + 4);
  const around = Array.from({ length: 8 }, (_, i) => 2 ** (13 + i)).flatMap((n) =>
    [-65, -64, -2, -1, 0, 1, 2, 63, 64].map((by) => n + by),
  );
  const lengths = [...Array.from({ length: 4200 }, (_, i) => i), ...around, ROOM - 1, ROOM].filter(
    (length) => length <= ROOM,
  );

  it('of every length up to a page, around every power of two, and up to the limit comes back exactly', async () => {
    await conn.create('/a');
    const batch = 100;
    for (let at = 0; at < lengths.length; at += batch) {
      const some = lengths.slice(at, at + batch);
      // one connection answers in order: each get is that of the set before it
      const pairs = await Promise.all(
        some.map((length) => Promise.all([conn.set('/a', pattern(length)), conn.get('/a')])),
      );
      for (const [i, [stat, { data }]] of pairs.entries()) {
        expect(stat.dataLength).toBe(some[i]);
        if (!data!.equals(pattern(some[i]!))) throw new Error(`data of ${some[i]} bytes came back changed`);
      }
    }
  });

  it('beyond the limit is refused here, and the connection stays', async () => {
    await conn.create('/a', 'before');
    for (const more of [1, 2, 1000, 1 << 20]) {
      const error = await rejectionOf(conn.set('/a', Buffer.alloc(ROOM + more)));
      expect(error).toBeInstanceOf(RequestTooLargeError);
      expect(error).toHaveProperty('outcome', 'not-sent');
    }
    expect(String((await conn.get('/a')).data)).toBe('before');
    expect(conn.sessionEpoch).toBe(1);
  });

  it.each([1, 100, 5000, 200_000])(
    'of %i bytes may be changed by its owner right behind the call',
    async (size) => {
      await conn.create('/s');
      const own = Buffer.alloc(size, 'a');
      const first = Buffer.from(own);
      const calls = [
        conn.create('/c', own),
        conn.createWithStat('/d', own),
        conn.set('/s', own),
        conn.multi([op.create('/m', own)]),
      ];
      own.fill('b');
      await Promise.all(calls);
      for (const path of ['/c', '/d', '/s', '/m'])
        expect((await conn.get(path)).data!.equals(first), path).toBe(true);
    },
  );

  it('that waits for a connection may be changed by its owner, too', async () => {
    const late = new Conn(server.connectString, { dialer: server.dialer });
    const own = Buffer.alloc(5000, 'a');
    const first = Buffer.from(own);
    const calls = [late.create('/c', own), late.set('/c', own)];
    own.fill('b');
    await late.connect();
    await Promise.all(calls);
    expect((await late.get('/c')).data!.equals(first)).toBe(true);
    await late.close();
  });
});

describe('children', () => {
  it('a hundred thousand of them are listed, each once', { timeout: 300_000 }, async () => {
    await conn.create('/p');
    const names = Array.from({ length: 100_000 }, (_, i) => `child-${i}`);
    const making: Promise<unknown>[] = [];
    for (let i = 0; i < names.length; i += 2000)
      making.push(conn.multi(names.slice(i, i + 2000).map((name) => op.create(`/p/${name}`))));
    await Promise.all(making);
    const { children, stat } = await conn.children('/p');
    expect(stat.numChildren).toBe(names.length);
    expect(children).toHaveLength(names.length);
    expect(new Set(children)).toEqual(new Set(names));
  });
});
