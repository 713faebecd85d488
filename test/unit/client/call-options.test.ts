/** `{ signal, timeoutMs }` of single calls: what is sent, what the caller hears, and what stays behind. */
import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { op } from '../../../src/client/transaction.js';
import type { Conn } from '../../../src/client/conn.js';
import {
  InvalidArgumentError,
  InvalidOptionError,
  RequestTimeoutError,
} from '../../../src/protocol/errors.js';
import { answerFrame, rejectionOf, ScriptedServer, settle } from '../../support/scripted-server.js';
import { DATA } from './values.js';

const REASON = new Error('the user has left');

async function live(): Promise<{ server: ScriptedServer; conn: Conn }> {
  const server = new ScriptedServer();
  const conn = server.conn();
  conn.connect({ timeoutMs: 0 }).catch(() => undefined);
  await settle();
  await server.link.welcome();
  return { server, conn };
}

/** Every method, with its options last. */
const METHODS: Record<string, (conn: Conn, options: object) => Promise<unknown>> = {
  get: (c, o) => c.get('/a', o),
  getW: (c, o) => c.getW('/a', o),
  exists: (c, o) => c.exists('/a', o),
  existsW: (c, o) => c.existsW('/a', o),
  children: (c, o) => c.children('/a', o),
  childrenW: (c, o) => c.childrenW('/a', o),
  getAcl: (c, o) => c.getAcl('/a', o),
  sync: (c, o) => c.sync('/a', o),
  create: (c, o) => c.create('/a', null, o),
  'create with its own options': (c, o) => c.create('/a', null, { mode: 'EPHEMERAL', ...o }),
  createWithStat: (c, o) => c.createWithStat('/a', null, o),
  set: (c, o) => c.set('/a', 'x', -1, o),
  delete: (c, o) => c.delete('/a', -1, o),
  setAcl: (c, o) => c.setAcl('/a', [{ perms: 31, scheme: 'world', id: 'anyone' }], -1, o),
  multi: (c, o) => c.multi([op.delete('/a')], o),
  commit: (c, o) => c.transaction().delete('/a').commit(o),
  call: (c, o) => c.call('getData', { path: '/a', watch: false }, o),
  addAuth: (c, o) => c.addAuth('digest', 'a:b', o),
};

describe.each(Object.entries(METHODS))('%s', (_name, method) => {
  it('writes nothing for a signal that has aborted', async () => {
    const { server, conn } = await live();
    expect(await rejectionOf(method(conn, { signal: AbortSignal.abort(REASON) }))).toBe(REASON);
    await settle();
    expect(server.link.take()).toEqual([]);
  });

  it('rejects with the reason, and leaves no listener on the signal', async () => {
    const { conn } = await live();
    const controller = new AbortController();
    const aborted = rejectionOf(method(conn, { signal: controller.signal }));
    await settle();
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1);
    controller.abort(REASON);
    expect(await aborted).toBe(REASON);
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
  });

  it('gives up after its own time', async () => {
    const { server, conn } = await live();
    const late = rejectionOf(method(conn, { timeoutMs: 70 }));
    await settle();
    await server.clock.advance(69);
    expect(conn.state).toBe('SyncConnected');
    await server.clock.advance(1);
    const error = await late;
    expect(error).toBeInstanceOf(RequestTimeoutError);
    expect(error).toMatchObject({ outcome: 'unknown' });
  });

  it('refuses what is no signal, no time, and no option', async () => {
    const { conn } = await live();
    expect(await rejectionOf(method(conn, { signal: {} }))).toBeInstanceOf(InvalidArgumentError);
    expect(await rejectionOf(method(conn, { timeoutMs: -1 }))).toBeInstanceOf(InvalidArgumentError);
    expect(await rejectionOf(method(conn, { timeoutMs: 1.5 }))).toBeInstanceOf(InvalidArgumentError);
    expect(await rejectionOf(method(conn, { singal: null }))).toBeInstanceOf(InvalidOptionError);
  });
});

describe('a signal', () => {
  it('[E10] keeps what was not sent from being sent', async () => {
    const server = new ScriptedServer();
    const conn = server.conn();
    const controller = new AbortController();
    const outcomes = ['/a', '/b', '/c'].map((path) =>
      conn.get(path, path === '/b' ? { signal: controller.signal } : {}).then(
        () => path,
        (error: unknown) => error,
      ),
    );
    controller.abort(REASON);
    conn.connect({ timeoutMs: 0 }).catch(() => undefined);
    await settle();
    await server.link.welcome();
    expect(server.link.take().map(({ request }) => request['path'])).toEqual(['/a', '/c']);
    for (const seen of server.link.requests) await server.link.answer(seen, DATA);
    expect(await Promise.all(outcomes)).toEqual(['/a', REASON, '/c']);
  });

  it('[E10] lets the late reply of what was sent pass by, and the next ones find their calls', async () => {
    const { server, conn } = await live();
    const controller = new AbortController();
    const aborted = rejectionOf(conn.set('/a', 'x', -1, { signal: controller.signal }));
    const next = conn.get('/b');
    await settle();
    controller.abort(REASON);
    expect(await aborted).toBe(REASON);
    const [set, get] = server.link.take();
    await server.link.answer(set!, { stat: DATA.stat });
    await server.link.answer(get!, DATA);
    expect((await next).data).toEqual(Buffer.from('data'));
    expect(conn.state).toBe('SyncConnected');
  });

  it('[D3] shared by many calls has one listener, and none when they are over', async () => {
    const { server, conn } = await live();
    const { signal } = new AbortController();
    for (let round = 0; round < 3; round++) {
      const calls = Array.from({ length: 100 }, () => conn.get('/a', { signal }));
      await settle();
      expect(getEventListeners(signal, 'abort')).toHaveLength(1);
      await server.link.send(...server.link.take().map((seen) => answerFrame(seen, DATA)));
      await Promise.all(calls);
      expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    }
  });

  it('ends the wait of connect, and the Conn goes on trying', async () => {
    const server = new ScriptedServer();
    const conn = server.conn();
    const controller = new AbortController();
    const connecting = rejectionOf(conn.connect({ timeoutMs: 0, signal: controller.signal }));
    await settle();
    controller.abort(REASON);
    expect(await connecting).toBe(REASON);
    await server.link.welcome();
    expect(conn.state).toBe('SyncConnected');
  });

  it('without a call that ended before costs nothing when many are given up one by one', async () => {
    const server = new ScriptedServer();
    const conn = server.conn();
    const controllers = Array.from({ length: 1000 }, () => new AbortController());
    const all = controllers.map(({ signal }) => rejectionOf(conn.get('/a', { signal })));
    for (const controller of controllers) controller.abort(REASON);
    expect(new Set(await Promise.all(all))).toEqual(new Set([REASON]));
    conn.connect({ timeoutMs: 0 }).catch(() => undefined);
    await settle();
    await server.link.welcome();
    expect(server.link.take()).toEqual([]);
  });
});

describe('timeoutMs', () => {
  it('0 waits for ever, whatever the Conn says', async () => {
    const server = new ScriptedServer();
    const conn = server.conn({ requestTimeoutMs: 50 });
    const patient = conn.get('/a', { timeoutMs: 0 });
    await server.clock.advance(1_000_000);
    conn.connect({ timeoutMs: 0 }).catch(() => undefined);
    await settle();
    await server.link.welcome();
    await server.link.answer(server.link.takeOne(), DATA);
    expect((await patient).data).toEqual(Buffer.from('data'));
  });

  it('says that nothing was sent, if nothing was', async () => {
    const server = new ScriptedServer();
    const conn = server.conn();
    conn.connect({ timeoutMs: 0 }).catch(() => undefined);
    const late = rejectionOf(conn.set('/a', 'x', -1, { timeoutMs: 10 }));
    await settle();
    await server.clock.advance(10);
    const error = await late;
    expect(error).toBeInstanceOf(RequestTimeoutError);
    expect(error).toMatchObject({ outcome: 'not-sent', path: '/a' });
  });
});
