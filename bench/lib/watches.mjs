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
  for (const how of Object.keys(HOW)) {
    for (const count of settings.quick ? [WATCHES] : COUNTS) {
      reconnects.push(await reconnect(how, count, settings));
    }
  }
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

/**
 * Cuts the connection a few times. The longest turn is the longest of all of them: what may never last longer did so once.
 * Then everything is closed in one loop, which is a turn of the program's own: what counts is what comes behind it.
 */
async function reconnect(how, count, { rounds }) {
  const mini = await startMini();
  const runs = [];
  let closing;
  try {
    const child = await startWatcher('ours', mini.port);
    await ask(child, 'arm', { how, count });
    for (let round = 0; round < Math.min(rounds, 5); round++) {
      const told = ask(child, 'reconnect');
      // it must listen before the connection is cut
      await new Promise((resolve) => setTimeout(resolve, 200));
      await ask(mini.child, 'drop');
      runs.push({ ...(await told), armed: await ask(mini.child, 'watches') });
    }
    closing = await closeAll(child, mini);
    child.disconnect();
  } finally {
    mini.stop();
  }
  const most = (key) => Math.max(...runs.map((run) => run[key]));
  const row = {
    how,
    count,
    armed: Math.min(...runs.map(({ armed }) => armed)),
    frames: runs[0].frames,
    largestFrame: most('largestFrame'),
    ms: median(runs.map(({ ms }) => ms)),
    turnMs: most('turnMs'),
    turnCpuMs: most('turnCpuMs'),
    closing,
  };
  const turn = ({ turnMs, turnCpuMs }) => `${short(turnMs)} ms, ${short(turnCpuMs)} ms of it computing`;
  console.log(
    `  ${HOW[how]}: ${whole(row.armed)} of ${whole(count)} armed again ${whole(row.ms)} ms after RECONNECTED, ${row.frames} ` +
      `frames of at most ${whole(row.largestFrame)} bytes; longest turn of ${runs.length} reconnects ${turn(row)}\n` +
      `    all closed in a loop of ${short(closing.loopMs)} ms, and off the server after ${whole(closing.ms)} ms, ${whole(closing.left)} left; ` +
      `longest turn behind the loop ${turn(closing)}`,
  );
  return row;
}

const HOW = { oneShot: 'watches that fire once', stream: 'streams of `addWatch`' };
const PATIENCE_MS = 15_000;

async function closeAll(child, mini) {
  const began = performance.now();
  const { loopMs } = await ask(child, 'close');
  let left = await ask(mini.child, 'watches');
  while (left > 0 && performance.now() - began < PATIENCE_MS) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    left = await ask(mini.child, 'watches');
  }
  return { loopMs, ms: performance.now() - began, left, ...(await ask(child, 'closed')) };
}
