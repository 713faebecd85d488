import { beforeEach, describe, expect, it } from 'vitest';
import { Liveness, PING_FRAME } from '../../../src/session/liveness.js';

/** Session timeout, and what follows from it. */
const T = 9000;
const READ = 6000;
const PING = 2000;
const GRACE = 1000;
const LATE = 100;
const START = 50_000;

let live: Liveness;

beforeEach(() => {
  live = new Liveness();
  live.start(START);
});

describe('silence of ours', () => {
  it('is ended by a ping, not before its time', () => {
    expect(live.nextDeadline(T)).toBe(START + PING);
    expect(live.check(START, T)).toBe('nothing');
    expect(live.check(START + PING - 1, T)).toBe('nothing');
    expect(live.check(START + PING, T)).toBe('ping');
    // and by none but the one that is sent
    expect(live.check(START + PING + 1, T)).toBe('ping');
  });

  it('is counted from what was sent last', () => {
    live.sent(START + 1500);
    expect(live.nextDeadline(T)).toBe(START + 1500 + PING);
    expect(live.check(START + 1500 + PING - 1, T)).toBe('nothing');
    expect(live.check(START + 1500 + PING, T)).toBe('ping');
  });

  it('is not ended by what is heard', () => {
    live.heard(START + 1500);
    expect(live.nextDeadline(T)).toBe(START + PING);
    expect(live.check(START + PING, T)).toBe('ping');
  });

  it('has one ping at a time', () => {
    live.pinged(START + PING);
    expect(live.nextDeadline(T)).toBe(START + READ);
    expect(live.check(START + READ - 1, T)).toBe('nothing');
    live.heard(START + READ - 1);
    expect(live.check(START + READ, T)).toBe('nothing');
    live.pingAnswered();
    expect(live.check(START + READ, T)).toBe('ping');
  });

  it('begins again with a ping that was answered', () => {
    live.pinged(START + PING);
    live.heard(START + PING + 5);
    live.pingAnswered();
    expect(live.nextDeadline(T)).toBe(START + 2 * PING);
    expect(live.check(START + 2 * PING - 1, T)).toBe('nothing');
    expect(live.check(START + 2 * PING, T)).toBe('ping');
  });

  it.each([
    [600, 200],
    [3000, 1000],
    [6000, 1000],
    [60_000, 10_000],
  ])('of a session of %i ms lasts %i ms', (sessionMs, ping) => {
    expect(live.nextDeadline(sessionMs)).toBe(START + ping);
    expect(live.check(START + ping - 1, sessionMs)).toBe('nothing');
    expect(live.check(START + ping, sessionMs)).toBe('ping');
  });
});

describe("the server's silence", () => {
  it.each([0, 1, LATE - 1, LATE])('is its death, noticed %i ms late', (late) => {
    live.pinged(START + PING);
    expect(live.check(START + READ - 1, T)).toBe('nothing');
    expect(live.check(START + READ + late, T)).toBe('dead');
  });

  it('is its death also where no ping was out', () => {
    live.sent(START + READ - 10);
    expect(live.check(START + READ, T)).toBe('dead');
  });

  it('is counted from the last message, not from what we send', () => {
    live.heard(START + 4000);
    live.sent(START + 9000);
    expect(live.lastHeard).toBe(START + 4000);
    live.pinged(START + 9000);
    expect(live.nextDeadline(T)).toBe(START + 4000 + READ);
    expect(live.check(START + 4000 + READ - 1, T)).toBe('nothing');
    expect(live.check(START + 4000 + READ, T)).toBe('dead');
  });

  it('is not broken by the word that a ping was answered: that comes with a message', () => {
    live.pinged(START + PING);
    live.pingAnswered();
    expect(live.lastHeard).toBe(START);
    expect(live.check(START + READ, T)).toBe('dead');
  });
});

describe('a check that comes late because we stood still', () => {
  const STANDSTILL = START + READ + LATE + 1;

  it('pings, and gives the server some time more', () => {
    expect(live.check(STANDSTILL, T)).toBe('ping');
    live.pinged(STANDSTILL);
    expect(live.nextDeadline(T)).toBe(STANDSTILL + GRACE);
    expect(live.check(STANDSTILL, T)).toBe('nothing');
    expect(live.check(STANDSTILL + GRACE - 1, T)).toBe('nothing');
    expect(live.check(STANDSTILL + GRACE, T)).toBe('dead');
  });

  it('pings no second time where a ping is out', () => {
    live.pinged(START + PING);
    expect(live.check(STANDSTILL, T)).toBe('nothing');
    expect(live.nextDeadline(T)).toBe(STANDSTILL + GRACE);
    expect(live.check(STANDSTILL + GRACE, T)).toBe('dead');
  });

  it('is forgiven once: the next one, however late, is the end', () => {
    live.check(STANDSTILL, T);
    live.pinged(STANDSTILL);
    expect(live.check(STANDSTILL + 1_000_000, T)).toBe('dead');
  });

  it('is forgotten when the server speaks', () => {
    live.check(STANDSTILL, T);
    live.pinged(STANDSTILL);
    live.heard(STANDSTILL + 500);
    live.pingAnswered();
    expect(live.nextDeadline(T)).toBe(STANDSTILL + PING);
    expect(live.check(STANDSTILL + GRACE, T)).toBe('nothing');
    live.pinged(STANDSTILL + PING);
    expect(live.nextDeadline(T)).toBe(STANDSTILL + 500 + READ);
    // and the next standstill is forgiven as well
    const again = STANDSTILL + 500 + READ + 5000;
    expect(live.check(again, T)).toBe('nothing');
    expect(live.check(again + GRACE - 1, T)).toBe('nothing');
    expect(live.check(again + GRACE, T)).toBe('dead');
  });

  it.each([
    [600, 400, 100],
    [3000, 2000, 500],
    [6000, 4000, 1000],
    [60_000, 40_000, 1000],
  ])('in a session of %i ms, after %i ms of silence, gives %i ms', (sessionMs, read, grace) => {
    const now = START + read + LATE + 1;
    expect(live.check(now, sessionMs)).toBe('ping');
    live.pinged(now);
    expect(live.nextDeadline(sessionMs)).toBe(now + grace);
    expect(live.check(now + grace - 1, sessionMs)).toBe('nothing');
    expect(live.check(now + grace, sessionMs)).toBe('dead');
  });
});

describe('a new connection', () => {
  it('owes nothing to the one before it', () => {
    live.pinged(START + PING);
    live.check(START + READ + 5000, T);
    const now = START + READ + 5500;
    live.start(now);
    expect([live.lastHeard, live.nextDeadline(T)]).toEqual([now, now + PING]);
    expect(live.check(now + PING - 1, T)).toBe('nothing');
    expect(live.check(now + PING, T)).toBe('ping');
    live.pinged(now + PING);
    expect(live.check(now + READ - 1, T)).toBe('nothing');
    expect(live.check(now + READ, T)).toBe('dead');
  });
});

it('a ping is twelve bytes', () => {
  expect([...PING_FRAME]).toEqual([0, 0, 0, 8, 0xff, 0xff, 0xff, 0xfe, 0, 0, 0, 11]);
});
