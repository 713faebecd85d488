import { describe, expect, it } from 'vitest';
import { RoundRobinHostProvider } from '../../../src/net/host-provider.js';

const [A, B, C] = ['a', 'b', 'c'].map((host) => ({ host, port: 2181 })) as [Server, Server, Server];
type Server = { readonly host: string; readonly port: number };

/** Leaves the order as it is. */
const inOrder = (): number => 0.999;

/** `a`, or `-a` where a wait is due before it. */
function take(provider: RoundRobinHostProvider, count: number): string {
  return Array.from({ length: count }, () => {
    const { server, retryStart } = provider.next();
    return (retryStart ? '-' : '') + server.host;
  }).join(' ');
}

describe('RoundRobinHostProvider', () => {
  it('goes round, and says when all were tried', () => {
    const provider = new RoundRobinHostProvider([A, B, C], inOrder);
    expect(provider.size).toBe(3);
    expect(take(provider, 10)).toBe('a b c -a b c -a b c -a');
  });

  it('goes on with the others after a success, and comes back to the one that was lost', () => {
    const provider = new RoundRobinHostProvider([A, B, C], inOrder);
    expect(take(provider, 2)).toBe('a b');
    provider.connected();
    expect(take(provider, 6)).toBe('c a -b c a -b');
  });

  it('takes a success in the middle of a later round for a beginning', () => {
    const provider = new RoundRobinHostProvider([A, B, C], inOrder);
    expect(take(provider, 5)).toBe('a b c -a b');
    provider.connected();
    provider.connected();
    expect(take(provider, 3)).toBe('c a -b');
  });

  it('waits before each attempt but the first, of one server', () => {
    const provider = new RoundRobinHostProvider([A]);
    expect(provider.size).toBe(1);
    expect(take(provider, 3)).toBe('a -a -a');
    provider.connected();
    expect(take(provider, 2)).toBe('-a -a');
  });

  it('shuffles once: every order can come, all equally often', () => {
    const seen = new Map<string, number>();
    const steps = 6;
    for (let i = 0; i < steps; i++) {
      for (let j = 0; j < steps; j++) {
        const values = [(i + 0.5) / steps, (j + 0.5) / steps];
        const provider = new RoundRobinHostProvider([A, B, C], () => values.shift() as number);
        const order = take(provider, 3);
        expect(take(provider, 3)).toBe(`-${order}`);
        seen.set(order, (seen.get(order) ?? 0) + 1);
      }
    }
    expect([...seen.keys()].sort()).toEqual(['a b c', 'a c b', 'b a c', 'b c a', 'c a b', 'c b a']);
    expect(new Set(seen.values())).toEqual(new Set([6]));
  });

  it('leaves the list alone that it was given, and does not follow it', () => {
    const list = [A, B, C];
    const provider = new RoundRobinHostProvider(list, () => 0);
    expect(list).toEqual([A, B, C]);
    list.length = 0;
    expect(provider.size).toBe(3);
    expect(take(provider, 3).split(' ').sort()).toEqual(['a', 'b', 'c']);
  });

  it('keeps a server that stands in the list twice', () => {
    const provider = new RoundRobinHostProvider([A, A], inOrder);
    expect(take(provider, 4)).toBe('a a -a a');
  });

  it('refuses an empty list, which has no next server', () => {
    expect(() => new RoundRobinHostProvider([])).toThrow();
  });
});
