/**
 * Random programs about nodes that have had almost as many children as can be counted. Such a node cannot be had by asking
 * a real server: its log is written here, with creates that say of themselves how many came before.
 */
import * as fc from 'fast-check';
import { OPEN_ACL_UNSAFE } from '../../src/protocol/acls.js';
import { JuteWriter } from '../../src/protocol/jute.js';
import { operations } from '../../src/protocol/operations.js';
import type { Snapshot } from '../../src/testing/snapshot.js';
import type { Release } from '../support/zookeeper-jars.js';
import { commandsFor, GENERAL } from './arbitrary.js';
import { CLIENTS, type Call, type Command, type Program } from './program.js';
import { of, OPEN, weighted, type Arb } from './values.js';

/** Children that a prepared node has had. */
const CREATES = 0x7fffffff - 2;
/** Prepared nodes of a real server; each program uses one up. */
const NODES = 3_000;

/** The path of a prepared node. */
export const preparedPath = (i: number): string => `/w-${String(i).padStart(6, '0')}`;

/** The first prepared node alone. */
export const SNAPSHOT: Snapshot = {
  format: 'zk-conn-snapshot',
  version: 1,
  nodes: [{ path: preparedPath(0), data: null, creates: CREATES }],
};

/** A transaction log (Java `FileTxnLog`) that makes the nodes. */
export function historyOfNodes(): Buffer {
  const head = new JuteWriter();
  head.int(MAGIC);
  head.int(LOG_VERSION);
  head.long(0n);
  const parts = [Buffer.from(head.bytes())];
  let zxid = 0n;
  const log = (type: number, write: (w: JuteWriter) => void): void => {
    const w = new JuteWriter();
    w.long(0n);
    w.int(0);
    w.long(++zxid);
    w.long(BigInt(Date.now()));
    w.int(type);
    write(w);
    const txn = Buffer.from(w.bytes());
    const frame = Buffer.alloc(12);
    frame.writeBigInt64BE(BigInt(adler32(txn)), 0);
    frame.writeInt32BE(txn.length, 8);
    parts.push(frame, txn, END_OF_RECORD);
  };
  const create = (path: string, parentCVersion: number): void => {
    log(operations.create.code, (w) => {
      w.ustring(path);
      w.buffer(null);
      w.int(OPEN_ACL_UNSAFE.length);
      for (const { perms, scheme, id } of OPEN_ACL_UNSAFE) {
        w.int(perms);
        w.ustring(scheme);
        w.ustring(id);
      }
      w.bool(false);
      w.int(parentCVersion);
    });
  };
  for (let i = 0; i < NODES; i++) {
    create(preparedPath(i), i + 1);
    create(`${preparedPath(i)}/x`, CREATES);
    log(operations.delete.code, (w) => w.ustring(`${preparedPath(i)}/x`));
  }
  return Buffer.concat(parts);
}

/** `ZKLG`. */
const MAGIC = 0x5a4b4c47;
const LOG_VERSION = 2;
const END_OF_RECORD = Buffer.from('B');

function adler32(bytes: Uint8Array): number {
  let [a, b] = [1, 0];
  for (const byte of bytes) {
    a = (a + byte) % 65_521;
    b = (b + a) % 65_521;
  }
  return b * 0x10000 + a;
}

const client = fc.integer({ min: 0, max: CLIENTS - 1 });
const names = of(
  '$/2147483646',
  '$/2147483647',
  '$/-2147483648',
  '$/s-2147483647',
  '$/s--2147483648',
  '$/s--2147483647',
);
const sequential: Arb<Call> = fc
  .record({ op: of('create' as const, 'create2' as const), path: of('$/', '$/', '$/s-'), flags: of(2, 2, 3) })
  .map(({ op, path, flags }) => ({ op, q: { path, data: null, acl: OPEN, flags } }));
const plain: Arb<Call> = of('$/a', '$/b').map((path) => ({
  op: 'create',
  q: { path, data: null, acl: OPEN, flags: 0 },
}));
const deletes: Arb<Call> = weighted([3, names], [1, of('$/a', '$/b')]).map((path) => ({
  op: 'delete',
  q: { path, version: -1 },
}));
const several: Arb<Call> = fc
  .array(weighted([4, sequential], [1, plain], [1, deletes]), { minLength: 1, maxLength: 4 })
  .map((ops) => ({ op: 'multi', q: { ops } }));
const reads: Arb<Call> = weighted(
  [
    2,
    of<Call>(
      { op: 'exists', q: { path: '$', watch: false } },
      { op: 'getChildren2', q: { path: '$', watch: true } },
    ),
  ],
  [1, names.map((path) => ({ op: 'exists', q: { path, watch: true } }))],
);

/** Programs on a prepared node. */
export const wrapping = (release: Release): Arb<Program> =>
  fc.array(
    weighted(
      [
        6,
        fc
          .record({
            by: client,
            call: weighted([5, sequential], [2, several], [1, plain], [2, deletes], [3, reads]),
          })
          .map(({ by, call }): Command => ({ by, do: 'call', ...call })),
      ],
      [2, commandsFor({ ...GENERAL, openAcl: 60 }, release, 'wrap')],
    ),
    { minLength: 3, maxLength: 30, size: 'max' },
  );
