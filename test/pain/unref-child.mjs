/**
 * Connects, says so, waits for a word, unrefs the Conn, does what the first argument names, and comes to its end without
 * closing the Conn: the process exits when nothing is left that holds it. A third argument is a file of CAs, for TLS.
 */
import { Conn } from 'zk-conn';

const [, , what, connectString, caFile] = process.argv;

const say = (text) => process.stdout.write(`${text}\n`);
process.on('exit', () => say('exit'));

const tls = caFile === undefined ? {} : { tls: { caFile } };
const conn = new Conn(connectString, { sessionTimeoutMs: 60_000, closeTimeoutMs: 60_000, ...tls });
// before there is a socket
if (what === 'from the beginning') conn.unref();
await conn.connect();

const acts = {
  idle: () => undefined,
  'from the beginning': () => undefined,
  watching: async () => {
    const { watch } = await conn.getW('/');
    void watch.event.then(() => say('event'));
  },
  calling: () => {
    void conn.exists('/').then(() => say('answered'));
    say('called');
  },
  timing: () => {
    // the connection is not what it waits for
    conn.on('state', ({ state }) => say(state));
    conn.exists('/', { timeoutMs: 200 }).catch((error) => say(error.code));
    say('called');
  },
  authenticating: () => {
    void conn.addAuth('digest', 'a:b').then(() => say('answered'));
    say('called');
  },
  closing: () => {
    void conn.close().then(({ confirmed }) => say(`closed ${confirmed}`));
    say('called');
  },
  lost: async () => {
    say('waits');
    await new Promise((resolve) => conn.once('connectError', resolve));
  },
  'ref again': () => {
    conn.ref();
    conn.once('session', () => {
      conn.unref();
      say('unref');
    });
    say('called');
  },
};

say('connected');
await new Promise((resolve) => process.stdin.once('data', resolve));
if (what !== 'from the beginning') conn.unref();
await acts[what]();
process.stdin.destroy();
