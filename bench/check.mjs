/**
 * `npm run bench:check`: have calls become slower? Compares a few ratios to the floor with those in `baseline.json`, and
 * fails if one has dropped by more than 15 %. Less than a minute, and nothing but the build is needed.
 *
 * A busy machine must not make it red. So what counts is the time that the client and the responder compute for a call,
 * which is what the call would take if both had one core to themselves: a process that has to wait computes nothing. Rounds
 * of the floor and of ours take turns, and the best round of each counts, since what else runs spoils caches and improves
 * none. Rounds go on until the ratio is good enough, or the time is over.
 *
 *     npm run bench:check [-- --update]
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { ask, startClient, startResponder } from './lib/processes.mjs';

const FILE = path.join(import.meta.dirname, 'baseline.json');
const MAY_DROP = 0.15;
const ROUND_MS = 40;
const MIN_ROUNDS = 12;
/** So much is computed for one ratio, at the most; on a busy machine that takes longer. */
const LIMIT_US = 6_000_000;
const LIMIT_MS = 25_000;

const cell = (op, depth, more = {}) => ({ op, depth, data: 100, children: 0, ops: 0, ...more });
const CELLS = {
  'get, depth 1': cell('get', 1),
  'get, depth 100': cell('get', 100),
  'set, depth 100': cell('set', 100),
  'get with a signal and a timeout, depth 100': cell('get', 100, { signal: true, timeout: true }),
  'children, 1,000 names, depth 16': cell('children', 16, { children: 1000 }),
  'get 512 KiB, depth 16': cell('get', 16, { data: 512 * 1024 }),
};

const update = process.argv.includes('--update');
const stored = fs.existsSync(FILE) ? JSON.parse(fs.readFileSync(FILE, 'utf8')) : { ratios: {} };
const ratios = {};
let failed = 0;
for (const [name, each] of Object.entries(CELLS)) {
  const before = update ? undefined : stored.ratios[name];
  const wanted = before === undefined ? Infinity : before * (1 - MAY_DROP);
  const { ratio, rounds } = await measure(each, wanted);
  ratios[name] = Number(ratio.toFixed(3));
  const isGood = before === undefined || ratio >= wanted;
  if (!isGood) failed++;
  const verdict = before === undefined ? 'new' : isGood ? 'ok' : `TOO SLOW: at least ${wanted.toFixed(3)}`;
  console.log(
    `${name.padEnd(44)} ${ratio.toFixed(3)} of the floor, was ${before ?? '–'}: ${verdict} (${rounds} rounds)`,
  );
}
if (update) fs.writeFileSync(FILE, `${JSON.stringify({ node: process.version, ratios }, null, 2)}\n`);
process.exit(failed > 0 ? 1 : 0);

/** What a call of the floor costs at best, as a share of what a call of ours does. */
async function measure(each, wanted) {
  const responder = await startResponder(each, { oneCore: true });
  const clients = [];
  try {
    const given = { port: responder.port, cell: each, path: '/bench/node' };
    for (const name of ['floor', 'ours']) clients.push(await startClient(name, given));
    for (const client of clients) await ask(client, 'run', { ms: 600 });
    const best = [Infinity, Infinity];
    const began = performance.now();
    let computedUs = 0;
    for (let rounds = 1; ; rounds++) {
      for (const [i, client] of clients.entries()) {
        const before = await responder.cpuUs();
        const { ops, cpuUs } = await ask(client, 'run', { ms: ROUND_MS });
        const costUs = cpuUs + ((await responder.cpuUs()) - before) / ops;
        best[i] = Math.min(best[i], costUs);
        computedUs += costUs * ops;
      }
      const ratio = best[0] / best[1];
      const isOver = computedUs > LIMIT_US || performance.now() - began > LIMIT_MS;
      if (isOver || (rounds >= MIN_ROUNDS && ratio >= wanted)) return { ratio, rounds };
    }
  } finally {
    for (const client of clients) client.disconnect();
    responder.stop();
  }
}
