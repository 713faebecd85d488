/** The client's socket reads into one buffer again and again: nothing that a chunk brought may be kept in it. */
import { afterEach, expect, it } from 'vitest';
import { connect, tcpDialer, type Conn, type Dialer } from '../../../src/index.js';
import { MiniServer } from '../../../src/testing.js';

/** Spoils each chunk as soon as it was taken, and cuts what comes into chunks of `bytes`. */
const spoiling =
  (bytes: number): Dialer =>
  (server, events) =>
    tcpDialer(server, {
      onConnect: () => events.onConnect(),
      onDrain: () => events.onDrain(),
      onEnd: () => events.onEnd(),
      onClose: (error) => events.onClose(error),
      onData: (chunk) => {
        for (let at = 0; at < chunk.length; at += bytes) {
          const lent = Buffer.from(chunk.subarray(at, at + bytes));
          events.onData(lent);
          lent.fill(0xff);
        }
      },
    });

let server: MiniServer;
let conn: Conn;

afterEach(async () => {
  await conn.close();
  await server.close();
});

it.each([1, 7, 100, 64 * 1024])('in chunks of %i bytes that are overwritten', async (bytes) => {
  server = await MiniServer.start();
  conn = await connect(server.connectString, { dialer: spoiling(bytes) });
  const values = ['', 'a', 'x'.repeat(100), 'y'.repeat(5000)];
  await conn.create('/a');
  await Promise.all(values.map((value, i) => conn.create(`/a/${i}-${'n'.repeat(i * 50)}`, value)));
  const { children } = await conn.children('/a');
  const read = await Promise.all([...children].sort().map((name) => conn.get(`/a/${name}`)));
  expect(read.map(({ data }) => data?.toString())).toEqual(values);
  expect(await conn.getAcl('/a')).toMatchObject({ acl: [{ scheme: 'world', id: 'anyone', perms: 31 }] });
});

it.each([1, 7, 64 * 1024])(
  'with a watch that fires right behind its reply, in chunks of %i bytes',
  async (bytes) => {
    server = await MiniServer.start();
    conn = await connect(server.connectString, { dialer: spoiling(bytes) });
    await conn.create('/a', 'before');
    for (let round = 0; round < 20; round++) {
      const value = `value ${round}`;
      const [first, , second] = await Promise.all([
        conn.getW('/a').then(async ({ watch }) => (await watch.event).path),
        conn.set('/a', value),
        conn.get('/a'),
        conn.get('/a'),
      ]);
      expect([first, second.data?.toString()]).toEqual(['/a', value]);
    }
  },
);

it('reads into one buffer, and only for those who said that they give it back', async () => {
  server = await MiniServer.start();
  conn = await connect(server.connectString);
  const { borrowing } = await import('../../../src/net/transport.js');
  const buffersOf = async (
    mark: (events: Parameters<Dialer>[1]) => Parameters<Dialer>[1],
  ): Promise<number> => {
    const buffers = new Set<ArrayBufferLike>();
    let answers = 0;
    await new Promise<void>((resolve) => {
      const transport = tcpDialer(
        { host: '127.0.0.1', port: server.port },
        mark({
          onConnect: () => transport.write(Buffer.from('ruok')),
          onData: (chunk) => {
            answers++;
            buffers.add(chunk.buffer);
            expect(chunk.toString()).toBe('imok');
          },
          onDrain: () => undefined,
          onEnd: () => transport.destroy(),
          onClose: () => resolve(),
        }),
      );
    });
    expect(answers).toBe(1);
    return [...buffers][0]?.byteLength ?? 0;
  };
  expect(await buffersOf(borrowing)).toBe(64 * 1024);
  // whoever puts callbacks of his own around them knows nothing of that
  expect(await buffersOf((events) => ({ ...borrowing(events) }))).toBeLessThan(64 * 1024);
});
