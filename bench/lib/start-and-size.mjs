/** How long it takes to load, and how much there is of it. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { gzipSync } from 'node:zlib';
import { startResponder } from './processes.mjs';
import { median } from './statistics.mjs';
import { printTable, short, whole } from './tables.mjs';

const ROOT = path.resolve(import.meta.dirname, '../..');
const BENCH = path.join(ROOT, 'bench');
const OURS = JSON.stringify(path.join(ROOT, 'dist/index.js'));
const OURS_CJS = JSON.stringify(path.join(ROOT, 'dist/index.cjs'));

/** A bare process of Node, from its start to its end, ms. */
export function bareProcessMs() {
  return processMs(['-e', '']);
}

/** A program's last words: what it has computed. */
const TELL =
  ";process.on('exit', () => { const { user, system } = process.cpuUsage(); process._rawDebug(user + system); });";

/** A get of a new session, and its end: what was loaded no sooner than it was needed is loaded by then. */
const FIRST_GET = {
  ours: (port) =>
    `const conn = await connect('127.0.0.1:${port}'); await conn.get('/bench/node'); await conn.close();`,
  'node-zookeeper-client': (port) => `
    const client = require('node-zookeeper-client').createClient('127.0.0.1:${port}');
    client.once('connected', () => client.getData('/bench/node', () => { client.once('disconnected', () => process.exit()); client.close(); }));
    client.connect();`,
};

/** Each with what it is compared with. */
function programsOf(peers, port) {
  const module = (code) => ['--input-type=module', '-e', `${code}${TELL}`];
  const script = (code) => ['-e', `${TELL.slice(1)}${code}`];
  const bareModule = 'bare Node, ES module';
  const programs = {
    'bare Node': { args: script('') },
    [bareModule]: { args: module('') },
    'zk-conn, import': { args: module(`import ${OURS}`), base: bareModule },
    'zk-conn, require': { args: script(`require(${OURS_CJS})`), base: 'bare Node' },
  };
  for (const peer of peers) {
    programs[peer] = { args: script(`require(${JSON.stringify(peer)})`), base: 'bare Node' };
  }
  programs['zk-conn: import, connect, get, close'] = {
    args: module(`import { connect } from ${OURS}; ${FIRST_GET.ours(port)}`),
    base: bareModule,
  };
  if (peers.includes('node-zookeeper-client')) {
    programs['node-zookeeper-client: the same'] = {
      args: script(FIRST_GET['node-zookeeper-client'](port)),
      base: 'bare Node',
    };
  }
  return programs;
}

/** @returns per program the medians of what it takes over its base in the same round: by the clock, and of computing */
async function startTimes({ peers, rounds }) {
  const responder = await startResponder({ data: 100 });
  try {
    const programs = programsOf(peers, responder.port);
    const took = new Map(Object.keys(programs).map((name) => [name, []]));
    for (let round = -1; round < Math.max(rounds, 21); round++) {
      for (const [name, { args }] of Object.entries(programs)) {
        const one = await oneProcess(args);
        // the first brings the files into the memory of the machine
        if (round >= 0) took.get(name).push(one);
      }
    }
    const started = {};
    for (const [name, { base }] of Object.entries(programs)) {
      if (base === undefined) continue;
      const over = (key) => median(took.get(name).map((one, i) => one[key] - took.get(base)[i][key]));
      started[name] = { ms: over('ms'), computedMs: over('computedMs') };
    }
    return started;
  } finally {
    responder.stop();
  }
}

export async function runSize(settings) {
  const started = await startTimes(settings);
  const sizes = { ...packed(), gzippedBytes: await gzipped(), packages: packages() };
  printTable(
    ['over bare Node', 'ms', 'ms of computing'],
    Object.entries(started).map(([name, each]) => [name, short(each.ms), short(each.computedMs)]),
  );
  printTable(
    ['', ''],
    [
      ['packed, bytes', whole(sizes.packedBytes)],
      ['unpacked, bytes', whole(sizes.unpackedBytes)],
      ['client minified and gzipped, with what it depends on, bytes', whole(sizes.gzippedBytes)],
      ['packages installed, ours among them', String(sizes.packages)],
    ],
  );
  return { started, ...sizes };
}

/** From its start to its end: by the clock, and what it has computed, ms. */
async function oneProcess(args) {
  const began = performance.now();
  const child = spawn(process.execPath, args, { cwd: BENCH, stdio: ['ignore', 'ignore', 'pipe'] });
  const said = [];
  child.stderr.on('data', (chunk) => said.push(chunk));
  const ended = once(child, 'exit').then(([code]) => ({ code, ms: performance.now() - began }));
  await once(child, 'close');
  const { code, ms } = await ended;
  const text = Buffer.concat(said).toString();
  const microseconds = Number(text);
  if (code !== 0 || !(microseconds > 0))
    throw new Error(`node ${args.join(' ')} ended with ${code}: ${text}`);
  return { ms, computedMs: microseconds / 1000 };
}

async function processMs(args) {
  const began = performance.now();
  const child = spawn(process.execPath, args, { cwd: BENCH, stdio: 'ignore' });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`node ${args.join(' ')} ended with ${code}`);
  return performance.now() - began;
}

function packed() {
  const [{ size, unpackedSize }] = JSON.parse(
    execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  );
  return { packedBytes: size, unpackedBytes: unpackedSize };
}

async function gzipped() {
  const { build } = await import('esbuild');
  const { outputFiles } = await build({
    entryPoints: [path.join(ROOT, 'dist/index.js')],
    bundle: true,
    minify: true,
    platform: 'node',
    format: 'esm',
    // `debug` asks for it, and does without: no install of ours brings it
    external: ['supports-color'],
    write: false,
    logLevel: 'error',
  });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}

/** What `npm install zk-conn` brings. */
function packages() {
  const { packages: all } = JSON.parse(fs.readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8'));
  return Object.values(all).filter(
    (each) => each.dev !== true && each.optional !== true && each.peer !== true,
  ).length;
}
