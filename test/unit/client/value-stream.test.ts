/** `watchData` and `watchChildren`, on a mini-server. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect, type Conn, type ConnOptions } from '../../../src/index.js';
import type { ValueStream } from '../../../src/client/value-stream.js';
import type { ChildrenResult, GetResult } from '../../../src/client/calls.js';
import {
  InvalidOptionError,
  InvalidPathError,
  NoAuthError,
  SessionExpiredError,
} from '../../../src/protocol/errors.js';
import { MiniServer } from '../../../src/testing.js';
import { CuttableDialer } from '../../support/cuttable-dialer.js';
import { rejectionOf } from '../../support/scripted-server.js';

let server: MiniServer;
let other: Conn;
const conns: Conn[] = [];

beforeEach(async () => {
  server = await MiniServer.start();
  other = await client();
});

afterEach(async () => {
  await Promise.all(conns.splice(0).map((conn) => conn.close()));
  expect(server.watchCount()).toBe(0);
  await server.close();
});

async function client(options: ConnOptions = {}): Promise<Conn> {
  const conn = await connect(server.connectString, options);
  conns.push(conn);
  return conn;
}

async function text(stream: ValueStream<GetResult>): Promise<string | null | undefined> {
  const { value } = await stream.next();
  return value === null || value === undefined ? value : String(value.data);
}

async function names(stream: ValueStream<ChildrenResult>): Promise<readonly string[] | null | undefined> {
  const { value } = await stream.next();
  return value === null || value === undefined ? value : [...value.children].sort();
}

describe('watchData', () => {
  it('[C6] yields the value, then each newer one, across deletion and re-creation', async () => {
    const conn = await client();
    const stream = conn.watchData('/a');
    expect(await text(stream)).toBeNull();
    for (const data of ['1', '2', '3']) {
      await (data === '1' ? other.create('/a', data) : other.set('/a', data));
      expect(await text(stream)).toBe(data);
    }
    await other.delete('/a');
    expect(await text(stream)).toBeNull();
    await other.create('/a', '4');
    expect(await text(stream)).toBe('4');
    stream.close();
    expect(await stream.next()).toEqual({ value: undefined, done: true });
  });

  it('[C13] of many changes yields the last, and never an older one behind a newer', async () => {
    const conn = await client();
    await other.create('/a', '0');
    const stream = conn.watchData('/a');
    expect(await text(stream)).toBe('0');
    for (let i = 1; i <= 50; i++) await other.set('/a', String(i));
    expect(await text(stream)).toBe('50');
    const waiting = text(stream);
    await other.set('/a', '51');
    expect(await waiting).toBe('51');
  });

  it('[C14] yields a node that was deleted and created anew with the same version', async () => {
    const link = new CuttableDialer();
    const conn = await client({ dialer: link.dial });
    await other.create('/a', 'same');
    const stream = conn.watchData('/a');
    const first = await stream.next();
    link.hold();
    link.cut();
    await other.delete('/a');
    await other.create('/a', 'same');
    link.release();
    const second = await stream.next();
    expect(second.value?.stat.version).toBe(first.value?.stat.version);
    expect(second.value?.stat.czxid).toBeGreaterThan(first.value?.stat.czxid ?? 0n);
  });

  it('[C6] goes on across reconnects and a new session', async () => {
    const link = new CuttableDialer();
    const conn = await client({ dialer: link.dial });
    await other.create('/a', '1');
    const stream = conn.watchData('/a');
    expect(await text(stream)).toBe('1');
    for (const data of ['2', '3', '4']) {
      const waiting = text(stream);
      link.cut();
      await other.set('/a', data);
      expect(await waiting).toBe(data);
    }
    const waiting = text(stream);
    server.expireSession(conn.sessionId);
    await other.set('/a', '5');
    expect(await waiting).toBe('5');
    expect(conn.sessionEpoch).toBe(2);
  });

  it('ends with the session, if told so, and with the Conn in any case', async () => {
    const conn = await client();
    const stream = conn.watchData('/a', { acrossSessions: false });
    const going = conn.watchData('/a');
    expect([await text(stream), await text(going)]).toEqual([null, null]);
    const ended = rejectionOf(stream.next());
    const waiting = going.next();
    server.expireSession(conn.sessionId);
    expect(await ended).toBeInstanceOf(SessionExpiredError);
    await conn.close();
    expect(await waiting).toEqual({ value: undefined, done: true });
  });

  it('ends where the Conn ends with its session', async () => {
    const conn = await client({ sessionExpiry: 'close' });
    const stream = conn.watchData('/a');
    await stream.next();
    const ended = rejectionOf(stream.next());
    server.expireSession(conn.sessionId);
    expect(await ended).toBeInstanceOf(SessionExpiredError);
  });

  it('ends with an error that no second attempt would mend', async () => {
    const conn = await client();
    await other.create('/secret', 'x', { acl: [{ perms: 31, scheme: 'digest', id: 'u:x' }] });
    const stream = conn.watchData('/secret');
    expect(await rejectionOf(stream.next())).toBeInstanceOf(NoAuthError);
    expect(await stream.next()).toEqual({ value: undefined, done: true });
  });

  it('[E11] with a signal rejects with its reason; with one that has aborted it does not begin', async () => {
    const conn = await client();
    const controller = new AbortController();
    const stream = conn.watchData('/a', { signal: controller.signal });
    await stream.next();
    const waiting = rejectionOf(stream.next());
    controller.abort(new Error('enough'));
    expect(await waiting).toEqual(new Error('enough'));
    expect(() => conn.watchData('/a', { signal: controller.signal })).toThrow('enough');
  });

  it('refuses what is no path and no option', async () => {
    const conn = await client();
    const watch = conn.watchData.bind(conn) as (...args: unknown[]) => unknown;
    expect(() => watch('a')).toThrow(InvalidPathError);
    expect(() => watch('/a', { acrossSessions: 1 })).toThrow(InvalidOptionError);
    expect(() => watch('/a', { acros: true })).toThrow(InvalidOptionError);
  });

  it('lets the loop be left', async () => {
    const conn = await client();
    await other.create('/a', '1');
    for await (const value of conn.watchData('/a')) {
      expect(String(value?.data)).toBe('1');
      break;
    }
    await conn.exists('/');
    await conn.exists('/');
  });
});

describe('watchChildren', () => {
  it('yields the names, then each newer list, and null without a node', async () => {
    const conn = await client();
    const stream = conn.watchChildren('/a');
    expect(await names(stream)).toBeNull();
    await other.create('/a');
    expect(await names(stream)).toEqual([]);
    await other.create('/a/x');
    expect(await names(stream)).toEqual(['x']);
    await other.set('/a', 'no change of its children');
    await other.create('/a/y');
    expect(await names(stream)).toEqual(['x', 'y']);
    for (const name of ['x', 'y']) await other.delete(`/a/${name}`);
    expect(await names(stream)).toEqual([]);
    await other.delete('/a');
    expect(await names(stream)).toBeNull();
  });
});

describe('one-shot watches', () => {
  it('[C8] that are given up are taken off the server, when nobody else wants them', async () => {
    const conn = await client();
    await other.create('/a');
    const all = [
      await conn.getW('/a'),
      await conn.getW('/a'),
      await conn.existsW('/a'),
      await conn.childrenW('/a'),
    ];
    expect(server.watchCount()).toBe(2);
    all[0]!.watch.close();
    all[3]!.watch.close();
    await gone(conn, 1);
    await other.create('/a/b');
    all[1]!.watch.close();
    await conn.exists('/');
    expect(server.watchCount()).toBe(1);
    const { watch } = all[2]!;
    await other.set('/a', 'x');
    expect(await watch.event).toMatchObject({ type: 'NodeDataChanged' });
    expect(server.watchCount()).toBe(0);
  });

  it('that are armed anew while one is given up stay', async () => {
    const conn = await client();
    await other.create('/a');
    const first = await conn.getW('/a');
    const again = conn.getW('/a');
    first.watch.close();
    const { watch } = await again;
    for (let i = 0; i < 3; i++) await conn.exists('/');
    await other.set('/a', 'x');
    expect(await watch.event).toMatchObject({ type: 'NodeDataChanged' });
  });

  async function gone(conn: Conn, count: number): Promise<void> {
    // the version of the server is found out on another socket first
    for (let i = 0; i < 200 && server.watchCount() !== count; i++) await conn.exists('/');
    expect(server.watchCount()).toBe(count);
  }
});
