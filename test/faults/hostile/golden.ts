/** One message of every kind that a server sends: the reply of each operation, errors, events, the control messages. */
import { EventTypeCode, Xid } from '../../../src/protocol/constants.js';
import { ERROR_CODES } from '../../../src/protocol/error-codes.js';
import { JuteWriter } from '../../../src/protocol/jute.js';
import type { AnyOp } from '../../../src/protocol/op.js';
import { operations } from '../../../src/protocol/operations.js';
import { writeConnectResponse, type Stat } from '../../../src/protocol/records.js';
import { framed, notification, replyFrame } from '../../support/core-world.js';

/** A message, and the request that it answers; null for one that answers nothing. */
export interface Golden {
  readonly name: string;
  readonly request: { readonly op: AnyOp; readonly record: Record<string, unknown> } | null;
  /** With its length in front. */
  readonly bytes: Buffer;
}

/** xid of the request that a golden message answers. */
export const GOLDEN_XID = 2;

const STAT: Stat = {
  czxid: 0x1_0000_0001n,
  mzxid: 0x1_0000_0002n,
  ctime: 1_700_000_000_000,
  mtime: 1_700_000_000_001,
  version: 3,
  cversion: 2,
  aversion: 1,
  ephemeralOwner: 0x1000_0000_0000_0001n,
  dataLength: 4,
  numChildren: 2,
  pzxid: 0x1_0000_0003n,
};
const path = '/käse';
const acl = [{ perms: 31, scheme: 'digest', id: 'ada:x' }];
const data = Buffer.from('data');
const children = ['a', 'ü', '__proto__'];
const rows = operations as Readonly<Record<string, AnyOp>>;

/** Of every operation that a client of ours sends: a request, and the response to it. */
const EXCHANGES: Readonly<Record<string, readonly [Record<string, unknown>, unknown]>> = {
  create: [{ path, data, acl, flags: 0 }, { path }],
  delete: [{ path, version: -1 }, {}],
  exists: [{ path, watch: false }, { stat: STAT }],
  getData: [
    { path, watch: false },
    { data, stat: STAT },
  ],
  setData: [{ path, data, version: -1 }, { stat: STAT }],
  getACL: [{ path }, { acl, stat: STAT }],
  setACL: [{ path, acl, version: -1 }, { stat: STAT }],
  getChildren: [{ path, watch: false }, { children }],
  sync: [{ path }, { path }],
  getChildren2: [
    { path, watch: false },
    { children, stat: STAT },
  ],
  check: [{ path, version: 1 }, {}],
  create2: [
    { path, data, acl, flags: 0 },
    { path, stat: STAT },
  ],
  reconfig: [
    { joiningServers: null, leavingServers: '1', newMembers: null, curConfigId: -1n },
    { data, stat: STAT },
  ],
  checkWatches: [{ path, type: 3 }, {}],
  removeWatches: [{ path, type: 3 }, {}],
  createContainer: [
    { path, data, acl, flags: 4 },
    { path, stat: STAT },
  ],
  createTTL: [
    { path, data, acl, flags: 5, ttl: 1000 },
    { path, stat: STAT },
  ],
  getEphemerals: [{ prefixPath: '/' }, { ephemerals: [path, '/b'] }],
  getAllChildrenNumber: [{ path }, { totalNumber: 7 }],
  addWatch: [{ path, mode: 1 }, { err: 0 }],
  whoAmI: [{}, { clientInfo: [{ authScheme: 'digest', user: 'ada' }] }],
  multi: [
    {
      ops: [
        { op: operations.create, request: { path, data, acl, flags: 0 } },
        { op: operations.setData, request: { path, data, version: -1 } },
        { op: operations.check, request: { path, version: 1 } },
      ],
    },
    {
      results: [
        { errno: 0, op: operations.create, response: { path } },
        { errno: 0, op: operations.setData, response: { stat: STAT } },
        { errno: 0, op: operations.check, response: {} },
      ],
    },
  ],
  multiRead: [
    {
      ops: [
        { op: operations.getData, request: { path, watch: false } },
        { op: operations.getChildren, request: { path, watch: false } },
      ],
    },
    {
      results: [
        { errno: 0, op: operations.getData, response: { data, stat: STAT } },
        { errno: -101, op: null, response: null },
      ],
    },
  ],
};

const ZXID = 0x1_0000_0009n;

function reply(name: string, record: Record<string, unknown>, response: unknown): Golden {
  const op = rows[name] as AnyOp;
  const bytes = replyFrame(GOLDEN_XID, { zxid: ZXID, body: (w) => op.writeResponse(w, response) });
  return { name, request: { op, record }, bytes };
}

function error(name: string, errno: number): Golden {
  const request = { op: operations.setData, record: { path, data, version: 1 } };
  return { name: `error ${name}`, request, bytes: replyFrame(GOLDEN_XID, { zxid: ZXID, err: errno }) };
}

function failedMulti(): Golden {
  const [record] = EXCHANGES['multi'] as readonly [Record<string, unknown>, unknown];
  const results = [0, -110, -2].map((errno) => ({ errno, op: null, response: null }));
  return { ...reply('multi', record, { results }), name: 'multi that failed' };
}

const none = (name: string, bytes: Buffer): Golden => ({ name, request: null, bytes });

/** About sixty: replies, errors by their code, events, control messages. */
export const GOLDEN: readonly Golden[] = [
  ...Object.entries(EXCHANGES).map(([name, [record, response]]) => reply(name, record, response)),
  failedMulti(),
  ...Object.entries(ERROR_CODES).map(([name, { errno }]) => error(name, errno)),
  error('of the future', -9999),
  ...Object.entries(EventTypeCode).map(([name, code]) =>
    none(`event ${name}`, notification(code, path, ZXID)),
  ),
  none('event without a zxid', notification(EventTypeCode.NodeDeleted, path, -1n)),
  none('event of the future', notification(77, path, ZXID)),
  none('ping', replyFrame(Xid.PING, { zxid: ZXID })),
  none('auth', replyFrame(Xid.AUTH, { zxid: 0n })),
  none('auth refused', replyFrame(Xid.AUTH, { zxid: 0n, err: ERROR_CODES.AuthFailed.errno })),
];

/** Answers to a handshake. */
export const HANDSHAKES: readonly Golden[] = [
  none('a session', handshake(0xabcn, 9000, false)),
  none('a session, as servers before 3.4 say it', handshake(0xabcn, 9000, undefined)),
  none('a session of a read-only server', handshake(0xabcn, 9000, true)),
  none('an expired session', handshake(0n, 0, false)),
  none('another session', handshake(0xdefn, 9000, false)),
];

function handshake(sessionId: bigint, timeOut: number, readOnly: boolean | undefined): Buffer {
  const w = new JuteWriter();
  writeConnectResponse(w, { protocolVersion: 0, timeOut, sessionId, passwd: Buffer.alloc(16, 7), readOnly });
  return framed(w);
}
