/** Random programs about quotas: limits that come, change and go, one below another, and changes that are more than they allow. */
import * as fc from 'fast-check';
import type { OpName } from '../../src/protocol/operations.js';
import type { Release } from '../support/zookeeper-jars.js';
import { create } from './arbitrary.js';
import { CLIENTS, type Call, type Command, type Program } from './program.js';
import { of, OPEN, weighted, type Arb } from './values.js';

const QUOTA = '/zookeeper/quota$';
/** Soft and hard ones, of nodes, of bytes, of both, of neither. */
const limits = of(
  'count=3,bytes=-1',
  'count=-1,bytes=10',
  'count=4,bytes=20=;byteHardLimit=20;countHardLimit=4',
  'count=-1,bytes=-1=;byteHardLimit=6',
  'count=-1,bytes=-1=;byteHardLimit=0',
  'count=-1,bytes=-1=;countHardLimit=3',
  'count=-1,bytes=-1=;countHardLimit=1',
  'count=-1,bytes=-1',
);
const nodes = of('$/a', '$/a/x', '$/a/x/z', '$/a/y', '$/ab', '$/b');
const data = of(null, '', 'x', 'abc', '123456', '1234567');

const made = (path: string, value: string | null, flags = 0): Call => ({
  op: 'create',
  q: { path, data: value, acl: OPEN, flags },
});
const creates = fc
  .record({ path: weighted([6, nodes], [1, of('$/a/s-')]), value: data, flags: of(0, 0, 1) })
  .map(({ path, value, flags }) => made(path, value, path.endsWith('-') ? 2 : flags));
const sets: Arb<Call> = fc
  .record({ path: nodes, value: data, version: of(-1, -1, -1, 0) })
  .map(({ path, value, version }) => ({ op: 'setData', q: { path, data: value, version } }));
const deletes: Arb<Call> = nodes.map((path) => ({ op: 'delete', q: { path, version: -1 } }));
const several: Arb<Call> = fc
  .array(weighted([3, creates], [3, sets], [2, deletes]), { minLength: 1, maxLength: 5 })
  .map((ops) => ({ op: 'multi', q: { ops } }));
const ofQuotas = of('/a', '/a/x');
const changes: Arb<Call> = weighted<Call>(
  [
    3,
    fc.record({ at: ofQuotas, value: limits }).map(({ at, value }): Call => ({
      op: 'setData',
      q: { path: `${QUOTA}${at}/zookeeper_limits`, data: value, version: -1 },
    })),
  ],
  [
    1,
    ofQuotas.map((at): Call => ({
      op: 'delete',
      q: { path: `${QUOTA}${at}/zookeeper_limits`, version: -1 },
    })),
  ],
  [
    1,
    ofQuotas.map((at): Call => ({ op: 'delete', q: { path: `${QUOTA}${at}/zookeeper_stats`, version: -1 } })),
  ],
  [
    1,
    fc
      .record({ at: ofQuotas, value: limits })
      .map(({ at, value }) => made(`${QUOTA}${at}/zookeeper_limits`, value)),
  ],
  [1, ofQuotas.map((at) => made(`${QUOTA}${at}/zookeeper_stats`, 'count=0,bytes=0'))],
);
const reads: Arb<Call> = fc
  .record({
    op: of<OpName>('getData', 'exists'),
    at: ofQuotas,
    name: of('zookeeper_stats', 'zookeeper_limits'),
  })
  .map(({ op, at, name }) => ({ op, q: { path: `${QUOTA}${at}/${name}`, watch: false } }));

const calls: Arb<Command> = fc
  .record({
    by: fc.integer({ min: 0, max: CLIENTS - 1 }),
    call: weighted([6, creates], [6, sets], [4, deletes], [4, several], [1, changes], [3, reads]),
  })
  .map(({ by, call }) => ({ by, do: 'call', ...call }));

/** A quota with its two nodes. */
const setUp = (at: string, value: string): readonly Command[] =>
  [
    made(`${QUOTA}${at}`, null),
    made(`${QUOTA}${at}/zookeeper_limits`, value),
    made(`${QUOTA}${at}/zookeeper_stats`, 'count=0,bytes=0'),
  ].map((call) => ({ by: 0, do: 'call', ...call }));

/** Whatever the release. One request at a time: a quota is held against what is applied when a request is looked at. */
export const quotaPrograms = (_release: Release): Arb<Program> =>
  fc
    .record({
      outer: limits,
      inner: fc.option(limits, { freq: 2 }),
      early: fc.boolean(),
      rest: fc.array(
        weighted(
          [20, calls],
          [1, fc.integer({ min: 0, max: CLIENTS - 1 }).map((by): Command => ({ by, do: 'close' }))],
        ),
        { minLength: 4, maxLength: 40, size: 'max' },
      ),
    })
    .map(({ outer, inner, early, rest }) => [
      ...(early ? [create('$/a')] : []),
      { by: 0, do: 'call', ...made(QUOTA, null) },
      ...setUp('/a', outer),
      ...(inner === null ? [] : setUp('/a/x', inner)),
      ...(early ? [] : [create('$/a')]),
      ...rest,
    ]);
