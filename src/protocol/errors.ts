/**
 * Every error of this package: one root, six families, one class per code that a server can send.
 *
 * ```text
 * ZkError
 *  ├ KeeperError      the server said no              NoNodeError, BadVersionError, …, MultiError
 *  ├ ConnectionError  the link or the time ran out    ConnectionLossError, RequestTimeoutError, …
 *  ├ SessionError     the session or the Conn is over SessionExpiredError, AuthFailedError, ConnClosedError
 *  ├ ProtocolError    the peer's bytes make no sense  DecodeError, FrameTooLargeError, …
 *  ├ CommandError     a server did not do a command   CommandRefusedError, NotServingError
 *  └ UsageError       the caller's arguments are bad  InvalidPathError, InvalidOptionError, …
 * ```
 */
import { ERROR_CODES, errorName, type ErrorName } from './error-codes.js';

import { ZkError, type ErrorFields } from './error-base.js';

export { ZkError };
export type { ErrorFields };
export type { Outcome } from './error-base.js';

// ---------------------------------------------------------------- the server said no

/** The server answered with an error code. `outcome` is `rejected`. */
export class KeeperError extends ZkError {
  /** @param own what stands for the code and the text of the error table */
  constructor(
    errno: number,
    fields: Omit<ErrorFields, 'errno'>,
    own?: { readonly code: string; readonly text: string },
  ) {
    const name = errorName(errno);
    const row = name === undefined ? undefined : ERROR_CODES[name];
    const code = own?.code ?? row?.code ?? `ZK_ERR_${errno}`;
    const text =
      own?.text ??
      (name === 'NoNode' ? missing(fields.op) : undefined) ??
      row?.text ??
      `the server answered with the unknown error code ${errno}`;
    const retryable = row?.retryable ?? false;
    super(code, name === undefined ? text : `${text} (${name})`, { retryable, ...fields, errno });
  }
}

/** Which node is not there; undefined if nobody knows. */
function missing(op: string | undefined): string | undefined {
  if (op === undefined) return undefined;
  // alone, or as part of a multi
  return /(^|\.)create[^.]*$/.test(op) ? 'the parent of the node does not exist' : 'the node does not exist';
}

/** -1: something failed inside the server. */
export class SystemError extends KeeperError {}
/** -2: an operation of a multi that was not run, because another one failed. */
export class RuntimeInconsistencyError extends KeeperError {}
/** -3: the server found its data inconsistent. */
export class DataInconsistencyError extends KeeperError {}
/** -5: the server could not decode our request. */
export class MarshallingError extends KeeperError {}
/** -6: the server does not know the operation, or it is switched off there. */
export class UnimplementedError extends KeeperError {}

/** What an operation asks of a server. */
export interface ServerNeeds {
  /** First version that knows it. */
  readonly since: string;
  /** What it needs besides. */
  readonly needs: string | null;
}

/**
 * -6 as the answer to an operation that not every server can do: this one is too old, or the operation is switched off
 * there. A server that does not know an operation hangs up after this answer.
 */
export class UnsupportedError extends UnimplementedError {
  /** First server version that knows the operation, for example `3.6`. */
  readonly since: string;
  /** What the operation needs besides, for example a switch of the server. */
  readonly needs: string | null;

  constructor(required: ServerNeeds, fields: Omit<ErrorFields, 'errno'>) {
    super(-6, fields, unsupported(required));
    this.since = required.since;
    this.needs = required.needs;
  }
}

function unsupported({ since, needs }: ServerNeeds): { readonly code: string; readonly text: string } {
  const what = `it needs ZooKeeper ${since} or later${needs === null ? '' : `, and ${needs}`}`;
  return { code: 'ZK_UNSUPPORTED', text: `the server does not do this: ${what}` };
}

/** -7: the server says that the operation timed out. */
export class OperationTimeoutError extends KeeperError {}
/** -8: the server does not accept the arguments. */
export class BadArgumentsError extends KeeperError {}
/** -12: the server does not know the session. */
export class UnknownSessionError extends KeeperError {}
/** -13: reconfig without a quorum of the new configuration. */
export class NewConfigNoQuorumError extends KeeperError {}
/** -14: another reconfig is running. */
export class ReconfigInProgressError extends KeeperError {}
/** -101: the node, or the parent of the node to be created, does not exist. */
export class NoNodeError extends KeeperError {}
/** -102: the ACL does not permit it. */
export class NoAuthError extends KeeperError {}
/** -103: the expected version is not the current one. */
export class BadVersionError extends KeeperError {}
/** -108: the parent is an ephemeral node. */
export class NoChildrenForEphemeralsError extends KeeperError {}
/** -110: the node exists already. */
export class NodeExistsError extends KeeperError {}
/** -111: the node to be deleted has children. */
export class NotEmptyError extends KeeperError {}
/** -113: the server calls a callback invalid. */
export class InvalidCallbackError extends KeeperError {}
/** -114: the ACL is empty, malformed, or of a scheme that the server does not know. */
export class InvalidAclError extends KeeperError {}
/** -119: the server is in read-only mode. */
export class NotReadOnlyError extends KeeperError {}
/** -120: a local session may not own ephemeral nodes. */
export class EphemeralOnLocalSessionError extends KeeperError {}
/** -121: no watch of that type on that path. */
export class NoWatcherError extends KeeperError {}
/** -123: reconfig is switched off on the server. */
export class ReconfigDisabledError extends KeeperError {}
/** -124: the server wants authentication first. */
export class SessionClosedRequireSaslAuthError extends KeeperError {}
/** -125: the quota is exceeded. */
export class QuotaExceededError extends KeeperError {}
/** -127: dropped under high load. */
export class ThrottledOpError extends KeeperError {}

/** One result of a failed multi. */
export interface FailedOpResult {
  /** Name of the operation. */
  readonly op: string;
  /** Path as the caller gave it. */
  readonly path: string;
  /** 0 for an operation that would have succeeded, the error's number for the one that failed, -2 behind it. */
  readonly errno: number;
}

/** A multi of which one operation failed, so that none was applied. `errno` and `code` are the failed operation's. */
export class MultiError extends KeeperError {
  /** Index of the operation that failed. */
  readonly index: number;
  /** One result per operation, in order. */
  readonly results: readonly FailedOpResult[];

  /** @param reason the error of the operation that failed; by default what its number says */
  constructor(index: number, results: readonly FailedOpResult[], reason?: ZkError) {
    const failed = results[index];
    const errno = failed?.errno ?? 0;
    const cause = reason ?? keeperError(errno, { op: failed?.op, path: failed?.path, outcome: 'rejected' });
    const fields = {
      op: `multi[${index}].${failed?.op ?? '?'}`,
      path: failed?.path,
      outcome: 'rejected',
      cause,
    } as const;
    super(errno, fields, cause instanceof UnsupportedError ? unsupported(cause) : undefined);
    this.index = index;
    this.results = results;
  }
}

// ---------------------------------------------------------------- the link

/** The link to the ensemble failed, or time ran out. */
export class ConnectionError extends ZkError {}

/** The connection was lost before the reply came (`unknown`), or before the request was sent (`not-sent`). */
export class ConnectionLossError extends ConnectionError {
  /**
   * @param mutates may the operation have changed something?
   * @param why said in place of what would be true of a request
   */
  constructor(fields: ErrorFields, mutates = false, why?: string) {
    const lost = 'the connection was lost before the reply came';
    const text =
      why ??
      (fields.outcome === 'not-sent'
        ? 'not sent: there is no connection'
        : mutates
          ? `${lost}; it may have been applied`
          : lost);
    super('ZK_CONNECTION_LOSS', text, { errno: -4, retryable: true, ...fields });
  }
}

/** No server of the connect string could be reached in time. */
export class NoServerError extends ConnectionError {
  constructor(text: string, cause?: unknown) {
    super('ZK_NO_SERVER', text, { outcome: 'not-sent', retryable: true, cause });
  }
}

/** The socket to one server failed or was closed; the reason why requests end with {@link ConnectionLossError}. */
export class LinkError extends ConnectionError {
  constructor(server: string, cause: Error) {
    super('ZK_LINK', `${server}: ${cause.message}`, { outcome: 'unknown', retryable: true, cause });
  }
}

/** No secure connection to one server: a certificate, a key or the TLS handshake is at fault; `cause` has Node's own error. */
export class TlsError extends ConnectionError {
  constructor(server: string, text: string, cause?: unknown) {
    super('ZK_TLS', `${server}: ${text}`, { outcome: 'unknown', cause });
  }
}

/** One server did not accept the connection, or did not answer the handshake, within its budget. */
export class ConnectTimeoutError extends ConnectionError {
  constructor(text: string) {
    super('ZK_CONNECT_TIMEOUT', text, { outcome: 'not-sent', retryable: true });
  }
}

/** No reply within `requestTimeoutMs`. */
export class RequestTimeoutError extends ConnectionError {
  constructor(fields: ErrorFields) {
    const text =
      fields.outcome === 'not-sent' ? 'timed out before it was sent' : ERROR_CODES.RequestTimeout.text;
    super(ERROR_CODES.RequestTimeout.code, text, { errno: -122, retryable: true, ...fields });
  }
}

/** The queue of requests that wait for a connection is full (`offlineQueue`). */
export class QueueFullError extends ConnectionError {
  constructor(text: string, fields: ErrorFields) {
    super('ZK_QUEUE_FULL', text, { retryable: true, ...fields });
  }
}

/** A SASL mechanism failed on this side, so the connection could not be used; `cause` is what it threw. */
export class SaslError extends ConnectionError {
  constructor(text: string, cause?: unknown) {
    super('ZK_SASL', text, { op: 'sasl', outcome: 'not-sent', retryable: true, cause });
  }
}

/** The server went silent for longer than the read timeout, 2/3 of the session timeout. */
export class ReadTimeoutError extends ConnectionError {
  constructor(silentMs: number) {
    super('ZK_READ_TIMEOUT', `nothing heard from the server for ${Math.round(silentMs)} ms`, {
      outcome: 'unknown',
      retryable: true,
    });
  }
}

// ---------------------------------------------------------------- the session

/** The session, or the Conn itself, is over. */
export class SessionError extends ZkError {}

/** The session expired, by the server's word or by our own clock; its ephemeral nodes are gone or will be. */
export class SessionExpiredError extends SessionError {
  /** @param text in place of that of the error table */
  constructor(fields: ErrorFields, text: string = ERROR_CODES.SessionExpired.text) {
    super(ERROR_CODES.SessionExpired.code, text, { errno: -112, ...fields });
  }
}

/** The session moved to another server. */
export class SessionMovedError extends SessionError {
  constructor(fields: ErrorFields) {
    super(ERROR_CODES.SessionMoved.code, ERROR_CODES.SessionMoved.text, {
      errno: -118,
      retryable: true,
      ...fields,
    });
  }
}

/** The credentials were refused: by the server, or by a SASL mechanism that does not trust the server. */
export class AuthFailedError extends SessionError {
  /** @param why said behind the text of the error table */
  constructor(fields: ErrorFields, why?: string) {
    const { code, text } = ERROR_CODES.AuthFailed;
    super(code, why === undefined ? text : `${text}: ${why}`, { errno: -115, ...fields });
  }
}

/** `close()` was called on this Conn. */
export class ConnClosedError extends SessionError {
  constructor(fields: ErrorFields) {
    super('ZK_CLOSED', 'the Conn is closed', fields);
  }
}

/** `close()` was called on this watch. */
export class WatchClosedError extends SessionError {
  constructor(fields: ErrorFields) {
    super('ZK_WATCH_CLOSED', 'the watch is closed', fields);
  }
}

// ---------------------------------------------------------------- the peer's bytes

/** The peer sent bytes that make no sense; the connection is given up, the session is kept. */
export class ProtocolError extends ZkError {
  constructor(code: string, text: string, fields?: Partial<ErrorFields>) {
    super(code, text, { outcome: 'unknown', ...fields });
  }
}

/** A record is cut short, or holds a length or a text that cannot be. */
export class DecodeError extends ProtocolError {
  constructor(text: string, fields?: Partial<ErrorFields>) {
    super('ZK_DECODE', text, fields);
  }
}

/** A frame is longer than `maxResponseBytes`, or its length is negative. */
export class FrameTooLargeError extends ProtocolError {
  /** The length that was announced, in bytes. */
  readonly length: number;

  constructor(length: number, limit: number) {
    super(
      'ZK_FRAME_TOO_LARGE',
      length < 0
        ? `the server sent the frame length ${length}`
        : `a frame of ${length} bytes is over the limit of ${limit}`,
    );
    this.length = length;
  }
}

/**
 * The reply to a request is longer than `maxResponseBytes`. It was dropped as it came, and the connection goes on. A
 * request that changes something was carried out, if there was an answer of that size to it.
 */
export class ResponseTooLargeError extends ProtocolError {
  /** Length of the reply, bytes. */
  readonly size: number;
  /** The option `maxResponseBytes`. */
  readonly limit: number;

  constructor(size: number, limit: number, fields: ErrorFields) {
    const text = `a reply of ${size} bytes is over maxResponseBytes (${limit})`;
    super('ZK_RESPONSE_TOO_LARGE', text, fields);
    this.size = size;
    this.limit = limit;
  }
}

/** A reply that is not the one to the oldest unanswered request. */
export class XidMismatchError extends ProtocolError {
  constructor(got: number, expected: number | undefined) {
    super(
      'ZK_XID_MISMATCH',
      expected === undefined
        ? `a reply with xid ${got} and no request that waits`
        : `a reply with xid ${got}, not ${expected}`,
    );
  }
}

/** The peer does not answer the handshake as a ZooKeeper server does. */
export class HandshakeError extends ProtocolError {
  constructor(text: string, cause?: unknown) {
    super('ZK_HANDSHAKE', text, { outcome: 'not-sent', cause });
  }
}

// ---------------------------------------------------------------- commands for one server

/** A server did not do what a four-letter word, or a command of the admin server, asks for. `op` is its name. */
export class CommandError extends ZkError {}

/** The command is not in the server's whitelist, not known there, or needs credentials. */
export class CommandRefusedError extends CommandError {
  /** Status of the HTTP answer; `undefined` for a four-letter word. */
  readonly status: number | undefined;

  constructor(command: string, why: string, status?: number) {
    super('ZK_COMMAND_REFUSED', why, { op: command, outcome: 'rejected' });
    this.status = status;
  }
}

/** The server lives and serves nobody: it is looking for a quorum. */
export class NotServingError extends CommandError {
  constructor(command: string) {
    const text = 'the server is not serving requests at the moment';
    super('ZK_NOT_SERVING', text, { op: command, outcome: 'rejected', retryable: true });
  }
}

// ---------------------------------------------------------------- the caller's arguments

/** Something that the caller passed is wrong; nothing was sent. */
export class UsageError extends ZkError {
  constructor(code: string, text: string, fields?: Partial<ErrorFields>) {
    super(code, text, { ...fields, outcome: 'not-sent' });
  }
}

/** A path that ZooKeeper would refuse (Java `PathUtils.validatePath`). */
export class InvalidPathError extends UsageError {
  constructor(text: string, fields?: Partial<ErrorFields>) {
    super('ZK_INVALID_PATH', text, fields);
  }
}

/** An argument of the wrong type or out of range. */
export class InvalidArgumentError extends UsageError {
  constructor(text: string, fields?: Partial<ErrorFields>) {
    super('ZK_INVALID_ARGUMENT', text, fields);
  }
}

/** An unknown option, or one with a value it cannot have. */
export class InvalidOptionError extends UsageError {
  constructor(text: string) {
    super('ZK_INVALID_OPTION', text);
  }
}

/** A connect string that cannot be parsed. */
export class InvalidConnectStringError extends UsageError {
  constructor(text: string) {
    super('ZK_INVALID_CONNECT_STRING', text);
  }
}

/** The request is longer than `maxRequestBytes`; the server would only hang up. */
export class RequestTooLargeError extends UsageError {
  constructor(bytes: number, limit: number, fields?: Partial<ErrorFields>) {
    super(
      'ZK_REQUEST_TOO_LARGE',
      `the request has ${bytes} bytes, the limit is ${limit} (maxRequestBytes)`,
      fields,
    );
  }
}

// ---------------------------------------------------------------- number → class

type KeeperErrorClass = new (errno: number, fields: Omit<ErrorFields, 'errno'>) => KeeperError;
type SessionErrorClass = new (fields: ErrorFields) => ZkError;

const KEEPER_CLASSES: Partial<Record<ErrorName, KeeperErrorClass>> = {
  SystemError,
  RuntimeInconsistency: RuntimeInconsistencyError,
  DataInconsistency: DataInconsistencyError,
  Marshalling: MarshallingError,
  Unimplemented: UnimplementedError,
  OperationTimeout: OperationTimeoutError,
  BadArguments: BadArgumentsError,
  UnknownSession: UnknownSessionError,
  NewConfigNoQuorum: NewConfigNoQuorumError,
  ReconfigInProgress: ReconfigInProgressError,
  NoNode: NoNodeError,
  NoAuth: NoAuthError,
  BadVersion: BadVersionError,
  NoChildrenForEphemerals: NoChildrenForEphemeralsError,
  NodeExists: NodeExistsError,
  NotEmpty: NotEmptyError,
  InvalidCallback: InvalidCallbackError,
  InvalidAcl: InvalidAclError,
  NotReadOnly: NotReadOnlyError,
  EphemeralOnLocalSession: EphemeralOnLocalSessionError,
  NoWatcher: NoWatcherError,
  ReconfigDisabled: ReconfigDisabledError,
  SessionClosedRequireSaslAuth: SessionClosedRequireSaslAuthError,
  QuotaExceeded: QuotaExceededError,
  ThrottledOp: ThrottledOpError,
};

const OTHER_CLASSES: Partial<Record<ErrorName, SessionErrorClass>> = {
  SessionExpired: SessionExpiredError,
  SessionMoved: SessionMovedError,
  AuthFailed: AuthFailedError,
  RequestTimeout: RequestTimeoutError,
};

/** The error object for a code that a server sent; a plain {@link KeeperError} for an unknown one. */
export function keeperError(errno: number, fields: Omit<ErrorFields, 'errno'>): ZkError {
  const name = errorName(errno);
  if (name === undefined) return new KeeperError(errno, fields);
  const Other = OTHER_CLASSES[name];
  if (Other !== undefined) return new Other({ ...fields, errno });
  return new (KEEPER_CLASSES[name] ?? KeeperError)(errno, fields);
}
