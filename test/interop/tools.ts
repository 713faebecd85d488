/** Clients that nobody here wrote, and the scripts of ours that they run. */
import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import * as os from 'node:os';
import * as path from 'node:path';
import { findZooKeeper, onPath } from '../support/zookeeper-jars.js';
import { runProgram, versionOf, type Printed } from './programs.js';

const SCRIPTS = path.join(import.meta.dirname, 'scripts');
/** Debian's Python, which has Debian's kazoo; another one on the PATH has not. */
const PYTHON = '/usr/bin/python3';
/** In Debian's package `zookeeper`. */
const ZK_CLI = '/usr/share/zookeeper/bin/zkCli.sh';
/** In Debian's package `zookeeper-bin`. */
const C_TOOLS = '/usr/lib/zookeeper/bin';
const C_HEADER = '/usr/include/zookeeper/zookeeper.h';
const DEBIAN_JARS = '/usr/share/java';
/** Curator's jars, and those that it needs besides ZooKeeper's. */
const CURATOR_JARS = ['curator-client', 'curator-framework', 'curator-recipes', 'guava'];

export interface Tool {
  readonly name: string;
  /** Why it cannot be used here, or null. */
  readonly missing: string | null;
  /** Does its script make the ephemeral node `e`? */
  readonly owns: boolean;
  /** Runs its script on the children of `root`, to the end. */
  run(connectString: string, root: string): Promise<Printed>;
  /** Removes what was built for it. */
  clean?(): void;
}

/**
 * ZooKeeper's own shell of a release: Debian's `zkCli.sh` where it is of that release, and its main class otherwise. The
 * script needs nothing from outside: it reads `zkEnv.sh` beside it, which names Java and the jars, and takes no settings
 * but `CLIENT_JVMFLAGS` and `JVMFLAGS`.
 */
export function zkCli(version: string): Tool {
  const found = findZooKeeper(version);
  if ('missing' in found) return absent(`zkCli ${version}`, found.missing);
  const main = 'org.apache.zookeeper.ZooKeeperMain';
  const command =
    found.source === 'debian' && fs.existsSync(ZK_CLI)
      ? [ZK_CLI]
      : ['java', ...JVM, '-Dorg.slf4j.simpleLogger.defaultLogLevel=off', '-cp', found.classpath, main];
  return {
    name: `zkCli ${version}`,
    missing: null,
    owns: true,
    // refusals go to stderr: one pipe for both keeps their places
    run: (connectString, root) =>
      runProgram('/bin/sh', ['-c', 'exec "$@" 2>&1', 'sh', ...command, '-server', connectString], {
        input: fs.readFileSync(path.join(SCRIPTS, 'zkcli.txt'), 'utf8').replaceAll('ROOT', root),
        env: { CLIENT_JVMFLAGS: JVM.join(' '), JAVA_TOOL_OPTIONS: '' },
      }),
  };
}

const JVM = ['-Xmx128m', '-Xshare:auto', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];

export function kazoo(): Tool {
  const version = versionOf(PYTHON, ['-c', 'import kazoo; print(kazoo.__version__)']);
  if (version === null)
    return absent('kazoo', `${PYTHON} has no kazoo (Debian: apt-get install python3-kazoo)`);
  return {
    name: `kazoo ${version}`,
    missing: null,
    owns: true,
    run: (connectString, root) =>
      runProgram(PYTHON, ['-B', path.join(SCRIPTS, 'kazoo_recipes.py'), connectString, root]),
  };
}

export function nodeZookeeperClient(): Tool {
  const script = path.join(SCRIPTS, 'node-zookeeper-client-calls.mjs');
  try {
    createRequire(import.meta.url).resolve('node-zookeeper-client');
  } catch {
    return absent('node-zookeeper-client', 'node-zookeeper-client is not installed (npm install)');
  }
  return {
    name: 'node-zookeeper-client',
    missing: null,
    owns: true,
    run: (connectString, root) => runProgram(process.execPath, [script, connectString, root]),
  };
}

/** The C library, in a program of ours. */
export function cClient(): Tool {
  const needs = 'Debian: apt-get install gcc libc6-dev libzookeeper-mt-dev';
  if (onPath('cc') === undefined) return absent('C client', `there is no \`cc\` on the PATH (${needs})`);
  if (!fs.existsSync(C_HEADER)) return absent('C client', `there is no ${C_HEADER} (${needs})`);
  const folder = scratch('c');
  const built = once(async () => {
    const program = path.join(folder.path(), 'c_client');
    const source = path.join(SCRIPTS, 'c_client.c');
    const flags = ['-Wall', '-Wextra', '-Werror', '-DTHREADED'];
    await insist(runProgram('cc', [...flags, '-o', program, source, '-lzookeeper_mt']));
    return program;
  });
  return {
    name: `C client ${versionIn(C_HEADER)}`,
    missing: null,
    owns: true,
    run: async (connectString, root) => runProgram(await built(), [connectString, root]),
    clean: folder.remove,
  };
}

/** Its shell. It asks everything at once, so what it is told follows when it has a session. */
export function cShell(): Tool {
  const program = path.join(C_TOOLS, 'cli_mt');
  if (!fs.existsSync(program))
    return absent('cli_mt', `no ${program} (Debian: apt-get install zookeeper-bin)`);
  const script = fs.readFileSync(path.join(SCRIPTS, 'cli_mt.txt'), 'utf8');
  return {
    name: 'cli_mt',
    missing: null,
    owns: true,
    run: (connectString, root) =>
      runProgram(program, ['-h', connectString], {
        heard: (line, to) => {
          if (line.startsWith('Got a new session id')) to.write(script.replaceAll('ROOT', root));
          // what the script asks last
          if (line.startsWith(`${root}/end: rc = `)) to.write('quit\n');
        },
      }),
  };
}

/** Its load generator: it goes round for ever, so it is killed when it begins its second round; then it cleans up. */
export function loadGenerator(): Tool {
  const program = path.join(C_TOOLS, 'load_gen');
  if (!fs.existsSync(program))
    return absent('load_gen', `no ${program} (Debian: apt-get install zookeeper-bin)`);
  return {
    name: 'load_gen',
    missing: null,
    owns: false,
    run: async (connectString, root) => {
      const cycles: string[] = [];
      const load = await runProgram(program, [connectString, `${root}/load`, '100'], {
        heard: (line, to) => {
          const cycle = /: (Creating children|Starting the \w+ cycle) for path/.exec(line)?.[1];
          if (cycle === undefined || cycles.length === 5) return;
          if (cycles.push(cycle) === 5) to.kill();
        },
      });
      const clean = await runProgram(program, [connectString, `${root}/load`, 'clean']);
      const end = /Successfully deleted a subtree/.exec(clean.all)?.[0] ?? 'no subtree was deleted';
      const errors = (load.all + clean.all).split('\n').filter((line) => line.includes('ZOO_ERROR'));
      return { lines: [...cycles, end, ...errors], all: load.all + clean.all, exitCode: clean.exitCode };
    },
  };
}

/** Curator's recipes, in a Java program of ours, on the client of Debian's ZooKeeper. */
export function curator(): Tool {
  const needs = 'Debian: apt-get install libcurator-recipes-java openjdk-17-jdk-headless';
  const missing = CURATOR_JARS.filter((jar) => !fs.existsSync(jarFile(jar)));
  if (missing.length > 0) return absent('Curator', `no ${missing.join(', ')} in ${DEBIAN_JARS} (${needs})`);
  if (onPath('javac') === undefined) return absent('Curator', `there is no \`javac\` on the PATH (${needs})`);
  const found = findZooKeeper();
  if ('missing' in found) return absent('Curator', found.missing);
  const jars = CURATOR_JARS.map(jarFile);
  const classpath = [found.classpath, ...jars].join(path.delimiter);
  const folder = scratch('curator');
  const built = once(async () => {
    const sources = fs.readdirSync(SCRIPTS).filter((name) => name.endsWith('.java'));
    const flags = ['-Xlint:-options', '-nowarn', '-d', folder.path(), '-cp', classpath];
    await insist(runProgram('javac', [...flags, ...sources.map((name) => path.join(SCRIPTS, name))]));
    return folder.path();
  });
  const version = fs
    .readdirSync(DEBIAN_JARS)
    .map((name) => /^curator-recipes-([\d.]+)\.jar$/.exec(name)?.[1]);
  return {
    name: `Curator ${version.find((each) => each !== undefined) ?? ''}`,
    missing: null,
    owns: true,
    run: async (connectString, root) => {
      const classes = [await built(), classpath].join(path.delimiter);
      const log = '-Dorg.slf4j.simpleLogger.defaultLogLevel=error';
      return runProgram('java', [...JVM, log, '-cp', classes, 'CuratorRecipes', connectString, root]);
    },
    clean: folder.remove,
  };
}

const jarFile = (name: string): string => path.join(DEBIAN_JARS, `${name}.jar`);

function absent(name: string, missing: string): Tool {
  return { name, missing, owns: false, run: () => Promise.reject(new Error(missing)) };
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}

async function insist(run: Promise<Printed>): Promise<void> {
  const { exitCode, all } = await run;
  if (exitCode !== 0) throw new Error(`it ended with ${exitCode}: ${all}`);
}

/** A folder that is made when it is asked for. */
function scratch(name: string): { path(): string; remove(): void } {
  let made: string | undefined;
  return {
    path: () => (made ??= fs.mkdtempSync(path.join(os.tmpdir(), `zk-conn-interop-${name}-`))),
    remove: () => {
      if (made !== undefined) fs.rmSync(made, { recursive: true, force: true });
    },
  };
}

/** Version in `zookeeper_version.h`, which is beside it. */
function versionIn(header: string): string {
  const text = fs.readFileSync(path.join(path.dirname(header), 'zookeeper_version.h'), 'utf8');
  return /ZOO_VERSION "([\d.]+)"/.exec(text)?.[1] ?? '';
}
