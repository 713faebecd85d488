/** Faults on a clock that a test moves, between a Conn and a mini-server that talk without sockets. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ConnectionLossError,
  RequestTimeoutError,
  connect,
  type Conn,
  type ConnOptions,
} from '../../src/index.js';
import { MiniServer, VirtualClock } from '../../src/testing.js';

let clock: VirtualClock;
let server: MiniServer;
const conns: Conn[] = [];

beforeEach(async () => {
  clock = new VirtualClock();
  server = await MiniServer.start({ clock, log: true });
});
afterEach(async () => {
  server.heal();
  const closing = conns.splice(0).map((conn) => conn.close());
  // what is late arrives
  await clock.advance(10_000);
  await Promise.all(closing);
  await server.close();
});

async function open(options: ConnOptions = {}): Promise<Conn> {
  const conn = await connect(server.connectString, {
    clock,
    dialer: server.dialer,
    random: () => 0.5,
    sessionTimeoutMs: 30_000,
    ...options,
  });
  conns.push(conn);
  return conn;
}

/** What a promise came to, or `open`. */
async function stateOf(promise: Promise<unknown>): Promise<string> {
  let state = 'open';
  promise.then(
    () => (state = 'done'),
    (error: unknown) => (state = (error as Error).name),
  );
  await clock.advance(0);
  return state;
}

describe('without sockets', () => {
  it('lag is exact, to the millisecond', async () => {
    const conn = await open();
    server.lag(100);
    const read = conn.exists('/');
    await clock.advance(199);
    expect(await stateOf(read)).toBe('open');
    await clock.advance(1);
    expect(await stateOf(read)).toBe('done');
  });

  it('an hour of a slow network costs no session', async () => {
    const conn = await open();
    const { sessionId } = conn;
    server.lag(2_000);
    await clock.advance(3_600_000);
    expect([conn.sessionId, conn.state]).toEqual([sessionId, 'SyncConnected']);
    expect(server.log.frames({ op: 'ping', direction: 'toServer' }).length).toBeGreaterThan(100);
  });

  it.each(['reset', 'fin'] as const)('a cut by %s is seen, and the session goes on', async (how) => {
    const conn = await open();
    const { sessionId } = conn;
    const rule = server.when({ op: 'create' }).cut('beforeAnswered', { how });
    const created = conn.create('/a');
    created.catch(() => undefined);
    await clock.advance(0);
    await expect(created).rejects.toBeInstanceOf(ConnectionLossError);
    await clock.advance(10_000);
    expect(await conn.exists('/a')).not.toBeNull();
    expect([conn.sessionId, rule.count]).toEqual([sessionId, 1]);
  });

  it('silence is noticed after two thirds of the session timeout, and the session goes on', async () => {
    const conn = await open();
    const { sessionId } = conn;
    server.when({ op: 'exists' }).cut('beforeAnswered', { how: 'silence' });
    const read = conn.exists('/');
    read.catch(() => undefined);
    await clock.advance(19_999);
    expect(await stateOf(read)).toBe('open');
    await clock.advance(1);
    expect(await stateOf(read)).toBe('ConnectionLossError');
    await clock.advance(5_000);
    expect([conn.sessionId, conn.state]).toEqual([sessionId, 'SyncConnected']);
  });

  it('a server that stands still for an hour and goes on: the session was lost for the client alone', async () => {
    const conn = await open();
    const pause = server.pause();
    const late = conn.create('/late', null, { timeoutMs: 1_000 });
    late.catch(() => undefined);
    await clock.advance(3_600_000);
    await expect(late).rejects.toBeInstanceOf(RequestTimeoutError);
    expect(server.sessions).toHaveLength(1);
    pause.end();
    await clock.advance(60_000);
    // what was on its way when the server stopped is done when it goes on
    expect(server.tree.get('/late')).toBeDefined();
    expect(conn.state).toBe('SyncConnected');
  });

  it('a session that moved: a write is lost, and the next one is done', async () => {
    const conn = await open();
    const { sessionId } = conn;
    server.moveSession(sessionId);
    const write = conn.create('/a');
    write.catch(() => undefined);
    await clock.advance(0);
    await expect(write).rejects.toMatchObject({ outcome: 'unknown' });
    expect(server.tree.get('/a')).toBeUndefined();
    await clock.advance(10_000);
    await conn.create('/a');
    expect(conn.sessionId).toBe(sessionId);
    expect(server.injected).toEqual({ moveSession: 1 });
  });

  it('read-only: a Conn that puts up with it reads, and goes back to a writable server', async () => {
    const conn = await open({ readOnly: true });
    await conn.create('/a', 'x');
    const mode = server.readOnly();
    await clock.advance(60_000);
    expect(conn.state).toBe('ConnectedReadOnly');
    expect((await conn.get('/a')).data?.toString()).toBe('x');
    await expect(conn.set('/a', 'y')).rejects.toMatchObject({ name: 'NotReadOnlyError' });
    mode.end();
    await clock.advance(60_000);
    expect(conn.state).toBe('SyncConnected');
    await conn.set('/a', 'y');
  });

  it('a wiped server: the client that has seen more is let in again when the server has caught up', async () => {
    const conn = await open();
    await conn.create('/a');
    server.wipe();
    await clock.advance(10_000);
    expect(conn.state).not.toBe('SyncConnected');
    const other = await open();
    for (let i = 0; i < 3; i++) await other.create(`/n${i}`);
    await clock.advance(60_000);
    expect(conn.state).toBe('SyncConnected');
    expect(conn.sessionEpoch).toBe(2);
  });

  it('refused connections are tried again until they are not', async () => {
    const conn = await open();
    const refuse = server.refuse();
    server.dropConnections();
    await clock.advance(10_000);
    expect(conn.state).toBe('Disconnected');
    expect(refuse.count).toBeGreaterThan(2);
    refuse.end();
    await clock.advance(10_000);
    expect([conn.state, conn.sessionEpoch]).toEqual(['SyncConnected', 1]);
  });
});
