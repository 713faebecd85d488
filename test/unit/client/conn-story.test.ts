import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Conn } from '../../../src/client/conn.js';
import { op } from '../../../src/client/transaction.js';
import { Errno } from '../../../src/protocol/error-codes.js';
import { ZkError } from '../../../src/protocol/errors.js';
import { notification } from '../../support/core-world.js';
import { checkAsync } from '../../support/property.js';
import {
  catchingUncaught,
  type Link,
  ScriptedServer,
  type Session,
  settle,
} from '../../support/scripted-server.js';

describe('any story', () => {
  const LEGAL: Record<string, readonly string[]> = {
    none: ['CONNECTED'],
    CONNECTED: ['SUSPENDED', 'LOST'],
    RECONNECTED: ['SUSPENDED', 'LOST'],
    SUSPENDED: ['RECONNECTED', 'LOST'],
    LOST: ['CONNECTED'],
  };

  /** One thing that the test, a server or the clock may do at any time. Whatever makes no sense then is left out. */
  const STEPS = {
    read: (w) => w.call(() => w.conn.get('/a')),
    write: (w) => w.call(() => w.conn.set('/a', 'x')),
    watch: (w) =>
      w.call(async () => {
        const { watch } = await w.conn.existsW('/a');
        w.call(() => watch.event);
      }),
    multi: (w) => w.call(() => w.conn.multi([op.check('/a'), op.delete('/a')])),
    auth: (w) => w.call(() => w.conn.addAuth('digest', `u:${String(w.calls)}`)),
    wrong: (w) => w.call(() => w.conn.get('a')),
    connect: (w) => w.call(() => w.conn.connect({ timeoutMs: 500 })),
    accept: (w) => w.link?.connect(),
    welcome: (w) => w.greet({ sessionId: 7n }),
    other: (w) => w.greet({ sessionId: 8n }),
    expire: (w) => w.greet({ sessionId: 0n, timeOut: 0 }),
    answer: async (w) => {
      for (const seen of w.link?.take() ?? []) {
        if (seen.op.name === 'auth' || seen.op.name === 'ping') await w.link?.answer(seen, {});
        else await w.link?.refuse(seen, Errno.NoNode);
      }
    },
    notify: (w) => (w.isUp ? w.link?.send(notification(1, '/a')) : undefined),
    garbage: (w) => w.link?.send(Buffer.from('no frame of ours, this is')),
    refuseAuth: async (w) => {
      const seen = w.isUp ? w.link?.take().find(({ op: row }) => row.name === 'auth') : undefined;
      if (seen !== undefined) await w.link?.refuse(seen, Errno.AuthFailed);
    },
    fail: (w) => w.link?.fail(),
    end: (w) => w.link?.end(),
    block: (w) => {
      if (w.link !== undefined) w.link.writable = false;
    },
    drain: (w) => w.link?.drain(),
    wait: (w) => w.server.clock.advance(300),
    waitLong: (w) => w.server.clock.advance(5000),
    standStill: (w) => {
      w.server.clock.jump(4000);
    },
    close: (w) => {
      void w.conn.close();
    },
  } as const satisfies Record<string, (w: Story) => unknown>;

  class Story {
    readonly server = new ScriptedServer();
    readonly conn: Conn;
    calls = 0;
    settled = 0;
    /** Rejections that are no ZkError. */
    readonly strange: unknown[] = [];
    readonly heard: string[] = [];
    readonly states: string[] = [];

    constructor(sessionExpiry: 'renew' | 'close', requestTimeoutMs: number) {
      this.conn = this.server.conn({ sessionExpiry, requestTimeoutMs });
      this.conn.on('connection', (state) => void this.heard.push(state));
      this.conn.on('state', ({ state }) => void this.states.push(state));
    }

    get link(): Link | undefined {
      return this.server.links.at(-1);
    }

    /** Was the handshake answered? Only then does a server say anything else. */
    get isUp(): boolean {
      return this.conn.state === 'SyncConnected';
    }

    async greet(session: Session): Promise<void> {
      if (this.isUp) return;
      // a pause between two rounds
      for (let i = 0; i < 3 && this.link?.closed === true; i++) await this.server.clock.advance(400);
      if (this.link?.written.length === 0) await this.link.connect();
      await this.link?.accept(session);
    }

    call(run: () => Promise<unknown>): void {
      this.calls++;
      run().then(
        () => this.settled++,
        (error: unknown) => {
          this.settled++;
          if (!ZkError.is(error)) this.strange.push(error);
        },
      );
    }
  }

  it('ends well: every call is settled, nothing is left, and what was said made sense [A4] [B4]', async () => {
    const some = fc.constantFrom(
      ...(Object.keys(STEPS) as (keyof typeof STEPS)[]).filter((name) => name !== 'close'),
    );
    const step = fc.oneof(
      { weight: 60, arbitrary: some },
      { weight: 15, arbitrary: fc.constant('welcome' as const) },
      { weight: 1, arbitrary: fc.constant('close' as const) },
    );
    const options = fc.record({
      sessionExpiry: fc.constantFrom('renew' as const, 'close' as const),
      requestTimeoutMs: fc.constantFrom(0, 400),
    });
    const caught = await catchingUncaught(() =>
      checkAsync(
        fc.asyncProperty(options, fc.array(step, { maxLength: 40, size: 'max' }), async (given, steps) => {
          const w = new Story(given.sessionExpiry, given.requestTimeoutMs);
          for (const name of ['connect' as const, ...steps]) {
            await STEPS[name](w);
            await settle();
            // one of the driver's, and one for each call of connect
            expect(w.server.clock.timers).toBeLessThanOrEqual(1 + w.calls);
            expect(
              w.server.links.filter(({ destroyed, closed }) => !destroyed && !closed).length,
            ).toBeLessThan(2);
          }
          const closing = w.conn.close();
          await w.server.clock.advance(1000);
          await closing;
          await settle();
          expect(w.conn.state).toBe('Closed');
          expect(w.states.at(-1)).toBe('Closed');
          expect(w.server.clock.timers).toBe(0);
          expect(w.server.links.every(({ closed }) => closed)).toBe(true);
          expect([w.calls - w.settled, w.strange]).toEqual([0, []]);
          expect(w.states.every((state, i) => state !== w.states[i - 1])).toBe(true);
          ['none', ...w.heard].forEach((state, i, all) => {
            const next = all[i + 1];
            if (next !== undefined) expect(LEGAL[state]).toContain(next);
          });
          const { state } = await w.conn.closed;
          expect(['Closed', 'Expired', 'AuthFailed']).toContain(state);
        }),
        150,
      ),
    );
    expect(caught).toEqual([]);
  });
});
