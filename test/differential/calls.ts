/** Random requests. */
import * as fc from 'fast-check';
import type { OpName } from '../../src/protocol/operations.js';
import type { Call, Fields } from './program.js';
import {
  aclOf,
  birthPath,
  data,
  flagsOf,
  of,
  OPEN,
  path,
  plainPath,
  ttl,
  version,
  weighted,
  type Arb,
} from './values.js';

/** How often there is what, in the requests of a program. */
export interface Weights {
  readonly create: number;
  readonly delete: number;
  readonly set: number;
  readonly setAcl: number;
  readonly read: number;
  readonly multi: number;
  readonly multiRead: number;
  readonly watch: number;
  /** Open ACLs, among all. */
  readonly openAcl: number;
  /** Flags of ephemeral nodes, among all. */
  readonly ephemeral: number;
}

const record = (fields: Readonly<Record<string, Arb<unknown>>>): Arb<Fields> => fc.record(fields);
const call = (op: OpName, q: Arb<Fields>): Arb<Call> => q.map((fields) => ({ op, q: fields }));

const watch = fc.boolean();
const prefixPath = of('/', '', ' ', '$/a', '$/a/', '$/a/s', '$', '$/b', null, 'abc');
const deletes = call('delete', record({ path, version }));
const sets = call('setData', record({ path, data, version }));
/** Also by itself, which releases see differently. */
export const checks = call('check', record({ path, version }));

const reads: Arb<Call> = weighted(
  [5, call('exists', record({ path, watch }))],
  [5, call('getData', record({ path, watch }))],
  [3, call('getChildren', record({ path, watch }))],
  [4, call('getChildren2', record({ path, watch }))],
  [3, call('getACL', record({ path }))],
  [1, call('getAllChildrenNumber', record({ path: plainPath }))],
  [3, call('getEphemerals', record({ prefixPath }))],
  [1, call('whoAmI', record({}))],
  [1, call('sync', record({ path }))],
  [1, call('ping', record({}))],
);
/** What changes nothing. */
export const anyRead = reads;

const type = weighted([8, of(1, 2, 3)], [6, of(4, 5)], [1, of(0, 6, -1)]);
const paths = fc.array(path, { maxLength: 3 });
const oneShot = {
  relativeZxid: fc.integer({ min: -1, max: 40 }),
  dataWatches: paths,
  existWatches: paths,
  childWatches: paths,
};
const watches: Arb<Call> = weighted(
  [6, call('addWatch', record({ path, mode: weighted([12, of(0, 1)], [1, of(2, -1)]) }))],
  [2, call('checkWatches', record({ path, type }))],
  [3, call('removeWatches', record({ path, type }))],
  [2, call('setWatches', record(oneShot))],
  [
    2,
    call('setWatches2', record({ ...oneShot, persistentWatches: paths, persistentRecursiveWatches: paths })),
  ],
);

/** Any request, and what cannot stand in a multi among it. */
export function callsOf(weights: Weights): Arb<Call> {
  const acl = aclOf(weights.openAcl);
  const flags = flagsOf(weights.ephemeral);
  const node = { path: birthPath, data, acl };
  const creates: Arb<Call> = weighted(
    [6, call('create', record({ ...node, flags }))],
    [4, call('create2', record({ ...node, flags }))],
    [2, call('createContainer', record({ ...node, flags: weighted([8, of(4)], [1, of(0, 1, 2, 7)]) }))],
    [2, call('createTTL', record({ ...node, flags: weighted([8, of(5, 6)], [1, of(0, 1, 4, 7)]), ttl }))],
  );
  const setAcls = call('setACL', record({ path, acl, version }));
  const foreign: Arb<Call> = weighted(
    [1, setAcls],
    [1, reads],
    [1, call('closeSession', record({}))],
    [1, of<Call>({ op: 'multi', q: { ops: [] } })],
  );
  const inMulti: Arb<Call> = weighted([8, creates], [4, deletes], [4, sets], [4, checks], [1, foreign]);
  const inMultiRead: Arb<Call> = weighted(
    [10, call('getData', record({ path, watch }))],
    [10, call('getChildren', record({ path, watch }))],
    [1, foreign],
  );
  return weighted(
    [weights.create, creates],
    [weights.delete, deletes],
    [weights.set, sets],
    [weights.setAcl, setAcls],
    [weights.read, reads],
    [weights.multi, call('multi', record({ ops: fc.array(inMulti, { maxLength: 5 }) }))],
    [weights.multiRead, call('multiRead', record({ ops: fc.array(inMultiRead, { maxLength: 5 }) }))],
    [weights.watch, watches],
  );
}

/** What a server by itself refuses. */
export const reconfigs = call(
  'reconfig',
  record({
    joiningServers: of(null, 'server.2=127.0.0.1:1:2;3', 'nonsense'),
    leavingServers: of(null, '1'),
    newMembers: of(null, 'server.1=127.0.0.1:1:2;3'),
    curConfigId: of(-1, 0),
  }),
);

/** A step of SASL, which the server does not offer. */
export const saslSteps: Arb<Call> = of<Call>(
  { op: 'sasl', q: { token: 'x' } },
  { op: 'sasl', q: { token: null } },
);

/** Sets a quota on `$/a` and lets the server count. */
export const quotas: Arb<readonly Call[]> = weighted<string | null>(
  [
    4,
    of(
      'count=4,bytes=20=;byteHardLimit=20;countHardLimit=4',
      'count=-1,bytes=-1=;byteHardLimit=12',
      'count=2,bytes=-1=;countHardLimit=2',
      'count=3,bytes=9',
    ),
  ],
  [1, of(null, '', 'nonsense', 'count=,bytes=9', 'count,bytes')],
).map((limits) => {
  const create = (at: string, value: string | null): Call => ({
    op: 'create',
    q: { path: `/zookeeper/quota$${at}`, data: value, acl: OPEN, flags: 0 },
  });
  return [
    create('', null),
    create('/a', null),
    create('/a/zookeeper_limits', limits),
    create('/a/zookeeper_stats', 'count=0,bytes=0'),
  ];
});

/** Is this the burst of {@link quotas}? */
export const isQuota = (calls: readonly Call[]): boolean =>
  calls.some(({ q }) => q['path'] === '/zookeeper/quota$/a/zookeeper_limits');
