import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { connect } from '../../../src/index.js';
import { formatServer, type ServerAddress } from '../../../src/net/connect-string.js';
import { RoundRobinHostProvider, type HostChoice } from '../../../src/net/host-provider.js';
import {
  ConnectionLossError,
  InvalidArgumentError,
  InvalidConnectStringError,
} from '../../../src/protocol/errors.js';
import { MiniServer } from '../../../src/testing.js';
import { Scripted, World, address } from '../../support/driver-world.js';
import { check } from '../../support/property.js';
import { settle } from '../../support/scripted-server.js';

const list = (hosts: string): ServerAddress[] => Array.from(hosts, address);

/** Random numbers that are the same in each run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    // xorshift
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Clients, each with a provider of its own, and the server that it is on. */
class Crowd {
  private readonly random = seeded(4711);
  private readonly clients: { provider: RoundRobinHostProvider; on: ServerAddress }[];
  moved = 0;

  constructor(size: number, hosts: string) {
    this.clients = Array.from({ length: size }, () => {
      const provider = new RoundRobinHostProvider(list(hosts), this.random);
      const on = provider.next().server;
      provider.connected();
      return { provider, on };
    });
  }

  update(hosts: string): void {
    this.moved = 0;
    for (const client of this.clients) {
      if (!client.provider.update(list(hosts), client.on)) continue;
      this.moved++;
      client.on = client.provider.next().server;
      client.provider.connected();
    }
  }

  /** How many clients each server has. */
  get load(): Record<string, number> {
    const load: Record<string, number> = {};
    for (const { on } of this.clients) load[on.host] = (load[on.host] ?? 0) + 1;
    return load;
  }

  /** How far the load of any of these servers is from an equal share, in standard deviations. */
  unevenness(hosts: string): number {
    const share = 1 / hosts.length;
    const n = this.clients.length;
    const deviation = Math.max(1, Math.sqrt(n * share * (1 - share)));
    return Math.max(...Array.from(hosts, (host) => Math.abs((this.load[host] ?? 0) - n * share) / deviation));
  }
}

describe('the load on the servers is even after', () => {
  it.each([
    ['two were added', 'abc', 'abcde'],
    ['most are new', 'ab', 'abcdefgh'],
    ['one was taken away', 'abcde', 'abcd'],
    ['one was replaced', 'abc', 'abd'],
    ['some were replaced, and more taken away', 'abcdef', 'abgh'],
    ['all were replaced', 'abc', 'xyz'],
    ['all were replaced by more', 'ab', 'vwxyz'],
    ['all were replaced by one', 'abc', 'x'],
    ['some were replaced, and more added', 'abc', 'abwxyz'],
  ])('%s: %s → %s', (_what, before, after) => {
    const crowd = new Crowd(5000, before);
    crowd.update(after);
    expect(Object.keys(crowd.load).sort().join('')).toBe(after);
    expect(crowd.unevenness(after)).toBeLessThan(5);
  });

  it('several changes in a row, and nobody moves without need', () => {
    const crowd = new Crowd(5000, 'abc');
    crowd.update('abcde');
    // 2/5 of all have to
    expect(crowd.moved / 5000).toBeCloseTo(0.4, 1);
    crowd.update('abcd');
    expect(crowd.moved / 5000).toBeCloseTo(0.2, 1);
    crowd.update('dcba');
    expect(crowd.moved).toBe(0);
    expect(crowd.unevenness('abcd')).toBeLessThan(5);
  });
});

describe('a provider whose list changes', () => {
  it('gives every server of the new list once in a round, and no other', () => {
    const letters = fc.uniqueArray(fc.constantFrom(...Array.from('abcdefgh')), { minLength: 1 });
    const values = [letters, letters, fc.option(fc.nat(7)), fc.integer({ min: 1 })] as const;
    check(
      fc.property(...values, (before, after, at, seed) => {
        const provider = new RoundRobinHostProvider(list(before.join('')), seeded(seed));
        const current = at === null ? undefined : list(before.join(''))[at % before.length];
        const leave = provider.update(list(after.join('')), current);
        const stays = current !== undefined && after.includes(current.host);
        if (current !== undefined && !stays) expect(leave).toBe(true);
        if (current === undefined) expect(leave).toBe(false);
        expect(provider.size).toBe(after.length);
        if (leave && stays) expect(before).not.toContain(provider.next().server.host);
        provider.connected();
        provider.next();
        // from the beginning of a round on
        let choice = provider.next();
        for (let i = 0; !choice.retryStart && i < 20; i++) choice = provider.next();
        const round = [choice.server.host];
        for (let i = 1; i < after.length; i++) round.push(provider.next().server.host);
        expect([...round].sort()).toEqual([...after].sort());
      }),
    );
  });

  it('tries what is new and what is old before it pauses', () => {
    const provider = new RoundRobinHostProvider(list('abc'), seeded(1));
    expect(provider.update(list('bcde'), address('a'))).toBe(true);
    const round = Array.from({ length: 4 }, () => provider.next());
    expect(round.every(({ retryStart }) => !retryStart)).toBe(true);
    expect(round.map(({ server }) => server.host).sort()).toEqual(['b', 'c', 'd', 'e']);
    // the list is longer: new ones first
    expect(['d', 'e']).toContain(round[0]?.server.host);
    expect(provider.next().retryStart).toBe(true);
  });

  it('knows a server that stands there twice', () => {
    const provider = new RoundRobinHostProvider(list('ab'));
    expect(provider.update(list('bab'), address('a'))).toBe(false);
    expect(provider.size).toBe(2);
  });

  it('wants one server at least', () => {
    const provider = new RoundRobinHostProvider(list('ab'));
    expect(() => provider.update([], address('a'))).toThrow(InvalidArgumentError);
    expect(provider.size).toBe(2);
  });
});

describe('a driver', () => {
  it('leaves a server that is gone for one that is there, and keeps the session', async () => {
    const w = await new World().live({ sessionId: 7n });
    const first = w.link;
    const get = w.get();
    await settle();
    expect(w.driver.updateServers(list('xy'))).toBe(true);
    expect([w.phase, first.closed]).toEqual(['dialing', false]);
    await w.start();
    expect(get.outcome).toBeInstanceOf(ConnectionLossError);
    expect(['x', 'y']).toContain(w.link.server.host);
    expect(first.closed).toBe(true);
    await w.link.welcome({ sessionId: 7n });
    expect(w.events).toContainEqual({ type: 'session', what: 'resumed', id: 7n });
    await w.finish();
  });

  it('keeps a server that stays', async () => {
    const w = await new World().live();
    const { link } = w;
    expect(w.driver.updateServers([link.server, address('x'), address('y')])).toBe(false);
    expect([w.link, w.phase]).toEqual([link, 'live']);
    await w.finish();
  });

  it('that is between two servers takes the next one from the new list', async () => {
    const w = await new World().start();
    const { link } = w;
    expect(w.driver.updateServers([link.server, ...list('xy')])).toBe(false);
    await settle();
    // it stays in the list, and so does the attempt
    expect([w.link, link.destroyed]).toEqual([link, false]);
    await w.link.fail();
    expect(['x', 'y']).toContain(w.link.server.host);
    await w.finish();
  });

  it('gives up an attempt at a server that is gone, and tries the new ones at once', async () => {
    const w = await new World().start();
    const { link } = w;
    expect(w.driver.updateServers(list('x'))).toBe(false);
    await settle();
    expect([link.destroyed, w.dialed]).toEqual([true, 'a x']);
    // what the old one says is of no account
    link.events.onConnect();
    link.events.onEnd();
    link.events.onClose(new Error('late'));
    expect([w.phase, w.failures, link.written]).toEqual(['dialing', [], []]);
    await w.link.welcome();
    expect([w.phase, w.driver.server]).toEqual(['live', 'x:1']);
    await w.finish();
  });

  it('does so in the handshake as well, without a pause', async () => {
    const w = await new World(new RoundRobinHostProvider(list('a'))).start();
    const { link } = w;
    await link.connect();
    expect(w.phase).toBe('handshaking');
    expect(w.driver.updateServers([link.server])).toBe(false);
    expect(w.phase).toBe('handshaking');
    expect(w.driver.updateServers(list('x'))).toBe(false);
    await settle();
    expect([link.destroyed, w.phase, w.dialed]).toEqual([true, 'dialing', 'a x']);
    await w.link.welcome();
    expect(w.driver.server).toBe('x:1');
    await w.finish();
  });

  it('does so while the server is being convinced by SASL', async () => {
    const sasl = { name: 'NEVER', start: () => new Promise<never>(() => undefined) };
    const w = await new World(new RoundRobinHostProvider(list('a')), {}, { sasl }).live();
    expect(w.phase).toBe('securing');
    const { link } = w;
    w.driver.updateServers(list('x'));
    await settle();
    expect([link.destroyed, w.phase, w.dialed]).toEqual([true, 'dialing', 'a x']);
    await w.finish();
  });

  it('asks again for a server that was being chosen from the old list', async () => {
    const answers: ((choice: HostChoice) => void)[] = [];
    const provider = Object.assign(new Scripted(() => new Promise((resolve) => answers.push(resolve))), {
      update: () => false,
    });
    const w = await new World(provider).start();
    w.driver.updateServers(list('x'));
    answers[0]?.({ server: address('a'), retryStart: false });
    await settle();
    expect([w.dialed, answers.length]).toEqual(['', 2]);
    answers[1]?.({ server: address('x'), retryStart: false });
    await settle();
    expect(w.dialed).toBe('x');
    await w.finish();
  });

  it('lets a session that is being closed be', async () => {
    const w = await new World().live();
    w.driver.close();
    expect(w.driver.updateServers(list('x'))).toBe(false);
    expect([w.phase, w.link.destroyed]).toEqual(['closing', false]);
    await w.finish();
  });

  it('says so when its host provider has a list of its own', async () => {
    const w = await new World(new Scripted(() => ({ server: address('s'), retryStart: false }))).live();
    expect(() => w.driver.updateServers(list('x'))).toThrow(InvalidArgumentError);
    expect(w.phase).toBe('live');
    await w.finish();
  });
});

describe('updateServers of a Conn', () => {
  it('keeps the session and the socket if the server stays, and moves the session if it goes [G7]', async () => {
    await using server = await MiniServer.start();
    await using conn = await connect(server.connectString, { random: () => 0.999 });
    const { sessionId } = conn;
    await conn.create('/e', null, { mode: 'EPHEMERAL' });
    const states: string[] = [];
    conn.on('connection', (state) => states.push(state));
    // a second name of the same server
    const other = `localhost:${server.port}`;
    expect(await conn.updateServers([server.connectString])).toBe(false);
    expect(await conn.updateServers(`${other},${server.connectString}`)).toBe(false);
    expect(await conn.updateServers(`${server.connectString},${other}`)).toBe(false);
    await conn.sync('/');
    expect(states).toEqual([]);
    const resumed = new Promise((resolve) => conn.once('session', resolve));
    expect(await conn.updateServers(other)).toBe(true);
    expect(await resumed).toMatchObject({ what: 'resumed', sessionId });
    expect(conn.server).toBe(other);
    expect((await conn.exists('/e'))?.ephemeralOwner).toBe(sessionId);
    expect(states).toEqual(['SUSPENDED', 'RECONNECTED']);
  });

  it('refuses what is no list of servers', async () => {
    await using server = await MiniServer.start();
    await using conn = await connect(server.connectString, { chroot: '/a' });
    const update = (servers: unknown): Promise<boolean> => conn.updateServers(servers as string);
    await expect(update('')).rejects.toBeInstanceOf(InvalidConnectStringError);
    await expect(update(null)).rejects.toBeInstanceOf(InvalidConnectStringError);
    await expect(update([''])).rejects.toBeInstanceOf(InvalidConnectStringError);
    await expect(update([])).rejects.toBeInstanceOf(InvalidArgumentError);
    await expect(update('a:1/b')).rejects.toBeInstanceOf(InvalidArgumentError);
    await expect(update('dns-srv://a.b')).rejects.toBeInstanceOf(InvalidArgumentError);
    expect(await update(`${server.connectString}/a`)).toBe(false);
    expect(formatServer({ host: server.host, port: server.port })).toBe(conn.server);
  });
});
