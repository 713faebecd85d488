import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect, type Conn, type ConnOptions } from '../../../src/index.js';
import type { ConfigResult } from '../../../src/client/ensemble-calls.js';
import type { Watched } from '../../../src/client/results.js';
import { clientAddresses, followConfig } from '../../../src/client/follow-config.js';
import { Errno } from '../../../src/protocol/error-codes.js';
import { AuthFailedError, InvalidArgumentError, keeperError } from '../../../src/protocol/errors.js';
import { parseConfig } from '../../../src/protocol/ensemble-config.js';
import { MiniServer } from '../../../src/testing.js';
import { settle } from '../../support/scripted-server.js';

const CONFIG = '/zookeeper/config';

describe('the client addresses of a configuration', () => {
  it('are those that it tells, and the server where it says "any"', () => {
    const { servers } = parseConfig(
      [
        'server.1=zk1:2888:3888:participant;zk1.example:2181',
        'server.2=10.0.0.2:2888:3888:observer;0.0.0.0:2182',
        'server.3=[2001:db8::3]:2888:3888;[::]:2183',
        'server.4=zk4:2888:3888',
        'version=100000000',
      ].join('\n'),
    );
    expect(clientAddresses(servers)).toEqual([
      { host: 'zk1.example', port: 2181 },
      { host: '10.0.0.2', port: 2182 },
      { host: '2001:db8::3', port: 2183 },
    ]);
  });
});

describe('a read that fails later', () => {
  /** What was done, and how to make the next thing happen. */
  function world(): {
    done: string[];
    reads: (() => Promise<ConfigResult & Watched>)[];
    change: () => void;
    pauses: (() => void)[];
    over: boolean;
    begin: () => Promise<void>;
  } {
    const it = {
      done: [] as string[],
      reads: [] as (() => Promise<ConfigResult & Watched>)[],
      change: (): void => undefined,
      pauses: [] as (() => void)[],
      over: false,
      begin: () =>
        followConfig(
          {
            getConfigW: () => {
              it.done.push('read');
              const refuse = it.reads.shift();
              if (refuse !== undefined) return refuse();
              const event = new Promise<void>((resolve) => (it.change = resolve));
              const { servers } = parseConfig('server.1=zk1:2888:3888;zk1:2181\nversion=1');
              return Promise.resolve({ servers, watch: { event } } as unknown as ConfigResult & Watched);
            },
            updateServers: () => Promise.resolve(it.done.push('update')),
          },
          {
            isOver: () => it.over,
            pause: (ms) => {
              it.done.push(`pause ${ms}`);
              return new Promise((resolve) => it.pauses.push(resolve));
            },
          },
        ),
    };
    return it;
  }
  const refused = (): Promise<never> => Promise.reject(keeperError(Errno.NoAuth, { outcome: 'rejected' }));

  it('is made again behind a pause that grows, on the same connection', async () => {
    const all = world();
    await all.begin();
    expect(all.done.splice(0)).toEqual(['read', 'update']);
    all.reads.push(refused, refused);
    all.change();
    await settle();
    expect(all.done.splice(0)).toEqual(['read', 'pause 1000']);
    all.pauses.shift()!();
    await settle();
    expect(all.done.splice(0)).toEqual(['read', 'pause 2000']);
    all.pauses.shift()!();
    await settle();
    expect(all.done.splice(0)).toEqual(['read', 'update']);
    all.reads.push(refused);
    all.change();
    await settle();
    expect(all.done.splice(0)).toEqual(['read', 'pause 1000']);
  });

  it('is not made again when the Conn is over', async () => {
    const all = world();
    await all.begin();
    all.done.splice(0);
    all.over = true;
    all.change();
    await settle();
    expect(all.done).toEqual([]);
  });
});

describe('followConfig', () => {
  let server: MiniServer;
  let admin: Conn;
  beforeEach(async () => {
    server = await MiniServer.start({ superDigest: 'super:D/InIHSb7yEEbrWz8b9l71RjZJU=' });
    admin = await connect(server.connectString, { auth: [{ scheme: 'digest', auth: 'super:test' }] });
  });
  afterEach(async () => {
    await admin.close();
    await server.close();
  });

  const write = (...hosts: string[]): Promise<unknown> =>
    admin.set(CONFIG, hosts.map((h, i) => `server.${i}=h:1:2;${h}:${server.port}`).join('\n'));

  async function open(options: ConnOptions = {}): Promise<{ conn: Conn; resumed: () => Promise<void> }> {
    const conn = await connect(server.connectString, options);
    const resumed = (): Promise<void> =>
      new Promise((resolve) => conn.once('session', ({ what }) => what === 'resumed' && resolve()));
    return { conn, resumed };
  }

  it('takes the list now, and each new one, also under a chroot', async () => {
    await write('127.0.0.1');
    const { conn, resumed } = await open({ chroot: '/app' });
    const { sessionId } = conn;
    await conn.followConfig();
    expect(conn.server).toBe(`127.0.0.1:${server.port}`);
    for (const host of ['localhost', '127.0.0.1', 'localhost']) {
      const moved = resumed();
      await write(host);
      await moved;
      expect([conn.server, conn.sessionId]).toEqual([`${host}:${server.port}`, sessionId]);
    }
    await conn.close();
  });

  it('goes on with the next session', async () => {
    await write('127.0.0.1');
    const { conn, resumed } = await open();
    await conn.followConfig();
    const renewed = new Promise<void>((resolve) =>
      conn.on('session', ({ what }) => what === 'new' && resolve()),
    );
    server.expireSession(conn.sessionId);
    await renewed;
    const moved = resumed();
    await write('localhost');
    await moved;
    expect(conn.server).toBe(`localhost:${server.port}`);
    await conn.close();
  });

  it('ends with the Conn, and may be called again when that has come back from a refusal', async () => {
    await write('127.0.0.1');
    const { conn, resumed } = await open();
    await conn.followConfig();
    await expect(conn.addAuth('no-such-scheme', 'x')).rejects.toBeInstanceOf(AuthFailedError);
    await conn.reconnect();
    expect(server.watchCount(CONFIG)).toBe(0);
    await conn.followConfig();
    expect(server.watchCount(CONFIG)).toBe(1);
    const moved = resumed();
    await write('localhost');
    await moved;
    expect(conn.server).toBe(`localhost:${server.port}`);
    await conn.close();
  });

  it('leaves the list alone where a configuration is empty', async () => {
    const { conn } = await open();
    await Promise.all([conn.followConfig(), conn.followConfig()]);
    expect(server.watchCount(CONFIG)).toBe(1);
    expect(conn.server).toBe(server.connectString);
    await conn.close();
  });

  it('has nothing to follow where ports are secure', async () => {
    const conn = await connect(server.connectString, { tls: false });
    await conn.followConfig();
    await conn.close();
    const { Conn: Class } = await import('../../../src/index.js');
    const secure = new Class(server.connectString, { tls: true });
    await expect(secure.followConfig()).rejects.toBeInstanceOf(InvalidArgumentError);
    await secure.close();
  });

  it('says what went wrong at first, and may be called again', async () => {
    const { conn } = await open({ offlineQueue: false });
    await server.stop();
    await expect(conn.followConfig()).rejects.toMatchObject({ code: 'ZK_CONNECTION_LOSS' });
    await server.restart();
    if (conn.state !== 'SyncConnected') await new Promise((resolve) => conn.once('session', resolve));
    await conn.followConfig();
    await conn.close();
  });

  it('leaves no watch behind where the list cannot be changed', async () => {
    await write('127.0.0.1');
    const { conn } = await open({
      hostProvider: {
        size: 1,
        next: () => ({ server: { host: '127.0.0.1', port: server.port }, retryStart: true }),
        connected: () => undefined,
      },
    });
    for (let i = 0; i < 2; i++) {
      await expect(conn.followConfig()).rejects.toBeInstanceOf(InvalidArgumentError);
    }
    expect(Object.values(conn.stats().watches).every((count) => count === 0)).toBe(true);
    await conn.close();
  });
});
