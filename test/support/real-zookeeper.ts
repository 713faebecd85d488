/**
 * Real standalone ZooKeeper servers on loopback for the tests: started in a fresh temporary folder, killed, paused,
 * started again on the same port and data. A server never outlives the process that started it.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as os from 'node:os';
import * as path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

export interface RealServer {
  readonly host: string;
  readonly port: number;
  readonly connectString: string;
  readonly version: string;
  /** Process id of the server that runs now, or of the last one that ran. */
  readonly pid: number;
  /** Sends a signal to this server alone. SIGKILL and SIGTERM resolve once the process has exited. */
  kill(signal?: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT'): Promise<void>;
  /** Starts it again on the same port and data. */
  start(): Promise<void>;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

export interface RealServerOptions {
  /** Default 500. Sessions are negotiated between 2 ticks and 60 s. */
  readonly tickTimeMs?: number;
  /** Further lines of zoo.cfg. */
  readonly config?: Readonly<Record<string, string>>;
  /** Further Java system properties. */
  readonly properties?: Readonly<Record<string, string>>;
}

/** Where a ZooKeeper was found. */
export type ZooKeeperSource = 'ZOOKEEPER_HOME' | 'debian';

export interface FoundZooKeeper {
  readonly classpath: string;
  readonly version: string;
  readonly source: ZooKeeperSource;
}

const HOST = '127.0.0.1';
const DEBIAN_JARS = '/usr/share/java';
const READY_LIMIT_MS = 30_000;
const READY_POLL_MS = 50;
/** The identity `super:test`, as `digestId('super:test')` gives it. */
const SUPER_DIGEST = 'super:D/InIHSb7yEEbrWz8b9l71RjZJU=';

/** Debian's jars besides ZooKeeper's own two. Its manifest names most of them; a log binding it does not. */
const DEBIAN_LIBRARIES = [
  'slf4j-api',
  'slf4j-simple',
  'commons-cli',
  'commons-io',
  'commons-lang3',
  'jackson-annotations',
  'jackson-core',
  'jackson-databind',
  'metrics-core',
  'snappy-java',
  'jline',
  'servlet-api',
  'findbugs-annotations',
  'netty-buffer',
  'netty-codec',
  'netty-common',
  'netty-handler',
  'netty-resolver',
  'netty-transport',
  'netty-transport-native-epoll',
  'netty-transport-native-unix-common',
  'jetty9-http',
  'jetty9-io',
  'jetty9-security',
  'jetty9-server',
  'jetty9-servlet',
  'jetty9-util',
];

/**
 * The ZooKeeper of this machine: `ZOOKEEPER_HOME` (a release folder with `lib/*.jar`, or a folder into which Debian's
 * package was extracted), else Debian's installed jars.
 */
export function findZooKeeper(): FoundZooKeeper | { readonly missing: string } {
  if (!javaIsThere()) return { missing: 'there is no `java` on the PATH' };
  const home = process.env['ZOOKEEPER_HOME'];
  if (home !== undefined && home !== '') {
    return (
      fromRelease(home) ?? fromDebian(path.join(home, 'usr/share/java'), 'ZOOKEEPER_HOME') ?? noJars(home)
    );
  }
  return fromDebian(DEBIAN_JARS, 'debian') ?? noJars(DEBIAN_JARS);
}

function noJars(folder: string): { readonly missing: string } {
  return { missing: `no ZooKeeper jars in ${folder} (Debian: apt-get install zookeeper libzookeeper-java)` };
}

function javaIsThere(): boolean {
  return onPath('java') !== undefined;
}

/** Absolute path of a program, or undefined. */
export function onPath(program: string): string | undefined {
  for (const folder of (process.env['PATH'] ?? '').split(path.delimiter)) {
    const file = path.join(folder, program);
    if (folder !== '' && (fs.existsSync(file) || fs.existsSync(`${file}.exe`))) return file;
  }
  return undefined;
}

function fromRelease(home: string): FoundZooKeeper | undefined {
  const lib = path.join(home, 'lib');
  const version = versionIn(lib);
  if (version === undefined) return undefined;
  const jars = fs.readdirSync(lib).filter((name) => name.endsWith('.jar'));
  return {
    classpath: [path.join(home, 'conf'), ...juteFirst(jars).map((jar) => path.join(lib, jar))].join(
      path.delimiter,
    ),
    version,
    source: 'ZOOKEEPER_HOME',
  };
}

function fromDebian(own: string, source: ZooKeeperSource): FoundZooKeeper | undefined {
  const version = versionIn(own);
  if (version === undefined) return undefined;
  const libraries = DEBIAN_LIBRARIES.map((name) => path.join(DEBIAN_JARS, `${name}.jar`)).filter((jar) =>
    fs.existsSync(jar),
  );
  // the manifest of zookeeper.jar names the installed jute jar, so the one that belongs to it must come before
  const mine = [`zookeeper-jute-${version}.jar`, `zookeeper-${version}.jar`].map((jar) =>
    path.join(own, jar),
  );
  return { classpath: [...mine, ...libraries].join(path.delimiter), version, source };
}

function juteFirst(jars: readonly string[]): string[] {
  return [...jars].sort((a, b) => Number(b.includes('-jute-')) - Number(a.includes('-jute-')));
}

/** Version in the name of `zookeeper-1.2.3.jar`. */
function versionIn(folder: string): string | undefined {
  if (!fs.existsSync(folder)) return undefined;
  for (const name of fs.readdirSync(folder)) {
    const match = /^zookeeper-(\d+\.\d+\.\d+[\w.-]*)\.jar$/.exec(name);
    if (match?.[1] !== undefined && fs.existsSync(path.join(folder, `zookeeper-jute-${match[1]}.jar`)))
      return match[1];
  }
  return undefined;
}

/**
 * Starts a server of the ZooKeeper that {@link findZooKeeper} finds, and waits until it serves requests.
 * @throws if there is none, or if it does not answer within 30 s; the error then carries the end of the log
 */
export async function startRealServer(options: RealServerOptions = {}): Promise<RealServer> {
  const found = findZooKeeper();
  if ('missing' in found) throw new Error(found.missing);
  for (let attempt = 1; ; attempt++) {
    const server = new StandaloneServer(found, await freePort(), options);
    try {
      await server.start();
      return server;
    } catch (error) {
      const clash = server.log().includes('Address already in use');
      await server.stop();
      if (!clash || attempt === 3) throw error;
    }
  }
}

class StandaloneServer implements RealServer {
  readonly host = HOST;
  readonly port: number;
  readonly version: string;
  private readonly classpath: string;
  private readonly options: RealServerOptions;
  private readonly folder: string;
  private child: ChildProcess | null = null;
  private lastPid = 0;

  constructor(found: FoundZooKeeper, port: number, options: RealServerOptions) {
    this.port = port;
    this.version = found.version;
    this.classpath = found.classpath;
    this.options = options;
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'zk-conn-real-'));
    LIVE.add(this);
  }

  get connectString(): string {
    return `${this.host}:${this.port}`;
  }

  get pid(): number {
    return this.lastPid;
  }

  /** What the server printed so far. */
  log(): string {
    const file = path.join(this.folder, 'log');
    return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
  }

  async start(): Promise<void> {
    if (this.child !== null) throw new Error(`the server on port ${this.port} runs already`);
    fs.writeFileSync(path.join(this.folder, 'zoo.cfg'), this.config());
    const log = fs.openSync(path.join(this.folder, 'log'), 'w');
    const [program, ...args] = this.command();
    const child = spawn(program, args, { stdio: ['ignore', log, log], detached: false });
    fs.closeSync(log);
    this.child = child;
    child.once('exit', () => this.forget(child));
    child.once('error', () => this.forget(child));
    this.lastPid = child.pid ?? 0;
    await this.ready(child);
  }

  async kill(signal: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT' = 'SIGKILL'): Promise<void> {
    const child = this.child;
    if (child === null) return;
    if (signal === 'SIGKILL' || signal === 'SIGTERM') {
      const exited = once(child, 'exit');
      child.kill(signal);
      await exited;
      return;
    }
    child.kill(signal);
    if (signal === 'SIGSTOP') await this.stopped(child);
  }

  async stop(): Promise<void> {
    await this.kill('SIGKILL');
    this.abandon();
  }

  /** {@link stop} for a process that is about to exit and can wait for nothing. */
  abandon(): void {
    LIVE.delete(this);
    this.child?.kill('SIGKILL');
    fs.rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }

  private config(): string {
    const lines = {
      tickTime: String(this.options.tickTimeMs ?? 500),
      dataDir: path.join(this.folder, 'data'),
      clientPort: String(this.port),
      clientPortAddress: HOST,
      maxClientCnxns: '0',
      maxSessionTimeout: '60000',
      'admin.enableServer': 'false',
      '4lw.commands.whitelist': '*',
      ...this.options.config,
    };
    return Object.entries(lines)
      .map(([key, value]) => `${key}=${value}\n`)
      .join('');
  }

  private command(): [string, ...string[]] {
    const properties = {
      'zookeeper.extendedTypesEnabled': 'true',
      'zookeeper.DigestAuthenticationProvider.superDigest': SUPER_DIGEST,
      'zookeeper.preAllocSize': '64',
      // a killed process loses nothing of what the kernel has; the disk itself is not what is tested
      'zookeeper.forceSync': 'no',
      'znode.container.checkIntervalMs': '1000',
      'org.slf4j.simpleLogger.defaultLogLevel': 'info',
      ...this.options.properties,
    };
    const java: [string, ...string[]] = [
      'java',
      '-Xmx512m',
      '-XX:+UseSerialGC',
      '-XX:TieredStopAtLevel=1',
      ...Object.entries(properties).map(([key, value]) => `-D${key}=${value}`),
      '-cp',
      this.classpath,
      'org.apache.zookeeper.server.ZooKeeperServerMain',
      path.join(this.folder, 'zoo.cfg'),
    ];
    // a test process that is killed runs no exit handler; where the kernel can end the server then, let it
    const setpriv = process.platform === 'linux' ? onPath('setpriv') : undefined;
    return setpriv === undefined ? java : [setpriv, '--pdeathsig', 'KILL', '--', ...java];
  }

  private async ready(child: ChildProcess): Promise<void> {
    const limit = AbortSignal.timeout(READY_LIMIT_MS);
    while (!limit.aborted) {
      if (this.child !== child) throw this.failure('ended while it was starting');
      if ((await fourLetterWord(this.host, this.port, 'ruok')) === 'imok') {
        const stat = await fourLetterWord(this.host, this.port, 'srvr');
        if (/^Mode: /m.test(stat)) return;
      }
      await pause(READY_POLL_MS);
    }
    await this.kill('SIGKILL');
    throw this.failure(`did not answer within ${READY_LIMIT_MS} ms`);
  }

  private failure(what: string): Error {
    const tail = this.log().split('\n').slice(-20).join('\n');
    return new Error(
      `the ZooKeeper ${this.version} on port ${this.port} ${what}; the end of its log:\n${tail}`,
    );
  }

  /** SIGSTOP is delivered a moment after it was sent; a reply must not slip out in between. */
  private async stopped(child: ChildProcess): Promise<void> {
    if (process.platform !== 'linux' || child.pid === undefined) return;
    const limit = AbortSignal.timeout(READY_LIMIT_MS);
    while (!limit.aborted && this.child === child) {
      const stat = await fs.promises.readFile(`/proc/${child.pid}/stat`, 'utf8').catch(() => '');
      if (/^\d+ \(.*\) T /.test(stat)) return;
      await pause(1);
    }
  }

  private forget(child: ChildProcess): void {
    if (this.child === child) this.child = null;
  }
}

/** Servers that were started and not stopped. */
const LIVE = new Set<StandaloneServer>();

process.on('exit', () => {
  for (const server of LIVE) server.abandon();
});

/** A port that nobody listens on at the moment. */
async function freePort(): Promise<number> {
  const server = net.createServer();
  server.listen(0, HOST);
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Sends a four-letter word; the answer, or an empty string if there is none within 5 s. */
export async function fourLetterWord(host: string, port: number, word: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = net.connect({ host, port }, () => {
      socket.write(word);
    });
    socket.setEncoding('utf8');
    socket.setTimeout(5_000, () => socket.destroy());
    socket.on('data', (text: string) => (answer += text));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      resolve(answer);
    });
  });
}
