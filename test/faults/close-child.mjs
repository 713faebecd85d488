/**
 * Brings a Conn into the state named by the first argument, says so on stdout, waits for a word on stdin, closes the
 * Conn, tells what that was like, and must then exit by itself.
 */
import { Conn } from 'zk-conn';

const [, , state, connectString] = process.argv;

const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);
const never = new Promise(() => undefined);
const fast = { sessionTimeoutMs: 10_000, closeTimeoutMs: 300 };
const silenced = (promise) => {
  promise.catch(() => undefined);
};

/** Each gives a Conn that is in the state. */
const setups = {
  idle: async () => new Conn(connectString, fast),
  resolving: async () => {
    const hostProvider = { size: 1, next: () => never, connected: () => undefined };
    const conn = new Conn(connectString, { ...fast, hostProvider });
    silenced(conn.connect());
    return conn;
  },
  connecting: async () => {
    // a server that swallows the handshake of TCP itself cannot be had on loopback
    const dialer = (_server, events) => ({
      write: () => true,
      destroy: () => setImmediate(() => events.onClose(undefined)),
    });
    const conn = new Conn(connectString, { ...fast, dialer });
    silenced(conn.connect());
    return conn;
  },
  handshaking: async () => {
    const conn = new Conn(connectString, fast);
    silenced(conn.connect());
    return conn;
  },
  backoff: async () => {
    const conn = new Conn('127.0.0.1:1', { ...fast, backoff: { baseMs: 60_000, maxMs: 60_000 } });
    silenced(conn.connect());
    await new Promise((resolve) => conn.once('connectError', resolve));
    silenced(conn.get('/waiting'));
    return conn;
  },
  connected: async () => new Conn(connectString, fast).connect(),
  busy: async () => {
    const conn = await new Conn(connectString, fast).connect();
    for (let i = 0; i < 1000; i++) silenced(conn.set('/', 'x'));
    return conn;
  },
  watching: async () => {
    const conn = await new Conn(connectString, fast).connect();
    const { watch } = await conn.getW('/');
    silenced(watch.event);
    silenced(watch.next());
    return conn;
  },
  draining: async () => {
    const conn = await new Conn(connectString, fast).connect();
    const data = Buffer.alloc(500_000);
    for (let i = 0; i < 60; i++) silenced(conn.set('/', data));
    return conn;
  },
  authenticating: async () => {
    const conn = await new Conn(connectString, fast).connect();
    silenced(conn.addAuth('digest', 'a:b'));
    return conn;
  },
  expired: async () => {
    const conn = await new Conn(connectString, { ...fast, sessionExpiry: 'close' }).connect();
    say({ expire: String(conn.sessionId) });
    await conn.closed;
    return conn;
  },
  authFailed: async () => {
    const conn = await new Conn(connectString, fast).connect();
    await conn.addAuth('no-such-scheme', 'x').catch(() => undefined);
    return conn;
  },
  closed: async () => {
    const conn = await new Conn(connectString, fast).connect();
    await conn.close();
    return conn;
  },
};

const conn = await setups[state]();
say({ ready: state, state: conn.state });
await new Promise((resolve) => process.stdin.once('data', resolve));
process.stdin.destroy();
const results = await Promise.all([conn.close(), conn.close()]);
// what stdin and stdout are made of does not count
const resources = process.getActiveResourcesInfo().filter((name) => !/^(Pipe|TTY|FSReq|File)/.test(name));
say({ closed: results, state: conn.state, resources });
const after = await conn.get('/').catch((error) => error.code);
say({ after });
