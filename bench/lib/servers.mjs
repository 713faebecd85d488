/** Servers that work: the mini-server, and a real ZooKeeper if this machine has one. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { message, keepApart, start } from './processes.mjs';

const ROOT = path.resolve(import.meta.dirname, '../..');

export async function startMini({ flags = [] } = {}) {
  const began = performance.now();
  const child = start('server-process.mjs', [], { apart: true, flags });
  const { port, startMs } = await message(child);
  return { child, port, startMs, processMs: performance.now() - began, stop: () => child.disconnect() };
}

/** @returns null if there is none, having said so */
export async function startReal() {
  const { startRealServer } = await supportOfTests();
  // the tests spare the compiler of the JVM, which is right for a server of a second and not for one that is measured
  process.env._JAVA_OPTIONS = '-XX:TieredStopAtLevel=4';
  const began = performance.now();
  try {
    const server = await startRealServer({ tickTimeMs: 2000 });
    keepApart(server.pid);
    return {
      port: server.port,
      version: server.version,
      processMs: performance.now() - began,
      stop: () => server.stop(),
    };
  } catch (error) {
    console.log(`no real server: ${error.message.split('\n')[0]}`);
    return null;
  } finally {
    delete process.env._JAVA_OPTIONS;
  }
}

/** What the tests have to start servers with, as JavaScript. */
async function supportOfTests() {
  const { buildSync } = await import('esbuild');
  const folder = path.join(ROOT, '.tmp/bench');
  fs.mkdirSync(folder, { recursive: true });
  const outfile = path.join(folder, 'real-zookeeper.mjs');
  buildSync({
    entryPoints: [path.join(ROOT, 'test/support/real-zookeeper.ts')],
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile,
    logLevel: 'error',
  });
  return import(pathToFileURL(outfile).href);
}

/** Makes the nodes that the cells ask for. */
export async function prepare(port, { data, children }) {
  const { connect } = await import(pathToFileURL(path.join(ROOT, 'dist/index.js')).href);
  const conn = await connect(`127.0.0.1:${port}`);
  await conn.ensurePath('/bench/create');
  const node = `/bench/node-${data}-${children}`;
  if ((await conn.exists(node)) === null) {
    await conn.create(node, Buffer.alloc(data, 0x61));
    await Promise.all(
      Array.from({ length: children }, (_, i) => conn.create(`${node}/node-${String(i).padStart(10, '0')}`)),
    );
  }
  await conn.close();
  return node;
}
