import { expect, it } from 'vitest';
import { Lane, Parcel } from '../../../src/testing/faults/lane.js';
import { VirtualClock } from '../../../src/testing.js';

it('waits for what comes later than any timer can be set, and does not turn in circles until then', async () => {
  const set: number[] = [];
  const clock = new VirtualClock();
  const counting = Object.create(clock, {
    setTimeout: {
      value: (fire: () => void, ms: number) => {
        set.push(ms);
        return clock.setTimeout(fire, ms);
      },
    },
  }) as VirtualClock;
  const delivered: string[] = [];
  const lane = new Lane(counting, {
    flowing: () => true,
    moved: () => undefined,
    deliver: (part: Buffer) => {
      delivered.push(part.toString());
      return true;
    },
  });
  lane.push(new Parcel([Buffer.from('late')], clock.now() + 2 * 0x7fffffff, {}));
  await clock.advance(0x7fffffff);
  expect(delivered).toEqual([]);
  await clock.advance(0x7fffffff);
  expect(delivered).toEqual(['late']);
  expect(set).toEqual([0x7fffffff, 0x7fffffff]);
});
