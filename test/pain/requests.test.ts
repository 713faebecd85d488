/** Requests on the wire: their numbers, their operations, their fate, and how they are written. */
import { Socket } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { Conn, op } from '../../src/index.js';
import { Errno } from '../../src/protocol/error-codes.js';
import { ConnectionLossError } from '../../src/protocol/errors.js';
import { MiniServer } from '../../src/testing.js';
import { CoreWorld, STAT } from '../support/core-world.js';
import { ScriptedServer, rejectionOf, settle } from '../support/scripted-server.js';

describe('the numbers of requests', () => {
  it('begin with 1, go up to 2147483647 and on with 1, with twenty of them under way [B2]', () => {
    const w = new CoreWorld();
    w.goLive();
    w.get('/first');
    w.flush();
    expect(w.newRequests().map(({ xid }) => xid)).toEqual([1]);
    w.replyData(1);
    // the only way there in a test's time: the next one is 2147483640
    Object.assign(w.core.traffic.queue, { lastXid: 0x7fffffff - 8 });
    for (let i = 0; i < 20; i++) w.get(`/n${i}`);
    w.flush();
    const xids = w.newRequests().map(({ xid }) => xid);
    expect(xids[0]).toBe(2_147_483_640);
    expect(xids).toEqual(Array.from({ length: 20 }, (_, i) => (i < 8 ? 2_147_483_640 + i : i - 7)));
    for (const xid of xids) w.replyData(xid);
    expect(w.settled).toHaveLength(21);
    expect(w.settled.every(({ result }) => result !== undefined && 'value' in result)).toBe(true);
    expect(w.core.phase.name).toBe('live');
  });
});

describe('the operations that are used', () => {
  it('are the oldest that will do [B3]', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const calls = [
      conn.create('/a'),
      conn.createWithStat('/a'),
      conn.create('/a', null, { mode: 'CONTAINER' }),
      conn.exists('/a'),
      conn.get('/a'),
      conn.children('/a'),
      conn.multi([op.create('/a'), op.delete('/a')]),
    ];
    for (const call of calls) call.catch(() => undefined);
    await settle();
    expect(server.link.take().map((seen) => seen.op.code)).toEqual([1, 15, 19, 3, 4, 12, 14]);
    await server.close(conn);
  });

  it('at a reconnect are none without a watch, and setWatches with one [B3]', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    await server.cutAndResume();
    expect(server.link.requests).toEqual([]);
    const read = conn.existsW('/a');
    await settle();
    await server.link.refuse(server.link.takeOne(), Errno.NoNode);
    const { watch } = await read;
    await server.cutAndResume();
    expect(server.link.take().map((seen) => seen.op.code)).toEqual([101]);
    watch.close();
    await server.clock.advance(1000);
    await server.cutAndResume();
    expect(server.link.requests).toEqual([]);
    await server.close(conn);
  });
});

describe('requests under way when the connection is lost', () => {
  it('reject once, with operation, path, and that nobody knows whether they were applied [B4]', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const settlements = new Map<string, unknown[]>();
    const note = (name: string, call: Promise<unknown>): void => {
      const all: unknown[] = [];
      settlements.set(name, all);
      call.then(
        (value) => all.push(value),
        (error: unknown) => all.push(error),
      );
    };
    note('getData', conn.get('/r'));
    note('setData', conn.set('/w', 'x'));
    note('create', conn.create('/c'));
    note('delete', conn.delete('/d'));
    await settle();
    await server.link.fail();
    note('exists', conn.exists('/later'));
    const fates = Object.fromEntries([...settlements].map(([name, all]) => [name, all.length]));
    expect(fates).toEqual({ getData: 1, setData: 1, create: 1, delete: 1, exists: 0 });
    for (const [name, path] of [
      ['getData', '/r'],
      ['setData', '/w'],
      ['create', '/c'],
      ['delete', '/d'],
    ] as const) {
      const [error] = settlements.get(name)!;
      expect(error).toBeInstanceOf(ConnectionLossError);
      expect(error).toMatchObject({ op: name, path, outcome: 'unknown', code: 'ZK_CONNECTION_LOSS' });
    }
    // what had not been sent is sent on the next connection, once
    await server.link.welcome();
    await server.link.answer(server.link.takeOne(), { stat: STAT });
    expect(settlements.get('exists')).toEqual([STAT]);
    await server.close(conn);
  });
});

describe('writes to the socket', () => {
  it('take all that one turn asks for, also behind its promises, and delay none that is alone [J2]', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const before = server.link.written.length;
    const calls: Promise<unknown>[] = [];
    for (let i = 0; i < 100; i++) calls.push(rejectionOf(conn.get(`/n${i}`)));
    // a continuation of the same turn
    void Promise.resolve().then(() => calls.push(rejectionOf(conn.get('/continued'))));
    expect(server.link.written).toHaveLength(before);
    await new Promise((resolve) => process.nextTick(() => setImmediate(resolve)));
    expect(server.link.written).toHaveLength(before + 1);
    expect(server.link.take()).toHaveLength(101);
    calls.push(rejectionOf(conn.get('/alone')));
    // before any timer, and before the next I/O
    let early = -1;
    await new Promise<void>((resolve) =>
      process.nextTick(() => {
        early = server.link.written.length;
        resolve();
      }),
    );
    expect(early).toBe(before + 2);
    await server.close(conn);
    await Promise.all(calls);
  });

  it('do not wait for each other in the kernel either: noDelay is set [J2]', async () => {
    const server = await MiniServer.start();
    const connects = vi.spyOn(Socket.prototype, 'connect');
    const conn = await new Conn(server.connectString).connect();
    const asked = connects.mock.calls.flatMap((args) => args as unknown[]);
    expect(asked).toContainEqual(expect.objectContaining({ port: server.port, noDelay: true }));
    connects.mockRestore();
    await conn.close();
    await server.close();
  });
});
