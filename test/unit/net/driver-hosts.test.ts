import { describe, expect, it } from 'vitest';
import type { HostChoice } from '../../../src/net/host-provider.js';
import { NoServerError } from '../../../src/protocol/errors.js';
import { address, FIRST_PAUSE, Scripted, T, World } from '../../support/driver-world.js';
import { catchingUncaught, settle } from '../../support/scripted-server.js';

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
    expect(w.clock.nextIn).toBe(T / 3);
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
