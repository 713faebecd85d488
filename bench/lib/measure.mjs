/** Measures clients side by side. */
import { ask, startClient } from './processes.mjs';
import { median } from './statistics.mjs';

/** No garbage is collected while allocations are counted: the young generation is larger than all of them. */
const ROOMY = ['--expose-gc', '--min-semi-space-size=256', '--max-semi-space-size=256'];

/** Every third round is followed by one that times each call. */
const LATENCY_EVERY = 3;

/**
 * Runs clients in turns, round by round, and forwards and backwards in turn, so that what slows the machine down slows all
 * of them down.
 * @param clients names; the first is what the others are compared with
 * @returns per client medians, and the medians over the rounds of its ratios to the first: of op/s, and of the calls that it
 *   could make of the time in which it computes
 */
export async function compare(clients, given, { rounds, ms, warmMs }) {
  const running = new Map();
  try {
    for (const client of clients) running.set(client, await startClient(client, givenFor(client, given)));
    for (const child of running.values()) await ask(child, 'run', { ms: warmMs });
    const results = new Map(clients.map((client) => [client, []]));
    const latencies = new Map(clients.map((client) => [client, []]));
    for (let round = 0; round < rounds; round++) {
      const order = round % 2 === 0 ? clients : [...clients].reverse();
      for (const client of order) results.get(client).push(await ask(running.get(client), 'run', { ms }));
      // to look at the clock with each call is slower: so that has rounds of its own
      if (round % LATENCY_EVERY > 0) continue;
      for (const client of order)
        latencies.get(client).push(await ask(running.get(client), 'latency', { ms: ms / 2 }));
    }
    const first = results.get(clients[0]);
    const rows = {};
    for (const [client, runs] of results) {
      const rates = runs.map((run) => run.perSecond);
      const took = latencies.get(client);
      rows[client] = {
        perSecond: median(rates),
        slowest: Math.min(...rates),
        fastest: Math.max(...rates),
        cpuUs: median(runs.map((run) => run.cpuUs)),
        ratio: median(runs.map((run, i) => run.perSecond / first[i].perSecond)),
        ratios: runs.map((run, i) => run.perSecond / first[i].perSecond),
        cpuRatio: median(runs.map((run, i) => first[i].cpuUs / run.cpuUs)),
        p50: median(took.map((each) => each.p50)),
        p99: median(took.map((each) => each.p99)),
      };
    }
    return rows;
  } finally {
    for (const child of running.values()) child.disconnect();
  }
}

/** Allocations and writes per operation, of each client by itself. */
export async function detail(clients, given, rows) {
  for (const client of clients) {
    const child = await startClient(client, givenFor(client, given), ROOMY);
    try {
      const { depth, data, children, ops } = given.cell;
      const weight = 500 + data * 2 + children * 60 + ops * 1000;
      const count = Math.max(depth, Math.min(10_000, Math.round(5e7 / weight)));
      Object.assign(rows[client], await ask(child, 'details', { ops: count }));
    } finally {
      child.disconnect();
    }
  }
}

/** A feature of ours is measured beside clients without it. */
function givenFor(client, given) {
  if (client !== 'plain') return given;
  const off = { signal: false, timeout: false, ownSignal: false, tracing: false };
  return { ...given, cell: { ...given.cell, ...off } };
}
