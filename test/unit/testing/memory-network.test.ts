/** `MiniServer.dialer`: all that is true of a socket must be true of a connection without one. */
import { afterEach, describe, expect, it } from 'vitest';
import { NoServerError, askServer, connect, type Conn, type ConnOptions } from '../../../src/index.js';
import { MiniServer, VirtualClock, type MiniServerOptions } from '../../../src/testing.js';
import { makeCertificates } from '../../support/certificates.js';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(options?: MiniServerOptions): Promise<MiniServer> {
  const server = await MiniServer.start(options);
  closers.push(() => server.close());
  return server;
}

async function open(server: MiniServer, options: ConnOptions = {}, at = server.connectString): Promise<Conn> {
  const conn = await connect(at, { dialer: server.dialer, ...options });
  closers.push(() => conn.close());
  return conn;
}

/** The next `connection` event of that name. */
const next = (conn: Conn, wanted: string): Promise<void> =>
  new Promise((resolve) => conn.on('connection', (what) => what === wanted && resolve()));

describe('dialer', () => {
  it('opens no socket', async () => {
    const server = await start();
    const sockets = (): number =>
      process.getActiveResourcesInfo().filter((name) => /^TCPSocket/.test(name)).length;
    const before = sockets();
    const conn = await open(server);
    expect([server.connectionCount, server.sessions.length, sockets() - before]).toEqual([1, 1, 0]);
    await conn.close();
    expect([server.connectionCount, server.sessions.length]).toEqual([0, 0]);
  });

  it.each(['localhost', '127.0.0.1', '[::1]'])(
    'knows %s, and reaches any server of this process',
    async (host) => {
      const [one, two] = [await start(), await start()];
      const conn = await open(one, {}, `${host}:${two.port}`);
      expect([one.sessions.length, two.sessions.map(({ id }) => id)]).toEqual([0, [conn.sessionId]]);
    },
  );

  it('refuses where nobody listens, as the system does', async () => {
    const clock = new VirtualClock();
    const server = await start({ clock });
    await server.stop();
    const failed = open(server, { clock, connectTimeoutMs: 1000, sessionTimeoutMs: 1000 });
    const error: unknown = await clock.advanceUntil(failed).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(NoServerError);
    expect((error as Error).message).toContain(`connect ECONNREFUSED ${server.connectString}`);
    const elsewhere = open(server, { clock, sessionTimeoutMs: 1000 }, `192.0.2.1:${server.port}`);
    await expect(clock.advanceUntil(elsewhere)).rejects.toThrow(`ECONNREFUSED 192.0.2.1`);
  });

  it('says that there is no TLS', async () => {
    using files = makeCertificates();
    const clock = new VirtualClock();
    const { key, cert } = files.server;
    const server = await start({ clock, tls: { key, cert } });
    await expect(clock.advanceUntil(open(server, { clock }))).rejects.toThrow('option tls has no dialer');
  });

  it('lets cuts be seen, and comes back', async () => {
    const server = await start();
    const conn = await open(server, { backoff: { baseMs: 1, maxMs: 1 } });
    const back = next(conn, 'RECONNECTED');
    const failed = conn.set('/', 'x').catch((error: unknown) => error);
    // behind the write
    await Promise.resolve();
    expect(server.dropConnections()).toBe(1);
    expect(await failed).toMatchObject({ code: 'ZK_CONNECTION_LOSS' });
    await back;
    const again = next(conn, 'RECONNECTED');
    await server.restart();
    await again;
    expect([server.connectionCount, server.sessions.length, conn.sessionEpoch]).toEqual([1, 1, 1]);
  });

  it('hangs up on more connections than are allowed', async () => {
    const clock = new VirtualClock();
    const server = await start({ clock, maxClientCnxns: 1 });
    await open(server, { clock });
    await expect(clock.advanceUntil(open(server, { clock }))).rejects.toThrow(NoServerError);
    expect(server.connectionCount).toBe(1);
  });

  it('carries what is large both ways, in order, also when one side must wait', async () => {
    const server = await start();
    const conn = await open(server);
    const blobs = Array.from({ length: 12 }, (_, i) => Buffer.alloc(900_000 + i, i));
    await Promise.all(blobs.map((data, i) => conn.create(`/blob-${i}`, data)));
    const read = await Promise.all(blobs.map((_, i) => conn.get(`/blob-${i}`)));
    read.forEach(({ data }, i) => expect(data?.equals(blobs[i]!)).toBe(true));
    expect(conn.sessionEpoch).toBe(1);
  });

  it('does not mix up the buffers of many small replies', async () => {
    const server = await start();
    const conn = await open(server);
    const names = Array.from({ length: 2000 }, (_, i) => `/n${i}`);
    await Promise.all(names.map((path) => conn.create(path, path)));
    const read = await Promise.all(names.map((path) => conn.get(path)));
    expect(read.map(({ data }) => data?.toString())).toEqual(names);
  });

  it('serves four-letter words', async () => {
    const server = await start();
    const { connections } = await askServer(server.connectString, 'srvr', { dialer: server.dialer });
    expect(connections).toBe(1);
  });

  it('ends connections when the server is closed', async () => {
    const server = await start();
    const conn = await open(server);
    const suspended = next(conn, 'SUSPENDED');
    await server.close();
    await suspended;
    expect(server.connectionCount).toBe(0);
  });
});
