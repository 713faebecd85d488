import { describe, expect, it } from 'vitest';
import { operations } from '../../../src/protocol/operations.js';
import { hasEventZxids, isFrom, knows } from '../../../src/testing/release.js';

describe('releases', () => {
  it.each([
    ['3.9.3', '3.9.3', true],
    ['3.9.3', '3.9', true],
    ['3.9', '3.9.0', true],
    ['3.9.2', '3.9.3', false],
    ['3.10.0', '3.9.9', true],
    ['3.4.14', '3.5', false],
    ['4.0', '3.9', true],
  ])('%s is from %s on: %s', (release, wanted, is) => {
    expect(isFrom(release, wanted)).toBe(is);
  });

  it('know what came before them', () => {
    const names = (release: string): string[] =>
      Object.values(operations)
        .filter((row) => !knows(release, row))
        .map((row) => row.name)
        .sort();
    expect(names('3.9.3')).toEqual([]);
    expect(names('3.6')).toEqual(['whoAmI']);
    expect(names('3.5.0')).toEqual([
      'addWatch',
      'createContainer',
      'createTTL',
      'getAllChildrenNumber',
      'getEphemerals',
      'multiRead',
      'setWatches2',
      'whoAmI',
    ]);
    expect(names('3.4')).toEqual(
      [...names('3.5.0'), 'checkWatches', 'create2', 'reconfig', 'removeWatches'].sort(),
    );
  });

  it('tell of zxids in events since 3.9', () => {
    expect(['3.4', '3.8.4', '3.9.0', '3.9.3'].map(hasEventZxids)).toEqual([false, false, true, true]);
  });
});
