/** The mini-server: what it serves beside a real one, how fast it is there, what it needs. */
import { ask, startClient } from './processes.mjs';
import { startWatcher } from './watches.mjs';
import { prepare, startMini, startReal } from './servers.mjs';
import { median } from './statistics.mjs';
import { printTable, short, whole } from './tables.mjs';

const NODES = 1_000_000;
const QUICK_NODES = 100_000;
const WATCHES = 100_000;
const cell = (op, depth) => ({ op, depth, data: 100, children: 0, ops: 10 });
const CELLS = {
  'get, depth 100': cell('get', 100),
  'exists, depth 100': cell('exists', 100),
  'set, depth 100': cell('set', 100),
  'create, depth 100': cell('create', 100),
  'multi of 10 sets, depth 100': cell('multi', 100),
};

export async function runMini(settings) {
  const served = await beside(settings);
  const start = await startTimes(settings);
  const memory = await memoryOf(settings.quick ? QUICK_NODES : NODES);
  printTable(
    ['mini-server', ''],
    [
      ['start() ms', short(start.startMs)],
      ['up in a process of its own, ms over bare Node', short(start.overBareMs)],
      [`ZooKeeper ${start.version ?? '–'} up, ms`, start.realMs === null ? '–' : whole(start.realMs)],
      [`bytes per node, of ${whole(memory.nodes)} of 100 B`, whole(memory.bytesPerNode)],
      [`bytes per watch, of ${whole(WATCHES)}`, whole(memory.bytesPerWatch)],
    ],
  );
  return { served, start, memory };
}

/** The floor is the client: whatever is served is asked for as fast as can be. */
async function beside({ rounds, ms }) {
  const real = await startReal();
  const mini = await startMini();
  const rows = {};
  try {
    for (const [name, each] of Object.entries(CELLS)) {
      const clients = {};
      // the real one is warmed up first: the compiler of the JVM goes on for a while, on the core of both
      for (const [server, { port }] of Object.entries(real === null ? { mini } : { real, mini })) {
        const node = await prepare(port, each);
        const path = each.op === 'create' ? '/bench/create/n-' : node;
        clients[server] = await startClient('floor', { port, cell: each, path });
      }
      const rates = { mini: [], real: [] };
      for (const child of Object.values(clients)) await ask(child, 'run', { ms: 1500 });
      for (let round = 0; round < rounds; round++) {
        for (const [server, child] of Object.entries(clients)) {
          rates[server].push((await ask(child, 'run', { ms })).perSecond);
        }
      }
      for (const child of Object.values(clients)) child.disconnect();
      const ratio = real === null ? null : median(rates.mini.map((rate, i) => rate / rates.real[i]));
      rows[name] = { mini: median(rates.mini), real: real === null ? null : median(rates.real), ratio };
    }
    printTable(
      ['op/s, asked by a bare socket', 'mini-server', `ZooKeeper ${real?.version ?? '–'}`, 'ratio'],
      Object.entries(rows).map(([name, row]) => [
        name,
        whole(row.mini),
        row.real === null ? '–' : whole(row.real),
        row.ratio === null ? '–' : row.ratio.toFixed(2),
      ]),
    );
  } finally {
    mini.stop();
    await real?.stop();
  }
  return rows;
}

async function startTimes({ rounds }) {
  const starts = [];
  const processes = [];
  const bare = [];
  const { bareProcessMs } = await import('./start-and-size.mjs');
  for (let i = 0; i < Math.min(rounds, 9); i++) {
    bare.push(await bareProcessMs());
    const mini = await startMini();
    starts.push(mini.startMs);
    processes.push(mini.processMs);
    mini.stop();
  }
  const real = await startReal();
  await real?.stop();
  return {
    startMs: median(starts),
    overBareMs: median(processes.map((ms, i) => ms - bare[i])),
    realMs: real?.processMs ?? null,
    version: real?.version ?? null,
  };
}

async function memoryOf(nodes) {
  const mini = await startMini({ flags: ['--expose-gc', '--max-old-space-size=6000'] });
  try {
    await prepare(mini.port, { data: 0, children: 0 });
    const empty = (await ask(mini.child, 'memory')).bytes;
    const creator = await startClient('floor', {
      port: mini.port,
      cell: cell('create', 100),
      path: '/bench/create/n-',
    });
    await ask(creator, 'run', { ops: nodes });
    const full = (await ask(mini.child, 'memory')).bytes;
    creator.disconnect();
    const watcher = await startWatcher('ours', mini.port);
    await ask(watcher, 'arm', { count: WATCHES });
    const watched = (await ask(mini.child, 'memory')).bytes;
    const watches = await ask(mini.child, 'watches');
    watcher.disconnect();
    return {
      nodes,
      bytesPerNode: (full - empty) / nodes,
      watches,
      bytesPerWatch: (watched - full) / watches,
    };
  } finally {
    mini.stop();
  }
}
