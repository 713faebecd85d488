/** Entry `zk-conn/testing`: a ZooKeeper server in your test's own process. */
export type { Clock, ClockTimer } from './testing/clock.js';
export { ListenError } from './testing/errors.js';
export { MiniServer } from './testing/mini-server.js';
export type { MiniServerOptions } from './testing/options.js';
export type { MiniServerTls } from './testing/secure-listener.js';
export type { NodeView, SessionView, TreeView } from './testing/views.js';
