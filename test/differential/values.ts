/** Values that requests are made of. Few of each, so that commands meet each other. */
import * as fc from 'fast-check';
import { digestId } from '../../src/protocol/acls.js';
import { MAX_TTL_MS } from '../../src/protocol/constants.js';
import type { Fields } from './program.js';

export type Arb<T> = fc.Arbitrary<T>;

/** A choice by weight. */
export function weighted<T>(...choices: readonly (readonly [number, Arb<T>])[]): Arb<T> {
  return fc.oneof(
    ...choices.filter(([weight]) => weight > 0).map(([weight, arbitrary]) => ({ weight, arbitrary })),
  );
}
export const of = <T>(...values: readonly T[]): Arb<T> => fc.constantFrom(...values);

const BIRTHS = ['$/a', '$/b', '$/a/x', '$/a/y', '$/b/x', '$/a/x/z', '$/ab', '$/e'];
const NODES = [
  '$',
  ...BIRTHS,
  '$/a',
  '$/a',
  '$/a/s-0000000000',
  '$/a/s-0000000001',
  '$/0000000000',
  '$/c',
  '$/t',
];
const ODD_PATHS: readonly (string | null)[] = [
  '/',
  '',
  'abc',
  '$/none',
  '$/none/x',
  '$/a/',
  '$//a',
  '$/a//x',
  '$/.',
  '$/..',
  '$/a/./b',
  '$/...',
  '$/\u0001',
  '$/a\u0000',
  '$/\u009f',
  '$/\ue000',
  '$/\ufff0',
  '$/\u{1f600}',
  '/zookeeper',
  '/zookeeper/config',
  '/zookeeper/quota',
  '/zookeeper/quota$/a/zookeeper_stats',
  '/none',
  null,
];

export const path: Arb<string | null> = weighted<string | null>([14, of(...NODES)], [1, of(...ODD_PATHS)]);
export const plainPath: Arb<string> = of(...NODES);
export const birthPath: Arb<string | null> = weighted<string | null>(
  [14, of(...BIRTHS)],
  [3, of('$/a/s-', '$/', '$/a/', '$/c', '$/t')],
  [1, of(...ODD_PATHS)],
);
export const data: Arb<string | null> = of(null, '', 'x', 'some data', 'count=3,bytes=20');
export const version: Arb<number> = weighted([8, of(-1)], [4, of(0, 1)], [1, of(2, -2, 7, 0x7fffffff)]);

const entry = (perms: number, scheme: string | null, id: string | null): Fields => ({ perms, scheme, id });
export const OPEN = [entry(31, 'world', 'anyone')];
const [U, V] = [digestId('u:p'), digestId('v:q')];
/** ACLs that forbid something to somebody. */
const NARROW: readonly (readonly Fields[])[] = [
  [entry(1, 'world', 'anyone')],
  [entry(30, 'world', 'anyone')],
  [entry(23, 'world', 'anyone')],
  [entry(27, 'world', 'anyone')],
  [entry(15, 'world', 'anyone')],
  [entry(31, 'digest', U)],
  [entry(31, 'digest', V), entry(1, 'world', 'anyone')],
  [entry(31, 'digest', V), entry(15, 'world', 'anyone')],
  [entry(1, 'digest', U), entry(30, 'digest', V)],
  [entry(31, 'ip', '127.0.0.1')],
  [entry(31, 'ip', '127.0.0.0/8'), entry(1, 'world', 'anyone')],
  [entry(31, 'ip', '10.0.0.1')],
];
/** ACLs of which something else is stored or shown than was sent. */
const CHANGED: readonly (readonly Fields[])[] = [
  [entry(31, 'auth', '')],
  [entry(31, 'auth', ''), entry(16, 'world', 'anyone')],
  [entry(9, 'auth', 'whatever'), ...OPEN],
  [...OPEN, ...OPEN],
  [...OPEN, entry(1, 'digest', U), ...OPEN, entry(1, 'digest', U)],
  [entry(0, 'world', 'anyone')],
  [entry(0xff, 'world', 'anyone')],
];
const REFUSED: readonly (readonly Fields[] | null)[] = [
  [],
  null,
  [entry(31, 'world', 'someone')],
  [entry(31, 'none', 'x')],
  [entry(31, 'digest', 'u')],
  [entry(31, 'digest', 'u:')],
  [entry(31, 'digest', ':p')],
  [entry(31, 'digest', 'u:p:q')],
  [entry(31, 'ip', '1.2.3')],
  [entry(31, 'ip', '1.2.3.4/33')],
  [entry(31, 'super', '')],
  [entry(31, 'sasl', 'bob')],
  [entry(31, 'x509', 'CN=bob')],
  [entry(31, null, 'anyone')],
  [entry(31, 'world', null)],
  [entry(31, 'digest', null)],
  [entry(31, 'auth', null)],
  [...OPEN, entry(31, 'world', 'someone')],
];

/** ACLs, with so much weight for an open one. */
export function aclOf(open: number): Arb<readonly Fields[] | null> {
  return weighted<readonly Fields[] | null>(
    [open, of(OPEN)],
    [8, of(...NARROW)],
    [4, of(...CHANGED)],
    [1, of(...REFUSED)],
  );
}

/** Flags of create, with so much weight for those of ephemeral nodes. */
export function flagsOf(ephemeral: number): Arb<number> {
  return weighted([8, of(0)], [ephemeral, of(1)], [3, of(2)], [2, of(3)], [1, of(4, 5, 6, 7, -1)]);
}

export const ttl = weighted([6, of(1e9)], [1, of(1e8, 0, -1, MAX_TTL_MS, MAX_TTL_MS + 1)]);
