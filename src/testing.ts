/** Entry `zk-conn/testing`: a ZooKeeper server in your test's own process, and faults on demand. */
export type { Clock, ClockTimer } from './testing/clock.js';
export type { EnsembleMember } from './testing/ensemble/ensemble-member.js';
export type { MiniEnsembleOptions } from './testing/ensemble/ensemble-options.js';
export { MiniEnsemble, type Lag, type MemberRef } from './testing/ensemble/mini-ensemble.js';
export type { Role } from './testing/ensemble/peer.js';
export {
  ImportError,
  ListenError,
  MiniServerError,
  SnapshotError,
  VirtualTimeError,
  WaitTimeoutError,
} from './testing/errors.js';
export { importTree, type ImportOptions, type TreeSource } from './testing/import-tree.js';
export type { MemoryEvents, MemoryTransport } from './testing/memory-network.js';
export type {
  CutKind,
  CutOptions,
  DeliveryCut,
  FaultKind,
  GarbleOptions,
  RequestCut,
} from './testing/faults/actions.js';
export type { Condition, RefuseOptions } from './testing/faults/condition.js';
export {
  FaultProxy,
  type FaultProxyOptions,
  type ProxiedConnectionView,
} from './testing/faults/fault-proxy.js';
export type { ReadOnlyOptions } from './testing/faults/read-only-mode.js';
export type { FaultRule, HoldRule } from './testing/faults/fault-rule.js';
export type { FaultTarget } from './testing/faults/fault-target.js';
export type { FrameLog, FrameQuery, LoggedFrame } from './testing/faults/frame-log.js';
export type {
  FrameConditions,
  FrameMatch,
  HandshakeAnswerMatch,
  HandshakeMatch,
  NotificationMatch,
  ReplyMatch,
  RequestMatch,
} from './testing/faults/frame-match.js';
export type {
  DeliveryActions,
  FrameActions,
  HandshakeActions,
  RequestActions,
} from './testing/faults/rule-builder.js';
export type { WaitOptions } from './testing/faults/waiting.js';
export type { Direction, FrameKind, WireFrame } from './testing/faults/wire-frame.js';
export { MiniServer } from './testing/mini-server.js';
export type { MiniServerOptions } from './testing/options.js';
export type { MiniServerTls } from './testing/secure-listener.js';
export type { NodeView, SessionView, TreeView } from './testing/views.js';
export type { Snapshot, SnapshotNode, SnapshotOptions, SnapshotSession } from './testing/snapshot.js';
export { VirtualClock, type AdvanceOptions, type VirtualClockOptions } from './testing/virtual-clock.js';
