/**
 * `npm run bench`: measures zk-conn beside the floor and other clients, prints tables, and writes `bench/results/`.
 *
 *     npm run bench -- --help
 */
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { CELLS, FEATURES } from './lib/cells.mjs';
import { optionsOf } from './lib/options.mjs';
import { PARTS } from './lib/parts.mjs';
import { printTable } from './lib/tables.mjs';
import { judge } from './lib/targets.mjs';

const HERE = import.meta.dirname;
const ROOT = path.resolve(HERE, '..');
const options = optionsOf(process.argv.slice(2), Object.keys(PARTS), [...CELLS, ...FEATURES]);
// what is wrong with the options has been said: now what takes long
if (options.build)
  execFileSync('npm', ['run', '--silent', 'build', '--', '--silent'], { cwd: ROOT, stdio: 'inherit' });
if (!fs.existsSync(path.join(ROOT, 'dist/index.js'))) {
  console.error('there is no dist: run `npm run build` first');
  process.exit(2);
}
const settings = { ...options, peers: options.peers ? findPeers() : [] };
const given = process.argv.slice(2).filter((each) => each !== '--build');
const report = {
  at: new Date().toISOString(),
  command: `npm run bench${given.length > 0 ? ` -- ${given.join(' ')}` : ''}`,
  commit: commitOf(),
  node: process.version,
  machine: `${os.cpus()[0]?.model.trim() ?? 'unknown'}, ${os.availableParallelism()} cores, ${os.type()} ${os.release()}`,
  loadBefore: os.loadavg()[0],
  rounds: settings.rounds,
  ms: settings.ms,
  parts: {},
};
for (const name of options.parts) {
  const part = PARTS[name];
  console.log(`\n== ${part.title}`);
  report.parts[name] = await part.run(settings);
}
report.loadAfter = os.loadavg()[0];

const verdicts = judge(report);
if (verdicts.length > 0) {
  console.log('\n== targets');
  printTable(
    ['', 'target', 'measured', ''],
    verdicts.map(({ what, target, measured, verdict }) => [what, target, measured, verdict]),
  );
}

const folder = path.join(HERE, 'results');
fs.mkdirSync(folder, { recursive: true });
fs.writeFileSync(path.join(folder, 'latest.json'), `${JSON.stringify(report, null, 1)}\n`);
const chart = path.join(folder, 'latest.svg');
// that of another run would lie
fs.rmSync(chart, { force: true });
const { writeChart } = await import('./lib/chart.mjs');
writeChart(report, chart);
console.log(
  `\nwritten: bench/results/latest.json${fs.existsSync(chart) ? ', bench/results/latest.svg' : ''}`,
);
if (options.writesDocs) {
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
