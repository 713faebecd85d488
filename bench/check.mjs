/**
 * `npm run bench:check`: have calls become slower? Compares a few ratios to the floor with those in `baseline.json`, and
 * fails if one has dropped by more than 15 %. About a minute, and nothing but the build is needed.
 *
 * A ratio is what a call costs the floor, as a share of what it costs ours, in time that the process of the client computes:
 * what is spent on waiting, and on the other side, would hide what has become slower. A busy machine must not make it red. So
 * both share one core with the responder and take turns in many short rounds of so many calls, and the best tenth of the
 * rounds counts, since what else runs spoils caches and improves none. All rounds are run, so that what is printed is the
 * ratio; where it is too low, both get a second chance in new processes, and the rounds of all of them count.
 *
 * Ratios are those of one major version of Node: with another one they are printed, and compared with nothing.
 *
 *     npm run bench:check -- [options]
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { parseArgs } from 'node:util';
import { ask, startClient, startResponder } from './lib/processes.mjs';

const USAGE = `npm run bench:check -- [options]

  --dist FOLDER   another build of ours: a folder like dist
  --update        stores the ratios, on a machine that does nothing else
  --help          prints this`;

const FILE = path.join(import.meta.dirname, 'baseline.json');
const MAY_DIFFER = 0.15;
/** Of the floor, and of ours: no two processes are laid out and compiled alike. */
const PROCESSES = 2;
const WARM_ROUNDS = 6;
const ROUNDS = 50;
/** On a machine that is so busy that a cell takes longer, it gets fewer rounds. */
const LIMIT_MS = 4_500;
const MIN_ROUNDS = 12;
/** Of so many passes `--update` stores the lowest ratio. */
const PASSES = 3;

/** `calls` make a round: some ten milliseconds of ours, where the machine does nothing else. With
 * `both` the responder counts too: which of the two pays for many bytes that the kernel moves between them is chance. */
const cell = (op, depth, calls, more = {}) => ({ op, depth, calls, data: 100, children: 0, ops: 0, ...more });
const CELLS = {
  'get, depth 1': cell('get', 1, 400),
  'get, depth 100': cell('get', 100, 10_000),
  'set, depth 100': cell('set', 100, 10_000),
  'exists, depth 100': cell('exists', 100, 10_000),
  'create, depth 100': cell('create', 100, 8000),
  'multi of 10 sets, depth 100': cell('multi', 100, 1000, { ops: 10, both: true }),
  'get with a signal and a timeout, depth 100': cell('get', 100, 10_000, { signal: true, timeout: true }),
  'children, 1,000 names, depth 16': cell('children', 16, 400, { children: 1000, both: true }),
  'get 512 KiB, depth 16': cell('get', 16, 48, { data: 512 * 1024, both: true, processes: 4 }),
};

const values = parsed();
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
const { dist } = values;
if (dist !== undefined && !fs.existsSync(path.join(dist, 'index.js'))) {
  refuse(`--dist ${dist}: there is no index.js in it`);
}
const ours = dist === undefined ? 'ours' : `other=${dist}`;
const major = process.versions.node.split('.')[0];
const all = fs.existsSync(FILE) ? JSON.parse(fs.readFileSync(FILE, 'utf8')) : {};
if (values.update) await store();
else process.exitCode = await check();

function parsed() {
  try {
    return parseArgs({
      options: {
        dist: { type: 'string' },
        update: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    return refuse(error.message);
  }
}

function refuse(why) {
  console.error(`${why}\n(\`npm run bench:check -- --help\` lists the options)`);
  process.exit(2);
}

async function check() {
  const stored = all[major]?.ratios;
  if (stored === undefined) {
    const known = Object.keys(all).join(', ') || 'none';
    console.log(
      `SKIPPED: no ratio is stored for Node ${major} (only for ${known}), so nothing is compared; these are its ratios:`,
    );
  }
  let tooSlow = 0;
  let outOfDate = 0;
  for (const [name, each] of Object.entries(CELLS)) {
    const before = stored?.[name];
    const least = before === undefined ? 0 : before * (1 - MAY_DIFFER);
    const costs = await measure(each);
    if (ratioOf(costs) < least) await measure(each, costs);
    const ratio = ratioOf(costs);
    let verdict = before === undefined ? '' : `, was ${before.toFixed(3)}: ok`;
    if (ratio < least) {
      tooSlow++;
      verdict = `, was ${before.toFixed(3)}: TOO SLOW, must be ${least.toFixed(3)}`;
    } else if (before !== undefined && ratio > before * (1 + MAY_DIFFER)) {
      outOfDate++;
      verdict = `, was ${before.toFixed(3)}: ok, and THE STORED RATIO IS OUT OF DATE`;
    }
    show(name, costs, verdict);
  }
  if (outOfDate > 0) {
    console.log(
      `${outOfDate} stored ${outOfDate === 1 ? 'ratio is' : 'ratios are'} more than 15 % below what was measured: a drop would be ` +
        'seen too late. `npm run bench:check -- --update` on a machine that does nothing else stores them anew.',
    );
  }
  if (tooSlow > 0) console.log(`${tooSlow} of ${Object.keys(CELLS).length} are too slow`);
  return tooSlow > 0 ? 1 : 0;
}

async function store() {
  const ratios = {};
  for (let pass = 1; pass <= PASSES; pass++) {
    console.log(`pass ${pass} of ${PASSES}`);
    for (const [name, each] of Object.entries(CELLS)) {
      const costs = await measure(each);
      show(name, costs, '');
      ratios[name] = Math.min(ratios[name] ?? Infinity, Number(ratioOf(costs).toFixed(3)));
    }
  }
  all[major] = { node: process.version, ratios };
  fs.writeFileSync(FILE, `${JSON.stringify(all, null, 2)}\n`);
  console.log(`written: bench/baseline.json, for Node ${major}: the lowest of each`);
}

function show(name, costs, verdict) {
  const micros = (each) => `${undisturbed(each).toPrecision(3)} µs`;
  console.log(
    `${name.padEnd(43)} ${ratioOf(costs).toFixed(3)} of the floor (${micros(costs.floor)} of ${micros(costs.ours)})${verdict}`,
  );
}

/** What a call has cost the floor and ours in rounds that little has disturbed, µs. @param costs of more rounds, which count too */
async function measure(each, costs = { floor: [], ours: [] }) {
  const responder = await startResponder(each, { oneCore: true });
  let clients = [];
  try {
    const given = { port: responder.port, cell: each, path: '/bench/node' };
    const some = Array.from({ length: each.processes ?? PROCESSES }, () => ['floor', 'ours']).flat();
    clients = await Promise.all(
      some.map(async (who) => ({ who, child: await startClient(who === 'ours' ? ours : who, given) })),
    );
    for (const { child } of clients) await ask(child, 'run', { ops: each.calls * WARM_ROUNDS });
    const began = performance.now();
    for (let round = 0; round < ROUNDS; round++) {
      if (round >= MIN_ROUNDS && performance.now() - began > LIMIT_MS) break;
      for (const { who, child } of clients) {
        const before = each.both ? await responder.cpuUs() : 0;
        const { ops, cpuUs } = await ask(child, 'run', { ops: each.calls });
        const others = each.both ? ((await responder.cpuUs()) - before) / ops : 0;
        costs[who].push(cpuUs + others);
      }
    }
    return costs;
  } finally {
    for (const { child } of clients) child.disconnect();
    responder.stop();
  }
}

/** @returns as a share of what ours costs, what the floor does */
function ratioOf({ floor, ours }) {
  return undisturbed(floor) / undisturbed(ours);
}

/** A tenth of the rounds were better: not the best, which may be one without a garbage collection. */
function undisturbed(costs) {
  return [...costs].sort((a, b) => a - b)[Math.floor(costs.length / 10)];
}
