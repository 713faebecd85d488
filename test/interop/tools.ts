/** Clients that nobody here wrote, and the scripts of ours that they run. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import * as path from 'node:path';
import { findZooKeeper } from '../support/real-zookeeper.js';

const SCRIPTS = path.join(import.meta.dirname, 'scripts');
/** Debian's Python, which has Debian's kazoo; another one on the PATH has not. */
const PYTHON = '/usr/bin/python3';
/** In Debian's package `zookeeper`. */
const ZK_CLI = '/usr/share/zookeeper/bin/zkCli.sh';
const LIMIT_MS = 60_000;

/** What a tool printed. */
export interface Printed {
  readonly lines: readonly string[];
  readonly all: string;
  readonly exitCode: number | null;
}

export interface Tool {
  readonly name: string;
  /** Why it cannot be used here, or null. */
  readonly missing: string | null;
  /** Runs its script on the children of `root`, to the end. */
  run(connectString: string, root: string): Promise<Printed>;
}

async function runProgram(
  program: string,
  args: readonly string[],
  input = '',
  env: Readonly<Record<string, string>> = {},
): Promise<Printed> {
  const child = spawn(program, args, {
    stdio: 'pipe',
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
    env: { ...process.env, ...env },
  });
  let [out, all] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    out += String(chunk);
    all += String(chunk);
  });
  child.stderr.on('data', (chunk: Buffer) => (all += String(chunk)));
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return { lines: out.split('\n').filter((line) => line !== ''), all, exitCode };
}

/**
 * Debian's `zkCli.sh`, or its main class with the jars that were found. The script needs nothing from outside: it reads
 * `zkEnv.sh` beside it, which names Java and the jars, and takes no settings but `CLIENT_JVMFLAGS` and `JVMFLAGS`.
 */
export function zkCli(): Tool {
  const script = (root: string): string =>
    fs.readFileSync(path.join(SCRIPTS, 'zkcli.txt'), 'utf8').replaceAll('ROOT', root);
  if (fs.existsSync(ZK_CLI)) {
    return {
      name: ZK_CLI,
      missing: null,
      run: (connectString, root) =>
        runProgram(ZK_CLI, ['-server', connectString], script(root), { CLIENT_JVMFLAGS: '-Xmx128m' }),
    };
  }
  const found = findZooKeeper();
  if ('missing' in found)
    return { name: 'zkCli', missing: found.missing, run: () => Promise.reject(new Error(found.missing)) };
  process.stdout.write(`no ${ZK_CLI}: its main class is run instead, from ZooKeeper ${found.version}\n`);
  const main = 'org.apache.zookeeper.ZooKeeperMain';
  return {
    name: `zkCli ${found.version}`,
    missing: null,
    run: (connectString, root) =>
      runProgram('java', ['-Xmx128m', '-cp', found.classpath, main, '-server', connectString], script(root)),
  };
}

export function kazoo(): Tool {
  const version = versionOf(PYTHON, ['-c', 'import kazoo; print(kazoo.__version__)']);
  return {
    name: version === null ? 'kazoo' : `kazoo ${version}`,
    missing: version === null ? `${PYTHON} has no kazoo (Debian: apt-get install python3-kazoo)` : null,
    run: (connectString, root) =>
      runProgram(PYTHON, [path.join(SCRIPTS, 'kazoo_recipes.py'), connectString, root]),
  };
}

export function nodeZookeeperClient(): Tool {
  const script = path.join(SCRIPTS, 'node-zookeeper-client-calls.mjs');
  let missing: string | null = null;
  try {
    createRequire(import.meta.url).resolve('node-zookeeper-client');
  } catch {
    missing = 'node-zookeeper-client is not installed (npm install)';
  }
  return {
    name: 'node-zookeeper-client',
    missing,
    run: (connectString, root) => runProgram(process.execPath, [script, connectString, root]),
  };
}

function versionOf(program: string, args: readonly string[]): string | null {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return null;
  }
}
