/** The search for a writable server does not keep a process alive that its Conn does not keep alive. */
import { expect, it } from 'vitest';
import type { Clock } from '../../../src/net/clock.js';
import { Scout } from '../../../src/net/scout.js';

function lookingScout(): { scout: Scout; said: string[] } {
  const said: string[] = [];
  const timer = {
    cancel: () => said.push('cancel'),
    ref: () => said.push('ref'),
    unref: () => said.push('unref'),
  };
  const clock: Clock = {
    now: () => 0,
    setTimer: () => {
      said.push('set');
      return timer;
    },
  };
  const never = (): never => {
    throw new Error('nobody is looked at yet');
  };
  return { scout: new Scout({ dialer: never, clock, next: never }), said };
}

it('a search that begins under unref() lets the process end [E9]', () => {
  const { scout, said } = lookingScout();
  scout.hold(false);
  scout.seekWritable(() => undefined);
  expect(said).toEqual(['set', 'unref']);
  scout.hold(true);
  scout.stop();
  expect(said).toEqual(['set', 'unref', 'ref', 'cancel']);
});

it('a search that goes on hears of unref() [E9]', () => {
  const { scout, said } = lookingScout();
  scout.seekWritable(() => undefined);
  expect(said).toEqual(['set']);
  scout.hold(false);
  expect(said).toEqual(['set', 'unref']);
});
