import { describe, expect, it } from 'vitest';
import { operations } from '../../../src/protocol/operations.js';
import {
  DIFFERENCES,
  EMULATIONS,
  emulationOf,
  isFrom,
  knows,
  PRESETS,
  traitsOf,
} from '../../../src/testing/release.js';

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
        .filter((row) => !knows({ version: release, emulate: '3.9' }, row))
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

  it.each([
    ['3.4', '3.4'],
    ['3.4.14', '3.4'],
    ['3.5.0', '3.8'],
    ['3.8.4', '3.8'],
    ['3.9', '3.9'],
    ['3.10.1', '3.9'],
  ])('%s is most like a %s', (version, emulation) => {
    expect(emulationOf(version)).toBe(emulation);
  });
});

describe('emulations', () => {
  it.each(EMULATIONS)('%s has the traits of its column', (emulation) => {
    const traits = traitsOf(emulation);
    expect(Object.keys(traits)).toEqual(Object.keys(DIFFERENCES));
    for (const [name, { of }] of Object.entries(DIFFERENCES)) {
      expect(traits[name as keyof typeof DIFFERENCES]).toBe((of as readonly string[]).includes(emulation));
    }
  });

  it('differ from each other, and every difference is one', () => {
    expect(new Set(EMULATIONS.map((each) => JSON.stringify([traitsOf(each), PRESETS[each]]))).size).toBe(
      EMULATIONS.length,
    );
    for (const { of } of Object.values(DIFFERENCES)) {
      expect(of.length).toBeGreaterThan(0);
      expect(of.length).toBeLessThan(EMULATIONS.length);
    }
  });

  it('lack only operations that there are', () => {
    const names = Object.keys(operations);
    for (const { lacks } of Object.values(PRESETS)) for (const name of lacks) expect(names).toContain(name);
    expect(knows({ version: '3.8.0', emulate: 'keeper' }, operations.create2)).toBe(false);
    expect(knows({ version: '3.8.0', emulate: '3.8' }, operations.create2)).toBe(true);
  });
});
