/** What waits behind a message at which the receiver has paused is copied once, however often it pauses. */
import { afterEach, expect, it, vi } from 'vitest';
import { Receiver, type Verdict } from '../../../src/session/receiver.js';

const COUNT = 20_000;

function stream(count: number): Buffer {
  const all = Buffer.alloc(12 * count);
  for (let i = 0; i < count; i++) {
    all.writeInt32BE(8, 12 * i);
    all.writeInt32BE(i, 12 * i + 4);
  }
  return all;
}

/** Bytes that were copied so far. */
function copies(): () => number {
  const from = vi.spyOn(Buffer, 'from');
  return () => from.mock.calls.reduce((sum, [what]) => sum + (what as unknown as Uint8Array).length, 0);
}

afterEach(() => {
  vi.restoreAllMocks();
});

it.each<[string, number, Verdict]>([
  ['in one chunk', 1, 'pause'],
  ['in one chunk, each looked at twice', 1, 'again'],
  ['in chunks that divide messages', 100, 'pause'],
  ['in chunks that divide messages, each looked at twice', 100, 'again'],
])('%s', (_, chunks, verdict) => {
  const seen: number[] = [];
  let looks = 0;
  const receiver = new Receiver(
    ({ buf, start }) => {
      const number = buf.readInt32BE(start);
      looks++;
      if (verdict === 'again' && looks % 2 === 1) return 'again';
      seen.push(number);
      return verdict === 'again' ? 'next' : 'pause';
    },
    () => undefined,
  );
  const bytes = stream(COUNT);
  const copied = copies();
  const length = Math.ceil(bytes.length / chunks) + (chunks > 1 ? 5 : 0);
  for (let at = 0; at < bytes.length; at += length) {
    const lent = bytes.subarray(at, at + length);
    receiver.push(lent);
    // it was only lent
    lent.fill(0);
  }
  let resumes = 0;
  for (; receiver.isPaused; resumes++) receiver.resume();
  expect(seen).toEqual(Array.from({ length: COUNT }, (_each, i) => i));
  expect(resumes).toBe(COUNT);
  expect(copied()).toBeLessThanOrEqual(bytes.length);
  expect(copied()).toBeGreaterThan(bytes.length / 2);
});
