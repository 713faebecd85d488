import { describe, expect, it } from 'vitest';
import type { HostChoice } from '../../../src/net/host-provider.js';
import { ConnectTimeoutError, LinkError } from '../../../src/protocol/errors.js';
import { DEFAULT_CONFIG, replyFrame } from '../../support/core-world.js';
import { address, FIRST_PAUSE, Scripted, T, World } from '../../support/driver-world.js';
import { catchingUncaught, settle } from '../../support/scripted-server.js';

describe('dialing', () => {
  it('goes from server to server at once, and pauses when all were tried', async () => {
    const w = await new World().start();
    await w.link.fail();
    await w.link.fail();
    expect([w.dialed, w.phase]).toEqual(['a b c', 'dialing']);
    await w.link.fail();
    expect([w.dialed, w.phase]).toEqual(['a b c', 'backoff']);
    expect(w.clock.nextIn).toBe(FIRST_PAUSE);
    await w.clock.advance(FIRST_PAUSE - 1);
    expect(w.dialed).toBe('a b c');
    await w.clock.advance(1);
    expect(w.dialed).toBe('a b c a');
    // the choice that the pause was for is not lost, and not paused for twice
    await w.link.fail();
    expect([w.dialed, w.phase]).toEqual(['a b c a b', 'dialing']);
    await w.link.fail();
    await w.link.fail();
    expect(w.clock.nextIn).toBe(2 * FIRST_PAUSE);
    await w.finish();
  });

  it('gives a server T/H to answer, then T/H for the handshake, and hangs up', async () => {
    const w = await new World().start();
    await w.clock.advance(T / 3);
    expect(w.dialed).toBe('a b');
    expect(w.server.links[0]).toMatchObject({ destroyed: true, closed: true });
    await w.link.connect();
    await w.clock.advance(T / 3 - 1);
    expect(w.dialed).toBe('a b');
    await w.clock.advance(1);
    expect(w.dialed).toBe('a b c');
    expect(w.failures).toEqual([expect.any(ConnectTimeoutError), expect.any(ConnectTimeoutError)]);
    await w.finish();
  });

  it('asks for no second server because a socket both ended and closed', async () => {
    const w = await new World().start();
    await w.link.connect();
    await w.link.end();
    await settle();
    expect(w.dialed).toBe('a b');
    expect(w.failures).toHaveLength(1);
    expect(w.server.links[0]).toMatchObject({ destroyed: true, closed: true });
    await w.finish();
  });

  it('names the server and the cause in each failure, and forgets them all with a session', async () => {
    const w = await new World().start();
    await w.link.fail(new Error('first'));
    await w.link.fail(new Error('second'));
    expect([...w.driver.failures].map(([name, { message }]) => [name, message])).toEqual([
      ['a:1', 'a:1: first'],
      ['b:1', 'b:1: second'],
    ]);
    expect(w.failures[0]).toBeInstanceOf(LinkError);
    expect(w.failures[0]).toMatchObject({ cause: new Error('first') });
    await w.link.welcome();
    expect(w.driver.failures.size).toBe(0);
    await w.finish();
  });

  it('says which server it is on only while there is a session', async () => {
    const w = await new World().start();
    expect([w.driver.server, w.driver.latestServer]).toEqual([undefined, 'a:1']);
    await w.link.connect();
    expect(w.driver.server).toBeUndefined();
    await w.link.accept();
    expect(w.driver.server).toBe('a:1');
    await w.link.fail();
    expect([w.driver.server, w.driver.latestServer]).toEqual([undefined, 'b:1']);
    await w.link.welcome();
    expect(w.driver.server).toBe('b:1');
    await w.finish();
    expect(w.driver.server).toBeUndefined();
  });

  it('survives a dialer that throws, as it does a server that refuses', async () => {
    const w = new World();
    w.server.dialError = new RangeError('no such port');
    await w.start();
    expect(w.phase).toBe('backoff');
    expect(w.failures).toHaveLength(3);
    expect(w.failures[0]).toMatchObject({ code: 'ZK_LINK', cause: w.server.dialError });
    w.server.dialError = null;
    await w.clock.advance(FIRST_PAUSE);
    await w.link.welcome();
    expect(w.phase).toBe('live');
    await w.finish();
  });

  it('survives a dialer that throws what is no Error', async () => {
    const w = new World(undefined, undefined, {
      dialer: () => {
        // eslint-disable-next-line @typescript-eslint/only-throw-error -- that is the point
        throw 'just text';
      },
    });
    await w.start();
    expect(w.failures[0]).toMatchObject({ code: 'ZK_LINK', cause: new Error('just text') });
    await w.finish();
  });

  it('hangs up on a transport whose failure came before the dialer returned', async () => {
    const destroyed: string[] = [];
    const w = new World(undefined, undefined, {
      dialer: ({ host }, events) => {
        if (host !== 'c') events.onEnd();
        return {
          write: () => true,
          destroy: () => {
            destroyed.push(host);
            setImmediate(() => events.onClose(undefined));
          },
        };
      },
    });
    await w.start();
    expect([destroyed, w.phase]).toEqual([['a', 'b'], 'dialing']);
    await w.finish();
    expect(destroyed).toEqual(['a', 'b', 'c']);
  });

  it('loses nothing where a dialer connects before it returns, as one for tests may', async () => {
    const written: Buffer[] = [];
    const w = new World(undefined, undefined, {
      dialer: (_, events) => {
        events.onConnect();
        return {
          write: (bytes) => written.push(Buffer.from(bytes)) > 0,
          destroy: () => void setImmediate(() => events.onClose(undefined)),
        };
      },
    });
    await w.start();
    expect([w.phase, written.length]).toEqual(['handshaking', 1]);
    await w.finish();
  });

  it('takes a transport whose write throws for one that has failed', async () => {
    const w = await new World().live();
    const { link } = w;
    link.write = () => {
      throw new Error('broken');
    };
    let open: { outcome: unknown } | undefined;
    const caught = await catchingUncaught(async () => {
      open = w.get();
      await settle();
    });
    expect(caught).toEqual([]);
    expect(open?.outcome).toMatchObject({ code: 'ZK_CONNECTION_LOSS' });
    expect([link.destroyed, w.dialed]).toEqual([true, 'a b']);
    await w.finish();
  });
});

describe('an older socket', () => {
  it('that speaks when it should not is not heard', async () => {
    const w = await new World().start();
    const old = w.link;
    await old.connect();
    await old.fail();
    await w.link.welcome();
    old.events.onConnect();
    old.events.onData(Buffer.from('garbage that would cost a connection'));
    old.events.onDrain();
    old.events.onEnd();
    await settle();
    expect([w.phase, w.dialed, w.driver.server]).toEqual(['live', 'a b', 'b:1']);
    await w.finish();
  });

  it('that connects after it was given up does not become the connection', async () => {
    const w = await new World().start();
    const old = w.link;
    await w.clock.advance(T / 3);
    expect(w.dialed).toBe('a b');
    old.events.onConnect();
    old.events.onData(Buffer.alloc(41));
    await settle();
    expect([w.phase, old.written, w.link.written]).toEqual(['dialing', [], []]);
    await w.finish();
  });

  it('is never written to', async () => {
    const w = await new World().live();
    const old = w.link;
    const open = w.get();
    await settle();
    expect(old.takeOne().request).toMatchObject({ path: '/a' });
    await w.link.fail();
    await w.link.welcome();
    w.get('/b');
    await settle();
    expect(open.outcome).toMatchObject({ code: 'ZK_CONNECTION_LOSS', outcome: 'unknown' });
    expect(old.take()).toEqual([]);
    expect(w.link.takeOne().request).toMatchObject({ path: '/b' });
    await w.finish();
  });
});

describe('closing', () => {
  it('leaves no timer and no socket, in each phase', async () => {
    const phases: Record<string, (w: World) => Promise<unknown> | undefined> = {
      idle: () => undefined,
      dialing: (w) => w.start(),
      handshaking: async (w) => (await w.start()).link.connect(),
      backoff: async (w) => {
        await w.start();
        for (let i = 0; i < 3; i++) await w.link.fail();
      },
      live: (w) => w.live(),
    };
    for (const [name, enter] of Object.entries(phases)) {
      const w = new World();
      await enter(w);
      expect(w.phase).toBe(name);
      await w.finish();
      const { length } = w.events;
      await w.clock.advance(100_000);
      expect(w.events).toHaveLength(length);
    }
  });

  it('does not say that it is gone before the last socket has closed', async () => {
    const w = await new World().live();
    let gone = false;
    w.driver.onceGone(() => (gone = true));
    w.driver.close();
    await settle();
    // nothing is reported for it any more but the end that the test gives it
    const { link } = w;
    link.destroy = () => {
      link.destroyed = true;
    };
    await w.clock.advance(DEFAULT_CONFIG.closeTimeoutMs);
    expect([w.phase, link.destroyed, gone]).toEqual(['closed', true, false]);
    link.events.onClose(undefined);
    expect(gone).toBe(true);
    let again = false;
    w.driver.onceGone(() => (again = true));
    expect(again).toBe(true);
  });

  it('while the provider is asked dials nobody afterwards, and is gone at once', async () => {
    let give: (choice: HostChoice) => void = () => undefined;
    const w = await new World(new Scripted(() => new Promise((resolve) => (give = resolve)))).start();
    await w.finish();
    give({ server: address('late'), retryStart: true });
    await settle();
    expect([w.dialed, w.phase, w.clock.timers]).toEqual(['', 'closed', 0]);
  });

  it('while the provider is asked says nothing of a failure that comes afterwards', async () => {
    let fail: (error: Error) => void = () => undefined;
    const w = await new World(new Scripted(() => new Promise((_, reject) => (fail = reject)))).start();
    await w.finish();
    const { length } = w.events;
    fail(new Error('late'));
    await settle();
    expect(w.events.slice(length)).toEqual([]);
    expect([w.phase, w.clock.timers]).toEqual(['closed', 0]);
  });

  it('waits for the answer, and for what was asked before', async () => {
    const w = await new World().live();
    const open = w.get();
    w.driver.close();
    await settle();
    const [get, close] = w.link.take();
    expect([get?.op.name, close?.op.name]).toEqual(['getData', 'closeSession']);
    await w.link.send(replyFrame(get!.xid, { err: -101 }));
    expect(open.outcome).toMatchObject({ code: 'ZK_NO_NODE' });
    expect(w.phase).toBe('closing');
    await w.link.answer(close!, {});
    expect(w.events.at(-1)).toMatchObject({ type: 'end', confirmed: true });
    expect([w.phase, w.clock.timers, w.link.closed]).toEqual(['closed', 0, true]);
  });
});
