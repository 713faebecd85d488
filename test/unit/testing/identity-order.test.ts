import { expect, it } from 'vitest';
import { inBucketOrder } from '../../../src/testing/identity-order.js';

const IP = { scheme: 'ip', id: '127.0.0.1' };
const ANN = { scheme: 'digest', id: 'ann:7RJfAeIvrl4zdj6sS2fXrQHDvHM=' };
const SUPER = { scheme: 'super', id: '' };
const SUPER_DIGEST = { scheme: 'digest', id: 'super:D/InIHSb7yEEbrWz8b9l71RjZJU=' };

it('has the identities as whoami of 3.8.0 and of 3.9.3 shows them, however they came', () => {
  expect(inBucketOrder([IP])).toEqual([IP]);
  expect(inBucketOrder([IP, ANN])).toEqual([ANN, IP]);
  const all = [SUPER, ANN, IP, SUPER_DIGEST];
  expect(inBucketOrder([IP, ANN, SUPER, SUPER_DIGEST])).toEqual(all);
  expect(inBucketOrder([SUPER_DIGEST, SUPER, IP, ANN])).toEqual(all);
});

it('keeps all of many, and those of one bucket in their order', () => {
  const many = Array.from({ length: 40 }, (_, i) => ({ scheme: 'ip', id: `10.0.0.${i}` }));
  expect(new Set(inBucketOrder(many))).toEqual(new Set(many));
  // strings of one hash
  const same = [
    { scheme: 'digest', id: 'BB' },
    { scheme: 'digest', id: 'Aa' },
  ];
  expect(inBucketOrder(same)).toEqual(same);
});
