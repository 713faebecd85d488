/**
 * THE operation table: one row per operation, used by the client (writes requests, reads responses) and by the
 * mini-server (the other two). Encoding, chroot, path checks, watch arming, error context, multi membership, the
 * docs table and the conformance tests all come from here.
 *
 * Left out on purpose: deleteContainer (20), createSession (-10) and error (-1) belong to the servers among themselves.
 */
import { isSequential } from './constants.js';
import { Errno } from './error-codes.js';
import type { JuteReader, JuteWriter } from './jute.js';
import {
  readMultiRequest,
  readMultiResponse,
  writeMultiRequest,
  writeMultiResponse,
  type MultiRequest,
  type MultiResponse,
} from './multi.js';
import { op, type AnyOp, type Op } from './op.js';
import type { PathRule } from './paths.js';
import { ACL_MIN_BYTES, readAcl, readStat, writeAcl, writeStat, type Acl, type Stat } from './records.js';

// ---------------------------------------------------------------- records of single operations

/** A request or response without fields. */
export type EmptyRecord = Readonly<Record<string, never>>;

export interface CreateRequest {
  readonly path: string;
  readonly data: Uint8Array | null;
  /** null and empty are both refused by the server (InvalidACL). */
  readonly acl: readonly Acl[] | null;
  /** See `CREATE_FLAGS`. */
  readonly flags: number;
}

export interface CreateTtlRequest extends CreateRequest {
  /** Time to live in ms, 1 to 2^40 - 1. */
  readonly ttl: number;
}

export interface PathResponse {
  readonly path: string;
}

export interface Create2Response {
  readonly path: string;
  readonly stat: Stat;
}

export interface PathVersionRequest {
  readonly path: string;
  /** -1 matches any version. */
  readonly version: number;
}

export interface PathWatchRequest {
  readonly path: string;
  readonly watch: boolean;
}

export interface PathRequest {
  readonly path: string;
}

export interface StatResponse {
  readonly stat: Stat;
}

export interface GetDataResponse {
  readonly data: Buffer | null;
  readonly stat: Stat;
}

export interface SetDataRequest {
  readonly path: string;
  readonly data: Uint8Array | null;
  /** -1 matches any version. */
  readonly version: number;
}

export interface GetAclResponse {
  readonly acl: readonly Acl[];
  readonly stat: Stat;
}

export interface SetAclRequest {
  readonly path: string;
  readonly acl: readonly Acl[] | null;
  /** Compared with the node's **aversion**; -1 matches any. */
  readonly version: number;
}

export interface GetChildrenResponse {
  readonly children: readonly string[];
}

export interface GetChildren2Response {
  readonly children: readonly string[];
  readonly stat: Stat;
}

export interface AuthRequest {
  /** 0; the server ignores it. */
  readonly type: number;
  readonly scheme: string;
  readonly auth: Uint8Array | null;
}

export interface SetWatchesRequest {
  /** Changes after this zxid are reported at once instead of being watched for. */
  readonly relativeZxid: bigint;
  readonly dataWatches: readonly string[];
  readonly existWatches: readonly string[];
  readonly childWatches: readonly string[];
}

// ---------------------------------------------------------------- codecs that several rows share

const EMPTY: EmptyRecord = Object.freeze({});
const writeNothing = (): void => undefined;
const readNothing = (): EmptyRecord => EMPTY;

const nodePath = (): PathRule => 'node';
const notRootPath = (): PathRule => 'notRoot';

function writeCreate(w: JuteWriter, q: CreateRequest): void {
  w.ustring(q.path);
  w.buffer(q.data);
  w.vector(q.acl, writeAcl);
  w.int(q.flags);
}

function readCreate(r: JuteReader): CreateRequest {
  return { path: r.ustring(), data: r.buffer(), acl: r.vectorOrNull(ACL_MIN_BYTES, readAcl), flags: r.int() };
}

function writeCreate2Response(w: JuteWriter, p: Create2Response): void {
  w.ustring(p.path);
  writeStat(w, p.stat);
}

const readCreate2Response = (r: JuteReader): Create2Response => ({ path: r.ustring(), stat: readStat(r) });

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

function writePathVersion(w: JuteWriter, q: PathVersionRequest): void {
  w.ustring(q.path);
  w.int(q.version);
}

const readPathVersion = (r: JuteReader): PathVersionRequest => ({ path: r.ustring(), version: r.int() });

function writePathWatch(w: JuteWriter, q: PathWatchRequest): void {
  w.ustring(q.path);
  w.bool(q.watch);
}

const readPathWatch = (r: JuteReader): PathWatchRequest => ({ path: r.ustring(), watch: r.bool() });

const writePath = (w: JuteWriter, q: PathRequest): void => {
  w.ustring(q.path);
};

const readPath = (r: JuteReader): PathRequest => ({ path: r.ustring() });

const writeStatResponse = (w: JuteWriter, p: StatResponse): void => {
  writeStat(w, p.stat);
};

const readStatResponse = (r: JuteReader): StatResponse => ({ stat: readStat(r) });

const writeNames = (w: JuteWriter, names: readonly string[]): void => {
  w.vector(names, writeName);
};

const writeName = (w: JuteWriter, name: string): void => {
  w.ustring(name);
};

const readNames = (r: JuteReader): string[] => r.vector(4, readName);

const readName = (r: JuteReader): string => r.ustring();

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
    writeResponse: (w, p: GetDataResponse) => {
      w.buffer(p.data);
      writeStat(w, p.stat);
    },
    readResponse: (r): GetDataResponse => ({ data: r.buffer(), stat: readStat(r) }),
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
    writeRequest: (w, q: SetWatchesRequest) => {
      w.long(q.relativeZxid);
      writeNames(w, q.dataWatches);
      writeNames(w, q.existWatches);
      writeNames(w, q.childWatches);
    },
    readRequest: (r): SetWatchesRequest => ({
      relativeZxid: r.long(),
      dataWatches: readNames(r),
      existWatches: readNames(r),
      childWatches: readNames(r),
    }),
    writeResponse: writeNothing,
    readResponse: readNothing,
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
