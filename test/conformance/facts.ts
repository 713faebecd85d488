/**
 * ZooKeeper's records, opcodes and numbers, written down from the protocol's description and NOT from our own table,
 * so that the two can be held against each other. Names of records and fields are those of `zookeeper.jute`.
 */

/** Records as `type name` pairs in wire order. */
const JUTE = {
  Id: 'ustring scheme, ustring id',
  ACL: 'int perms, Id id',
  ClientInfo: 'ustring authScheme, ustring user',
  Stat:
    'long czxid, long mzxid, long ctime, long mtime, int version, int cversion, int aversion, ' +
    'long ephemeralOwner, int dataLength, int numChildren, long pzxid',

  ConnectRequest:
    'int protocolVersion, long lastZxidSeen, int timeOut, long sessionId, buffer passwd, boolean readOnly',
  ConnectResponse: 'int protocolVersion, int timeOut, long sessionId, buffer passwd, boolean readOnly',
  RequestHeader: 'int xid, int type',
  ReplyHeader: 'int xid, long zxid, int err',
  MultiHeader: 'int type, boolean done, int err',
  WatcherEvent: 'int type, int state, ustring path',
  ErrorResponse: 'int err',

  CreateRequest: 'ustring path, buffer data, vector<ACL> acl, int flags',
  CreateResponse: 'ustring path',
  DeleteRequest: 'ustring path, int version',
  ExistsRequest: 'ustring path, boolean watch',
  ExistsResponse: 'Stat stat',
  GetDataRequest: 'ustring path, boolean watch',
  GetDataResponse: 'buffer data, Stat stat',
  SetDataRequest: 'ustring path, buffer data, int version',
  SetDataResponse: 'Stat stat',
  GetACLRequest: 'ustring path',
  GetACLResponse: 'vector<ACL> acl, Stat stat',
  SetACLRequest: 'ustring path, vector<ACL> acl, int version',
  SetACLResponse: 'Stat stat',
  GetChildrenRequest: 'ustring path, boolean watch',
  GetChildrenResponse: 'vector<ustring> children',
  SyncRequest: 'ustring path',
  SyncResponse: 'ustring path',
  GetChildren2Request: 'ustring path, boolean watch',
  GetChildren2Response: 'vector<ustring> children, Stat stat',
  CheckVersionRequest: 'ustring path, int version',
  Create2Response: 'ustring path, Stat stat',
  ReconfigRequest: 'ustring joiningServers, ustring leavingServers, ustring newMembers, long curConfigId',
  CheckWatchesRequest: 'ustring path, int type',
  RemoveWatchesRequest: 'ustring path, int type',
  CreateTTLRequest: 'ustring path, buffer data, vector<ACL> acl, int flags, long ttl',
  AuthPacket: 'int type, ustring scheme, buffer auth',
  SetWatches:
    'long relativeZxid, vector<ustring> dataWatches, vector<ustring> existWatches, vector<ustring> childWatches',
  GetSASLRequest: 'buffer token',
  SetSASLResponse: 'buffer token',
  GetEphemeralsRequest: 'ustring prefixPath',
  GetEphemeralsResponse: 'vector<ustring> ephemerals',
  GetAllChildrenNumberRequest: 'ustring path',
  GetAllChildrenNumberResponse: 'int totalNumber',
  SetWatches2:
    'long relativeZxid, vector<ustring> dataWatches, vector<ustring> existWatches, ' +
    'vector<ustring> childWatches, vector<ustring> persistentWatches, vector<ustring> persistentRecursiveWatches',
  AddWatchRequest: 'ustring path, int mode',
  WhoAmIResponse: 'vector<ClientInfo> clientInfo',
} as const;

/** Name of a record in `zookeeper.jute`. */
export type RecordName = keyof typeof JUTE;

/** What one field holds. */
export type FieldType =
  | { readonly kind: 'boolean' | 'int' | 'long' | 'ustring' | 'buffer' }
  | { readonly kind: 'record'; readonly record: RecordName }
  | { readonly kind: 'vector'; readonly of: FieldType };

export interface Field {
  readonly name: string;
  readonly type: FieldType;
}

/** Fields of every record, in wire order. */
export const RECORDS = Object.fromEntries(
  Object.entries(JUTE).map(([name, text]) => [name, text.split(', ').map(parseField)]),
) as unknown as { readonly [K in RecordName]: readonly Field[] };

/** Names of all records. */
export const RECORD_NAMES = Object.keys(JUTE) as RecordName[];

function parseField(text: string): Field {
  const [type, name, ...rest] = text.split(' ');
  if (type === undefined || name === undefined || rest.length > 0) throw new Error(`not a field: ${text}`);
  return { name, type: parseType(type) };
}

function parseType(text: string): FieldType {
  const inner = /^vector<(\w+)>$/.exec(text)?.[1];
  if (inner !== undefined) return { kind: 'vector', of: parseType(inner) };
  switch (text) {
    case 'boolean':
    case 'int':
    case 'long':
    case 'ustring':
    case 'buffer':
      return { kind: text };
    default:
      if (!(text in JUTE)) throw new Error(`not a type: ${text}`);
      return { kind: 'record', record: text as RecordName };
  }
}

export interface OpFact {
  readonly name: string;
  readonly code: number;
  /** null: no fields; `multi`: see `multi.ts`. */
  readonly request: RecordName | 'multi' | null;
  readonly response: RecordName | 'multi' | null;
}

function opFact(
  code: number,
  name: string,
  request: OpFact['request'],
  response: OpFact['response'],
): OpFact {
  return { name, code, request, response };
}

/** Every opcode of `ZooDefs.OpCode`. */
export const OPCODES: readonly OpFact[] = [
  opFact(0, 'notification', null, 'WatcherEvent'),
  opFact(1, 'create', 'CreateRequest', 'CreateResponse'),
  opFact(2, 'delete', 'DeleteRequest', null),
  opFact(3, 'exists', 'ExistsRequest', 'ExistsResponse'),
  opFact(4, 'getData', 'GetDataRequest', 'GetDataResponse'),
  opFact(5, 'setData', 'SetDataRequest', 'SetDataResponse'),
  opFact(6, 'getACL', 'GetACLRequest', 'GetACLResponse'),
  opFact(7, 'setACL', 'SetACLRequest', 'SetACLResponse'),
  opFact(8, 'getChildren', 'GetChildrenRequest', 'GetChildrenResponse'),
  opFact(9, 'sync', 'SyncRequest', 'SyncResponse'),
  opFact(11, 'ping', null, null),
  opFact(12, 'getChildren2', 'GetChildren2Request', 'GetChildren2Response'),
  opFact(13, 'check', 'CheckVersionRequest', null),
  opFact(14, 'multi', 'multi', 'multi'),
  opFact(15, 'create2', 'CreateRequest', 'Create2Response'),
  opFact(16, 'reconfig', 'ReconfigRequest', 'GetDataResponse'),
  opFact(17, 'checkWatches', 'CheckWatchesRequest', null),
  opFact(18, 'removeWatches', 'RemoveWatchesRequest', null),
  opFact(19, 'createContainer', 'CreateRequest', 'Create2Response'),
  opFact(20, 'deleteContainer', null, null),
  opFact(21, 'createTTL', 'CreateTTLRequest', 'Create2Response'),
  opFact(22, 'multiRead', 'multi', 'multi'),
  opFact(100, 'auth', 'AuthPacket', null),
  opFact(101, 'setWatches', 'SetWatches', null),
  opFact(102, 'sasl', 'GetSASLRequest', 'SetSASLResponse'),
  opFact(103, 'getEphemerals', 'GetEphemeralsRequest', 'GetEphemeralsResponse'),
  opFact(104, 'getAllChildrenNumber', 'GetAllChildrenNumberRequest', 'GetAllChildrenNumberResponse'),
  opFact(105, 'setWatches2', 'SetWatches2', null),
  opFact(106, 'addWatch', 'AddWatchRequest', 'ErrorResponse'),
  opFact(107, 'whoAmI', null, 'WhoAmIResponse'),
  opFact(-10, 'createSession', null, null),
  opFact(-11, 'closeSession', null, null),
  opFact(-1, 'error', null, 'ErrorResponse'),
];

/** Opcodes that our table has no row for, and why. A row that is built leaves this list. */
export const OPCODES_WITHOUT_ROW: Readonly<Record<string, string>> = {
  notification: 'pushed by the server with xid -1; no client sends it',
  deleteContainer: 'of the servers among themselves (its request is a bare buffer)',
  createSession: 'of the servers among themselves; a client sends a ConnectRequest',
  error: 'exists only as the type of a result in a multi',
};

/** Types of operation that a multi takes, and the type of each one's result. */
export const MULTI_WRITE_KINDS: Readonly<Record<string, number>> = {
  create: 1,
  create2: 15,
  createContainer: 15,
  createTTL: 15,
  delete: 2,
  setData: 5,
  check: 13,
};

/** Types of operation that a multiRead takes; the types of their results are the same. */
export const MULTI_READ_KINDS: Readonly<Record<string, number>> = { getChildren: 8, getData: 4 };

/** Every code of `KeeperException.Code`. */
export const ERRORS: Readonly<Record<string, number>> = {
  OK: 0,
  SYSTEMERROR: -1,
  RUNTIMEINCONSISTENCY: -2,
  DATAINCONSISTENCY: -3,
  CONNECTIONLOSS: -4,
  MARSHALLINGERROR: -5,
  UNIMPLEMENTED: -6,
  OPERATIONTIMEOUT: -7,
  BADARGUMENTS: -8,
  UNKNOWNSESSION: -12,
  NEWCONFIGNOQUORUM: -13,
  RECONFIGINPROGRESS: -14,
  APIERROR: -100,
  NONODE: -101,
  NOAUTH: -102,
  BADVERSION: -103,
  NOCHILDRENFOREPHEMERALS: -108,
  NODEEXISTS: -110,
  NOTEMPTY: -111,
  SESSIONEXPIRED: -112,
  INVALIDCALLBACK: -113,
  INVALIDACL: -114,
  AUTHFAILED: -115,
  SESSIONMOVED: -118,
  NOTREADONLY: -119,
  EPHEMERALONLOCALSESSION: -120,
  NOWATCHER: -121,
  REQUESTTIMEOUT: -122,
  RECONFIGDISABLED: -123,
  SESSIONCLOSEDREQUIRESASLAUTH: -124,
  QUOTAEXCEEDED: -125,
  THROTTLEDOP: -127,
};

/** Codes that have no row in our table, and why. */
export const ERRORS_WITHOUT_ROW: Readonly<Record<string, string>> = {
  OK: 'is no error',
  CONNECTIONLOSS: 'of the client alone: ConnectionLossError carries it',
  APIERROR: 'marks a range, is never sent',
};

/** `Watcher.Event.EventType`. */
export const EVENT_TYPES: Readonly<Record<string, number>> = {
  None: -1,
  NodeCreated: 1,
  NodeDeleted: 2,
  NodeDataChanged: 3,
  NodeChildrenChanged: 4,
  DataWatchRemoved: 5,
  ChildWatchRemoved: 6,
  PersistentWatchRemoved: 7,
};

/** Event types that a server never sends. */
export const EVENT_TYPES_WITHOUT_CODE: readonly string[] = [
  'DataWatchRemoved',
  'ChildWatchRemoved',
  'PersistentWatchRemoved',
];

/** `Watcher.WatcherType`. */
export const WATCHER_TYPES: Readonly<Record<string, number>> = {
  Children: 1,
  Data: 2,
  Any: 3,
  Persistent: 4,
  PersistentRecursive: 5,
};

/** `AddWatchMode`. */
export const ADD_WATCH_MODES: Readonly<Record<string, number>> = {
  PERSISTENT: 0,
  PERSISTENT_RECURSIVE: 1,
};

/** `CreateMode.toFlag`. */
export const CREATE_MODES: Readonly<Record<string, number>> = {
  PERSISTENT: 0,
  EPHEMERAL: 1,
  PERSISTENT_SEQUENTIAL: 2,
  EPHEMERAL_SEQUENTIAL: 3,
  CONTAINER: 4,
  PERSISTENT_WITH_TTL: 5,
  PERSISTENT_SEQUENTIAL_WITH_TTL: 6,
};

/** `ZooDefs.Perms`. */
export const PERMISSIONS: Readonly<Record<string, number>> = {
  READ: 1,
  WRITE: 2,
  CREATE: 4,
  DELETE: 8,
  ADMIN: 16,
  ALL: 31,
};
