/**
 * Random programs about containers and TTL nodes. Nodes of some names are nothing else, so that it can be seen when the
 * server has deleted all that is due: a program goes on only then.
 */
import * as fc from 'fast-check';
import type { Release } from '../support/zookeeper-jars.js';
import { create } from './arbitrary.js';
import { CLIENTS, type Call, type Command, type Program } from './program.js';
import type { Mortals } from './targets.js';
import { of, OPEN, weighted, type Arb } from './values.js';

/** With the least time to live, so that nobody has to wait for its end. */
const TTL_MS = 1;
/** A container for others, plain nodes that are like containers, and what has children, if anything. */
export const MORTALS: Mortals = { containers: ['k', 'l', 'a/k', 'k/m'], ttls: ['t', 'k/t', 'a/u'] };

const containers = of(...MORTALS.containers.map((name) => `$/${name}`));
const ttls = of(...MORTALS.ttls.map((name) => `$/${name}`));
const parents = weighted([3, containers], [2, ttls]);
const children = fc
  .record({ parent: parents, name: of('x', 'x', 'y') })
  .map(({ parent, name }) => `${parent}/${name}`);
const any = weighted([4, parents], [3, children], [1, of('$', '$/a')]);

const creation = (op: Call['op'], path: string, flags: number, ttl?: number): Call => ({
  op,
  q: { path, data: null, acl: OPEN, flags, ...(ttl === undefined ? {} : { ttl }) },
});
const make = (op: Call['op'], path: Arb<string>, flags: number, ttl?: number): Arb<Call> =>
  path.map((at) => creation(op, at, flags, ttl));

const makesParent = weighted(
  [4, make('createContainer', containers, 4)],
  [2, make('createTTL', ttls, 5, TTL_MS)],
  // never due, or not before long
  [1, make('createTTL', of('$/long', '$/k/long'), 5, 1e9)],
);
const makesChild = weighted([4, make('create', children, 0)], [2, make('create2', children, 1)]);
const deletes: Arb<Call> = weighted([8, children], [1, parents]).map((path) => ({
  op: 'delete',
  q: { path, version: -1 },
}));
const sets: Arb<Call> = any.map((path) => ({ op: 'setData', q: { path, data: 'x', version: -1 } }));
const several: Arb<Call> = fc
  .array(weighted([2, makesParent], [2, makesChild], [4, deletes], [1, sets]), { minLength: 1, maxLength: 4 })
  .map((ops) => ({ op: 'multi', q: { ops } }));
/** Such as leave something that is due if the rest goes well. */
const family: Arb<Call> = fc
  .record({
    parent: weighted([2, make('createContainer', containers, 4)], [3, make('createTTL', ttls, 5, TTL_MS)]),
    name: of('x', 'y'),
  })
  .map(({ parent, name }) => ({
    op: 'multi',
    q: {
      ops: [
        parent,
        { op: 'create', q: { path: `${String(parent.q['path'])}/${name}`, data: null, acl: OPEN, flags: 0 } },
      ],
    },
  }));
const emptied: Arb<Call> = fc.uniqueArray(children, { minLength: 2, maxLength: 4 }).map((paths) => ({
  op: 'multi',
  q: { ops: paths.map((path) => ({ op: 'delete', q: { path, version: -1 } })) },
}));
const reads: Arb<Call> = fc
  .record({
    op: of('exists' as const, 'getChildren2' as const, 'getData' as const),
    path: any,
    watch: fc.boolean(),
  })
  .map(({ op, path, watch }) => ({ op, q: { path, watch } }));
const watches: Arb<Call> = fc.record({ path: any, mode: of(0, 1) }).map((q) => ({ op: 'addWatch', q }));

const client = fc.integer({ min: 0, max: CLIENTS - 1 });
const calls: Arb<Command> = fc
  .record({
    by: client,
    call: weighted(
      [4, makesParent],
      [5, makesChild],
      [6, deletes],
      [2, sets],
      [3, several],
      [4, family],
      [2, emptied],
      [5, reads],
      [4, watches],
    ),
  })
  .map(({ by, call }) => ({ by, do: 'call', ...call }));
const watching: Arb<Command> = fc
  .record({ by: client, watch: watches })
  .map(({ by, watch }) => ({ by, do: 'call', ...watch }));
const endings: Arb<Command> = weighted<Command>(
  [1, client.map((by): Command => ({ by, do: 'close' }))],
  [1, client.map((by): Command => ({ by, do: 'attach', cut: true, passwd: 'right' }))],
  [1, fc.record({ by: client, cut: fc.boolean() }).map((who): Command => ({ do: 'expire', who: [who] }))],
);

/** Containers that have had children, some of which are left; parents come before what is in them. */
const stock: Arb<readonly Command[]> = fc
  .record({
    made: fc.subarray([...MORTALS.containers], { minLength: 1 }),
    born: fc.subarray(
      MORTALS.containers.flatMap((name) => [`${name}/x`, `${name}/y`]),
      { minLength: 2 },
    ),
  })
  .map(({ made, born }) => [
    ...made.map((name): Command => ({ by: 0, do: 'call', ...creation('createContainer', `$/${name}`, 4) })),
    ...born.map((name): Command => ({ by: 1, do: 'call', ...creation('create', `$/${name}`, 0) })),
  ]);

/** All at once what is due at once: each has had a child, and has none. */
const flood: Arb<readonly Command[]> = fc
  .record({
    by: client,
    made: fc.subarray([...MORTALS.containers], { minLength: 2 }),
    timed: fc.subarray([...MORTALS.ttls]),
  })
  .map(({ by, made, timed }) => {
    const ops = [
      ...made.flatMap((name) => [
        creation('createContainer', `$/${name}`, 4),
        creation('create', `$/${name}/x`, 0),
        { op: 'delete', q: { path: `$/${name}/x`, version: -1 } },
      ]),
      ...timed.map((name) => creation('createTTL', `$/${name}`, 5, TTL_MS)),
    ];
    return [{ by, do: 'call', op: 'multi', q: { ops } }];
  });

/** Whatever the release. */
export const mortals = (_release: Release): Arb<Program> =>
  fc
    .record({
      first: fc.array(watching, { maxLength: 4 }),
      floods: fc.array(flood, { maxLength: 3 }),
      stock: weighted([3, stock], [1, fc.constant([])]),
      rest: fc.array(weighted([16, calls], [1, endings]), { minLength: 4, maxLength: 36, size: 'max' }),
    })
    .map((c) => [create('$/a'), ...c.first, ...c.floods.flat(), ...c.stock, ...c.rest]);
