/** Random programs about what a server ends by itself: sessions that are silent. */
import * as fc from 'fast-check';
import type { OpName } from '../../src/protocol/operations.js';
import type { Release } from '../support/zookeeper-jars.js';
import { commandsFor, create, GENERAL, type Theme } from './arbitrary.js';
import { CLIENTS, type Command, type Program } from './program.js';
import { of, OPEN, weighted, type Arb } from './values.js';

const client = fc.integer({ min: 0, max: CLIENTS - 1 });
const everybody = Array.from({ length: CLIENTS }, (_, by) => by);

/** The sessions of one client, or of several at once. */
const expiry: Arb<Command> = fc
  .record({
    order: fc.shuffledSubarray(everybody, { minLength: 1, maxLength: 2 }),
    cut: fc.array(fc.boolean(), { minLength: CLIENTS, maxLength: CLIENTS }),
  })
  .map(({ order, cut }) => ({ do: 'expire', who: order.map((by, i) => ({ by, cut: cut[i] === true })) }));

const ephemeral: Arb<Command> = fc
  .record({ by: client, path: of('$/a/x', '$/a/y', '$/b/x', '$/e', '$/a/s-', '$/b/'), flags: of(1, 1, 3) })
  .map(({ by, path, flags }) => ({
    by,
    do: 'call',
    op: 'create',
    q: { path, data: 'x', acl: OPEN, flags: path.endsWith('/') || path.endsWith('-') ? 3 : flags },
  }));

const onlooking: Arb<Command> = weighted<Command>(
  [
    3,
    fc
      .record({ by: client, path: of('$', '$/a', '$/b', '$/a/x', '$/e'), mode: of(0, 1) })
      .map(({ by, ...q }): Command => ({ by, do: 'call', op: 'addWatch', q })),
  ],
  [
    3,
    fc
      .record({
        by: client,
        op: of<OpName>('exists', 'getChildren', 'getData'),
        path: of('$/a', '$/a/x', '$/b', '$/e'),
      })
      .map(({ by, op, path }): Command => ({ by, do: 'call', op, q: { path, watch: true } })),
  ],
);

const THEME: Theme = { ...GENERAL, ephemeral: 30, openAcl: 40, read: 24, attach: 4, auth: 4 };

/** Sessions with ephemeral nodes expire, and others look on. */
export function endings(release: Release): Arb<Program> {
  const chunk = fc
    .record({
      nodes: fc.array(ephemeral, { minLength: 1, maxLength: 5 }),
      watches: fc.array(onlooking, { maxLength: 5 }),
      others: fc.array(commandsFor(THEME, release), { maxLength: 4 }),
      expiry,
      after: fc.array(commandsFor(THEME, release), { maxLength: 3 }),
    })
    .map(({ nodes, watches, others, after, ...c }) => [...nodes, ...watches, ...others, c.expiry, ...after]);
  return fc
    .array(chunk, { minLength: 1, maxLength: 3 })
    .map((chunks) => [...['$/a', '$/b'].map(create), ...chunks.flat()]);
}
