/**
 * Does one kind of thing many times in a process of its own, and tells what was on the heap meanwhile and what there was
 * before and after. Run with --expose-gc: `node --expose-gc soak-child.mjs <job> <rounds>`.
 */
import { EventEmitter, getEventListeners } from 'node:events';
import { Socket } from 'node:net';
import { queryObjects, setFlagsFromString } from 'node:v8';
import createDebug from 'debug';
import { Conn, connect } from 'zk-conn';
import { MiniServer } from 'zk-conn/testing';

const [, , job, count] = process.argv;
const rounds = Number(count);
const SAMPLES = 12;

// code that is compiled anew again and again, and lies on the heap too, would be taken for a leak
for (const compiler of ['opt', 'maglev', 'sparkplug']) setFlagsFromString(`--no-${compiler}`);

const turn = () => new Promise(setImmediate);
const quick = { backoff: { baseMs: 1, maxMs: 1 }, sessionTimeoutMs: 30_000 };
const auth = [{ scheme: 'digest', auth: 'a:b' }];

async function settled() {
  for (let i = 0; i < 20; i++) await turn();
  for (let i = 0; i < 3; i++) {
    globalThis.gc();
    await turn();
  }
}

const CLASSES = { Conn, Socket, Promise, Function, Map, EventEmitter };

/** How many there are of what could be forgotten. Collects garbage first. */
async function census(...names) {
  await settled();
  const objects = {};
  for (const name of names) objects[name] = queryObjects(CLASSES[name], { format: 'count' });
  const handles = process.report.getReport().libuv.filter(({ type }) => type === 'tcp').length;
  // what stdout is made of does not count
  const resources = process
    .getActiveResourcesInfo()
    .filter((name) => !/^(Pipe|TTY|FSReq|File)/.test(name))
    .sort();
  const emitters = ['exit', 'uncaughtException', 'unhandledRejection', 'warning'];
  const listeners = emitters.reduce((sum, name) => sum + process.listenerCount(name), 0);
  return { objects, handles, resources, listeners };
}

const refused = (promise) =>
  promise.then(
    () => {
      throw new Error('it was not refused');
    },
    (error) => error,
  );

/** Resolves when the Conn says so. */
function next(conn, wanted) {
  return new Promise((resolve) => {
    const look = (state) => {
      if (state !== wanted) return;
      conn.off('connection', look);
      resolve();
    };
    conn.on('connection', look);
  });
}

// out here: a function that Node keeps must not keep a Conn
let lines = 0;
createDebug.log = () => void lines++;

/** Each job: what is made once, what is done in a round, what is left to look at, how it ends. */
const jobs = {
  async reconnects() {
    const server = await MiniServer.start();
    const conn = await connect(server.connectString, { ...quick, auth });
    await conn.create('/a', 'x');
    const { watch } = await conn.getW('/a');
    const stream = await conn.addWatch('/a', 'PERSISTENT_RECURSIVE');
    const values = conn.watchChildren('/a');
    await values.next();
    const first = { watch, values };
    return {
      async round() {
        const back = next(conn, 'RECONNECTED');
        const lost = conn.get('/a').catch(() => undefined);
        server.dropConnections();
        await lost;
        await back;
        await conn.exists('/a');
        const { value } = await stream.next();
        if (value.type !== 'gap') throw new Error(`${value.type} instead of a gap`);
      },
      left: () => ({
        watches: server.watchCount(),
        sessions: server.sessions.length,
        first: first.watch.toJSON().state,
      }),
      async end() {
        await conn.close();
        await server.close();
      },
    };
  },

  async expiries() {
    const server = await MiniServer.start();
    const conn = await connect(server.connectString, { ...quick, auth });
    await conn.create('/a', 'x');
    const values = conn.watchData('/a');
    await values.next();
    return {
      async round(i) {
        const { watch } = await conn.existsW('/none');
        const stream = await conn.addWatch('/a', 'PERSISTENT');
        await conn.create('/mine', null, { mode: 'EPHEMERAL' });
        const ends = Promise.all([refused(watch.event), refused(stream.next())]);
        const anew = next(conn, 'CONNECTED');
        server.expireSession(conn.sessionId);
        await Promise.all([ends, anew]);
        await conn.set('/a', String(i));
        await values.next();
      },
      left: () => ({ watches: server.watchCount(), sessions: server.sessions.length }),
      async end() {
        await conn.close();
        await server.close();
      },
    };
  },

  async conns() {
    const server = await MiniServer.start();
    return {
      async round() {
        const conn = await connect(server.connectString, { ...quick, auth, closeTimeoutMs: 60_000 });
        conn.on('state', () => undefined);
        await conn.create('/e', null, { mode: 'EPHEMERAL' });
        const { watch } = await conn.existsW('/none');
        const ended = refused(watch.event);
        const loop = (async () => {
          for await (const _item of conn.watchData('/e')) void _item;
        })();
        conn.get('/e').catch(() => undefined);
        const { confirmed } = await conn.close();
        if (!confirmed) throw new Error('close was not confirmed');
        await Promise.all([ended, loop]);
      },
      left: () => ({
        watches: server.watchCount(),
        sessions: server.sessions.length,
        connections: server.connectionCount,
      }),
      end: () => server.close(),
    };
  },

  async requests() {
    const server = await MiniServer.start();
    const conn = await connect(server.connectString, quick);
    await conn.create('/a', 'x');
    const { signal } = new AbortController();
    return {
      // a hundred requests, of which some are refused, aborted and out of time
      async round(i) {
        const calls = [];
        for (let n = 0; n < 24; n++) {
          calls.push(conn.get('/a', { signal }), conn.set('/a', 'y', -1, { timeoutMs: 60_000 }));
          calls.push(refused(conn.get('/none')), refused(conn.set('/a', 'y', 1_000_000)));
        }
        const soon = new AbortController();
        calls.push(refused(conn.get('/a', { signal: soon.signal })), refused(conn.get('bad')));
        calls.push(conn.exists(`/${i}`), conn.multi([]));
        soon.abort();
        await Promise.all(calls);
      },
      left: () => ({
        listeners: getEventListeners(signal, 'abort').length,
        pending: conn.stats().inFlight + conn.stats().queued,
      }),
      async end() {
        await conn.close();
        await server.close();
      },
    };
  },

  async watches() {
    const server = await MiniServer.start();
    const conn = await connect(server.connectString, quick);
    // below one node: the server keeps figures for each node below the root, as ZooKeeper does
    await conn.create('/w');
    return {
      // a hundred watches on paths of their own: half of them fire, the others are given up
      async round(i) {
        const watching = [];
        for (let n = 0; n < 50; n++) watching.push(conn.existsW(`/w/n${i}-${n}`), conn.childrenW('/w'));
        const armed = await Promise.all(watching);
        const events = armed.map(({ watch }) => watch.event);
        await Promise.all(Array.from({ length: 50 }, (_, n) => conn.create(`/w/n${i}-${n}`)));
        await Promise.all(events);
        const again = await Promise.all(Array.from({ length: 50 }, (_, n) => conn.getW(`/w/n${i}-${n}`)));
        for (const { watch } of again) watch.close();
        await Promise.all(Array.from({ length: 50 }, (_, n) => conn.delete(`/w/n${i}-${n}`)));
      },
      left: () => ({
        watches: server.watchCount(),
        armed: Object.values(conn.stats().watches).reduce((a, b) => a + b),
      }),
      async end() {
        await conn.close();
        await server.close();
      },
    };
  },

  async logging() {
    const server = await MiniServer.start();
    const conn = await connect(server.connectString, quick);
    return {
      async round(i) {
        if (i % 2 === 0) createDebug.enable('zk-conn:*');
        else createDebug.disable();
        await Promise.all([conn.exists('/'), refused(conn.get('/none')), conn.children('/')]);
        const back = next(conn, 'RECONNECTED');
        server.dropConnections();
        await back;
      },
      left: () => ({ logged: lines > 0 }),
      async end() {
        createDebug.disable();
        await conn.close();
        await server.close();
      },
    };
  },

  async servers() {
    return {
      async round() {
        const server = await MiniServer.start({ log: true });
        const conn = await connect(server.connectString, quick);
        await conn.create('/a', 'x');
        server.when({ op: 'getData' }).delay(0);
        await conn.get('/a');
        // the client goes first, or the server
        await (Math.random() < 0.5 ? conn.close() : server.close());
        await conn.close();
        await server.close();
      },
      left: () => ({}),
      end: () => Promise.resolve(),
    };
  },
};

const before = await census('Conn', 'Socket');
let work = await jobs[job]();
const heap = [];
let warm;
let leftWarm;
const every = Math.ceil(rounds / SAMPLES);
for (let i = 0; i < rounds; i++) {
  await work.round(i);
  if ((i + 1) % every > 0) continue;
  await settled();
  heap.push([i + 1, process.memoryUsage().heapUsed]);
  // what is made lazily is there by now
  if (heap.length !== SAMPLES / 2) continue;
  warm = await census(...Object.keys(CLASSES));
  leftWarm = await work.left();
}
const busy = await census(...Object.keys(CLASSES));
const left = await work.left();
await work.end();
work = undefined;
const after = await census('Conn', 'Socket');
process.stdout.write(JSON.stringify({ heap, before, warm, busy, after, leftWarm, left }));
