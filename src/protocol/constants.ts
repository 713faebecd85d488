/**
 * Numbers and names that ZooKeeper fixes: special xids, permissions, create modes, event types, keeper states.
 * Everything is an `as const` object with a union type beside it; there is no `enum` in this project.
 */

/** xids that do not belong to an ordinary request (Java `ClientCnxn`). */
export const Xid = {
  /** Server push: a `WatcherEvent`. */
  NOTIFICATION: -1,
  /** Ping; the server answers -2 whatever the request carried. */
  PING: -2,
  /** Credentials; answered on the server's receive path, so the reply may overtake others. */
  AUTH: -4,
} as const;

/** Largest `int` of the wire (Java `Integer.MAX_VALUE`); also the most ms that a timer of Node can wait. */
export const MAX_INT = 0x7fffffff;

/** Largest ordinary xid; the one after it is 1, never 0 or negative (Java `ClientCnxn.getXid`). */
export const MAX_XID = MAX_INT;

/** Permission bits of an ACL entry (Java `ZooDefs.Perms`). */
export const Perms = {
  READ: 1,
  WRITE: 2,
  CREATE: 4,
  DELETE: 8,
  ADMIN: 16,
  ALL: 31,
} as const;

/** Wire flags of each create mode (Java `CreateMode.toFlag`). Not a bit mask above 3. */
export const CREATE_FLAGS = {
  PERSISTENT: 0,
  EPHEMERAL: 1,
  PERSISTENT_SEQUENTIAL: 2,
  EPHEMERAL_SEQUENTIAL: 3,
  CONTAINER: 4,
  PERSISTENT_WITH_TTL: 5,
  PERSISTENT_SEQUENTIAL_WITH_TTL: 6,
} as const;

/** Name of a create mode, as Java's `CreateMode` spells it. */
export type CreateMode = keyof typeof CREATE_FLAGS;

/** Create modes by name, for those who prefer `CreateMode.EPHEMERAL` to `'EPHEMERAL'`. */
export const CreateMode: { readonly [K in CreateMode]: K } = {
  PERSISTENT: 'PERSISTENT',
  EPHEMERAL: 'EPHEMERAL',
  PERSISTENT_SEQUENTIAL: 'PERSISTENT_SEQUENTIAL',
  EPHEMERAL_SEQUENTIAL: 'EPHEMERAL_SEQUENTIAL',
  CONTAINER: 'CONTAINER',
  PERSISTENT_WITH_TTL: 'PERSISTENT_WITH_TTL',
  PERSISTENT_SEQUENTIAL_WITH_TTL: 'PERSISTENT_SEQUENTIAL_WITH_TTL',
};

/** Does the server append a ten-digit counter to the name? */
export function isSequential(flags: number): boolean {
  return flags === 2 || flags === 3 || flags === 6;
}

/** Does the node live as long as its session? */
export function isEphemeral(flags: number): boolean {
  return flags === 1 || flags === 3;
}

/** Does the mode carry a time to live? */
export function isTtl(flags: number): boolean {
  return flags === 5 || flags === 6;
}

/** Longest time to live of a TTL node, in ms: 2^40 - 1 (Java `EphemeralType.TTL`). */
export const MAX_TTL_MS = 0xff_ffff_ffff;

/** Event types as the server sends them (Java `Watcher.Event.EventType`). */
export const EventTypeCode = {
  None: -1,
  NodeCreated: 1,
  NodeDeleted: 2,
  NodeDataChanged: 3,
  NodeChildrenChanged: 4,
} as const;

/** Name of a watch event, in ZooKeeper's own words. */
export type EventType = 'NodeCreated' | 'NodeDeleted' | 'NodeDataChanged' | 'NodeChildrenChanged';

const EVENT_TYPES: ReadonlyMap<number, EventType> = new Map([
  [EventTypeCode.NodeCreated, 'NodeCreated'],
  [EventTypeCode.NodeDeleted, 'NodeDeleted'],
  [EventTypeCode.NodeDataChanged, 'NodeDataChanged'],
  [EventTypeCode.NodeChildrenChanged, 'NodeChildrenChanged'],
]);

/** The name of an event type number, or `undefined` for one that this version does not know. */
export function eventTypeName(code: number): EventType | undefined {
  return EVENT_TYPES.get(code);
}

/** Modes of addWatch on the wire (Java `AddWatchMode`). */
export const AddWatchModeCode = {
  PERSISTENT: 0,
  PERSISTENT_RECURSIVE: 1,
} as const;

/** Name of a mode of addWatch, as Java's `AddWatchMode` spells it. */
export type AddWatchMode = keyof typeof AddWatchModeCode;

/** Modes of addWatch by name: events of one node and its children, or of a node and everything below it. */
export const AddWatchMode: { readonly [K in AddWatchMode]: K } = {
  PERSISTENT: 'PERSISTENT',
  PERSISTENT_RECURSIVE: 'PERSISTENT_RECURSIVE',
};

/** What checkWatches and removeWatches mean, on the wire (Java `Watcher.WatcherType`). */
export const WatcherTypeCode = {
  /** One-shot watches of the children. */
  Children: 1,
  /** One-shot watches of data and existence. */
  Data: 2,
  /** All of them. */
  Any: 3,
  /** Server 3.9. */
  Persistent: 4,
  /** Server 3.9. */
  PersistentRecursive: 5,
} as const;

/** Name of a type of watch, as Java's `WatcherType` spells it. */
export type WatcherType = keyof typeof WatcherTypeCode;

/** Types of watch by name. Servers before 3.9 know `Children`, `Data` and `Any` alone. */
export const WatcherType: { readonly [K in WatcherType]: K } = {
  Children: 'Children',
  Data: 'Data',
  Any: 'Any',
  Persistent: 'Persistent',
  PersistentRecursive: 'PersistentRecursive',
};

/** The state number that stands in every `WatcherEvent` on the wire (Java `KeeperState.SyncConnected`). */
export const WIRE_STATE_SYNC_CONNECTED = 3;

/** What the connection is to an expert, in the names of Java's `Watcher.Event.KeeperState`. */
export type KeeperState =
  'Disconnected' | 'Connecting' | 'SyncConnected' | 'ConnectedReadOnly' | 'AuthFailed' | 'Expired' | 'Closed';

/** Any version matches (`set`, `delete`, `check`, `setAcl`). */
export const ANY_VERSION = -1;

/** Limits that both ends of the protocol agree on, in bytes unless the name says otherwise. */
export const Limits = {
  /** Java's default `jute.maxbuffer`: the longest request frame a server accepts. */
  JUTE_MAX_BUFFER: 0xfffff,
  /** A SetWatches frame carries at most this many bytes (Java `ClientCnxn.SET_WATCHES_MAX_LENGTH`). */
  SET_WATCHES_BYTES: 128 * 1024,
  /** Longest connect response we accept; a real one has 37 bytes. */
  HANDSHAKE_BYTES: 1024,
  /** Length of a session password. */
  PASSWORD_BYTES: 16,
} as const;

/** Default port of a ZooKeeper server. */
export const DEFAULT_PORT = 2181;
