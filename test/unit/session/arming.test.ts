import { describe, expect, it } from 'vitest';
import { operations } from '../../../src/protocol/operations.js';
import { Arming } from '../../../src/session/arming.js';
import { PendingRequest } from '../../../src/session/pending.js';
import { RecordingWatcher } from '../../support/core-world.js';

const PERSISTENT = 0;
const RECURSIVE = 1;
const ignore = (): void => undefined;

function addWatch(mode: number, path = '/a'): PendingRequest {
  const watcher = new RecordingWatcher();
  return new PendingRequest(operations.addWatch, { path, mode }, path, ignore, ignore, null, watcher, 0);
}

describe('persistent watches under way', () => {
  it('cover what they will bring the events of, as long as somebody waits for one', () => {
    const arming = new Arming();
    const covered = (): string[] =>
      (['data', 'exist', 'child'] as const).filter((kind) => arming.covers(kind, '/a'));
    const [recursive, persistent, other] = [addWatch(RECURSIVE), addWatch(PERSISTENT), addWatch(PERSISTENT)];
    expect(covered()).toEqual([]);
    arming.add(recursive);
    expect(covered()).toEqual(['data', 'exist']);
    arming.add(persistent);
    arming.add(other);
    expect(covered()).toEqual(['data', 'exist', 'child']);
    persistent.fail(new Error('enough'));
    expect(covered()).toEqual(['data', 'exist', 'child']);
    arming.remove(other);
    expect(covered()).toEqual(['data', 'exist']);
    recursive.fail(new Error('enough'));
    expect([covered(), arming.covers('data', '/b')]).toEqual([[], false]);
    // sent, and not answered
    expect([arming.has('/a'), arming.hasPersistent('/a')]).toEqual([true, true]);
    arming.remove(persistent);
    arming.remove(recursive);
    expect([arming.has('/a'), arming.hasPersistent('/a')]).toEqual([false, false]);
  });

  it('that nobody waits for are looked at once, however many reads come behind them', () => {
    const COUNT = 1000;
    const arming = new Arming();
    let looks = 0;
    for (let i = 0; i < COUNT; i++) {
      const pending = addWatch(PERSISTENT);
      Object.defineProperty(pending, 'settled', { get: () => ++looks > 0 });
      arming.add(pending);
    }
    for (let i = 0; i < COUNT; i++) expect(arming.covers('data', '/a')).toBe(false);
    expect(looks).toBe(COUNT);
    expect(arming.hasPersistent('/a')).toBe(true);
  });

  it('that do not bring the events of children are not looked at for each who asks for those', () => {
    const COUNT = 1000;
    const arming = new Arming();
    let looks = 0;
    for (let i = 0; i < COUNT; i++) {
      const pending = addWatch(RECURSIVE);
      Object.defineProperty(pending, 'settled', { get: () => ++looks < 0 });
      arming.add(pending);
    }
    for (let i = 0; i < COUNT; i++) expect(arming.covers('child', '/a')).toBe(false);
    expect(looks).toBe(0);
    expect(arming.covers('data', '/a')).toBe(true);
  });
});
