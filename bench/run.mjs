/**
 * `npm run bench`: measures zk-conn beside the floor and other clients, prints tables, and writes `bench/results/`.
 *
 *     npm run bench -- [--quick] [--only REGEXP] [--parts calls,real,watches,mini,size] [--rounds N] [--ms N]
 *                      [--no-peers] [--also NAME=DIST] [--write-docs]
 */
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { parseArgs } from 'node:util';
import { PARTS } from './lib/parts.mjs';
import { printTable } from './lib/tables.mjs';
import { judge } from './lib/targets.mjs';

const HERE = import.meta.dirname;
const ROOT = path.resolve(HERE, '..');
const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    parts: { type: 'string', default: Object.keys(PARTS).join(',') },
    rounds: { type: 'string' },
    ms: { type: 'string' },
    'no-peers': { type: 'boolean', default: false },
    also: { type: 'string', multiple: true, default: [] },
    'write-docs': { type: 'boolean', default: false },
  },
});

if (!fs.existsSync(path.join(ROOT, 'dist/index.js'))) {
  throw new Error('there is no dist: run `npm run build` first');
}
const settings = {
  only: new RegExp(values.only),
  quick: values.quick,
  rounds: Number(values.rounds ?? (values.quick ? 7 : 15)),
  ms: Number(values.ms ?? (values.quick ? 100 : 200)),
  peers: values['no-peers'] ? [] : findPeers(),
  also: values.also,
};
const report = {
  at: new Date().toISOString(),
  command: `npm run bench${process.argv.length > 2 ? ` -- ${process.argv.slice(2).join(' ')}` : ''}`,
  commit: commitOf(),
  node: process.version,
  machine: `${os.cpus()[0]?.model.trim() ?? 'unknown'}, ${os.availableParallelism()} cores, ${os.type()} ${os.release()}`,
  loadBefore: os.loadavg()[0],
  rounds: settings.rounds,
  ms: settings.ms,
  parts: {},
};
for (const name of values.parts.split(',')) {
  const part = PARTS[name];
  if (part === undefined) throw new Error(`there is no part ${name}: ${Object.keys(PARTS).join(', ')}`);
  console.log(`\n== ${part.title}`);
  report.parts[name] = await part.run(settings);
}
report.loadAfter = os.loadavg()[0];

const verdicts = judge(report);
if (verdicts.length > 0) {
  console.log('\n== targets');
  printTable(
    ['', 'target', 'measured', ''],
    verdicts.map(({ what, target, measured, met }) => [what, target, measured, met ? 'met' : 'FALLS SHORT']),
  );
}

const folder = path.join(HERE, 'results');
fs.mkdirSync(folder, { recursive: true });
fs.writeFileSync(path.join(folder, 'latest.json'), `${JSON.stringify(report, null, 1)}\n`);
const { writeChart } = await import('./lib/chart.mjs');
writeChart(report, path.join(folder, 'latest.svg'));
console.log(`\nwritten: bench/results/latest.json, bench/results/latest.svg`);
if (values['write-docs']) {
  const { writeDocs } = await import('./lib/docs.mjs');
  await writeDocs(report);
}
process.exit(0);

/** The other clients that are here; installs them if none is. */
function findPeers() {
  const installed = (name) => fs.existsSync(path.join(HERE, 'node_modules', name, 'package.json'));
  if (!installed('node-zookeeper-client')) {
    console.log('+ npm ci, in bench/');
    try {
      execFileSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: HERE, stdio: 'inherit' });
    } catch (error) {
      console.log(`the other clients could not be installed: ${error.message}`);
    }
  }
  const peers = [];
  if (installed('node-zookeeper-client')) peers.push('node-zookeeper-client');
  try {
    // it is there and does not load where its binding was not built
    execFileSync('node', ['-e', "require('zookeeper')"], { cwd: HERE, stdio: 'ignore' });
    peers.push('zookeeper');
  } catch {
    console.log('npm `zookeeper` is left out: its binding was not built here');
  }
  return peers;
}

function commitOf() {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: ROOT, encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}
