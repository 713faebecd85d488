/** What watches cost: to have many, to hear of many events, to arm them all again. */
import * as path from 'node:path';
import { ask, message, start, startResponder } from './processes.mjs';
import { startMini } from './servers.mjs';
import { median } from './statistics.mjs';
import { printTable, short, whole } from './tables.mjs';

const WATCHES = 100_000;
const EVENTS = 100_000;
/** How cost grows is shown by these. */
const COUNTS = [1_000, 10_000, 100_000];
const WAYS = ['internal', 'callback', 'stream', 'channel'];
const DIST = path.resolve(import.meta.dirname, '../../dist');

/** A client that watches, connected. */
export async function startWatcher(name, port) {
  const child = start('watch-process.mjs', [name, JSON.stringify({ port, dist: DIST })], {
    flags: ['--expose-gc'],
  });
  await message(child);
  return child;
}

export async function runWatches(settings) {
  const heap = await heaps(settings);
  const events = await eventRates(settings);
  const reconnects = [];
  for (const count of settings.quick ? [WATCHES] : COUNTS) reconnects.push(await reconnect(count, settings));
  return { watches: WATCHES, heap, events, reconnects };
}

async function heaps({ peers, quick }) {
  const responder = await startResponder({ data: 100 });
  const rows = {};
  try {
    for (const name of ['ours', ...peers.filter((peer) => peer === 'node-zookeeper-client')]) {
      rows[name] = {};
      for (const count of quick ? [WATCHES] : COUNTS) {
        const child = await startWatcher(name, responder.port);
        rows[name][count] = (await ask(child, 'heap', { count })).bytesPerWatch;
        child.disconnect();
      }
    }
  } finally {
    responder.stop();
  }
  for (const [name, each] of Object.entries(rows)) {
    for (const [count, bytes] of Object.entries(each)) {
      console.log(`  ${name}: ${whole(bytes)} B per watch beyond its path, of ${whole(Number(count))}`);
    }
  }
  return rows;
}

async function eventRates({ rounds }) {
  const responder = await startResponder({ data: 100, events: EVENTS });
  const rates = new Map(WAYS.map((way) => [way, []]));
  const rows = {};
  const children = new Map();
  try {
    for (const way of WAYS) children.set(way, await startWatcher('ours', responder.port));
    for (let round = -1; round < rounds; round++) {
      for (const [way, child] of children) {
        const { perSecond } = await ask(child, 'events', { how: way, count: EVENTS });
        // the first is for the compiler
        if (round >= 0) rates.get(way).push(perSecond);
      }
    }
    const internal = rates.get('internal');
    for (const [way, all] of rates) {
      rows[way] = { perSecond: median(all), ratio: median(all.map((rate, i) => rate / internal[i])) };
    }
  } finally {
    for (const child of children.values()) child.disconnect();
    responder.stop();
  }
  printTable(
    ['events', 'per second', 'of the internal callback'],
    Object.entries(rows).map(([way, row]) => [way, whole(row.perSecond), row.ratio.toFixed(3)]),
  );
  return rows;
}

/** The best of a few: a turn is also long where somebody else had the core. */
async function reconnect(count, { rounds }) {
  const mini = await startMini();
  const runs = [];
  try {
    const child = await startWatcher('ours', mini.port);
    await ask(child, 'arm', { count });
    for (let round = 0; round < Math.min(rounds, 5); round++) {
      const told = ask(child, 'reconnect');
      // it must listen before the connection is cut
      await new Promise((resolve) => setTimeout(resolve, 200));
      await ask(mini.child, 'drop');
      runs.push({ ...(await told), armed: await ask(mini.child, 'watches') });
    }
    child.disconnect();
  } finally {
    mini.stop();
  }
  const best = (key) => Math.min(...runs.map((run) => run[key]));
  const { frames, largestFrame, armed } = runs[0];
  const row = { count, armed, frames, largestFrame, ms: median(runs.map(({ ms }) => ms)) };
  Object.assign(row, { turnMs: best('turnMs'), turnCpuMs: best('turnCpuMs') });
  console.log(
    `  ${whole(armed)} of ${whole(count)} watches armed again in ${whole(row.ms)} ms, ${frames} frames of at most ` +
      `${whole(largestFrame)} bytes; longest turn ${short(row.turnMs)} ms, ${short(row.turnCpuMs)} ms of it computing`,
  );
  return row;
}
