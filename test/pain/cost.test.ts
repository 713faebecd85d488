/**
 * What calls and events cost, in things that can be counted: promises, writes, turns of the microtask queue. How long
 * they take depends on the machine, and no test looks at a clock.
 */
import { createHook } from 'node:async_hooks';
import { describe, expect, it } from 'vitest';
import { connect } from '../../src/index.js';
import { MiniServer } from '../../src/testing.js';
import { STAT, notification } from '../support/core-world.js';
import { CuttableDialer } from '../support/cuttable-dialer.js';
import { ScriptedServer, answerFrame, settle } from '../support/scripted-server.js';

/** How many promises are made while `work` runs. */
function promisesOf(work: () => void): number {
  let count = 0;
  const hook = createHook({
    init: (_id, type) => {
      if (type === 'PROMISE') count++;
    },
  });
  hook.enable();
  work();
  hook.disable();
  return count;
}

describe('a call', () => {
  it('costs one promise, whatever it is [J1]', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const kinds = [
      () => conn.get('/a'),
      () => conn.exists('/a'),
      () => conn.set('/a', 'x'),
      () => conn.create('/a'),
      () => conn.children('/a'),
    ];
    const calls: Promise<unknown>[] = [];
    for (const kind of kinds) {
      expect(
        promisesOf(() => {
          for (let i = 0; i < 100; i++) calls.push(kind());
        }),
      ).toBe(100);
    }
    const settled = Promise.allSettled(calls);
    await server.close(conn);
    await settled;
  });

  it('among ten thousand in a row is written with the others: hardly a write for each thousand [J1]', async () => {
    const server = await MiniServer.start();
    const link = new CuttableDialer();
    const conn = await connect(server.connectString, { dialer: link.dial });
    const before = link.writes;
    await Promise.all(Array.from({ length: 10_000 }, () => conn.get('/')));
    // 22 bytes each, in slabs of 64 KiB
    expect(link.writes - before).toBeLessThanOrEqual(10);
    await conn.close();
    await server.close();
  });
});

describe('an event', () => {
  it('reaches a loop in the very turn in which a callback would have been called, and so does an await [J3]', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const reads = [conn.getW('/a'), conn.getW('/a'), conn.getW('/a')];
    await settle();
    const frames = server.link.take().map((seen) => answerFrame(seen, { data: null, stat: STAT }));
    await server.link.send(...frames);
    const [looped, awaited, promised] = (await Promise.all(reads)).map(({ watch }) => watch);
    let turns = 0;
    const heard = new Map<string, number>();
    void (async () => {
      for await (const _event of looped!) heard.set('loop', turns);
    })();
    void awaited!.next().then(() => heard.set('next', turns));
    void promised!.event.then(() => heard.set('promise', turns));
    // called while the event is dispatched: what a callback would cost
    conn.on('watch', () => {
      const count = (): void => {
        turns++;
        if (heard.size < 3 && turns < 100) queueMicrotask(count);
      };
      queueMicrotask(count);
    });
    await server.link.send(notification(3, '/a'));
    expect(heard.size).toBe(3);
    expect(Object.fromEntries(heard)).toEqual({ next: 0, promise: 0, loop: 0 });
    await server.close(conn);
  });

  it('that lies ready in a stream costs one turn: a thousand of them a thousand [J3]', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const adding = conn.addWatch('/a', 'PERSISTENT');
    await settle();
    await server.link.answer(server.link.takeOne(), { err: 0 });
    const stream = await adding;
    await server.link.send(...Array.from({ length: 1000 }, () => notification(3, '/a')));
    let turns = 0;
    let counting = true;
    const count = (): void => {
      turns++;
      if (counting) queueMicrotask(count);
    };
    queueMicrotask(count);
    let items = 0;
    for await (const item of stream) {
      expect(item.type).toBe('NodeDataChanged');
      if (++items === 1000) break;
    }
    counting = false;
    expect(turns).toBeGreaterThanOrEqual(1000);
    expect(turns).toBeLessThanOrEqual(1010);
    await server.close(conn);
  });
});
