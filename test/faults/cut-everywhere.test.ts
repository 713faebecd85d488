/**
 * A conversation over real sockets whose first connection is cut after every byte, in each direction. Every promise
 * settles, what was acknowledged is there, what was called not-sent is not, nothing ran twice, and the Conn goes on.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Conn, ZkError, op, tcpDialer, type Dialer } from '../../src/index.js';
import { MiniServer } from '../../src/testing.js';
import { checked, injected, requested } from '../support/tally.js';

type Direction = 'to the server' | 'to the client';

let server: MiniServer;

beforeAll(async () => {
  server = await MiniServer.start();
});

afterAll(async () => {
  await server.close();
});

/** Passes `limit` bytes on the first connection and then breaks it. Tells how many there were. */
function cuttingDialer(direction: Direction, limit: number): { dialer: Dialer; bytes: () => number } {
  let left = limit;
  let seen = 0;
  let first = true;
  const dialer: Dialer = (address, events) => {
    if (!first) return tcpDialer(address, events);
    first = false;
    const transport = tcpDialer(address, {
      ...events,
      onData: (chunk) => {
        if (direction === 'to the server') {
          events.onData(chunk);
          return;
        }
        seen += chunk.length;
        const part = chunk.subarray(0, left);
        left -= part.length;
        if (part.length > 0) events.onData(part);
        if (left === 0) transport.destroy();
      },
    });
    return {
      destroy: () => transport.destroy(),
      write: (bytes) => {
        if (direction === 'to the client') return transport.write(bytes);
        seen += bytes.length;
        const part = bytes.subarray(0, left);
        left -= part.length;
        const more = transport.write(part);
        // what was handed over must get out before the end
        if (left === 0) setImmediate(() => transport.destroy());
        return more;
      },
    };
  };
  return { dialer, bytes: () => seen };
}

interface Story {
  readonly outcomes: readonly string[];
  readonly bytes: number;
}

let serial = 0;

async function story(direction: Direction, limit: number): Promise<Story> {
  const { dialer, bytes } = cuttingDialer(direction, limit);
  const root = `/r${serial++}`;
  const conn = new Conn(server.connectString, {
    dialer,
    backoff: { baseMs: 1, maxMs: 1 },
    closeTimeoutMs: 60_000,
  });
  const calls = {
    auth: conn.addAuth('digest', 'a:b'),
    create: conn.create(root, 'old'),
    get: conn.getW(root),
    exists: conn.existsW(`${root}/none`),
    children: conn.childrenW(root),
    set: conn.set(root, 'new', 0),
    multi: conn.multi([op.check(root), op.create(`${root}/m`)]),
    acl: conn.getAcl(root),
    sync: conn.sync(root),
    delete: conn.delete(`${root}/m`),
  };
  const settled = Promise.allSettled(Object.values(calls));
  await conn.connect();
  const outcomes = (await settled).map((result) => {
    if (result.status === 'fulfilled') return 'ok';
    if (!ZkError.is(result.reason)) throw result.reason;
    return result.reason.outcome === 'rejected' ? result.reason.code : result.reason.outcome;
  });
  const used = bytes();
  const [, create, , , , set, multi, , , remove] = outcomes;

  const node = server.tree.get(root);
  if (create === 'ok') expect(node).toBeDefined();
  expect(create, 'a create that ran twice would find its own node').not.toBe('ZK_NODE_EXISTS');
  if (set === 'ok') expect(node?.stat.version).toBe(1);
  expect(node?.stat.version ?? 0, 'the set ran twice').toBeLessThanOrEqual(1);
  expect(set).not.toBe('ZK_BAD_VERSION');
  if (remove === 'ok') expect(node?.children).toEqual([]);
  if (create === 'ok' && set === 'ok' && multi === 'ok') expect(node?.stat.cversion).toBeGreaterThan(0);

  // the Conn goes on, and its session with it
  expect(conn.sessionEpoch).toBeLessThanOrEqual(1);
  await conn.exists(root);
  await conn.deleteRecursive(root);
  expect(await conn.close()).toEqual({ confirmed: true });
  return { outcomes, bytes: used };
}

describe.each<Direction>(['to the server', 'to the client'])('a connection cut %s', (direction) => {
  it('after every byte', { timeout: 300_000 }, async () => {
    const whole = await story(direction, Infinity);
    expect(new Set(whole.outcomes)).toEqual(new Set(['ok']));
    const counts = new Map<string, number>();
    for (let limit = 1; limit < whole.bytes; limit++) {
      const { outcomes } = await story(direction, limit).catch((error: unknown) => {
        throw new Error(`cut ${direction} after ${limit} bytes: ${String(error)}`, { cause: error });
      });
      injected('cut of a socket');
      requested(outcomes.length);
      checked('promises hanging', 0);
      for (const outcome of outcomes) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
    }
    process.stdout.write(
      `${whole.bytes - 1} cuts ${direction}: ${JSON.stringify(Object.fromEntries(counts))}\n`,
    );
    expect(counts.get('ok')).toBeGreaterThan(whole.bytes);
    expect(counts.get('unknown')).toBeGreaterThan(whole.bytes / 2);
    expect(server.connectionCount).toBe(0);
    expect(server.watchCount()).toBe(0);
  });
});
