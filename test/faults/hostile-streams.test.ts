/**
 * Streams of bytes that no honest server sends, to a Conn: floods, drips, lengths of two GiB, other protocols, noise. Its
 * timers live, its memory is bounded, its promises settle, and nothing gets out as an exception.
 */
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { ZkError, type Conn, type Stat } from '../../src/index.js';
import { dataBody, notification, replyFrame } from '../support/core-world.js';
import { heapBytes } from '../support/heap.js';
import { SEED } from '../support/property.js';
import {
  ScriptedServer,
  answerFrame,
  catchingUncaught,
  rejectionOf,
  settle,
  watchOutcome,
} from '../support/scripted-server.js';
import { SCALE, checked, injected, requested } from '../support/tally.js';
import { Noise, STRANGERS } from './hostile/noise.js';

const TINY = 100_000;
const CANARY = 'canary-1b7d';

/** Bytes outside of the heap, which buffers are made of. */
function bufferBytes(): number {
  return process.memoryUsage().arrayBuffers;
}

/** Bytes that are copied meanwhile, and how often buffers are joined. Time would depend on the machine. */
function countingCopies(run: () => void): { readonly copied: number; readonly joined: number } {
  const counts = { copied: 0, joined: 0 };
  const { prototype } = Buffer as unknown as { prototype: { copy: (...args: never[]) => number } };
  const { copy } = prototype;
  const { concat } = Buffer;
  prototype.copy = function (...args): number {
    const bytes = copy.apply(this, args);
    counts.copied += bytes;
    return bytes;
  };
  Buffer.concat = (...args) => {
    counts.joined++;
    return concat(...args);
  };
  try {
    run();
  } finally {
    prototype.copy = copy;
    Buffer.concat = concat;
  }
  return counts;
}

const PING = replyFrame(-2);

describe('lengths', () => {
  it('of two GiB, with nothing behind them, cost no memory, and the read deadline', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const { link } = server;
    const call = rejectionOf(conn.get('/a'));
    await settle();
    const before = bufferBytes();
    const head = replyFrame(link.takeOne().xid);
    head.writeInt32BE(0x7fffffff);
    await link.send(head);
    expect(bufferBytes() - before).toBeLessThan(1 << 20);
    expect(link.destroyed).toBe(false);
    await server.clock.advance(9000);
    expect(link.destroyed).toBe(true);
    injected('hostile frame: absurd length');
    expect(await call).toMatchObject({ outcome: 'unknown' });
    await server.close(conn);
  });

  it('of the longest reply that is taken cost that once, however often they begin', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected({ maxResponseBytes: 1 << 20 });
    const before = bufferBytes();
    for (let i = 0; i < 50; i++) {
      const head = replyFrame(1);
      head.writeInt32BE(1 << 20);
      await server.link.send(head);
      await server.cutAndResume();
      injected('hostile frame: absurd length');
    }
    await heapBytes();
    expect(bufferBytes() - before).toBeLessThan(4 << 20);
    await server.close(conn);
  });
});

describe('a hundred thousand tiny messages in one piece', () => {
  it.each([
    ['answers to pings that nobody sent', PING],
    ['events of a path that nobody watches', notification(3, '/nobody')],
    ['events of a path that is watched', notification(3, '/p')],
  ])('%s: all are read, the reply behind them too, and timers go on', async (_, one) => {
    const server = new ScriptedServer();
    const conn = await server.connected({ requestTimeoutMs: 5000 });
    const adding = conn.addWatch('/p', 'PERSISTENT', { bufferSize: 10 });
    await settle();
    await server.link.answer(server.link.takeOne(), { err: 0 });
    const stream = await adding;
    const read = conn.get('/a');
    const late = rejectionOf(conn.get('/late'));
    await settle();
    const [request] = server.link.take();
    const before = await heapBytes();
    let turns = 0;
    let timer: NodeJS.Timeout | undefined;
    const ticked = new Promise<void>((resolve) => {
      timer = setInterval(() => {
        turns++;
        resolve();
      }, 1);
    });
    await server.link.send(...Array<Buffer>(TINY).fill(one), replyFrame(request!.xid, { body: dataBody }));
    injected('hostile frame: flood', TINY);
    expect(String((await read).data)).toBe('data');
    expect((await heapBytes()) - before).toBeLessThan(8 << 20);
    await ticked;
    clearInterval(timer);
    expect(turns).toBeGreaterThan(0);
    expect(conn.state).toBe('SyncConnected');
    await server.clock.advance(5000);
    expect(await late).toMatchObject({ code: 'ZK_REQUEST_TIMEOUT' });
    stream.close();
    await server.close(conn);
  });
});

describe('a reply of 1 MiB in single bytes', () => {
  it('is copied once, and comes whole', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected({ maxResponseBytes: 2 << 20 });
    const read = conn.get('/a');
    await settle();
    const request = server.link.takeOne();
    const data = Buffer.alloc(1 << 20, 7);
    const frame = answerFrame(request, { data, stat: STAT });
    const { copied, joined } = countingCopies(() => {
      for (let at = 0; at < frame.length; at++) server.link.events.onData(frame.subarray(at, at + 1));
    });
    expect(copied).toBeLessThanOrEqual(frame.length);
    expect(joined).toBe(0);
    injected('hostile frame: drip');
    expect((await read).data?.equals(data)).toBe(true);
    await server.close(conn);
  });
});

const STAT: Stat = {
  czxid: -1n,
  mzxid: 0x7fff_ffff_ffff_ffffn,
  ctime: -1,
  mtime: Number.MAX_SAFE_INTEGER,
  version: -0x80000000,
  cversion: 0x7fffffff,
  aversion: -1,
  ephemeralOwner: -(2n ** 63n),
  dataLength: 0x7fffffff,
  numChildren: -5,
  pzxid: 0n,
};

describe('absurd but well-formed', () => {
  it('numbers in a Stat are passed on as they are, and nothing is allocated for them', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const read = conn.get('/a');
    const list = conn.children('/a');
    await settle();
    const [get, children] = server.link.take();
    const before = bufferBytes();
    await server.link.answer(get!, { data: Buffer.from('x'), stat: STAT });
    await server.link.answer(children!, { children: [], stat: STAT });
    expect((await read).stat).toEqual(STAT);
    expect(await list).toEqual({ children: [], stat: STAT });
    expect(bufferBytes() - before).toBeLessThan(1 << 20);
    await server.close(conn);
  });
});

describe('events without end, and no reply', () => {
  it('fill no queue, and requests end in time', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected({ requestTimeoutMs: 3000 });
    const adding = conn.addWatch('/p', 'PERSISTENT', { bufferSize: 100 });
    await settle();
    await server.link.answer(server.link.takeOne(), { err: 0 });
    const stream = await adding;
    const call = watchOutcome(conn.set('/a', 'x'));
    await settle();
    const flood = Buffer.concat(Array<Buffer>(2000).fill(notification(3, '/p')));
    const before = await heapBytes();
    for (let second = 0; second < 10; second++) {
      await server.link.send(flood);
      injected('hostile frame: flood', 2000);
      await server.clock.advance(400);
      checked('promises hanging', second >= 8 && call.current === undefined ? 1 : 0);
    }
    expect(call.current).toMatchObject({ error: { code: 'ZK_REQUEST_TIMEOUT', outcome: 'unknown' } });
    expect((await heapBytes()) - before).toBeLessThan(2 << 20);
    let items = 0;
    for await (const item of stream) {
      items++;
      if (item.type === 'overflow') {
        expect(item.dropped).toBe(20_000 - 100);
        break;
      }
    }
    expect(items).toBe(101);
    await server.close(conn);
  });
});

describe('other protocols', () => {
  it.each(STRANGERS)('%s: costs the attempt, says why, and the next server is tried', async (_, bytes) => {
    const server = new ScriptedServer();
    const conn = server.conn();
    const errors: ZkError[] = [];
    conn.on('connectError', ({ error }) => void errors.push(error));
    const connecting = conn.connect();
    await settle();
    const { link } = server;
    await link.connect();
    await link.send(bytes);
    await link.end();
    injected('hostile frame: another protocol');
    expect(server.dialed).toEqual(['a:1', 'b:1']);
    expect(errors).toHaveLength(1);
    await server.link.welcome();
    await connecting;
    await server.close(conn);
  });
});

describe('a server that talks nonsense again and again', () => {
  it('is paced, reported each time, and has its turn again', async () => {
    const server = new ScriptedServer();
    const conn = server.conn({ backoff: { baseMs: 100, maxMs: 10_000 }, sessionTimeoutMs: 60_000 }, 'a:1');
    const errors: string[] = [];
    conn.on('connectError', ({ error }) => void errors.push(error.code));
    conn.connect({ timeoutMs: 0 }).catch(() => undefined);
    await settle();
    const pauses: number[] = [];
    for (let i = 0; i < 5; i++) {
      await server.link.connect();
      await server.link.send(Buffer.from('00000001ff', 'hex'));
      injected('hostile frame: random handshake');
      pauses.push(server.clock.nextIn);
      await server.clock.advance(server.clock.nextIn);
      await settle();
    }
    expect(errors).toEqual(Array(5).fill('ZK_DECODE'));
    expect(pauses).toEqual([...pauses].sort((a, b) => a - b));
    expect(pauses.at(-1)).toBeGreaterThan(8 * pauses[0]!);
    await server.link.welcome();
    expect(conn.state).toBe('SyncConnected');
    await server.close(conn);
  });
});

describe('noise to a Conn', () => {
  /** Everything that can be seen of it. */
  const shown = (conn: Conn, errors: readonly unknown[]): string =>
    inspect([conn, conn.stats(), errors], { depth: 20, showHidden: true, maxStringLength: null });

  it('settles each promise once, gets out nowhere, and tells no secret', { timeout: 300_000 }, async () => {
    const noise = new Noise(SEED);
    const errors: unknown[] = [];
    const caught = await catchingUncaught(async () => {
      const server = new ScriptedServer();
      const passwd = Buffer.from(`${CANARY}-pass`);
      let conn = await server.connected({ auth: [] });
      const runs = Math.round(1500 * SCALE);
      for (let i = 0; i < runs; i++) {
        if (conn.state !== 'SyncConnected') {
          // refused credentials are the end of a Conn
          await server.close(conn);
          conn = await server.connected();
        }
        const calls = [
          conn.addAuth('digest', `ada:${CANARY}`),
          conn.getW('/before'),
          conn.exists('/between'),
          conn.set('/behind', 'x'),
          conn.children('/last'),
        ].map((promise) => watchOutcome<unknown>(promise));
        requested(calls.length);
        await settle();
        const burst = noise.burst();
        for (const chunk of noise.chunks(burst.bytes)) {
          if (server.link.destroyed) break;
          server.link.events.onData(chunk);
        }
        injected(`hostile frame: ${burst.kind}`, burst.frames);
        await settle();
        // what was not spoilt is silent: that costs the connection
        if (!server.link.destroyed) await server.link.fail(new Error('cut'));
        for (let n = 0; n < 3 && conn.state === 'Disconnected'; n++) {
          if (server.link.destroyed) await server.clock.advance(Math.min(2000, server.clock.nextIn));
          await server.link.welcome({ passwd });
        }
        for (const { xid, op } of server.link.take()) {
          if (op.name === 'auth') await server.link.send(replyFrame(-4, { zxid: 0n }));
          else if (xid > 0)
            await server.link.send(replyFrame(xid, { err: op.name === 'setWatches' ? 0 : -101 }));
        }
        const open = calls.filter(({ current }) => current === undefined).length;
        checked('promises hanging', open);
        expect(open, `ZK_SEED=${SEED}, burst ${i}: ${burst.kind}`).toBe(0);
        for (const { current } of calls)
          if (current !== undefined && 'error' in current) errors.push(current.error);
      }
      expect(errors.filter((error) => !ZkError.is(error) || error.code === 'ZK_INTERNAL')).toEqual([]);
      const leaks = shown(conn, errors.slice(-200)).includes(CANARY);
      checked('secret leaks', leaks ? 1 : 0);
      expect(leaks).toBe(false);
      await server.close(conn);
      checked('leaked handles', server.clock.timers);
      expect(server.clock.timers).toBe(0);
    });
    expect(caught).toEqual([]);
  });
});
