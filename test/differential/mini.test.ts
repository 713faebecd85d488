/** What the programs are worth: do they meet everything, and is a difference seen? */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { operations } from '../../src/protocol/operations.js';
import type { AnyOp } from '../../src/protocol/op.js';
import { MiniServer } from '../../src/testing/mini-server.js';
import { SEED } from '../support/property.js';
import { programs } from './arbitrary.js';
import { compare, difference } from './difference.js';
import { isAllowed } from './forbidden.js';
import { CLIENTS, sizeOf, type Program } from './program.js';
import { miniTarget } from './targets.js';

const start = MiniServer.start.bind(MiniServer);
const mini = miniTarget('mini-server', start, { release: '3.9.3' });

/** Errors that need another server, or settings of its own. */
const OUT_OF_REACH: Readonly<Record<string, readonly string[]>> = {
  reconfig: [
    'Unimplemented',
    'NoAuth',
    'BadVersion',
    'BadArguments',
    'ReconfigInProgress',
    'NewConfigNoQuorum',
  ],
  createTTL: ['Unimplemented'],
  sasl: ['AuthFailed'],
};
/** Known to the table as an error of a reply, and not to be had as one: 3.9.3 does not know it alone. */
const NEVER_ALONE = ['check'];

describe('programs', () => {
  it('meet every operation, its success and all its errors', async () => {
    const seen = new Set<string>();
    for (const program of fc.sample(programs('3.9.3'), { seed: 1, numRuns: 1_500 })) {
      for (const lines of await mini.play(program, 0)) {
        for (const line of lines) {
          const [, op, result] = /^reply \S+ (\S+) at \S+: (\S+)/.exec(line) ?? [];
          if (op !== undefined) seen.add(`${op} ${result}`);
          if (line.startsWith('event')) seen.add(line.slice(0, 7));
        }
      }
    }
    const wanted = Object.values<AnyOp>(operations)
      .filter(({ name }) => !NEVER_ALONE.includes(name))
      .flatMap(({ name, throws }) => [
        ...(['reconfig', 'sasl'].includes(name) ? [] : [`${name} ok`]),
        ...throws
          .filter((error) => OUT_OF_REACH[name]?.includes(error) !== true)
          .map((error) => `${name} ${error}`),
      ]);
    expect([...wanted, 'event 1', 'event 2', 'event 3', 'event 4'].filter((each) => !seen.has(each))).toEqual(
      [],
    );
  }, 300_000);

  it('are as long and for as many clients as they may be', () => {
    const sample = fc.sample(programs('3.8.0'), { seed: SEED, numRuns: 300 });
    expect(Math.max(...sample.map(sizeOf))).toBeGreaterThanOrEqual(50);
    expect(Math.max(...sample.map(({ length }) => length))).toBeLessThanOrEqual(60);
    const clients = new Set(sample.flat().map((command) => ('by' in command ? command.by : 0)));
    expect(clients.size).toBe(CLIENTS);
    expect(sample.flat().every((command) => isAllowed(command, '3.8.0'))).toBe(true);
  });
});

describe('compare', () => {
  const program: Program = [
    { by: 0, do: 'call', op: 'setData', q: { path: '$', data: 'x', version: -1 } },
    { by: 1, do: 'call', op: 'getEphemerals', q: { prefixPath: '/' } },
  ];

  it('finds nothing between two of the same', async () => {
    await compare(mini, mini, program);
  });

  it('shows the first line that is another, and the program', async () => {
    const old = miniTarget('an old one', start, { release: '3.9.3' }, { version: '3.5.9' });
    await expect(compare(mini, old, program)).rejects.toThrow(
      /client 1:[^]*mini-server +reply 1 getEphemerals at \+3: ok[^]*an old one +reply 1 getEphemerals at -1: Unimplemented[^]*the program:\n *0 .*setData/,
    );
  });

  it.each([
    [[['a'], ['b']], [['a'], ['b']], null],
    [[['a'], ['b']], [['a'], ['c']], 'client 1:\nx  b\ny  c'],
    [[['a', 'b']], [['a']], 'client 0:\n   a\nx  b\ny  (nothing more)'],
    [[['a']], [['a', 'b']], 'client 0:\n   a\nx  (nothing more)\ny  b'],
  ])('of %j and %j', (a, b, found) => {
    expect(difference(a, b, ['x', 'y'])).toBe(found);
  });
});
