/** How much has to happen before a mini-server is up, in turns of the event loop: milliseconds say more of the machine. */
import { expect, it } from 'vitest';
import { MiniServer } from '../../../src/testing.js';
import { ManualClock } from './manual-clock.js';

/** Counts turns of the event loop while something is done. */
async function turnsOf<T>(work: () => Promise<T>): Promise<{ turns: number; result: T }> {
  let turns = 0;
  let isDone = false as boolean;
  const turn = (): void => {
    if (isDone) return;
    turns++;
    setImmediate(turn);
  };
  setImmediate(turn);
  const result = await work();
  isDone = true;
  return { turns, result };
}

it.each([
  ['an empty tree', {}],
  ['a log', { log: true }],
  [
    'a snapshot of ten thousand nodes',
    {
      snapshot: {
        format: 'zk-conn-snapshot',
        version: 1,
        nodes: Array.from({ length: 10_000 }, (_, i) => ({ path: `/${i}` })),
      },
    },
  ],
] as const)(
  'starts with %s in three turns of the event loop at most, and waits for no timer',
  async (_what, options) => {
    // whose time does not move: a timer would never fire
    const clock = new ManualClock();
    const { turns, result } = await turnsOf(() => MiniServer.start({ clock, ...options }));
    await using server = result;
    expect(server.running).toBe(true);
    expect(turns).toBeLessThanOrEqual(3);
  },
);
