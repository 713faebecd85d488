import { describe, expect, it } from 'vitest';
import { parseConnectString } from '../../../src/net/connect-string.js';
import { DnsSrvHostProvider, type SrvRecord } from '../../../src/net/dns-srv.js';
import { InvalidConnectStringError, NoServerError } from '../../../src/protocol/errors.js';

const NAME = '_zookeeper._tcp.example.com';
const record = (name: string, priority = 1, weight = 0): SrvRecord => ({
  name,
  port: 2181,
  priority,
  weight,
});

/** A DNS that answers what it is told to, and a provider that asks it. */
class World {
  asked: string[] = [];
  records: readonly SrvRecord[] | Error;
  readonly provider: DnsSrvHostProvider;

  constructor(records: World['records'], random = () => 0.5) {
    this.records = records;
    const resolve = async (name: string): Promise<readonly SrvRecord[]> => {
      this.asked.push(name);
      if (this.records instanceof Error) throw this.records;
      return this.records;
    };
    this.provider = new DnsSrvHostProvider(NAME, { resolve, random });
  }

  /** The next servers; a `|` before one that a pause comes before. */
  async next(count: number): Promise<string> {
    let text = '';
    for (let i = 0; i < count; i++) {
      const { server, retryStart } = await this.provider.next();
      text += `${retryStart ? '|' : ''}${server.host}`;
    }
    return text;
  }
}

describe('SRV records', () => {
  it('are asked for by their name, and give hosts and ports', async () => {
    const w = new World([{ name: 'zk1.example.com.', port: 2281, priority: 0, weight: 0 }]);
    expect(await w.provider.next()).toEqual({
      server: { host: 'zk1.example.com', port: 2281 },
      retryStart: false,
    });
    expect(w.asked).toEqual([NAME]);
  });

  it('come in the order of their priorities', async () => {
    const w = new World([record('c', 30), record('a', 10), record('b', 20)]);
    expect(await w.next(3)).toBe('abc');
    expect(w.provider.size).toBe(3);
  });

  it('of one priority come by chance, according to their weights', async () => {
    const firsts: Record<string, number> = { a: 0, b: 0, c: 0 };
    for (let i = 0; i < 1000; i++) {
      const w = new World([record('a', 1, 10), record('b', 1, 30), record('c', 1, 60)], () => i / 1000);
      const host = await w.next(1);
      firsts[host] = (firsts[host] ?? 0) + 1;
    }
    expect(firsts['a']).toBeCloseTo(110, -2);
    expect(firsts['b']! / 1000).toBeCloseTo(0.3, 1);
    expect(firsts['c']! / 1000).toBeCloseTo(0.6, 1);
  });

  it('without weights come all the same', async () => {
    for (const random of [0, 0.5, 0.999]) {
      const w = new World([record('a'), record('b'), record('c')], () => random);
      expect(
        Array.from(await w.next(3))
          .sort()
          .join(''),
      ).toBe('abc');
    }
  });

  it('are looked up again for each round, with a pause before it', async () => {
    const w = new World([record('a', 1), record('b', 2)]);
    expect(await w.next(2)).toBe('ab');
    w.records = [record('x', 1), record('y', 2)];
    expect(await w.next(3)).toBe('|xy|x');
    expect(w.asked).toHaveLength(3);
  });

  it('are looked up again after a connection was lost, and its server comes last', async () => {
    const w = new World([record('a', 1), record('b', 2), record('c', 3)]);
    expect(await w.next(1)).toBe('a');
    w.provider.connected();
    expect(await w.next(3)).toBe('bca');
    expect(w.asked).toHaveLength(2);
  });

  it('that cannot be had are those of the last time', async () => {
    const w = new World([record('a', 1), record('b', 2)]);
    await w.next(2);
    for (const nothing of [new Error('SERVFAIL'), [], [record('.')]]) {
      w.records = nothing;
      expect(await w.next(2)).toBe('|ab');
    }
  });

  it('that never were there are an error, until they are', async () => {
    const w = new World(new Error('ENOTFOUND'));
    const first = w.provider.next();
    await expect(first).rejects.toBeInstanceOf(NoServerError);
    await expect(first).rejects.toMatchObject({ cause: w.records });
    expect(w.provider.size).toBe(1);
    w.records = [record('a')];
    expect(await w.next(1)).toBe('a');
  });
});

describe('a connect string', () => {
  it.each([
    ['dns-srv://_zookeeper._tcp.example.com', { servers: [], srv: NAME, chroot: '' }],
    ['dns-srv://_zookeeper._tcp.example.com/app/a', { servers: [], srv: NAME, chroot: '/app/a' }],
    ['dns-srv://example.com/', { servers: [], srv: 'example.com', chroot: '' }],
  ])('%s', (text, parsed) => {
    expect(parseConnectString(text)).toEqual(parsed);
  });

  it.each([
    'dns-srv://',
    'dns-srv:///a',
    'dns-srv://a,b',
    'dns-srv://a:2181',
    'dns-srv://a/b/',
    'DNS-SRV://a',
  ])('%s is none', (text) => {
    expect(() => parseConnectString(text)).toThrow(InvalidConnectStringError);
  });

  it('may have an IPv6 address with a zone [G5]', () => {
    expect(parseConnectString('[fe80::1%lo0]:2181,fe80::1%eth0').servers).toEqual([
      { host: 'fe80::1%lo0', port: 2181 },
      { host: 'fe80::1%eth0', port: 2181 },
    ]);
  });
});
