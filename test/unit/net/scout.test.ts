/** What a Conn asks on sockets of its own does not keep a process alive: the connection that it is for does. */
import { expect, it } from 'vitest';
import type { Clock } from '../../../src/net/clock.js';
import { Scout } from '../../../src/net/scout.js';
import type { Dialer } from '../../../src/net/transport.js';
import { settle } from '../../support/scripted-server.js';

const address = { host: 'a', port: 1 };

function lookingScout(): { scout: Scout; said: string[]; ring: () => void } {
  const said: string[] = [];
  let ring = (): void => undefined;
  const clock: Clock = {
    now: () => 0,
    setTimer: (fire) => {
      ring = fire;
      said.push('set');
      return { cancel: () => said.push('cancel'), unref: () => said.push('unref') };
    },
  };
  const dialer: Dialer = () => {
    said.push('dial');
    return { write: () => true, destroy: () => said.push('destroy'), unref: () => said.push('unref socket') };
  };
  const next = (): Promise<{ server: typeof address; retryStart: boolean }> =>
    Promise.resolve({ server: address, retryStart: false });
  return { scout: new Scout({ dialer, clock, next }), said, ring: () => ring() };
}

it('neither the pause before a look nor the look itself holds the process [E9]', async () => {
  const { scout, said, ring } = lookingScout();
  scout.seekWritable(() => undefined);
  expect(said.splice(0)).toEqual(['set', 'unref']);
  ring();
  await settle();
  expect(said.splice(0)).toEqual(['set', 'unref', 'dial', 'unref socket']);
  scout.stop();
  expect(said).toEqual(['cancel', 'destroy']);
});

it('nor does the question for the version [E9]', async () => {
  const { scout, said } = lookingScout();
  const asking = scout.versionOf(address);
  await settle();
  expect(said.splice(0)).toEqual(['set', 'unref', 'dial', 'unref socket']);
  scout.stop();
  await settle();
  expect(said).toEqual(['cancel', 'destroy']);
  expect(await asking).toBeUndefined();
});
