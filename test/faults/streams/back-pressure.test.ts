/**
 * A server that takes no more for a while: what waits is bounded, what was taken is answered in order, `drain` may come
 * before, with or behind data, and nothing is written where nothing may be.
 */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { connect } from '../../../src/index.js';
import { ConnClosedError, QueueFullError } from '../../../src/protocol/errors.js';
import { MiniServer } from '../../../src/testing.js';
import { STAT } from '../../support/core-world.js';
import { heapBytes } from '../../support/heap.js';
import { checkAsync } from '../../support/property.js';
import {
  ScriptedServer,
  answerFrame,
  rejectionOf,
  settle,
  watchOutcome,
} from '../../support/scripted-server.js';
import { SCALE, checked, injected, requested } from '../../support/tally.js';
import { TcpProxy } from '../../support/tcp-proxy.js';

const MIB = 1024 * 1024;

describe('a server that stops reading', () => {
  it(
    'while 200 MiB are asked for: what waits is bounded, the rest is refused, and what was taken is done in order',
    { timeout: 180_000 },
    async () => {
      await using server = await MiniServer.start();
      const proxy = await TcpProxy.start(server.connectString);
      const conn = await connect(proxy.connectString, {
        offlineQueue: { maxBytes: 4 * MIB },
        sessionTimeoutMs: 60_000,
      });
      await conn.create('/a');
      proxy.stall();
      injected('server stops reading');
      const data = Buffer.alloc(MIB / 2);
      const bytes = (): number => {
        const { heapUsed, arrayBuffers } = process.memoryUsage();
        return heapUsed + arrayBuffers;
      };
      await heapBytes();
      const before = bytes();
      const taken: Promise<number>[] = [];
      let refused = 0;
      for (let i = 0; i < 400; i++) {
        requested();
        const call = conn.set('/a', data).then(({ version }) => version);
        const outcome = watchOutcome(call);
        await settle();
        if (outcome.current === undefined) {
          taken.push(call);
          continue;
        }
        expect(outcome.current).toMatchObject({ error: { code: 'ZK_QUEUE_FULL', outcome: 'not-sent' } });
        refused++;
      }
      expect(refused).toBeGreaterThan(300);
      await heapBytes();
      // the bound, the one that went over it, what the socket and the two of the proxy hold, and some change
      expect(bytes() - before).toBeLessThan(4 * MIB + MIB / 2 + 12 * MIB);
      proxy.goOn();
      const versions = await Promise.all(taken);
      checked('acknowledged writes lost', taken.length - versions.length);
      expect(versions).toEqual(versions.map((_, i) => i + 1));
      expect((await conn.exists('/a'))!.version).toBe(taken.length);
      await conn.close();
      await proxy.die();
    },
  );

  it.each([1, 7, 1000])(
    'with %i requests allowed to wait: so many, and not one more',
    async (maxRequests) => {
      const server = new ScriptedServer();
      const conn = await server.connected({ offlineQueue: { maxRequests } });
      server.link.writable = false;
      const first = watchOutcome(conn.sync('/first'));
      await settle();
      const calls = Array.from({ length: maxRequests }, (_, i) => watchOutcome(conn.sync(`/${i}`)));
      expect(await rejectionOf(conn.sync('/over'))).toBeInstanceOf(QueueFullError);
      requested(maxRequests + 2);
      injected('queue at its cap');
      expect(server.link.take()).toHaveLength(1);
      await server.link.drain();
      const seen = server.link.take();
      expect(seen).toHaveLength(maxRequests);
      for (const frame of server.link.requests.map((each) => answerFrame(each, { path: '/' }))) {
        await server.link.send(frame);
      }
      checked('promises hanging', [first, ...calls].filter(({ current }) => current === undefined).length);
      expect([first, ...calls].every(({ current }) => current !== undefined && 'value' in current)).toBe(
        true,
      );
      await server.close(conn);
    },
  );
});

type Step = 'call' | 'big call' | 'full' | 'drain' | 'answer' | 'answer with drain' | 'turn';

describe('drain', () => {
  /** Calls, answers and drains in any order; at the end all is drained and answered. */
  async function play(steps: readonly Step[]): Promise<void> {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const { link } = server;
    const called: string[] = [];
    const outcomes: string[] = [];
    const big = Buffer.alloc(100_000);
    let answered = 0;
    let observed = link.written.length;
    let whileFull = 0;
    /** A socket that has said no gets nothing before it has drained. */
    const observe = (): void => {
      if (!link.writable) whileFull += link.written.length - observed;
      observed = link.written.length;
      expect(whileFull, 'writes to a full socket').toBeLessThanOrEqual(1);
    };
    const frameOfNext = (): Buffer | null => {
      const next = link.requests[answered];
      if (next === undefined) return null;
      answered++;
      return answerFrame(next, next.op.name === 'sync' ? { path: '/' } : { stat: STAT });
    };
    const call = (data: Buffer | null): void => {
      const name = `/${called.length}`;
      called.push(name);
      requested();
      const promise: Promise<unknown> = data === null ? conn.sync(name) : conn.set(name, data);
      promise.then(
        () => void outcomes.push(name),
        (error: unknown) => void outcomes.push(`${name} ${String(error)}`),
      );
    };
    const does: Record<Step, () => Promise<void> | void> = {
      call: () => call(null),
      'big call': () => call(big),
      full: () => {
        link.writable = false;
      },
      drain: () => {
        whileFull = 0;
        return link.drain();
      },
      answer: () => {
        const frame = frameOfNext();
        return frame === null ? undefined : link.send(frame);
      },
      'answer with drain': () => {
        const frame = frameOfNext();
        if (frame === null) return;
        whileFull = 0;
        link.writable = true;
        // in one turn, the data first
        link.events.onData(frame);
        link.events.onDrain();
      },
      turn: settle,
    };
    for (const step of steps) {
      observe();
      await does[step]();
      observe();
    }
    for (let i = 0; i <= called.length; i++) {
      await does.drain();
      await does.answer();
    }
    checked('promises hanging', called.length - outcomes.length);
    expect(outcomes).toEqual(called);
    expect(link.requests.map(({ request }) => request['path'])).toEqual(called);
    await server.close(conn);
    expect([server.links.length, server.clock.timers]).toEqual([1, 0]);
  }

  it(
    'in any order with calls and answers: each call is written once, in order, and answered; a full socket gets nothing',
    { timeout: 300_000 },
    async () => {
      const weights: Record<Step, number> = {
        call: 4,
        'big call': 3,
        full: 3,
        drain: 2,
        answer: 3,
        'answer with drain': 2,
        turn: 2,
      };
      const step = fc.oneof(
        ...Object.entries(weights).map(([name, weight]) => ({
          weight,
          arbitrary: fc.constant(name as Step),
        })),
      );
      await checkAsync(
        fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
          injected('drain out of order', steps.filter((each) => each.includes('drain')).length);
          await play(steps);
        }),
        60 * SCALE,
      );
    },
  );

  it('while closing, and behind the end: nothing is written any more', async () => {
    for (const when of ['before the time is up', 'behind the end']) {
      const server = new ScriptedServer();
      const conn = await server.connected({ closeTimeoutMs: 1000 });
      const { link } = server;
      link.writable = false;
      const calls = [watchOutcome(conn.sync('/1'))];
      await settle();
      calls.push(watchOutcome(conn.sync('/2')));
      requested(2);
      const closing = conn.close();
      injected('drain while closing');
      if (when === 'before the time is up') {
        await link.drain();
        expect(link.take().map(({ op }) => op.name)).toEqual(['sync', 'sync', 'closeSession']);
      }
      await server.clock.advance(1000);
      expect(await closing).toEqual({ confirmed: false });
      const writes = link.written.length;
      // a socket does not do that; another transport may
      link.events.onDrain();
      await settle();
      expect(link.written).toHaveLength(writes);
      checked('promises hanging', calls.filter(({ current }) => current === undefined).length);
      for (const { current } of calls) expect(current).toEqual({ error: expect.any(ConnClosedError) });
    }
  });
});
