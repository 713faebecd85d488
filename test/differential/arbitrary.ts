/** Random programs. Few paths, identities and versions, so that commands meet each other. */
import * as fc from 'fast-check';
import { digestId } from '../../src/protocol/acls.js';
import { MAX_TTL_MS } from '../../src/protocol/constants.js';
import type { OpName } from '../../src/protocol/operations.js';
import type { Release } from '../support/zookeeper-jars.js';
import { isAllowed } from './forbidden.js';
import { CLIENTS, type Call, type Command, type Fields, type Program } from './program.js';

type Arb<T> = fc.Arbitrary<T>;

/** `[weight, value]` or `[weight, arbitrary]`. */
function weighted<T>(...choices: readonly (readonly [number, Arb<T>])[]): Arb<T> {
  return fc.oneof(...choices.map(([weight, arbitrary]) => ({ weight, arbitrary })));
}
const of = <T>(...values: readonly T[]): Arb<T> => fc.constantFrom(...values);

const BIRTHS = ['$/a', '$/b', '$/a/x', '$/a/y', '$/b/x', '$/a/x/z', '$/e'];
const NODES = [
  '$',
  ...BIRTHS,
  '$/a',
  '$/a',
  '$/a/s-0000000000',
  '$/a/s-0000000001',
  '$/0000000000',
  '$/c',
  '$/t',
];
const ODD_PATHS: readonly (string | null)[] = [
  '/',
  '',
  'abc',
  '$/none',
  '$/none/x',
  '$/a/',
  '$//a',
  '$/a//x',
  '$/.',
  '$/..',
  '$/a/./b',
  '$/...',
  '$/\u0001',
  '$/a\u0000',
  '$/\u009f',
  '$/\ue000',
  '$/\ufff0',
  '$/\u{1f600}',
  '/zookeeper',
  '/zookeeper/config',
  '/zookeeper/quota',
  '/zookeeper/quota$/a/zookeeper_stats',
  '/none',
  null,
];

const path: Arb<string | null> = weighted<string | null>([14, of(...NODES)], [1, of(...ODD_PATHS)]);
const plainPath: Arb<string> = of(...NODES);
const birthPath: Arb<string | null> = weighted<string | null>(
  [14, of(...BIRTHS)],
  [3, of('$/a/s-', '$/', '$/a/', '$/c', '$/t')],
  [1, of(...ODD_PATHS)],
);
const data: Arb<string | null> = of(null, '', 'x', 'some data', 'count=3,bytes=20');
const version: Arb<number> = weighted([8, of(-1)], [4, of(0, 1)], [1, of(2, -2, 7, 0x7fffffff)]);

const entry = (perms: number, scheme: string | null, id: string | null): Fields => ({ perms, scheme, id });
const OPEN = [entry(31, 'world', 'anyone')];
const [U, V] = [digestId('u:p'), digestId('v:q')];
const acl: Arb<readonly Fields[] | null> = weighted<readonly Fields[] | null>(
  [12, of(OPEN)],
  [
    6,
    of<readonly Fields[]>(
      [entry(1, 'world', 'anyone')],
      [entry(30, 'world', 'anyone')],
      [entry(23, 'world', 'anyone')],
      [entry(27, 'world', 'anyone')],
      [entry(15, 'world', 'anyone')],
      [entry(31, 'auth', '')],
      [entry(31, 'auth', ''), entry(16, 'world', 'anyone')],
      [entry(31, 'digest', U)],
      [entry(31, 'digest', V), entry(1, 'world', 'anyone')],
      [entry(1, 'digest', U), entry(30, 'digest', V)],
      [entry(31, 'ip', '127.0.0.1')],
      [entry(31, 'ip', '127.0.0.0/8'), entry(1, 'world', 'anyone')],
      [entry(31, 'ip', '10.0.0.1')],
    ),
  ],
  [
    1,
    of<readonly Fields[] | null>(
      [],
      null,
      [entry(0, 'world', 'anyone')],
      [entry(0xff, 'world', 'anyone')],
      [entry(31, 'world', 'someone')],
      [entry(31, 'none', 'x')],
      [entry(31, 'digest', 'u')],
      [entry(31, 'digest', 'u:')],
      [entry(31, 'digest', ':p')],
      [entry(31, 'digest', 'u:p:q')],
      [entry(31, 'ip', '1.2.3')],
      [entry(31, 'ip', '1.2.3.4/33')],
      [entry(31, 'super', '')],
      [entry(31, 'sasl', 'bob')],
      [entry(31, 'x509', 'CN=bob')],
      [entry(31, null, 'anyone')],
      [entry(31, 'world', null)],
      [entry(31, 'digest', null)],
      [entry(31, 'auth', null)],
      [...OPEN, ...OPEN],
      [...OPEN, entry(31, 'world', 'someone')],
    ),
  ],
);

const flags = weighted([8, of(0)], [4, of(1)], [3, of(2)], [2, of(3)], [1, of(4, 5, 6, 7, -1)]);
const ttl = weighted([6, of(1e9)], [1, of(1e8, 0, -1, MAX_TTL_MS, MAX_TTL_MS + 1)]);

const record = (fields: Readonly<Record<string, Arb<unknown>>>): Arb<Fields> => fc.record(fields);
const call = (op: OpName, q: Arb<Fields>): Arb<Call> => q.map((fields) => ({ op, q: fields }));

const creates: Arb<Call> = weighted(
  [6, call('create', record({ path: birthPath, data, acl, flags }))],
  [4, call('create2', record({ path: birthPath, data, acl, flags }))],
  [
    1,
    call(
      'createContainer',
      record({ path: birthPath, data, acl, flags: weighted([8, of(4)], [1, of(0, 1, 2, 7)]) }),
    ),
  ],
  [
    1,
    call(
      'createTTL',
      record({ path: birthPath, data, acl, flags: weighted([8, of(5, 6)], [1, of(0, 1, 4, 7)]), ttl }),
    ),
  ],
);
const deletes = call('delete', record({ path, version }));
const sets = call('setData', record({ path, data, version }));
const checks = call('check', record({ path, version }));
const setAcls = call('setACL', record({ path, acl, version }));

const watch = fc.boolean();
const reads: Arb<Call> = weighted(
  [5, call('exists', record({ path, watch }))],
  [5, call('getData', record({ path, watch }))],
  [3, call('getChildren', record({ path, watch }))],
  [4, call('getChildren2', record({ path, watch }))],
  [2, call('getACL', record({ path }))],
  [1, call('getAllChildrenNumber', record({ path: plainPath }))],
  [1, call('getEphemerals', record({ prefixPath: of('/', '', ' ', '$/a', '$/a/', '$', null, 'abc') }))],
  [1, call('whoAmI', record({}))],
  [1, call('sync', record({ path }))],
  [1, call('ping', record({}))],
);

const foreign: Arb<Call> = weighted(
  [1, setAcls],
  [1, reads],
  [1, call('closeSession', record({}))],
  [1, of<Call>({ op: 'multi', q: { ops: [] } })],
);
const inMulti: Arb<Call> = weighted([8, creates], [4, deletes], [4, sets], [4, checks], [1, foreign]);
const multis = call('multi', record({ ops: fc.array(inMulti, { maxLength: 5 }) }));
const inMultiRead: Arb<Call> = weighted(
  [10, call('getData', record({ path, watch }))],
  [10, call('getChildren', record({ path, watch }))],
  [1, foreign],
);
const multiReads = call('multiRead', record({ ops: fc.array(inMultiRead, { maxLength: 5 }) }));

const type = weighted([8, of(1, 2, 3)], [6, of(4, 5)], [1, of(0, 6, -1)]);
const paths = fc.array(path, { maxLength: 3 });
const oneShot = {
  relativeZxid: fc.integer({ min: -1, max: 40 }),
  dataWatches: paths,
  existWatches: paths,
  childWatches: paths,
};
const watchCalls: Arb<Call> = weighted(
  [6, call('addWatch', record({ path, mode: weighted([12, of(0, 1)], [1, of(2, -1)]) }))],
  [2, call('checkWatches', record({ path, type }))],
  [3, call('removeWatches', record({ path, type }))],
  [2, call('setWatches', record(oneShot))],
  [
    2,
    call('setWatches2', record({ ...oneShot, persistentWatches: paths, persistentRecursiveWatches: paths })),
  ],
);

const reconfigs = call(
  'reconfig',
  record({
    joiningServers: of(null, 'server.2=127.0.0.1:1:2;3', 'nonsense'),
    leavingServers: of(null, '1'),
    newMembers: of(null, 'server.1=127.0.0.1:1:2;3'),
    curConfigId: of(-1, 0),
  }),
);

const anyCall: Arb<Call> = weighted(
  [14, creates],
  [7, deletes],
  [7, sets],
  [3, setAcls],
  [14, reads],
  [6, multis],
  [1, multiReads],
  [8, watchCalls],
);

/** Sets a quota on `$/a` and lets the server count. */
const quota: Arb<readonly Call[]> = of<string | null>(
  null,
  '',
  'count=,bytes=9',
  'count,bytes',

  'count=4,bytes=20=;byteHardLimit=20;countHardLimit=4',
  'count=-1,bytes=-1=;byteHardLimit=12',
  'count=3,bytes=9',
  'nonsense',
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

const by = { by: fc.integer({ min: 0, max: CLIENTS - 1 }) };
const doing = (what: Command['do'], rest: Arb<object>): Arb<Command> =>
  fc.record({ ...by, rest }).map((c) => ({ by: c.by, do: what, ...c.rest }) as unknown as Command);

const spoilt: Arb<Call> = fc.oneof(
  fc.record({ call: anyCall, cut: fc.integer({ min: 0, max: 40 }) }).map((c) => ({ ...c.call, cut: c.cut })),
  anyCall.map((each) => ({ ...each, more: 3 })),
);

const lines: Arb<Command> = weighted(
  [60, doing('call', anyCall)],
  [2, doing('call', spoilt)],
  [1, doing('call', reconfigs)],
  [1, doing('call', checks)],
  [1, doing('call', of<Call>({ op: 'sasl', q: { token: 'x' } }, { op: 'sasl', q: { token: null } }))],
  [
    4,
    doing(
      'burst',
      fc.array(anyCall, { minLength: 2, maxLength: 6 }).map((calls) => ({ calls })),
    ),
  ],
  [
    1,
    doing(
      'burst',
      quota.map((calls) => ({ calls })),
    ),
  ],
  [
    1,
    doing(
      'odd',
      fc.oneof(
        fc.record({ type: of(0, 10, 99, 108, 1000, -2, -100), body: of('', '00000000', 'ff') }),
        fc.record({
          type: of(20),
          body: of('', 'ffffffff', '$', '$/a', '$/a/x', '$/b', '$/e', '$/c', '$/none', '$a'),
        }),
      ),
    ),
  ],
  [
    4,
    doing(
      'auth',
      fc.record({
        scheme: weighted<string | null>(
          [12, of('digest')],
          [1, of('ip', 'world', 'none', 'Digest', 'sasl', null)],
        ),
        auth: weighted<string | null>(
          [12, of('u:p', 'v:q')],
          [1, of('super:test', 'super:wrong', 'u', '', null)],
        ),
      }),
    ),
  ],
  [
    3,
    doing(
      'attach',
      fc.record({
        cut: fc.boolean(),
        passwd: weighted<'right' | 'wrong' | 'none'>([8, of('right')], [1, of('wrong', 'none')]),
      }),
    ),
  ],
  [2, doing('close', of({}))],
  [1, doing('hello', fc.record({ timeOut: of(10_000, 30_001, 0x7fffffff), passwd: of(-1, 0, 16, 17) }))],
  [1, fc.array(reads, { minLength: 1, maxLength: 3 }).map((calls): Command => ({ do: 'together', calls }))],
);

/** Nodes that most programs begin with. */
const prelude: Arb<readonly Command[]> = fc.subarray(['$/a', '$/b', '$/a/x']).map((made) =>
  made.map((at): Command => ({
    by: 0,
    do: 'call',
    op: 'create',
    q: { path: at, data: null, acl: OPEN, flags: 0 },
  })),
);

/** Programs that a server of this release bears. */
export function programs(release: Release): Arb<Program> {
  const allowed = lines.filter((command) => isAllowed(command, release));
  return fc
    .record({ prelude, rest: fc.array(allowed, { minLength: 1, maxLength: 57, size: 'max' }) })
    .map((c) => withoutRaces([...c.prelude, ...c.rest]));
}

/** A quota is held against what is applied when a request is looked at, which for requests in a row is a race. */
function withoutRaces(program: Program): Program {
  if (!program.some(isOfQuota)) return program;
  return program.filter((command) => command.do !== 'burst' || isOfQuota(command));
}

const isOfQuota = (command: Command): boolean =>
  command.do === 'burst' &&
  command.calls.some(({ q }) => q['path'] === '/zookeeper/quota$/a/zookeeper_limits');
