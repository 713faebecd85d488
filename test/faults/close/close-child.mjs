/**
 * Brings a Conn into the state named by the first argument, says so on stdout, waits for a word on stdin or a signal,
 * closes the Conn, tells what that was like and what is left, and must then end by itself.
 */
import { Conn, connect, digestMd5 } from 'zk-conn';

const [, , state, connectString, closeTimeoutMs] = process.argv;

const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);
const never = new Promise(() => undefined);
const fast = {
  // it outlives the process, and whoever counts the sessions of its server
  sessionTimeoutMs: 40_000,
  closeTimeoutMs: Number(closeTimeoutMs),
  backoff: { baseMs: 1, maxMs: 1 },
};

/** Promises of calls that are not settled. */
const open = new Set();
let calls = 0;
function asked(promise) {
  calls++;
  open.add(promise);
  const settled = () => void open.delete(promise);
  promise.then(settled, settled);
}

const connected = (options) => connect(connectString, { ...fast, ...options });
/** A Conn that has begun to connect. */
function begun(options, servers = connectString) {
  const conn = new Conn(servers, { ...fast, ...options });
  asked(conn.connect());
  return conn;
}

/** Each gives a Conn that is in the state, or is brought there by what the server does. */
const setups = {
  idle: () => new Conn(connectString, fast),
  resolving: () => begun({ hostProvider: { size: 1, next: () => never, connected: () => undefined } }),
  connecting: () =>
    // a server that swallows the handshake of TCP itself cannot be had on loopback
    begun({
      dialer: (_server, events) => ({
        write: () => true,
        destroy: () => setImmediate(() => events.onClose(undefined)),
      }),
    }),
  securing: () => begun({ tls: { rejectUnauthorized: false } }),
  handshaking: () => begun(),
  'in SASL': () => begun({ sasl: digestMd5({ username: 'bob', password: 'secret' }) }),
  backoff: async () => {
    const conn = begun({ backoff: { baseMs: 60_000, maxMs: 60_000 } }, '127.0.0.1:1');
    await new Promise((resolve) => conn.once('connectError', resolve));
    asked(conn.get('/waiting'));
    return conn;
  },
  connected: () => connected(),
  busy: async () => {
    const conn = await connected();
    for (let i = 0; i < 1000; i++) asked(conn.set('/', 'x'));
    return conn;
  },
  watching: async () => {
    const conn = await connected();
    const { watch } = await conn.getW('/');
    asked(watch.event);
    asked(watch.next());
    return conn;
  },
  streaming: async () => {
    const conn = await connected();
    const loop = async (stream) => {
      for (;;) if ((await stream.next()).done) return;
    };
    asked(loop(await conn.addWatch('/', 'PERSISTENT_RECURSIVE')));
    asked(loop(conn.watchData('/')));
    asked(loop(conn.watchChildren('/none')));
    await conn.sync('/');
    return conn;
  },
  draining: async () => {
    const conn = await connected();
    const data = Buffer.alloc(500_000);
    for (let i = 0; i < 60; i++) asked(conn.set('/', data));
    return conn;
  },
  authenticating: async () => {
    const conn = await connected();
    asked(conn.addAuth('digest', 'a:b'));
    return conn;
  },
  rearming: async () => {
    const conn = await connected({ auth: [{ scheme: 'digest', auth: 'a:b' }] });
    const { watch } = await conn.getW('/');
    asked(watch.event);
    say({ cut: true });
    return conn;
  },
  expired: async () => {
    const conn = await connected({ sessionExpiry: 'close' });
    say({ expire: String(conn.sessionId) });
    await conn.closed;
    return conn;
  },
  authFailed: async () => {
    const conn = await connected();
    await conn.addAuth('no-such-scheme', 'x').catch(() => undefined);
    return conn;
  },
  closed: async () => {
    const conn = await connected();
    await conn.close();
    return conn;
  },
  /** With a node that must be gone when the process is. */
  registered: async () => {
    const conn = await connected();
    await conn.create('/member', null, { mode: 'EPHEMERAL' });
    return conn;
  },
};

const conn = await setups[state]();
const word = new Promise((resolve) => {
  process.stdin.once('data', () => resolve('stdin'));
  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.once(name, resolve);
});
say({ ready: state, state: conn.state });
const why = await word;
process.stdin.destroy();
const closing = conn.close();
const same = conn.close() === closing;
const [{ confirmed }] = await Promise.all([closing, conn[Symbol.asyncDispose]()]);
// what stdin and stdout are made of, and the process's own signals, do not count
const active = (none) => process.getActiveResourcesInfo().filter((name) => !none.test(name));
// Node puts off the end of what TLS has allocated to the next turn
const resources = active(/^(Pipe|TTY|FSReq|File|Signal|Immediate)/);
// also what would not keep the process
const sockets = process.report.getReport().libuv.filter(({ type }) => type === 'tcp').length;
const after = await conn.get('/').catch((error) => error.code);
await new Promise(setImmediate);
resources.push(...active(/^(Pipe|TTY|FSReq|File|Signal)/));
say({ why: String(why), confirmed, same, state: conn.state, resources, sockets });
// every promise has had its turn by now
say({ after, calls, hanging: open.size });
process.once('beforeExit', () => say({ exit: 'by itself' }));
