import { describe, expect, it } from 'vitest';
import type { ServerAddress } from '../../../src/net/connect-string.js';
import { Driver, type DriverParts } from '../../../src/net/driver.js';
import {
  RoundRobinHostProvider,
  type HostChoice,
  type HostProvider,
} from '../../../src/net/host-provider.js';
import {
  ConnectTimeoutError,
  LinkError,
  NoServerError,
  ReadTimeoutError,
} from '../../../src/protocol/errors.js';
import { operations } from '../../../src/protocol/operations.js';
import { PendingRequest } from '../../../src/session/pending.js';
import type { CoreConfig, SessionEvent } from '../../../src/session/ports.js';
import { DEFAULT_CONFIG, replyFrame } from '../../support/core-world.js';
import type { Link, ManualClock } from '../../support/scripted-server.js';
import { ScriptedServer, catchingUncaught, settle } from '../../support/scripted-server.js';

/** Session timeout asked for; T/H = 3000 for three servers. */
const T = 9000;
const BACKOFF = { baseMs: 100, maxMs: 1000 };
/** With random() = 0.5: half of the bound. */
const FIRST_PAUSE = 50;

const address = (host: string): ServerAddress => ({ host, port: 1 });

/** A driver, its servers, and all that it said. */
class World {
  readonly server = new ScriptedServer();
  readonly events: SessionEvent[] = [];
  readonly driver: Driver;

  constructor(
    hostProvider: HostProvider = new RoundRobinHostProvider(['a', 'b', 'c'].map(address), () => 0.999),
    config: Partial<CoreConfig> = {},
    parts: Partial<DriverParts> = {},
  ) {
    this.driver = new Driver({
      hostProvider,
      dialer: this.server.dialer,
      clock: this.clock,
      random: () => 0.5,
      onEvent: (event) => void this.events.push(event),
      config: { ...DEFAULT_CONFIG, sessionTimeoutMs: T, backoff: BACKOFF, ...config },
      ...parts,
    });
  }

  get clock(): ManualClock {
    return this.server.clock;
  }

  get link(): Link {
    return this.server.link;
  }

  /** Hosts in the order in which they were dialed. */
  get dialed(): string {
    return this.server.links.map(({ server: { host } }) => host).join(' ');
  }

  get phase(): string {
    return this.driver.core.phase.name;
  }

  get failures(): unknown[] {
    return this.events.flatMap((e) => (e.type === 'attemptFailed' ? [e.error] : []));
  }

  get states(): string[] {
    return this.events.flatMap((e) => (e.type === 'state' ? [e.state] : []));
  }

  async start(): Promise<this> {
    this.driver.start();
    await settle();
    return this;
  }

  async live(session = {}): Promise<this> {
    await this.start();
    await this.link.welcome(session);
    return this;
  }

  get(path = '/a'): { outcome: unknown } {
    const seen: { outcome: unknown } = { outcome: undefined };
    const settled = (outcome: unknown): void => void (seen.outcome = outcome);
    this.driver.submit(
      new PendingRequest(operations.getData, { path, watch: false }, path, settled, settled, null, null, 0),
    );
    return seen;
  }

  /** Ends it, and checks that nothing is left of it. */
  async finish(): Promise<void> {
    let gone = false;
    this.driver.onceGone(() => (gone = true));
    this.driver.close();
    await settle();
    if (this.phase === 'closing') await this.clock.advance(DEFAULT_CONFIG.closeTimeoutMs);
    await settle();
    expect(this.phase).toBe('closed');
    expect(this.clock.timers).toBe(0);
    expect(this.server.links.every(({ closed }) => closed)).toBe(true);
    expect(gone).toBe(true);
  }
}

/** A provider that gives what it is told to. */
class Scripted implements HostProvider {
  readonly size: number;
  asked = 0;
  successes = 0;

  constructor(
    private readonly script: (asked: number) => HostChoice | Promise<HostChoice>,
    size = 1,
  ) {
    this.size = size;
  }

  next(): HostChoice | Promise<HostChoice> {
    return this.script(++this.asked);
  }

  connected(): void {
    this.successes++;
  }
}

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

describe('a host provider', () => {
  it('may begin with a pause, which is then made before its first server', async () => {
    const provider = new Scripted((n) => ({ server: address(`s${n}`), retryStart: n % 2 === 1 }), 2);
    const w = await new World(provider).start();
    expect([w.dialed, w.phase]).toEqual(['', 'backoff']);
    await w.clock.advance(FIRST_PAUSE);
    expect(w.dialed).toBe('s1');
    await w.link.fail();
    expect(w.dialed).toBe('s1 s2');
    await w.link.fail();
    expect([w.dialed, w.phase]).toEqual(['s1 s2', 'backoff']);
    await w.finish();
  });

  it('is told of each session, new or resumed, and of nothing else', async () => {
    const provider = new Scripted(() => ({ server: address('s'), retryStart: false }), 9);
    const w = await new World(provider).start();
    await w.link.connect();
    expect(provider.successes).toBe(0);
    await w.link.fail();
    await w.link.welcome();
    expect(provider.successes).toBe(1);
    await w.link.fail();
    await w.link.welcome();
    expect(provider.successes).toBe(2);
    // expired: connected again, to be told so
    await w.link.fail();
    await w.link.welcome({ sessionId: 0n, timeOut: 0 });
    expect(provider.successes).toBe(2);
    await w.finish();
  });

  it('may take its time', async () => {
    let give: (choice: HostChoice) => void = () => undefined;
    const w = await new World(new Scripted(() => new Promise((resolve) => (give = resolve)))).start();
    expect([w.dialed, w.phase]).toEqual(['', 'dialing']);
    give({ server: address('late'), retryStart: false });
    await settle();
    expect(w.dialed).toBe('late');
    await w.link.welcome();
    expect(w.phase).toBe('live');
    await w.finish();
  });

  it('that is slower than the budget of an attempt is not forgotten: its choice is the next one', async () => {
    const gives: ((choice: HostChoice) => void)[] = [];
    const provider = new Scripted(() => new Promise((resolve) => gives.push(resolve)), 3);
    const w = await new World(provider).start();
    await w.clock.advance(T / 3);
    expect([provider.asked, w.failures.length, w.phase]).toEqual([2, 1, 'dialing']);
    // the answer to the first question comes while the second one is open
    gives[0]?.({ server: address('first'), retryStart: false });
    await settle();
    expect(w.dialed).toBe('');
    gives[1]?.({ server: address('second'), retryStart: false });
    await settle();
    expect(w.server.links).toHaveLength(1);
    await w.link.welcome();
    expect(w.phase).toBe('live');
    await w.finish();
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('no list');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no list'))],
  ])('that %s is asked again after a pause that grows, not in a loop', async (_, fail) => {
    const provider = new Scripted(fail);
    const w = await new World(provider).start();
    expect([provider.asked, w.phase, w.clock.nextIn]).toEqual([1, 'backoff', FIRST_PAUSE]);
    expect(w.failures).toEqual([expect.any(NoServerError)]);
    expect(w.failures[0]).toMatchObject({ code: 'ZK_NO_SERVER', cause: new Error('no list') });
    await w.clock.advance(FIRST_PAUSE);
    expect([provider.asked, w.clock.nextIn]).toEqual([2, 2 * FIRST_PAUSE]);
    await w.clock.advance(10_000);
    // 1 s is the longest bound, half of it the pause
    expect(provider.asked).toBeLessThan(10_000 / 500 + 6);
    await w.finish();
  });

  it('that failed once is used again', async () => {
    const provider = new Scripted((n) => {
      if (n === 1) throw new Error('not yet');
      return { server: address('s'), retryStart: false };
    });
    const w = await new World(provider).start();
    await w.clock.advance(FIRST_PAUSE);
    await w.link.welcome();
    expect(w.phase).toBe('live');
    await w.finish();
  });

  it('that fails is among the reasons for which there is no session', async () => {
    const w = await new World(new Scripted(() => Promise.reject(new Error('no list')))).start();
    expect([...w.driver.failures.values()]).toEqual([expect.any(NoServerError)]);
    await w.finish();
  });

  it.each([
    ['nothing', undefined],
    ['no server', { retryStart: false }],
    ['a server that is none', { server: null, retryStart: false }],
  ])('that gives %s has failed: it is asked again after a pause', async (_, choice) => {
    const provider = new Scripted(() => choice as unknown as HostChoice);
    let w: World | undefined;
    const caught = await catchingUncaught(async () => {
      w = await new World(provider).start();
    });
    expect(caught).toEqual([]);
    expect(w?.phase).toBe('backoff');
    await w?.finish();
  });

  it('whose connected() throws costs nothing but an uncaught exception', async () => {
    const provider = new Scripted(() => ({ server: address('s'), retryStart: false }));
    provider.connected = () => {
      throw new Error('mine');
    };
    const w = new World(provider);
    const caught = await catchingUncaught(async () => {
      await w.live();
    });
    expect(caught).toEqual([new Error('mine')]);
    expect([w.phase, w.states]).toEqual(['live', ['Connecting', 'SyncConnected']]);
    await w.finish();
  });

  it('that says nothing about its size does not switch the deadlines off', async () => {
    const provider = new Scripted(() => ({ server: address('s'), retryStart: false }));
    Object.assign(provider, { size: undefined });
    const w = await new World(provider).start();
    expect(w.clock.nextIn).toBe(T);
    await w.finish();
  });
});

describe('without time passing', () => {
  /** Lets a client do what it likes for a while. */
  const leaveAlone = async (): Promise<void> => {
    for (let i = 0; i < 20; i++) await settle();
  };

  it('servers that refuse are tried once each', async () => {
    const w = new World();
    w.server.onDial = (link) => link.fail();
    await w.start();
    await leaveAlone();
    expect([w.dialed, w.phase]).toEqual(['a b c', 'backoff']);
    await w.finish();
  });

  it('servers that hang up on each session at once are not tried over and over', async () => {
    const w = new World();
    w.server.onDial = async (link) => {
      await link.welcome();
      await link.end();
    };
    await w.start();
    await leaveAlone();
    expect(w.phase).toBe('backoff');
    expect(w.server.links.length).toBeLessThanOrEqual(6);
    await w.finish();
  });

  it('servers are not tried over and over because a provider never asks for a pause', async () => {
    const w = new World(new Scripted(() => ({ server: address('s'), retryStart: false })));
    w.server.onDial = (link) => link.fail();
    await w.start();
    await leaveAlone();
    expect(w.phase).toBe('backoff');
    expect(w.server.links.length).toBeLessThanOrEqual(3);
    await w.finish();
  });

  it('the event loop is not starved by a dialer that throws for such a provider', async () => {
    // ends the loop that it is about
    let left = 1000;
    const w = new World(
      new Scripted(() => {
        if (left-- === 0) throw new Error('enough');
        return { server: address('s'), retryStart: false };
      }),
    );
    w.server.dialError = new Error('no');
    await w.start();
    await leaveAlone();
    expect(left).toBeGreaterThan(990);
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
    expect(w.events.at(-1)).toEqual({ type: 'end', confirmed: true });
    expect([w.phase, w.clock.timers, w.link.closed]).toEqual(['closed', 0, true]);
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
