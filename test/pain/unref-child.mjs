/**
 * Connects, says so, waits for a word, unrefs the Conn, does what the first argument names, and comes to its end without
 * closing the Conn: the process exits when nothing is left that holds it.
 */
import { connect } from 'zk-conn';

const [, , what, connectString] = process.argv;

const say = (text) => process.stdout.write(`${text}\n`);
process.on('exit', () => say('exit'));

const conn = await connect(connectString, { sessionTimeoutMs: 20_000 });

const acts = {
  idle: () => undefined,
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
conn.unref();
await acts[what]();
process.stdin.destroy();
