/** Getting a connection back: how often it is tried, what is kept meanwhile, and when it is given up. */
import { beforeAll, describe, expect, it } from 'vitest';
import { connect, type ConnectErrorEvent } from '../../src/index.js';
import { Errno } from '../../src/protocol/error-codes.js';
import {
  ConnectionLossError,
  LinkError,
  NoServerError,
  RequestTimeoutError,
  ZkError,
} from '../../src/protocol/errors.js';
import { MiniServer, VirtualClock } from '../../src/testing.js';
import { STAT, notification, replyFrame } from '../support/core-world.js';
import { heapGrowth } from '../support/heap.js';
import { ScriptedServer, rejectionOf, settle, watchOutcome } from '../support/scripted-server.js';
import { freePorts } from '../support/zookeeper-process.js';

const T = 9000;

describe('servers that all refuse', () => {
  it('are told of one by one, and end a connect that has a limit, with all causes [A8]', async () => {
    const server = new ScriptedServer();
    const conn = server.conn({ backoff: { baseMs: 100, maxMs: 3000 } });
    const told: ConnectErrorEvent[] = [];
    conn.on('connectError', (event) => void told.push(event));
    server.onDial = (link) => link.fail(new Error('connect ECONNREFUSED 10.0.0.1:1'));
    const failed = rejectionOf(conn.connect({ timeoutMs: 60_000 }));
    await settle();
    await server.clock.advance(60_000);
    const error = await failed;
    expect(error).toBeInstanceOf(NoServerError);
    const causes = (error as { cause: AggregateError }).cause.errors as LinkError[];
    expect(causes.map(({ message }) => message.slice(0, 3)).sort()).toEqual(['a:1', 'b:1', 'c:1']);
    expect(causes.every((cause) => cause instanceof LinkError)).toBe(true);
    // each attempt with its server, its number and its cause, which names the address
    expect(told.map(({ attempt }) => attempt)).toEqual(told.map((_, i) => i + 1));
    expect(told.map((event) => event.server)).toEqual(server.dialed.slice(0, told.length));
    for (const event of told) expect((event.error.cause as Error).message).toContain('10.0.0.1');
    // a minute of it is hardly any work: three attempts for each pause, which grows to three seconds
    expect(told.length).toBeLessThan(3 * (6 + 60 / 3));
    expect(server.clock.timersSet).toBeLessThan(3 * told.length);
    await conn.close();
    const { timersSet } = server.clock;
    await server.clock.advance(3_600_000);
    expect([server.clock.timersSet, server.links.length]).toEqual([timersSet, told.length]);
  });
});

describe('servers that accept and hang up', () => {
  it(
    'are not asked more often than the pauses allow, leave nothing behind, and are forgiven [A9]',
    { timeout: 300_000 },
    async () => {
      const server = new ScriptedServer();
      const conn = server.conn({ backoff: { baseMs: 100, maxMs: 3000 } });
      let attempts = 0;
      server.onDial = async (link) => {
        attempts++;
        // what the test itself would keep
        server.links.splice(0, server.links.length - 1);
        await link.connect();
        await link.end();
      };
      const connecting = conn.connect({ timeoutMs: 0 });
      const start = server.clock.now();
      const until = async (count: number): Promise<void> => {
        while (attempts < count) await server.clock.advance(3000);
      };
      const growth = await heapGrowth(
        () => until(1000),
        () => until(10_000),
      );
      const elapsed = server.clock.now() - start;
      // pauses of 100, 200, … 1600, and 3000 ms from then on, one for three attempts
      expect(attempts).toBeLessThanOrEqual(3 * (7 + (elapsed - 3100) / (3000 * 0.999)) + 3);
      expect(attempts).toBeGreaterThan(elapsed / 3000);
      expect(growth / 9000).toBeLessThan(50);
      server.onDial = (link) => link.welcome();
      // the last of the old kind may still be under way
      for (let i = 0; i < 3 && conn.state !== 'SyncConnected'; i++) await server.clock.advance(3000);
      expect(await connecting).toBe(conn);
      await server.close(conn);
    },
  );
});

describe('a server that restarts', () => {
  it(
    'a hundred times has one connection of each Conn, and none after close [A10]',
    { timeout: 300_000 },
    async () => {
      // it is away a hundred times, and nobody else gets its port
      const [port] = await freePorts(1);
      const server = await MiniServer.start({ port });
      const options = { closeTimeoutMs: 30_000, backoff: { baseMs: 1, maxMs: 1 } };
      const conns = [
        await connect(server.connectString, options),
        await connect(server.connectString, options),
      ];
      const { sessionId } = conns[0]!;
      for (let i = 0; i < 100; i++) {
        const back = conns.map(
          (conn) =>
            new Promise<void>((resolve) =>
              conn.on('connection', (state) => (state === 'RECONNECTED' ? resolve() : undefined)),
            ),
        );
        await server.restart();
        await Promise.all(back);
        await Promise.all(conns.map((conn) => conn.exists('/')));
        expect(server.connectionCount).toBe(2);
      }
      expect(conns[0]!.sessionId).toBe(sessionId);
      expect(await Promise.all(conns.map((conn) => conn.close()))).toEqual([
        { confirmed: true },
        { confirmed: true },
      ]);
      await server.close();
    },
  );

  it('and never comes back is not dialed any more once the Conn is closed [A10]', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    server.onDial = (link) => link.fail();
    await server.link.fail();
    await server.clock.advance(50);
    expect(conn.state).toBe('Disconnected');
    const dials = server.links.length;
    expect(await conn.close()).toEqual({ confirmed: false });
    expect(server.links.every(({ closed }) => closed)).toBe(true);
    await server.clock.advance(3_600_000);
    expect([server.links.length, server.clock.timers]).toEqual([dials, 0]);
  });
});

describe('a server that is behind what was seen', () => {
  it('costs nothing but the attempt: the session is kept and resumed elsewhere [A11]', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const call = conn.exists('/');
    await settle();
    await server.link.answer(server.link.takeOne(), { stat: STAT }, 0x500n);
    await call;
    await server.link.fail();
    // a real server hangs up without a word
    await server.link.connect();
    await server.link.end();
    expect(server.dialed).toEqual(['a:1', 'b:1', 'c:1']);
    await server.link.welcome();
    expect(server.link.handshake).toMatchObject({ sessionId: 0xabcn, lastZxidSeen: 0x500n });
    expect([conn.state, conn.sessionEpoch, conn.lastZxid]).toEqual(['SyncConnected', 1, 0x500n]);
    await server.close(conn);
  });

  it('and so are all: the session is given up at its deadline, and the next one begins from nothing [A11]', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const call = conn.exists('/');
    await settle();
    await server.link.answer(server.link.takeOne(), { stat: STAT }, 0x500n);
    await call;
    const heard = server.clock.now();
    let accepted: number | null = null;
    server.onDial = async (link) => {
      await link.connect();
      if (link.handshake.lastZxidSeen > 0n) {
        await link.end();
        return;
      }
      accepted ??= server.clock.now();
      await link.accept({ sessionId: 2n });
    };
    await server.link.fail();
    await server.clock.advance(heard + (4 * T) / 3 - 1 - server.clock.now());
    expect([conn.sessionId, accepted]).toEqual([0xabcn, null]);
    await server.clock.advance(4000);
    expect([conn.state, conn.sessionId, conn.lastZxid]).toEqual(['SyncConnected', 2n, 0n]);
    expect(server.link.handshake.sessionId).toBe(0n);
    await server.close(conn);
  });

  it('because all its data is gone, is used again with a new session [A11]', async () => {
    const clock = new VirtualClock();
    const before = await MiniServer.start({ clock });
    const conn = await connect(before.connectString, { clock, dialer: before.dialer });
    for (let i = 0; i < 20; i++) await conn.create(`/n${i}`);
    const said: string[] = [];
    const again = new Promise<void>((resolve) =>
      conn.on('connection', (state) => {
        said.push(state);
        if (state === 'CONNECTED') resolve();
      }),
    );
    const { port } = before;
    await before.close();
    const empty = await MiniServer.start({ port, clock });
    await clock.advanceUntil(again);
    expect(said).toEqual(['SUSPENDED', 'LOST', 'CONNECTED']);
    expect(conn.lastZxid).toBeLessThan(20n);
    await conn.create('/works');
    expect(conn.lastZxid).toBe(empty.lastZxid);
    await conn.close();
    await empty.close();
  });
});

describe('the zxid that is shown at a reconnect', () => {
  it('never falls, whatever pings, notifications and errors carry [A12]', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const auth = conn.addAuth('digest', 'a:b');
    await settle();
    await server.link.send(replyFrame(server.link.takeOne().xid, { zxid: 0n }));
    await auth;
    let highest = 0n;
    for (const zxid of [5n, -1n, 7n, 3n, 0x1_0000_0002n, 0xfn, 0x1_0000_0001n, 0n]) {
      const calls = [conn.exists('/'), rejectionOf(conn.get('/none'))];
      await settle();
      const [exists, get] = server.link.take();
      await server.link.send(notification(3, '/', -1n), notification(3, '/', 0x7_0000_0000n));
      await server.link.answer(exists!, { stat: STAT }, zxid);
      await server.link.send(replyFrame(get!.xid, { zxid: zxid - 1n, err: Errno.NoNode }));
      await Promise.all(calls);
      await server.clock.advance(2000);
      for (const ping of server.link.take()) await server.link.send(replyFrame(ping.xid, { zxid: -1n }));
      if (zxid > highest) highest = zxid;
      expect(conn.lastZxid).toBe(highest);
    }
    for (let i = 0; i < 3; i++) {
      await server.cutAndResume();
      expect(server.link.handshake.lastZxidSeen).toBe(0x7_0000_0000n);
      for (const request of server.link.take())
        await server.link.send(replyFrame(request.xid, { zxid: -1n }));
      await server.clock.advance(2000);
      for (const ping of server.link.take()) await server.link.send(replyFrame(ping.xid, { zxid: -1n }));
    }
    await server.close(conn);
  });
});

describe('calls while ZooKeeper is away', () => {
  const calls = (conn: Awaited<ReturnType<ScriptedServer['connected']>>): Promise<unknown>[] => [
    conn.get('/a'),
    conn.exists('/a'),
    conn.children('/a'),
    conn.getAcl('/a'),
    conn.sync('/a'),
    conn.create('/a'),
    conn.createWithStat('/a'),
    conn.set('/a', 'x'),
    conn.delete('/a'),
    conn.setAcl('/a', [{ perms: 31, scheme: 'world', id: 'anyone' }]),
    conn.getW('/a'),
    conn.ensurePath('/a/b'),
    conn.deleteRecursive('/a'),
    conn.transaction().check('/a').commit(),
    conn.call('getData', { path: '/a', watch: false }),
  ];

  // what deleteRecursive loads when it is first used; loading takes real time
  beforeAll(() => import('p-queue'));

  it('wait no longer than the session timeout, and say that they were not sent [A16]', async () => {
    const server = new ScriptedServer();
    const conn = server.conn({ requestTimeoutMs: undefined });
    const all = calls(conn).map((call) => rejectionOf(call));
    const outcomes = all.map((call) => watchOutcome(call));
    server.onDial = (link) => link.fail();
    const connecting = rejectionOf(conn.connect());
    await settle();
    await server.clock.advance(T - 1);
    expect(outcomes.filter(({ current }) => current !== undefined)).toEqual([]);
    await server.clock.advance(1);
    for (const call of all) {
      const error = await call;
      expect(error).toBeInstanceOf(RequestTimeoutError);
      expect(error).toMatchObject({ outcome: 'not-sent' });
    }
    expect(await connecting).toBeInstanceOf(NoServerError);
    await conn.close();
  });

  it('fail at once where nothing may wait [A16]', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected({ offlineQueue: false });
    await server.link.fail();
    for (const call of calls(conn)) {
      const error = await rejectionOf(call);
      expect(error).toBeInstanceOf(ConnectionLossError);
      expect(error).toMatchObject({ outcome: 'not-sent' });
    }
    await conn.close();
  });

  it('settle when a server swallows them, and say that nobody knows [A16]', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected({ requestTimeoutMs: undefined, captureStack: false });
    const all = calls(conn).map((call) => rejectionOf(call));
    await settle();
    await server.clock.advance(T);
    for (const call of all) {
      const error = await call;
      expect(ZkError.is(error)).toBe(true);
      expect(error).toMatchObject({ outcome: 'unknown' });
    }
    await conn.close();
  });
});

describe('many clients of one server that are cut at once', () => {
  it('come back spread over the pause, not in one moment [A18]', async () => {
    const window = 1000;
    let seed = 1;
    const random = (): number => (seed = (seed * 48_271) % 0x7fffffff) / 0x7fffffff;
    const options = { backoff: { baseMs: window, maxMs: 3000 }, random, sessionTimeoutMs: 30_000 };
    const buckets = new Map<number, number>();
    for (let i = 0; i < 200; i++) {
      // each sees the server for itself, at the same time by its clock
      const server = new ScriptedServer();
      const conn = await server.connected(options, 'only:1');
      await server.clock.advance(1000);
      const start = server.clock.now();
      server.onDial = (link) => {
        const bucket = Math.floor((server.clock.now() - start) / 100);
        buckets.set(bucket, (buckets.get(bucket) ?? 0) + 1);
        return link.welcome();
      };
      await server.link.fail();
      await server.clock.advance(window);
      expect(conn.state).toBe('SyncConnected');
      await server.close(conn);
    }
    const counts = [...buckets.values()];
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(200);
    expect(Math.max(...counts)).toBeLessThanOrEqual(40);
  });

  it('each have an order of their own in which they try the servers [A18]', async () => {
    const server = new ScriptedServer();
    let seed = 1;
    const random = (): number => (seed = (seed * 48_271) % 0x7fffffff) / 0x7fffffff;
    server.onDial = (link) => link.welcome();
    const first = new Map<string, number>();
    const second = new Map<string, number>();
    for (let i = 0; i < 200; i++) {
      const conn = server.conn({ random }, 'a:1,b:1,c:1,d:1,e:1');
      await conn.connect();
      const { name } = server.link;
      first.set(name, (first.get(name) ?? 0) + 1);
      await server.link.fail();
      second.set(server.link.name, (second.get(server.link.name) ?? 0) + 1);
      await server.close(conn);
    }
    for (const counts of [first, second]) {
      expect(counts.size).toBe(5);
      expect(Math.max(...counts.values())).toBeLessThanOrEqual(60);
    }
  });
});
