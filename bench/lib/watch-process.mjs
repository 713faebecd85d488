/** Clients with many watches, in a process of their own. `node watch-process.mjs NAME '{"port":…}'` */
import { createRequire } from 'node:module';
import { Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';

const [name, json] = process.argv.slice(2);
const { port, dist } = JSON.parse(json);
const server = `127.0.0.1:${port}`;

/** Paths as an application has them: one string each, in one piece. */
function pathsOf(count) {
  return Array.from({ length: count }, (_, i) =>
    Buffer.from(`/w/n-${String(i).padStart(10, '0')}`).toString('latin1'),
  );
}

async function heap() {
  for (let i = 0; i < 4; i++) {
    globalThis.gc();
    await turn();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Arms a watch per path with `arm`, not too many at once. */
async function armAll(paths, arm) {
  const armed = new Array(paths.length);
  for (let at = 0; at < paths.length; at += 1000) {
    const some = await Promise.all(paths.slice(at, at + 1000).map(arm));
    for (const [i, watch] of some.entries()) armed[at + i] = watch;
  }
  return armed;
}

async function ours() {
  const { connect } = await import(`${dist}/index.js`);
  const conn = await connect(server, { sessionTimeoutMs: 30_000 });
  /** What the application keeps. */
  let kept = null;
  let closing = null;
  const receivers = {
    /** What is inside of the client: called for each event while its frame is processed. */
    internal(count) {
      const done = new Promise((resolve) => {
        let left = count;
        const nothing = () => undefined;
        const { watches } = conn.caller;
        const fired = () => {
          if (--left > 0) return;
          watches.disarm('persistentRecursive', '/w', watcher);
          resolve();
        };
        const watcher = { armed: nothing, fired, suspended: nothing, missed: nothing, ended: nothing };
        watches.arm('persistentRecursive', '/w', watcher);
      });
      return { done };
    },
    /** `conn.on('watch', …)`. */
    async callback(count) {
      const stream = await conn.addWatch('/w', 'PERSISTENT_RECURSIVE', { bufferSize: 1 });
      const done = new Promise((resolve) => {
        let left = count;
        const listener = () => {
          if (--left > 0) return;
          conn.off('watch', listener);
          stream.close();
          resolve();
        };
        conn.on('watch', listener);
      });
      return { done };
    },
    /** `for await` over the stream of a recursive watch. */
    async stream(count) {
      const stream = await conn.addWatch('/w', 'PERSISTENT_RECURSIVE', { bufferSize: count });
      return { done: readAll(stream, count) };
    },
    /** One watch per path, each a channel of one event. */
    async channel(count) {
      const watches = await armAll(pathsOf(count), async (path) => (await conn.getW(path)).watch);
      return { done: Promise.all(watches.map((watch) => watch.event)) };
    },
  };
  return {
    async heap({ count }) {
      const paths = pathsOf(count);
      kept = new Array(count).fill(0);
      await armAll(paths.slice(0, 1000), (path) => conn.existsW(`${path}x`));
      const before = await heap();
      const armed = await armAll(paths, async (path) => (await conn.existsW(path)).watch);
      for (const [i, watch] of armed.entries()) kept[i] = watch;
      armed.length = 0;
      const after = await heap();
      return { bytesPerWatch: (after - before) / count, kept: kept.length + paths.length };
    },
    /** @param how a key of {@link ARMED} */
    async arm({ how = 'oneShot', count }) {
      kept = await armAll(pathsOf(count), (path) => ARMED[how](conn, path));
    },
    /** Events per second, from the request that sets them off to the last one. */
    async events({ how, count }) {
      const { done } = await receivers[how](count);
      const cpu = process.cpuUsage();
      const began = performance.now();
      conn.sync('/w').catch(() => undefined);
      await done;
      const tookMs = performance.now() - began;
      const { user, system } = process.cpuUsage(cpu);
      return { perSecond: (count / tookMs) * 1000, cpuUs: (user + system) / count };
    },
    /** Waits for the next reconnect, and tells how it went: turns from before the connection is lost, time from RECONNECTED. */
    async reconnect() {
      const frames = watchFrames();
      const turns = watchTurns();
      await new Promise((resolve) => conn.on('connection', (state) => state === 'RECONNECTED' && resolve()));
      const began = performance.now();
      // it stands behind the requests that arm
      await conn.sync('/');
      return { ms: performance.now() - began, ...turns(), ...frames() };
    },
    /** Closes all that was armed, in a loop. What follows that is told by `closed`. @returns how long the loop is */
    async close() {
      const began = performance.now();
      for (const each of kept) each.close();
      const loopMs = performance.now() - began;
      closing = watchTurns();
      await conn.sync('/');
      return { loopMs };
    },
    closed: () => closing(),
  };
}

/** What a user has in his hands that is armed again after a reconnect. */
const ARMED = {
  oneShot: async (conn, path) => (await conn.existsW(path)).watch,
  stream: (conn, path) => conn.addWatch(path, 'PERSISTENT'),
};

async function readAll(stream, count) {
  let left = count;
  for await (const item of stream) {
    if (item.type === 'overflow') throw new Error('the stream was too small');
    if (--left === 0) return;
  }
}

/** The longest turn of the event loop, by the clock and by what it computed. */
function watchTurns() {
  const longest = { turnMs: 0, turnCpuMs: 0 };
  let isOver = false;
  let at = performance.now();
  let cpu = process.cpuUsage();
  const look = () => {
    const now = performance.now();
    const { user, system } = process.cpuUsage(cpu);
    longest.turnMs = Math.max(longest.turnMs, now - at);
    longest.turnCpuMs = Math.max(longest.turnCpuMs, (user + system) / 1000);
    at = now;
    cpu = process.cpuUsage();
    if (!isOver) setImmediate(look);
  };
  setImmediate(look);
  return () => {
    isOver = true;
    return longest;
  };
}

/** Sizes of the requests that arm watches again. */
function watchFrames() {
  const { prototype } = Socket;
  const own = prototype._writeGeneric;
  const sizes = [];
  prototype._writeGeneric = function (writev, data, ...more) {
    for (const bytes of writev ? data.map(({ chunk }) => chunk) : [data]) {
      for (let at = 0; at + 12 <= bytes.length; at += 4 + bytes.readInt32BE(at)) {
        if ([101, 105].includes(bytes.readInt32BE(at + 8))) sizes.push(bytes.readInt32BE(at));
      }
    }
    return own.call(this, writev, data, ...more);
  };
  return () => {
    prototype._writeGeneric = own;
    return { frames: sizes.length, largestFrame: Math.max(...sizes) };
  };
}

async function nodeZookeeperClient() {
  const zookeeper = createRequire(import.meta.url)('node-zookeeper-client');
  const client = zookeeper.createClient(server, { sessionTimeout: 30_000 });
  client.connect();
  await new Promise((resolve) => client.once('connected', resolve));
  let kept = null;
  return {
    async heap({ count }) {
      kept = pathsOf(count);
      const arm = (path) => {
        const watcher = () => path;
        return new Promise((resolve) => client.exists(path, watcher, resolve));
      };
      await armAll(
        kept.slice(0, 1000).map((path) => `${path}x`),
        arm,
      );
      const before = await heap();
      await armAll(kept, arm);
      const after = await heap();
      return { bytesPerWatch: (after - before) / count, kept: kept.length };
    },
  };
}

const commands = await (name === 'ours' ? ours() : nodeZookeeperClient());
process.on('message', async ({ command, ...options }) => {
  try {
    process.send({ result: (await commands[command](options)) ?? null });
  } catch (error) {
    process.send({ failed: String(error?.stack ?? error) });
  }
});
process.on('disconnect', () => process.exit());
process.send({ ready: true });
