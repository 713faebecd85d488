import { describe, expect, it } from 'vitest';
import { Driver } from '../../../src/net/driver.js';
import { RoundRobinHostProvider } from '../../../src/net/host-provider.js';
import { ReadTimeoutError } from '../../../src/protocol/errors.js';
import { DEFAULT_CONFIG, replyFrame } from '../../support/core-world.js';
import { address, World } from '../../support/driver-world.js';
import { settle } from '../../support/scripted-server.js';

describe('one timer', () => {
  it('is all that is ever set', async () => {
    const w = new World();
    const counts = new Set<number>();
    const look = (): void => void counts.add(w.clock.timers);
    await w.start();
    look();
    await w.link.fail();
    look();
    await w.link.welcome();
    look();
    for (let i = 0; i < 50; i++) {
      w.get();
      look();
    }
    await settle();
    look();
    for (const seen of w.link.take()) await w.link.send(replyFrame(seen.xid, { err: -101 }));
    look();
    for (let i = 0; i < 20; i++) {
      await w.clock.advance(700);
      look();
      for (const seen of w.link.take()) await w.link.answer(seen, {});
    }
    await w.link.fail();
    look();
    expect([...counts]).toEqual([1]);
    await w.finish();
  });

  it('is not set anew for each request', async () => {
    const w = await new World().live();
    const before = w.clock.timersSet;
    for (let i = 0; i < 1000; i++) w.get();
    await settle();
    expect(w.clock.timersSet).toBe(before);
    await w.finish();
  });

  it('is moved forward for a request that ends sooner', async () => {
    const w = await new World(undefined, { requestTimeoutMs: 10 }).live();
    const open = w.get();
    expect(w.clock.nextIn).toBe(10);
    await w.clock.advance(10);
    expect(open.outcome).toMatchObject({ code: 'ZK_REQUEST_TIMEOUT', outcome: 'unknown' });
    expect(w.clock.timers).toBe(1);
    await w.finish();
  });

  it('is there for requests that wait before the start, and none without', async () => {
    const w = new World(undefined, { requestTimeoutMs: 10 });
    expect(w.clock.timers).toBe(0);
    const open = w.get();
    expect(w.clock.timers).toBe(1);
    await w.clock.advance(10);
    expect(open.outcome).toMatchObject({ code: 'ZK_REQUEST_TIMEOUT', outcome: 'not-sent' });
    expect(w.clock.timers).toBe(0);
    await w.finish();
  });

  it('that fires early does no harm', async () => {
    const early: (() => void)[] = [];
    const w = new World();
    const clock = {
      now: () => w.clock.now(),
      setTimer: (fire: () => void, ms: number) => {
        early.push(fire);
        return w.clock.setTimer(fire, ms);
      },
    };
    const driver = new Driver({
      hostProvider: new RoundRobinHostProvider([address('a')]),
      dialer: w.server.dialer,
      clock,
      random: () => 0.5,
      onEvent: () => undefined,
      config: DEFAULT_CONFIG,
    });
    driver.start();
    await settle();
    for (let i = 0; i < 5; i++) early.at(-1)?.();
    await settle();
    expect([driver.core.phase.name, w.server.links.length]).toEqual(['dialing', 1]);
    driver.close();
    for (const fire of early) fire();
    await settle();
    expect(driver.core.phase.name).toBe('closed');
  });
});

describe('silence', () => {
  it('is ended by a ping after a third of the negotiated timeout, less a second', async () => {
    const w = await new World().live({ timeOut: 6000 });
    await w.clock.advance(999);
    expect(w.link.take()).toEqual([]);
    await w.clock.advance(1);
    const ping = w.link.takeOne();
    expect([ping.op.name, ping.xid]).toEqual(['ping', -2]);
    await w.link.answer(ping, {});
    await w.clock.advance(1000);
    expect(w.link.takeOne().op.name).toBe('ping');
    await w.finish();
  });

  it('of ours is counted from the last request', async () => {
    const w = await new World().live({ timeOut: 6000 });
    await w.clock.advance(900);
    w.get();
    await settle();
    expect(w.link.takeOne().op.name).toBe('getData');
    await w.clock.advance(999);
    expect(w.link.take()).toEqual([]);
    await w.clock.advance(1);
    expect(w.link.takeOne().op.name).toBe('ping');
    await w.finish();
  });

  it.each([6000, 30_000, 600])(
    'of a half-open server is found after 2/3 of the negotiated %i ms',
    async (timeOut) => {
      const w = await new World().live({ timeOut });
      const open = w.get();
      await w.clock.advance((timeOut * 2) / 3 - 1);
      expect([w.phase, w.dialed]).toEqual(['live', 'a']);
      await w.clock.advance(1);
      expect(w.dialed).toBe('a b');
      expect(w.server.links[0]).toMatchObject({ destroyed: true, closed: true });
      expect(w.events.at(-1)).toMatchObject({ state: 'Disconnected', cause: expect.any(ReadTimeoutError) });
      expect(open.outcome).toMatchObject({ code: 'ZK_CONNECTION_LOSS', outcome: 'unknown' });
      await w.finish();
    },
  );

  it('that our own standstill made is forgiven, if the server then speaks', async () => {
    const w = await new World().live({ timeOut: 6000 });
    w.clock.jump(5500);
    await w.clock.advance(0);
    expect(w.phase).toBe('live');
    const ping = w.link.takeOne();
    await w.link.answer(ping, {});
    await w.clock.advance(3999);
    expect(w.phase).toBe('live');
    await w.finish();
  });

  it('between two servers becomes an expiry after 4/3 of the negotiated timeout', async () => {
    const w = await new World().live({ timeOut: 6000 });
    await w.link.fail();
    w.server.onDial = (link) => link.fail();
    await w.link.fail();
    await w.clock.advance(7999);
    expect(w.events.some((e) => e.type === 'session' && e.what === 'expired')).toBe(false);
    await w.clock.advance(1);
    expect(w.events.some((e) => e.type === 'session' && e.what === 'expired')).toBe(true);
    await w.finish();
  });
});

describe('backpressure', () => {
  it('stops the writes until the socket has drained, and loses nothing', async () => {
    const w = await new World().live();
    w.link.writable = false;
    w.get('/1');
    await settle();
    w.get('/2');
    w.get('/3');
    await settle();
    expect(w.link.take().map(({ request }) => request['path'])).toEqual(['/1']);
    await w.link.drain();
    expect(w.link.take().map(({ request }) => request['path'])).toEqual(['/2', '/3']);
    await w.finish();
  });

  it("of a socket that is lost is not the next one's", async () => {
    const w = await new World().live();
    w.link.writable = false;
    w.get('/1');
    await settle();
    w.get('/2');
    await w.link.fail();
    await w.link.welcome();
    expect(w.link.takeOne().request).toMatchObject({ path: '/2' });
    await w.finish();
  });
});
