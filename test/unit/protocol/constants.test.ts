import { describe, expect, it } from 'vitest';
import {
  CREATE_FLAGS,
  CreateMode,
  EventTypeCode,
  eventTypeName,
  isEphemeral,
  isSequential,
  isTtl,
  Limits,
  MAX_TTL_MS,
} from '../../../src/protocol/constants.js';

describe('create modes', () => {
  it.each(Object.entries(CREATE_FLAGS))('%s: its flags say what its name says', (name, flags) => {
    expect(isSequential(flags)).toBe(name.includes('SEQUENTIAL'));
    expect(isEphemeral(flags)).toBe(name.startsWith('EPHEMERAL'));
    expect(isTtl(flags)).toBe(name.endsWith('TTL'));
  });

  it('flags above 3 are not a bit mask', () => {
    expect([4, 5, 7, 8].map(isSequential)).toEqual([false, false, false, false]);
    expect([5, 7].map(isEphemeral)).toEqual([false, false]);
  });

  it('CreateMode has each name once', () => {
    expect(Object.keys(CreateMode)).toEqual(Object.keys(CREATE_FLAGS));
    for (const [key, name] of Object.entries(CreateMode)) expect(name).toBe(key);
  });
});

describe('event types', () => {
  it('None is no watch event, an unknown number has no name', () => {
    expect([EventTypeCode.None, 0, 5, 99].map(eventTypeName)).toEqual(Array(4).fill(undefined));
  });

  it('the others have theirs', () => {
    expect([1, 2, 3, 4].map(eventTypeName)).toEqual([
      'NodeCreated',
      'NodeDeleted',
      'NodeDataChanged',
      'NodeChildrenChanged',
    ]);
  });
});

describe('limits', () => {
  it('are those of Java', () => {
    expect(MAX_TTL_MS).toBe(2 ** 40 - 1);
    expect(Limits.JUTE_MAX_BUFFER).toBe(1048575);
    expect(Limits.SET_WATCHES_BYTES).toBe(131072);
    expect(Limits.PASSWORD_BYTES).toBe(16);
  });
});
