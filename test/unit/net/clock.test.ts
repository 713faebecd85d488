import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../../src/net/clock.js';

const MAX = 0x7fffffff;

describe('systemClock', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  it('fires once, after the delay', () => {
    const fire = vi.fn();
    systemClock.setTimer(fire, 100);
    vi.advanceTimersByTime(99);
    expect(fire).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(fire).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(1000);
    expect(fire).toHaveBeenCalledTimes(1);
  });

  it('rounds up, so that a deadline is not looked at before its time', () => {
    const fire = vi.fn();
    systemClock.setTimer(fire, 0.25);
    vi.advanceTimersByTime(0);
    expect(fire).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(fire).toHaveBeenCalledTimes(1);
  });

  it.each([-1, -Infinity, 0])('fires soon for a delay of %d', (delay) => {
    const fire = vi.fn();
    systemClock.setTimer(fire, delay);
    expect(fire).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(fire).toHaveBeenCalledTimes(1);
  });

  it('does not fire once it is cancelled, and cancelling is harmless afterwards', () => {
    const fire = vi.fn();
    const timer = systemClock.setTimer(fire, 10);
    timer.cancel();
    timer.cancel();
    vi.advanceTimersByTime(20);
    expect(fire).not.toHaveBeenCalled();
    const fired = systemClock.setTimer(fire, 10);
    vi.advanceTimersByTime(10);
    fired.cancel();
    expect(fire).toHaveBeenCalledTimes(1);
  });

  it('is monotonic time, not the time of day', () => {
    const before = systemClock.now();
    vi.advanceTimersByTime(250);
    expect(systemClock.now() - before).toBe(250);
  });

  it.each([MAX, MAX + 1, 2 ** 32, Number.MAX_SAFE_INTEGER, Infinity])(
    'fires as late as setTimeout can, not at once, for a delay of %d',
    (delay) => {
      const fire = vi.fn();
      systemClock.setTimer(fire, delay);
      vi.advanceTimersByTime(MAX - 1);
      expect(fire).not.toHaveBeenCalled();
      vi.advanceTimersByTime(1);
      expect(fire).toHaveBeenCalledTimes(1);
    },
  );
});

it('is the reason for a limit of its own: setTimeout fires at once for more', () => {
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  const fire = vi.fn();
  setTimeout(fire, MAX + 1);
  vi.advanceTimersByTime(1);
  vi.useRealTimers();
  expect(fire).toHaveBeenCalledTimes(1);
});
