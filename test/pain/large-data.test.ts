/** Requests and replies of many bytes: what is refused, and that what is taken arrives whole. */
import { describe, expect, it } from 'vitest';
import { connect, RequestTooLargeError, type GetResult } from '../../src/index.js';
import { operations } from '../../src/protocol/operations.js';
import { MiniServer } from '../../src/testing.js';
import { CoreWorld, STAT, replyFrame } from '../support/core-world.js';
import { rejectionOf } from '../support/scripted-server.js';

const KIB = 1024;
const MIB = 1024 * KIB;

describe('a request over the limit', () => {
  it('is refused here by its size, which a server would answer by hanging up [I2]', async () => {
    const server = await MiniServer.start();
    const conn = await connect(server.connectString);
    await conn.create('/a');
    const said: string[] = [];
    conn.on('state', ({ state }) => void said.push(state));
    const error = await rejectionOf(conn.set('/a', Buffer.alloc(MIB)));
    expect(error).toBeInstanceOf(RequestTooLargeError);
    expect(error).toMatchObject({ op: 'setData', path: '/a', outcome: 'not-sent' });
    expect((error as Error).message).toMatch(/1048575/);
    // the longest that the server takes: 1 MiB - 1, less header, path, length and version
    const longest = MIB - 1 - (8 + 4 + 2 + 4 + 4);
    expect((await conn.set('/a', Buffer.alloc(longest, 1))).version).toBe(1);
    expect(await rejectionOf(conn.set('/a', Buffer.alloc(longest + 1)))).toBeInstanceOf(RequestTooLargeError);
    expect(said).toEqual([]);
    await conn.close();
    await server.close();
  });

  it('is taken where both sides were told to [I2]', async () => {
    const server = await MiniServer.start({ juteMaxBufferBytes: 20 * MIB });
    const options = { maxRequestBytes: 20 * MIB, maxResponseBytes: 20 * MIB };
    const conn = await connect(server.connectString, options);
    const data = Buffer.alloc(16 * MIB);
    for (let i = 0; i < data.length; i += 4093) data.writeUInt8((i / 4093) & 0xff, i);
    await conn.create('/big', data);
    const read = await conn.get('/big');
    expect(read.data?.equals(data)).toBe(true);
    await conn.close();
    await server.close();
  });
});

describe('a reply', () => {
  /** Bytes of data whose every place can be told from the others near it. */
  const pattern = Buffer.alloc(16 * MIB + KIB);
  for (let i = 0; i < pattern.length; i++) pattern[i] = (i * 31 + (i >> 8) * 7 + (i >> 16)) & 0xff;

  const getRow = operations.getData;

  /** Sends the reply to a get in chunks of a size, with a small one behind it, and says what came of both. */
  function deliver(size: number, chunk: number): void {
    const w = new CoreWorld({ maxResponseBytes: 17 * MIB });
    w.goLive();
    const data = pattern.subarray(0, size);
    const [big, small] = [w.get('/big'), w.get('/small')];
    w.flush();
    const reply = (xid: number, bytes: Buffer): Buffer =>
      replyFrame(xid, { body: (b) => getRow.writeResponse(b, { data: bytes, stat: STAT }) });
    const bytes = Buffer.concat([reply(1, data), reply(2, Buffer.from('behind'))]);
    for (let at = 0; at < bytes.length; at += chunk) {
      w.core.bytes(w.epoch, bytes.subarray(at, at + chunk), w.now);
    }
    const got = [big, small].map(({ result }) => (result as { value: GetResult }).value.data);
    if (!got[0]!.equals(data)) throw new Error(`${size} bytes in chunks of ${chunk} are other bytes`);
    expect(got[1]!.toString()).toBe('behind');
    expect(w.core.phase.name).toBe('live');
  }

  const around = (middle: number, by: number): number[] =>
    Array.from({ length: 2 * by + 1 }, (_, i) => middle - by + i);

  it(
    'of every size around 64 KiB is the same in single bytes, in chunks of 1 KiB, and whole [I3]',
    { timeout: 300_000 },
    () => {
      for (const size of around(64 * KIB, 32)) for (const chunk of [1, KIB, Infinity]) deliver(size, chunk);
    },
  );

  it('of every size around 1 MiB is, too [I3]', { timeout: 300_000 }, () => {
    for (const size of around(MIB, 32)) for (const chunk of [KIB, Infinity]) deliver(size, chunk);
    for (const size of [MIB - 32, MIB - 1, MIB, MIB + 1]) deliver(size, 1);
  });

  it('of 16 MiB is, too [I3]', { timeout: 300_000 }, () => {
    for (const chunk of [1, KIB, Infinity]) deliver(16 * MIB, chunk);
  });
});
