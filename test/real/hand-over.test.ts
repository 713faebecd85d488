/** A session that goes from one Conn to another, and from a process to another; a Conn that comes back from a refusal. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import {
  AuthFailedError,
  ConnClosedError,
  SessionExpiredError,
  connect,
  digestAcl,
  Perms,
  type Conn,
  type ConnOptions,
} from '../../src/index.js';
import { startRealServer, type RealServer } from '../support/real-zookeeper.js';
import { onEveryRelease } from '../support/targets.js';

const CHILD = fileURLToPath(new URL('./hand-over-child.mjs', import.meta.url));

onEveryRelease('hand-over', (version) => {
  const conns: Conn[] = [];
  let server: RealServer;

  beforeAll(async () => {
    server = await startRealServer({ version });
  });

  afterAll(() => server.stop());

  afterEach(async () => {
    await Promise.all(conns.splice(0).map((conn) => conn.close()));
  });

  async function open(options: ConnOptions = {}): Promise<Conn> {
    const conn = await connect(server.connectString, {
      sessionTimeoutMs: 30_000,
      closeTimeoutMs: 30_000,
      ...options,
    });
    conns.push(conn);
    return conn;
  }

  it('a session goes on in another process, with what it owns', async () => {
    const child = spawn(process.execPath, [CHILD, server.connectString, '/from-child'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [said, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
    expect(code).toBe(0);
    const { id, password } = JSON.parse(said) as { id: string; password: string };
    const session = { id: BigInt(id), password: Buffer.from(password, 'hex') };
    const conn = await open({ session });
    expect(conn.sessionId).toBe(session.id);
    expect((await conn.exists('/from-child'))?.ephemeralOwner).toBe(session.id);
    expect((await conn.close()).confirmed).toBe(true);
    const other = await open();
    expect(await other.exists('/from-child')).toBeNull();
  });

  it('detach leaves the session; the next Conn keeps it through reconnects of its own', async () => {
    const first = await open();
    await first.create('/mine', 'x', { mode: 'EPHEMERAL' });
    const session = await first.detach();
    expect(await first.closed).toEqual({ state: 'Closed' });
    await expect(first.get('/mine')).rejects.toBeInstanceOf(ConnClosedError);
    const second = await open({ session });
    expect([second.sessionId, second.sessionEpoch]).toEqual([session.id, 1]);
    await server.kill();
    const back = new Promise<void>((resolve) => {
      second.once('session', ({ what }) => {
        expect(what).toBe('resumed');
        resolve();
      });
    });
    await server.start();
    await back;
    expect((await second.exists('/mine'))?.ephemeralOwner).toBe(session.id);
    await second.close();
    expect(await (await open()).exists('/mine')).toBeNull();
  });

  it('a session that is over is not given back: there is a new one, or an end', async () => {
    const session = await (await open()).detach();
    await (await open({ session })).close();
    const third = await open({ session });
    expect(third.sessionId).not.toBe(session.id);
    expect(third.sessionEpoch).toBe(2);
    await third.create('/third', null, { mode: 'EPHEMERAL' });
    expect((await third.exists('/third'))?.ephemeralOwner).toBe(third.sessionId);
    await expect(open({ session, sessionExpiry: 'close' })).rejects.toBeInstanceOf(SessionExpiredError);
    // as good as over, for whoever does not know the password
    const detached = await (await open()).detach();
    const guess = { id: detached.id, password: Buffer.alloc(16, 7) };
    expect((await open({ session: guess })).sessionId).not.toBe(detached.id);
    expect((await open({ session: detached })).sessionId).toBe(detached.id);
  });

  it('reconnect comes back from a refusal with other credentials, in the same session', async () => {
    const owner = await open({ auth: [{ scheme: 'digest', auth: 'bob:secret' }] });
    await owner.create('/secret', 'x', { acl: [digestAcl(Perms.ALL, 'bob:secret')] });
    const conn = await open();
    await conn.create('/refused', null, { mode: 'EPHEMERAL' });
    const { sessionId } = conn;
    await expect(conn.addAuth('no-such-scheme', 'x')).rejects.toBeInstanceOf(AuthFailedError);
    expect((await conn.closed).state).toBe('AuthFailed');
    await expect(conn.get('/secret')).rejects.toBeInstanceOf(AuthFailedError);
    await conn.reconnect({ auth: [{ scheme: 'digest', auth: 'bob:secret' }] });
    expect([conn.state, conn.sessionId]).toEqual(['SyncConnected', sessionId]);
    expect(String((await conn.get('/secret')).data)).toBe('x');
    expect((await conn.exists('/refused'))?.ephemeralOwner).toBe(sessionId);
    expect((await conn.close()).confirmed).toBe(true);
  });
});
