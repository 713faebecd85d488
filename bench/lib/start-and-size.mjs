/** How long it takes to load, and how much there is of it. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { gzipSync } from 'node:zlib';
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

export async function runSize(settings) {
  const programs = {
    'bare Node': ['-e', TELL],
    'zk-conn, import': ['--input-type=module', '-e', `import ${OURS}${TELL}`],
    'bare Node, ES module': ['--input-type=module', '-e', TELL],
    'zk-conn, require': ['-e', `require(${OURS_CJS})${TELL}`],
  };
  for (const peer of settings.peers) programs[peer] = ['-e', `require(${JSON.stringify(peer)})${TELL}`];
  const took = new Map(Object.keys(programs).map((name) => [name, []]));
  for (let round = 0; round < Math.max(settings.rounds, 21); round++) {
    for (const [name, args] of Object.entries(programs)) took.get(name).push(computedMs(args));
  }
  const over = (name, base) => median(took.get(name)) - median(took.get(base));
  const importMs = { 'zk-conn, import': over('zk-conn, import', 'bare Node, ES module') };
  importMs['zk-conn, require'] = over('zk-conn, require', 'bare Node');
  for (const peer of settings.peers) importMs[peer] = over(peer, 'bare Node');
  const sizes = { ...packed(), gzippedBytes: await gzipped(), packages: packages() };
  printTable(
    ['', ''],
    [
      ...Object.entries(importMs).map(([name, ms]) => [`${name}, ms computed over bare Node`, short(ms)]),
      ['packed, bytes', whole(sizes.packedBytes)],
      ['unpacked, bytes', whole(sizes.unpackedBytes)],
      ['client minified and gzipped, with what it depends on, bytes', whole(sizes.gzippedBytes)],
      ['packages installed, ours among them', String(sizes.packages)],
    ],
  );
  return { importMs, ...sizes };
}

/**
 * What a process computes from its start to its end, ms: what that takes on a machine that does nothing else. How long it
 * takes on one that does says more about that than about what is loaded.
 */
function computedMs(args) {
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: BENCH, encoding: 'utf8' });
  const microseconds = Number(stderr);
  if (status !== 0 || !(microseconds > 0))
    throw new Error(`node ${args.join(' ')} ended with ${status}: ${stderr}`);
  return microseconds / 1000;
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
