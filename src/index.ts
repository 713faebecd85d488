/** The public surface of `zk-conn`; the only place that decides what it is. */
import './protocol/error-names.js';

export { Conn, connect } from './client/conn.js';
export type { ZnodeCalls } from './client/calls.js';
export type { ConfigResult, EnsembleCalls, Identity, ReconfigChange } from './client/ensemble-calls.js';
export type { ReadOperation, ReadResultsOf } from './client/multi-read.js';
export type { AclResult, ChildrenResult, GetResult, Watched } from './client/results.js';
export type { ClosedReason, CloseResult } from './client/conn.js';
export type { ReconnectOptions, SessionHandle } from './client/hand-over.js';
export type { AuthInfo, ConnOptions } from './client/options.js';
export type { CallOptions, CreateOptions, DeleteOptions, ZnodeData } from './client/arguments.js';
export type {
  ConnectErrorEvent,
  ConnectionState,
  ConnEvents,
  SessionChange,
  StateEvent,
} from './client/events.js';
export { exponentialBackoff, isRetryable, noRetry, retry, untilElapsed } from './client/retry.js';
export type { BackoffOptions, RetryFailure, RetryOptions, RetryPolicy } from './client/retry.js';
export type { IdempotentCreateOptions, IdempotentOptions } from './client/idempotent.js';
export type { ChrootView, TreeCalls } from './client/tree-calls.js';
export type { CopyProgress, CopyResult, CopyTreeOptions } from './client/copy-tree.js';
export type { Quota, QuotaLimit, QuotaLimits } from './client/quota.js';
export type { DeleteProgress, DeleteRecursiveOptions, EnsurePathOptions } from './client/tree.js';
export type { Walk, WalkOptions, WalkedNode, WalkedNodeWithData } from './client/walk.js';
export type { StreamCalls } from './client/stream-calls.js';
export type { Stream } from './client/stream.js';
export type { ValueStream, ValueStreamOptions } from './client/value-stream.js';
export type {
  AddWatchOptions,
  WatchGap,
  WatchItem,
  WatchOverflow,
  WatchStream,
  WatchSuspension,
} from './client/watch-stream.js';
export { compress, decompress } from './client/compression.js';
export type { DecompressOptions } from './client/compression.js';
export { op } from './client/transaction.js';
export type { Created, CreatedInMulti, Operation, ResultsOf, Transaction } from './client/transaction.js';
export type { Watch } from './client/watch.js';
export type { WatchEvent } from './session/watches.js';

export type { Clock, Timer } from './net/clock.js';
export type { ServerAddress } from './net/connect-string.js';
export { digestMd5 } from './net/digest-md5.js';
export type { DigestMd5Options } from './net/digest-md5.js';
export { gssapi } from './net/gssapi.js';
export type { GssapiOptions, KerberosClient, KerberosModule } from './net/gssapi.js';
export { RoundRobinHostProvider } from './net/host-provider.js';
export type { HostChoice, HostProvider } from './net/host-provider.js';
export type { SaslConversation, SaslMechanism, SaslTarget } from './net/sasl.js';
export { DnsSrvHostProvider } from './net/dns-srv.js';
export type { DnsSrvOptions, SrvRecord } from './net/dns-srv.js';
export { adminCommand } from './net/admin-client.js';
export type {
  AdminCommandOptions,
  AdminConnection,
  AdminConnections,
  AdminResult,
  AdminResultOf,
  AdminResults,
  AdminServerStats,
  AdminStatus,
  AdminValue,
} from './net/admin-client.js';
export { askServer, fourLetterWord, serverVersion } from './net/probe.js';
export type { FourLetterWordOptions } from './net/probe.js';
export { tlsDialer } from './net/tls.js';
export type { TlsOptions, TlsSource } from './net/tls.js';
export { tcpDialer } from './net/transport.js';
export type { ConnStats } from './net/stats.js';
export type { ConnWarning } from './net/warner.js';
export type { ConnectionNote, SessionNote } from './net/reporter.js';
export type { LateReply, RequestTrace, TraceOutcome } from './net/traced-request.js';
export type { Dialer, Transport, TransportEvents } from './net/transport.js';

export { CREATOR_ALL_ACL, OPEN_ACL_UNSAFE, READ_ACL_UNSAFE, digestAcl, digestId } from './protocol/acls.js';
export { ANY_VERSION, AddWatchMode, CreateMode, Perms, WatcherType } from './protocol/constants.js';
export type { EventType, KeeperState } from './protocol/constants.js';
export { parseConfig } from './protocol/ensemble-config.js';
export type { ConfigServer, EnsembleConfig, QuorumAddress } from './protocol/ensemble-config.js';
export { Errno } from './protocol/error-codes.js';
export type { ErrorName } from './protocol/error-codes.js';
export type { CallableOpName, RequestOf, ResponseOf } from './protocol/operations.js';
export { baseName, joinPath, parentPath, sequenceOf } from './protocol/paths.js';
export type { Acl, Stat } from './protocol/records.js';
export {
  AuthFailedError,
  BadArgumentsError,
  BadVersionError,
  CommandError,
  CommandRefusedError,
  ConnClosedError,
  ConnectTimeoutError,
  ConnectionError,
  ConnectionLossError,
  DataInconsistencyError,
  DecodeError,
  EphemeralOnLocalSessionError,
  FrameTooLargeError,
  HandshakeError,
  InvalidAclError,
  InvalidArgumentError,
  InvalidCallbackError,
  InvalidConnectStringError,
  InvalidOptionError,
  InvalidPathError,
  KeeperError,
  LinkError,
  MarshallingError,
  MultiError,
  NewConfigNoQuorumError,
  NoAuthError,
  NoChildrenForEphemeralsError,
  NoNodeError,
  NoServerError,
  NoWatcherError,
  NodeExistsError,
  NotEmptyError,
  NotReadOnlyError,
  NotServingError,
  OperationTimeoutError,
  ProtocolError,
  QueueFullError,
  QuotaExceededError,
  ReadTimeoutError,
  ReconfigDisabledError,
  ReconfigInProgressError,
  RequestTimeoutError,
  RequestTooLargeError,
  ResponseTooLargeError,
  RuntimeInconsistencyError,
  SaslError,
  SessionClosedRequireSaslAuthError,
  SessionError,
  SessionExpiredError,
  SessionMovedError,
  SystemError,
  ThrottledOpError,
  TlsError,
  UnimplementedError,
  UnsupportedError,
  UnknownSessionError,
  UsageError,
  WatchClosedError,
  XidMismatchError,
  ZkError,
} from './protocol/errors.js';
export type { ErrorFields, FailedOpResult, Outcome } from './protocol/errors.js';
export type {
  ClientConnection,
  FourLetterWord,
  FourLetterWordResults,
  PathSessions,
  ServerMode,
  ServerStatus,
  ServerStatusWithClients,
  ServerVersion,
  SessionDump,
  SessionPaths,
  ServerValues,
  WatchSummary,
} from './protocol/words.js';
