/** Entry `zk-conn/testing`: a ZooKeeper server in your test's own process. */
export type { Clock, ClockTimer } from './testing/clock.js';
export { ListenError, VirtualTimeError } from './testing/errors.js';
export type { MemoryEvents, MemoryTransport } from './testing/memory-network.js';
export { MiniServer } from './testing/mini-server.js';
export type { MiniServerOptions } from './testing/options.js';
export type { MiniServerTls } from './testing/secure-listener.js';
export type { NodeView, SessionView, TreeView } from './testing/views.js';
export { VirtualClock, type AdvanceOptions, type VirtualClockOptions } from './testing/virtual-clock.js';
