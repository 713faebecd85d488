/**
 * THE operation table: one row per operation, used by the client (writes requests, reads responses) and by the
 * mini-server (the other two). Encoding, chroot, path checks, watch arming, error context, multi membership, the
 * docs table and the conformance tests all come from here.
 *
 * Left out on purpose: deleteContainer (20), createSession (-10) and error (-1) belong to the servers among themselves.
 */
import { AddWatchModeCode, isSequential } from './constants.js';
import { Errno } from './error-codes.js';
import {
  readMultiRequest,
  readMultiResponse,
  writeMultiRequest,
  writeMultiResponse,
  type MultiRequest,
  type MultiResponse,
} from './multi.js';
import { op, type AnyOp, type Op } from './op.js';
import {
  readClientInfo,
  readCreate,
  readCreate2Response,
  readDataResponse,
  readNames,
  readNothing,
  readPath,
  readPathVersion,
  readPathWatch,
  readSetWatches,
  readStatResponse,
  readToken,
  readWatcherType,
  writeClientInfo,
  writeCreate,
  writeCreate2Response,
  writeDataResponse,
  writeNames,
  writeNothing,
  writePath,
  writePathVersion,
  writePathWatch,
  writeSetWatches,
  writeStatResponse,
  writeToken,
  writeWatcherType,
  type AddWatchRequest,
  type AddWatchResponse,
  type AuthRequest,
  type CreateRequest,
  type CreateTtlRequest,
  type GetAclResponse,
  type GetAllChildrenNumberResponse,
  type GetChildren2Response,
  type GetChildrenResponse,
  type GetEphemeralsRequest,
  type GetEphemeralsResponse,
  type PathRequest,
  type PathResponse,
  type ReconfigRequest,
  type SetAclRequest,
  type SetDataRequest,
  type SetWatches2Request,
  type WhoAmIResponse,
} from './op-records.js';
import type { PathRule } from './paths.js';
import { ACL_MIN_BYTES, readAcl, readStat, writeAcl, writeStat } from './records.js';

export type {
  AddWatchRequest,
  AddWatchResponse,
  AuthRequest,
  ClientInfo,
  Create2Response,
  CreateRequest,
  CreateTtlRequest,
  EmptyRecord,
  GetAclResponse,
  GetAllChildrenNumberResponse,
  GetChildren2Response,
  GetChildrenResponse,
  GetDataResponse,
  GetEphemeralsRequest,
  GetEphemeralsResponse,
  PathRequest,
  PathResponse,
  PathVersionRequest,
  PathWatchRequest,
  ReconfigRequest,
  SaslToken,
  SetAclRequest,
  SetDataRequest,
  SetWatches2Request,
  SetWatchesRequest,
  StatResponse,
  WatcherTypeRequest,
  WhoAmIResponse,
} from './op-records.js';

const nodePath = (): PathRule => 'node';
const notRootPath = (): PathRule => 'notRoot';
const prefixPath = (): PathRule => 'prefix';

const createRule = (q: CreateRequest): PathRule => (isSequential(q.flags) ? 'sequential' : 'node');

const CREATE_ERRORS = [
  'NoNode',
  'NodeExists',
  'NoAuth',
  'InvalidAcl',
  'NoChildrenForEphemerals',
  'BadArguments',
  'QuotaExceeded',
] as const;

// ---------------------------------------------------------------- the table

/** All operations by name. Adding one: a row here, a handler in `testing/handlers.ts`, a contract test, a sugar line. */
export const operations = {
  /** `path, data, acl[], flags → path`. The reply has no Stat; create2 has. */
  create: op('create', {
    code: 1,
    since: '3.4',
    use: 'call',
    mutates: true,
    readOnlyOk: false,
    inMulti: 'write',
    writeRequest: writeCreate,
    readRequest: readCreate,
    writeResponse: (w, p: PathResponse) => {
      w.ustring(p.path);
    },
    readResponse: (r): PathResponse => ({ path: r.ustring() }),
    path: { field: 'path', rule: createRule },
    responsePath: 'path',
    throws: CREATE_ERRORS,
  }),

  /** `path, version → `. Version -2 and below never match. */
  delete: op('delete', {
    code: 2,
    since: '3.4',
    use: 'call',
    mutates: true,
    readOnlyOk: false,
    inMulti: 'write',
    writeRequest: writePathVersion,
    readRequest: readPathVersion,
    writeResponse: writeNothing,
    readResponse: readNothing,
    path: { field: 'path', rule: notRootPath },
    throws: ['NoNode', 'NotEmpty', 'BadVersion', 'NoAuth', 'BadArguments'],
  }),

  /** `path, watch → Stat`. NoNode arms the watch too: in the exist table, where it waits for the creation. */
  exists: op('exists', {
    code: 3,
    since: '3.4',
    use: 'call',
    mutates: false,
    readOnlyOk: true,
    writeRequest: writePathWatch,
    readRequest: readPathWatch,
    writeResponse: writeStatResponse,
    readResponse: readStatResponse,
    path: { field: 'path', rule: nodePath },
    arms: (q, errno) => {
      if (!q.watch) return null;
      if (errno === 0) return 'data';
      return errno === Errno.NoNode ? 'exist' : null;
    },
    throws: ['NoNode', 'NoAuth'],
  }),

  /** `path, watch → data, Stat`. */
  getData: op('getData', {
    code: 4,
    since: '3.4',
    use: 'call',
    mutates: false,
    readOnlyOk: true,
    inMulti: 'read',
    writeRequest: writePathWatch,
    readRequest: readPathWatch,
    writeResponse: writeDataResponse,
    readResponse: readDataResponse,
    path: { field: 'path', rule: nodePath },
    arms: (q, errno) => (q.watch && errno === 0 ? 'data' : null),
    throws: ['NoNode', 'NoAuth'],
  }),

  /** `path, data, version → Stat`. */
  setData: op('setData', {
    code: 5,
    since: '3.4',
    use: 'call',
    mutates: true,
    readOnlyOk: false,
    inMulti: 'write',
    writeRequest: (w, q: SetDataRequest) => {
      w.ustring(q.path);
      w.buffer(q.data);
      w.int(q.version);
    },
    readRequest: (r): SetDataRequest => ({ path: r.ustring(), data: r.buffer(), version: r.int() }),
    writeResponse: writeStatResponse,
    readResponse: readStatResponse,
    path: { field: 'path', rule: nodePath },
    throws: ['NoNode', 'BadVersion', 'NoAuth', 'QuotaExceeded'],
  }),

  /** `path → acl[], Stat`. Without ADMIN the server shows digests as `user:x`. */
  getACL: op('getACL', {
    code: 6,
    since: '3.4',
    use: 'call',
    mutates: false,
    readOnlyOk: true,
    writeRequest: writePath,
    readRequest: readPath,
    writeResponse: (w, p: GetAclResponse) => {
      w.vector(p.acl, writeAcl);
      writeStat(w, p.stat);
    },
    readResponse: (r): GetAclResponse => ({ acl: r.vector(ACL_MIN_BYTES, readAcl), stat: readStat(r) }),
    path: { field: 'path', rule: nodePath },
    throws: ['NoNode', 'NoAuth'],
  }),

  /** `path, acl[], version → Stat`. The version is the **aversion**. Fires no watch. */
  setACL: op('setACL', {
    code: 7,
    since: '3.4',
    use: 'call',
    mutates: true,
    readOnlyOk: false,
    writeRequest: (w, q: SetAclRequest) => {
      w.ustring(q.path);
      w.vector(q.acl, writeAcl);
      w.int(q.version);
    },
    readRequest: (r): SetAclRequest => ({
      path: r.ustring(),
      acl: r.vectorOrNull(ACL_MIN_BYTES, readAcl),
      version: r.int(),
    }),
    writeResponse: writeStatResponse,
    readResponse: readStatResponse,
    path: { field: 'path', rule: nodePath },
    throws: ['NoNode', 'BadVersion', 'NoAuth', 'InvalidAcl'],
  }),

  /** `path, watch → children[]`, in no particular order. */
  getChildren: op('getChildren', {
    code: 8,
    since: '3.4',
    use: 'call',
    mutates: false,
    readOnlyOk: true,
    inMulti: 'read',
    writeRequest: writePathWatch,
    readRequest: readPathWatch,
    writeResponse: (w, p: GetChildrenResponse) => {
      writeNames(w, p.children);
    },
    readResponse: (r): GetChildrenResponse => ({ children: readNames(r) }),
    path: { field: 'path', rule: nodePath },
    arms: (q, errno) => (q.watch && errno === 0 ? 'child' : null),
    throws: ['NoNode', 'NoAuth'],
  }),

  /** `path → path`. Brings the server that we talk to up to date with its leader; any path is echoed. */
  sync: op('sync', {
    code: 9,
    since: '3.4',
    use: 'call',
    mutates: false,
    readOnlyOk: false,
    writeRequest: writePath,
    // any path is echoed, even null, which no client of ours sends
    readRequest: (r): PathRequest => ({ path: r.ustringOrNull() as string }),
    writeResponse: (w, p: PathResponse) => {
      w.ustring(p.path);
    },
    readResponse: (r): PathResponse => ({ path: r.ustring() }),
    path: { field: 'path', rule: nodePath },
    responsePath: 'path',
    throws: [],
  }),

  /** ` → `. Sent with xid -2. */
  ping: op('ping', {
    code: 11,
    since: '3.4',
    use: 'session',
    mutates: false,
    readOnlyOk: true,
    lane: 'control',
    writeRequest: writeNothing,
    readRequest: readNothing,
    writeResponse: writeNothing,
    readResponse: readNothing,
    throws: [],
  }),

  /** `path, watch → children[], Stat`. */
  getChildren2: op('getChildren2', {
    code: 12,
    since: '3.4',
    use: 'call',
    mutates: false,
    readOnlyOk: true,
    writeRequest: writePathWatch,
    readRequest: readPathWatch,
    writeResponse: (w, p: GetChildren2Response) => {
      writeNames(w, p.children);
      writeStat(w, p.stat);
    },
    readResponse: (r): GetChildren2Response => ({ children: readNames(r), stat: readStat(r) }),
    path: { field: 'path', rule: nodePath },
    arms: (q, errno) => (q.watch && errno === 0 ? 'child' : null),
    throws: ['NoNode', 'NoAuth'],
  }),

  /** `path, version → `. Legal only inside a multi: alone, the server answers Unimplemented and hangs up. */
  check: op('check', {
    code: 13,
    since: '3.4',
    use: 'multi',
    mutates: false,
    readOnlyOk: false,
    inMulti: 'write',
    writeRequest: writePathVersion,
    readRequest: readPathVersion,
    writeResponse: writeNothing,
    readResponse: readNothing,
    path: { field: 'path', rule: nodePath },
    throws: ['NoNode', 'BadVersion', 'NoAuth'],
  }),

  /** See `multi.ts`. The reply header carries 0 even when an operation failed. */
  multi: op('multi', {
    code: 14,
    since: '3.4',
    use: 'method',
    mutates: true,
    readOnlyOk: false,
    writeRequest: writeMultiRequest,
    readRequest: (r): MultiRequest => readMultiRequest(r, 'write', rowByCode),
    writeResponse: writeMultiResponse,
    readResponse: (r): MultiResponse => readMultiResponse(r, rowByCode),
    throws: ['Marshalling'],
  }),

  /** `path, data, acl[], flags → path, Stat`. Accepts the flags 0 to 3 only. */
  create2: op('create2', {
    code: 15,
    since: '3.5',
    use: 'call',
    mutates: true,
    readOnlyOk: false,
    inMulti: 'write',
    writeRequest: writeCreate,
    readRequest: readCreate,
    writeResponse: writeCreate2Response,
    readResponse: readCreate2Response,
    path: { field: 'path', rule: createRule },
    responsePath: 'path',
    throws: CREATE_ERRORS,
  }),

  /**
   * `joining, leaving, members, curConfigId → data, Stat` of the new configuration. Needs `reconfigEnabled=true`, WRITE
   * on `/zookeeper/config`, and an ensemble.
   */
  reconfig: op('reconfig', {
    code: 16,
    since: '3.5',
    needs: 'an ensemble: a server by itself has no members to change',
    use: 'call',
    mutates: true,
    readOnlyOk: false,
    writeRequest: (w, q: ReconfigRequest) => {
      w.ustring(q.joiningServers);
      w.ustring(q.leavingServers);
      w.ustring(q.newMembers);
      w.long(q.curConfigId);
    },
    readRequest: (r): ReconfigRequest => ({
      joiningServers: r.ustringOrNull(),
      leavingServers: r.ustringOrNull(),
      newMembers: r.ustringOrNull(),
      curConfigId: r.long(),
    }),
    writeResponse: writeDataResponse,
    readResponse: readDataResponse,
    throws: [
      'ReconfigDisabled',
      'Unimplemented',
      'NoAuth',
      'BadVersion',
      'BadArguments',
      'ReconfigInProgress',
      'NewConfigNoQuorum',
    ],
  }),

  /** `path, type → `. Does this connection have such a watch on the server? Changes nothing. */
  checkWatches: op('checkWatches', {
    code: 17,
    since: '3.5',
    use: 'call',
    mutates: false,
    readOnlyOk: true,
    writeRequest: writeWatcherType,
    readRequest: readWatcherType,
    writeResponse: writeNothing,
    readResponse: readNothing,
    path: { field: 'path', rule: nodePath },
    throws: ['NoWatcher', 'Marshalling'],
  }),

  /** `path, type → `. Removes this connection's watches of that type; no event tells of it. */
  removeWatches: op('removeWatches', {
    code: 18,
    since: '3.5',
    use: 'method',
    mutates: false,
    readOnlyOk: true,
    writeRequest: writeWatcherType,
    readRequest: readWatcherType,
    writeResponse: writeNothing,
    readResponse: readNothing,
    path: { field: 'path', rule: nodePath },
    throws: ['NoWatcher', 'Marshalling'],
  }),

  /** `path, data, acl[], flags(4) → path, Stat`. The node goes away some time after its last child has. */
  createContainer: op('createContainer', {
    code: 19,
    since: '3.5.1',
    use: 'call',
    mutates: true,
    readOnlyOk: false,
    inMulti: 'write',
    multiResultCode: 15,
    writeRequest: writeCreate,
    readRequest: readCreate,
    writeResponse: writeCreate2Response,
    readResponse: readCreate2Response,
    path: { field: 'path', rule: createRule },
    responsePath: 'path',
    throws: CREATE_ERRORS,
  }),

  /** `path, data, acl[], flags(5|6), ttl → path, Stat`. Needs `zookeeper.extendedTypesEnabled=true` on the server. */
  createTTL: op('createTTL', {
    code: 21,
    since: '3.5.3',
    needs: 'zookeeper.extendedTypesEnabled=true',
    use: 'call',
    mutates: true,
    readOnlyOk: false,
    inMulti: 'write',
    multiResultCode: 15,
    writeRequest: (w, q: CreateTtlRequest) => {
      writeCreate(w, q);
      w.longNumber(q.ttl);
    },
    readRequest: (r): CreateTtlRequest => ({ ...readCreate(r), ttl: r.longNumber() }),
    writeResponse: writeCreate2Response,
    readResponse: readCreate2Response,
    path: { field: 'path', rule: createRule },
    responsePath: 'path',
    throws: [...CREATE_ERRORS, 'Unimplemented'],
  }),

  /** See `multi.ts`. Every read has its own result or error; watch flags are ignored. */
  multiRead: op('multiRead', {
    code: 22,
    since: '3.6',
    use: 'method',
    mutates: false,
    readOnlyOk: true,
    writeRequest: writeMultiRequest,
    readRequest: (r): MultiRequest => readMultiRequest(r, 'read', rowByCode),
    writeResponse: writeMultiResponse,
    readResponse: (r): MultiResponse => readMultiResponse(r, rowByCode),
    throws: ['Marshalling'],
  }),

  /** `type(0), scheme, auth → `. Answered at once, possibly before earlier requests; a refusal ends the connection. */
  auth: op('auth', {
    code: 100,
    since: '3.4',
    use: 'session',
    mutates: false,
    readOnlyOk: true,
    lane: 'control',
    writeRequest: (w, q: AuthRequest) => {
      w.int(q.type);
      w.ustring(q.scheme);
      w.buffer(q.auth);
    },
    readRequest: (r): AuthRequest => ({ type: r.int(), scheme: r.ustring(), auth: r.buffer() }),
    writeResponse: writeNothing,
    readResponse: readNothing,
    throws: ['AuthFailed'],
  }),

  /** `relativeZxid, data[], exist[], child[] → `. Missed changes come as notifications before the reply. */
  setWatches: op('setWatches', {
    code: 101,
    since: '3.4',
    use: 'session',
    mutates: false,
    readOnlyOk: true,
    writeRequest: writeSetWatches,
    readRequest: readSetWatches,
    writeResponse: writeNothing,
    readResponse: readNothing,
    throws: [],
  }),

  /** `token → token`. One step of an exchange that comes before everything else on a connection. */
  sasl: op('sasl', {
    code: 102,
    since: '3.4',
    use: 'session',
    mutates: false,
    readOnlyOk: true,
    writeRequest: writeToken,
    readRequest: readToken,
    writeResponse: writeToken,
    readResponse: readToken,
    throws: ['AuthFailed'],
  }),

  /** `prefixPath → paths[]` of this session's own ephemeral nodes. The prefix may end in the middle of a name. */
  getEphemerals: op('getEphemerals', {
    code: 103,
    since: '3.6',
    use: 'call',
    mutates: false,
    readOnlyOk: true,
    writeRequest: (w, q: GetEphemeralsRequest) => {
      w.ustring(q.prefixPath);
    },
    // null means all, which no client of ours sends
    readRequest: (r): GetEphemeralsRequest => ({ prefixPath: r.ustringOrNull() as string }),
    writeResponse: (w, p: GetEphemeralsResponse) => {
      writeNames(w, p.ephemerals);
    },
    readResponse: (r): GetEphemeralsResponse => ({ ephemerals: readNames(r) }),
    path: { field: 'prefixPath', rule: prefixPath },
    responsePaths: 'ephemerals',
    throws: [],
  }),

  /** `path → number` of all nodes below, on every level. */
  getAllChildrenNumber: op('getAllChildrenNumber', {
    code: 104,
    since: '3.6',
    use: 'call',
    mutates: false,
    readOnlyOk: true,
    writeRequest: writePath,
    readRequest: readPath,
    writeResponse: (w, p: GetAllChildrenNumberResponse) => {
      w.int(p.totalNumber);
    },
    readResponse: (r): GetAllChildrenNumberResponse => ({ totalNumber: r.int() }),
    path: { field: 'path', rule: nodePath },
    throws: ['NoNode', 'NoAuth'],
  }),

  /** setWatches with the two kinds of watches that stay. What those missed is not told. */
  setWatches2: op('setWatches2', {
    code: 105,
    since: '3.6',
    use: 'session',
    mutates: false,
    readOnlyOk: true,
    writeRequest: (w, q: SetWatches2Request) => {
      writeSetWatches(w, q);
      writeNames(w, q.persistentWatches);
      writeNames(w, q.persistentRecursiveWatches);
    },
    readRequest: (r): SetWatches2Request => ({
      ...readSetWatches(r),
      persistentWatches: readNames(r),
      persistentRecursiveWatches: readNames(r),
    }),
    writeResponse: writeNothing,
    readResponse: readNothing,
    throws: [],
  }),

  /** `path, mode → err(0)`. Any path will do, also of a node that is not there or must not be read. */
  addWatch: op('addWatch', {
    code: 106,
    since: '3.6',
    use: 'method',
    mutates: false,
    readOnlyOk: true,
    writeRequest: (w, q: AddWatchRequest) => {
      w.ustring(q.path);
      w.int(q.mode);
    },
    readRequest: (r): AddWatchRequest => ({ path: r.ustring(), mode: r.int() }),
    writeResponse: (w, p: AddWatchResponse) => {
      w.int(p.err);
    },
    readResponse: (r): AddWatchResponse => ({ err: r.int() }),
    path: { field: 'path', rule: nodePath },
    arms: (q, errno) => {
      if (errno !== 0) return null;
      return q.mode === AddWatchModeCode.PERSISTENT ? 'persistent' : 'persistentRecursive';
    },
    throws: ['Marshalling'],
  }),

  /** ` → identities[]` of this connection. */
  whoAmI: op('whoAmI', {
    code: 107,
    since: '3.7',
    use: 'call',
    mutates: false,
    readOnlyOk: true,
    writeRequest: writeNothing,
    readRequest: readNothing,
    writeResponse: (w, p: WhoAmIResponse) => {
      w.vector(p.clientInfo, writeClientInfo);
    },
    readResponse: (r): WhoAmIResponse => ({ clientInfo: r.vector(8, readClientInfo) }),
    throws: [],
  }),

  /** ` → `. Ends the session and its ephemeral nodes; then the server hangs up. */
  closeSession: op('closeSession', {
    code: -11,
    since: '3.4',
    use: 'session',
    mutates: true,
    readOnlyOk: true,
    writeRequest: writeNothing,
    readRequest: readNothing,
    writeResponse: writeNothing,
    readResponse: readNothing,
    throws: [],
  }),
};

/** The table's type. */
export type Operations = typeof operations;

/** Name of an operation. */
export type OpName = keyof Operations;

/** Request record of an operation. */
export type RequestOf<K extends OpName> = Operations[K] extends Op<string, infer Q, infer _P> ? Q : never;

/** Response record of an operation. */
export type ResponseOf<K extends OpName> = Operations[K] extends Op<string, infer _Q, infer P> ? P : never;

/** Names of the operations that an application may issue by themselves. */
export type CallableOpName = {
  [K in OpName]: Operations[K]['use'] extends 'call' ? K : never;
}[OpName];

const BY_CODE: ReadonlyMap<number, AnyOp> = new Map(
  Object.values(operations).map((row) => [row.code, row as AnyOp]),
);

/** The row of an opcode, or `undefined`. */
export function rowByCode(code: number): AnyOp | undefined {
  return BY_CODE.get(code);
}
