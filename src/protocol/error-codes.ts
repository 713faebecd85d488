/**
 * THE error table: every code that a server can send (Java `KeeperException.Code`), once.
 * `errors.ts` declares one class per row; the mini-server answers with the same names.
 *
 * A code that is not listed becomes a plain `KeeperError`, never a crash.
 */

/** One row: number on the wire, Java's name in CamelCase, our `code` string, and what it means to a user. */
export interface ErrorRow {
  readonly errno: number;
  readonly code: string;
  /** May the same request succeed if it is simply issued again? */
  readonly retryable: boolean;
  readonly text: string;
}

/** Rows by Java name. `Ok` is not an error and has no row. */
export const ERROR_CODES = {
  SystemError: { errno: -1, code: 'ZK_SYSTEM_ERROR', retryable: false, text: 'system error on the server' },
  RuntimeInconsistency: {
    errno: -2,
    code: 'ZK_RUNTIME_INCONSISTENCY',
    retryable: false,
    text: 'not run, because another operation of the same multi failed',
  },
  DataInconsistency: {
    errno: -3,
    code: 'ZK_DATA_INCONSISTENCY',
    retryable: false,
    text: 'data inconsistency on the server',
  },
  Marshalling: {
    errno: -5,
    code: 'ZK_MARSHALLING_ERROR',
    retryable: false,
    text: 'a message could not be decoded',
  },
  Unimplemented: {
    errno: -6,
    code: 'ZK_UNIMPLEMENTED',
    retryable: false,
    text: 'the server does not know this operation, or it is switched off there',
  },
  OperationTimeout: {
    errno: -7,
    code: 'ZK_OPERATION_TIMEOUT',
    retryable: true,
    text: 'the operation timed out',
  },
  BadArguments: { errno: -8, code: 'ZK_BAD_ARGUMENTS', retryable: false, text: 'bad arguments' },
  UnknownSession: { errno: -12, code: 'ZK_UNKNOWN_SESSION', retryable: false, text: 'unknown session' },
  NewConfigNoQuorum: {
    errno: -13,
    code: 'ZK_NEW_CONFIG_NO_QUORUM',
    retryable: true,
    text: 'no quorum of the new configuration is connected',
  },
  ReconfigInProgress: {
    errno: -14,
    code: 'ZK_RECONFIG_IN_PROGRESS',
    retryable: true,
    text: 'another reconfiguration is in progress',
  },
  NoNode: {
    errno: -101,
    code: 'ZK_NO_NODE',
    retryable: false,
    text: 'the node does not exist, or the parent of the one to create',
  },
  NoAuth: { errno: -102, code: 'ZK_NO_AUTH', retryable: false, text: 'not permitted by the ACL' },
  BadVersion: {
    errno: -103,
    code: 'ZK_BAD_VERSION',
    retryable: false,
    text: 'the expected version is not the current one',
  },
  NoChildrenForEphemerals: {
    errno: -108,
    code: 'ZK_NO_CHILDREN_FOR_EPHEMERALS',
    retryable: false,
    text: 'an ephemeral node may not have children',
  },
  NodeExists: { errno: -110, code: 'ZK_NODE_EXISTS', retryable: false, text: 'the node exists already' },
  NotEmpty: { errno: -111, code: 'ZK_NOT_EMPTY', retryable: false, text: 'the node has children' },
  SessionExpired: {
    errno: -112,
    code: 'ZK_SESSION_EXPIRED',
    retryable: false,
    text: 'the session has expired',
  },
  InvalidCallback: {
    errno: -113,
    code: 'ZK_INVALID_CALLBACK',
    retryable: false,
    text: 'invalid callback',
  },
  InvalidAcl: { errno: -114, code: 'ZK_INVALID_ACL', retryable: false, text: 'the ACL is not valid' },
  AuthFailed: { errno: -115, code: 'ZK_AUTH_FAILED', retryable: false, text: 'authentication failed' },
  SessionMoved: {
    errno: -118,
    code: 'ZK_SESSION_MOVED',
    retryable: true,
    text: 'the session moved to another server',
  },
  NotReadOnly: {
    errno: -119,
    code: 'ZK_NOT_READ_ONLY',
    retryable: true,
    text: 'a server in read-only mode refuses this operation',
  },
  EphemeralOnLocalSession: {
    errno: -120,
    code: 'ZK_EPHEMERAL_ON_LOCAL_SESSION',
    retryable: false,
    text: 'a local session may not own ephemeral nodes',
  },
  NoWatcher: { errno: -121, code: 'ZK_NO_WATCHER', retryable: false, text: 'no such watcher' },
  RequestTimeout: {
    errno: -122,
    code: 'ZK_REQUEST_TIMEOUT',
    retryable: true,
    text: 'no reply within the request timeout',
  },
  ReconfigDisabled: {
    errno: -123,
    code: 'ZK_RECONFIG_DISABLED',
    retryable: false,
    text: 'reconfiguration is disabled on the server',
  },
  SessionClosedRequireSaslAuth: {
    errno: -124,
    code: 'ZK_SESSION_CLOSED_REQUIRE_SASL_AUTH',
    retryable: false,
    text: 'the server requires authentication that this connection did not give',
  },
  QuotaExceeded: { errno: -125, code: 'ZK_QUOTA_EXCEEDED', retryable: false, text: 'the quota is exceeded' },
  ThrottledOp: {
    errno: -127,
    code: 'ZK_THROTTLED_OP',
    retryable: true,
    text: 'the server dropped the operation under high load',
  },
} as const satisfies Record<string, ErrorRow>;

/** Java's name of an error code, in CamelCase. */
export type ErrorName = keyof typeof ERROR_CODES;

/** The number on the wire of each name. */
export const Errno: { readonly [K in ErrorName]: (typeof ERROR_CODES)[K]['errno'] } = Object.fromEntries(
  Object.entries(ERROR_CODES).map(([name, row]) => [name, row.errno]),
) as { readonly [K in ErrorName]: (typeof ERROR_CODES)[K]['errno'] };

const BY_ERRNO: ReadonlyMap<number, ErrorName> = new Map(
  Object.entries(ERROR_CODES).map(([name, row]) => [row.errno, name as ErrorName]),
);

/** The name of a code, or `undefined` if this version does not know it. */
export function errorName(errno: number): ErrorName | undefined {
  return BY_ERRNO.get(errno);
}
