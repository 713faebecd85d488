import { describe, expect, it } from 'vitest';
import { firstSessionId, SessionTable } from '../../../src/testing/session-table.js';
import { ManualClock } from './manual-clock.js';

describe('SessionTable', () => {
  it('expires a session between its timeout and one tick more', () => {
    const clock = new ManualClock();
    const table = new SessionTable(clock, 500);
    clock.advance(123);
    const session = table.create(1000);
    const begin = clock.now();
    clock.advance(999);
    expect(table.due()).toEqual([]);
    while (table.due().length === 0) clock.advance(1);
    expect(clock.now() - begin).toBeGreaterThan(1000);
    expect(clock.now() - begin).toBeLessThanOrEqual(1500);
    expect(clock.now() % 500).toBe(0);
    expect(table.due()).toEqual([session]);
  });

  it('lets those expire first whose deadline came first, whoever was there first', () => {
    const clock = new ManualClock();
    const table = new SessionTable(clock, 500);
    const [late, early, touched] = [table.create(3000), table.create(1000), table.create(500)];
    clock.advance(1500);
    table.touch(touched);
    clock.advance(60_000);
    expect(table.due()).toEqual([early, touched, late]);
  });

  it('begins the timeout again when the session is heard of', () => {
    const clock = new ManualClock();
    const table = new SessionTable(clock, 500);
    const session = table.create(1000);
    for (let i = 0; i < 10; i++) {
      clock.advance(900);
      expect(table.due()).toEqual([]);
      table.touch(session);
    }
    clock.advance(1500);
    expect(table.due()).toEqual([session]);
  });

  it('begins all timeouts again after a restart', () => {
    const clock = new ManualClock();
    const table = new SessionTable(clock, 500);
    table.create(1000);
    clock.advance(60_000);
    table.restart();
    expect(table.due()).toEqual([]);
  });

  it('forgets a session that has ended', () => {
    const clock = new ManualClock();
    const table = new SessionTable(clock, 500);
    const session = table.create(1000);
    table.remove(session);
    clock.advance(60_000);
    expect([table.due(), table.get(session.id), table.size, session.closing]).toEqual([
      [],
      undefined,
      0,
      true,
    ]);
  });

  it('gives every session another id, and a password of 16 bytes that does not follow from it', () => {
    const clock = new ManualClock();
    const [one, two] = [new SessionTable(clock, 500), new SessionTable(clock, 500)].map((t) =>
      t.create(1000),
    );
    expect(one!.id).toBe(two!.id);
    expect(one!.passwd).toHaveLength(16);
    expect(one!.passwd.equals(two!.passwd)).toBe(false);
    const table = new SessionTable(clock, 500);
    expect(table.create(1).id + 1n).toBe(table.create(1).id);
  });

  it('puts the id of the server into the top byte', () => {
    expect(firstSessionId(Date.UTC(2024, 0, 1)) >> 56n).toBe(1n);
    expect(firstSessionId(Date.UTC(2100, 0, 1))).toBeGreaterThan(0n);
  });

  it('says when the next tick is', () => {
    const clock = new ManualClock();
    const table = new SessionTable(clock, 500);
    clock.advance(100);
    expect(table.msToNextTick()).toBe(400);
  });
});
