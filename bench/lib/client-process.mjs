/**
 * One client in a process of its own. It is told over IPC to run for so long, or so many operations, and answers what
 * that took. `node client-process.mjs NAME '{"port":…,"cell":…}'`
 */
const [name, json] = process.argv.slice(2);
const given = JSON.parse(json);
const data = Buffer.alloc(given.cell.data ?? 0, 0x61);
const { open } = await import(`../clients/${name}.mjs`);
const client = await open({ ...given, data });

/** Socket writes: each of these is one system call, unless the kernel's buffer is full. */
let writes = 0;
async function countWrites() {
  const { Socket } = await import('node:net');
  const { prototype } = Socket;
  const own = prototype._writeGeneric;
  prototype._writeGeneric = function (...args) {
    writes++;
    return own.apply(this, args);
  };
}

/** Runs until the time is over, or so many operations are done. */
async function run({ ms = 0, ops = Infinity, sample = null }) {
  const state = { running: true, ops: 0, limit: ops, sample };
  if (ms > 0) setTimeout(() => (state.running = false), ms);
  const cpu = process.cpuUsage();
  const began = performance.now();
  await client.run(state);
  const tookMs = performance.now() - began;
  const { user, system } = process.cpuUsage(cpu);
  return { ops: state.ops, perSecond: (state.ops / tookMs) * 1000, cpuUs: (user + system) / state.ops };
}

/** How long single operations take, µs. */
async function latency({ ms }) {
  const all = new Float64Array(2_000_000);
  let count = 0;
  await run({
    ms,
    sample: (took) => {
      if (count < all.length) all[count++] = took * 1000;
    },
  });
  const sorted = all.subarray(0, count).sort();
  const at = (share) => sorted[Math.min(count - 1, Math.floor(count * share))];
  return { p50: at(0.5), p99: at(0.99) };
}

/** What an operation allocates, and how often the socket is written to. No garbage is collected meanwhile, see {@link FLAGS}. */
async function details({ ops }) {
  await countWrites();
  await run({ ops });
  // memory outside of the heap is given back some time after its owner
  for (let i = 0; i < 4; i++) {
    globalThis.gc();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const before = process.memoryUsage();
  writes = 0;
  const done = await run({ ops });
  const after = process.memoryUsage();
  return {
    heapBytes: (after.heapUsed - before.heapUsed) / done.ops,
    outsideBytes: Math.max(0, after.external - before.external) / done.ops,
    writesPer1000: name === 'zookeeper' ? null : (writes / done.ops) * 1000,
  };
}

const COMMANDS = { run, latency, details };

process.on('message', async ({ command, ...options }) => {
  try {
    process.send({ result: await COMMANDS[command](options) });
  } catch (error) {
    process.send({ failed: String(error?.stack ?? error) });
  }
});
process.on('disconnect', () => process.exit());
process.send({ ready: true });
