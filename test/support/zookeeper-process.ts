/**
 * One ZooKeeper process on loopback: started in a fresh temporary folder, killed, paused, started again on the same ports
 * and data. It never outlives the process that started it.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as os from 'node:os';
import * as path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { onPath, type FoundZooKeeper } from './zookeeper-jars.js';

/** SIGKILL and SIGTERM end it, SIGSTOP and SIGCONT pause it and let it go on. */
export type ServerSignal = 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT';

/** What the word `srvr` says in its line `Mode:`; an empty string if it does not serve. */
export type ServerMode = 'standalone' | 'leader' | 'follower' | 'observer' | 'read-only' | '';

export interface RealServer {
  readonly host: string;
  readonly port: number;
  readonly connectString: string;
  readonly version: string;
  /** Its temporary folder: `zoo.cfg`, `log`, `data`. */
  readonly folder: string;
  /** Ports of its own that nobody uses, for what the options want besides: `secureClientPort`, `admin.serverPort`. */
  readonly spare: readonly number[];
  /** Process id of the server that runs now, or of the last one that ran. */
  readonly pid: number;
  /** Has it a process, paused or not? */
  readonly running: boolean;
  /** What it printed since it was started last. */
  log(): string;
  /** What `srvr` says. */
  mode(): Promise<ServerMode>;
  /** Sends a signal to this server alone. SIGKILL and SIGTERM resolve once the process has exited. */
  kill(signal?: ServerSignal): Promise<void>;
  /** Starts it again on the same ports and data; resolves when it serves requests. */
  start(): Promise<void>;
  /**
   * Resolves when it serves requests, which a member of an ensemble does if it has a quorum.
   * @throws if it ends, or does not within 100 s; the error then carries the end of the log
   */
  serving(): Promise<void>;
  /**
   * Resolves when `srvr` says this mode.
   * @throws if it does not within 100 s
   */
  becomes(mode: ServerMode): Promise<void>;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

/** Lines of zoo.cfg or Java system properties; as a function it is told the {@link RealServer.spare} ports. */
export type Settings =
  Readonly<Record<string, string>> | ((spare: readonly number[]) => Readonly<Record<string, string>>);

export interface RealServerOptions {
  /** Default: the one that `findZooKeeper()` finds. */
  readonly version?: string;
  /** Default 500. Sessions are negotiated between 2 ticks and 60 s. */
  readonly tickTimeMs?: number;
  /** Further lines of zoo.cfg, which win over those of the tests. */
  readonly config?: Settings;
  /** Further Java system properties, which win over those of the tests. */
  readonly properties?: Settings;
  /** Text of a JAAS file, for SASL. */
  readonly jaas?: string;
  /** The beginning of its history: what `data/version-2/log.1` holds. */
  readonly history?: Uint8Array;
}

export const HOST = '127.0.0.1';
/** Less than a test may take: its message says more than that of a time-out. */
const READY_LIMIT_MS = 100_000;
const READY_POLL_MS = 25;
/**
 * A server that is asked a word in its first moments throws NullPointerException and leaves the socket open (3.8.0), so
 * whoever waits for a start asks again soon, and waits longer each time: it may also be slow.
 */
export const PROBE_LIMIT_MS = 250;
const LONGEST_PROBE_MS = 5_000;
const WORD_LIMIT_MS = 30_000;
/** The identity `super:test`, as `digestId('super:test')` gives it. */
const SUPER_DIGEST = 'super:D/InIHSb7yEEbrWz8b9l71RjZJU=';
const SPARE_PORTS = 3;

/** What makes a process a standalone server or a member of an ensemble. */
export interface ProcessPlan {
  readonly mainClass: string;
  /** Lines of zoo.cfg; `dataDir` is added. */
  readonly config: Readonly<Record<string, string>>;
  /** Content of `data/myid`, for members of an ensemble. */
  readonly id?: number;
}

/** How long to wait for the answer of a server that did not answer within `ms`. */
export function longerThan(ms: number): number {
  return Math.min(2 * ms, LONGEST_PROBE_MS);
}

export class ZooKeeperProcess implements RealServer {
  readonly host = HOST;
  readonly port: number;
  readonly version: string;
  readonly folder: string;
  readonly spare: readonly number[];
  private readonly found: FoundZooKeeper;
  private readonly options: RealServerOptions;
  private readonly mainClass: string;
  private child: ChildProcess | null = null;
  private lastPid = 0;
  private hasServed = false;

  /** @param ports its client port, then the spare ones */
  constructor(
    found: FoundZooKeeper,
    ports: readonly number[],
    options: RealServerOptions,
    plan: ProcessPlan,
  ) {
    this.port = ports[0]!;
    this.spare = ports.slice(1);
    this.version = found.version;
    this.found = found;
    this.options = options;
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'zk-conn-real-'));
    this.mainClass = plan.mainClass;
    LIVE.add(this);
    this.prepare(plan);
  }

  get connectString(): string {
    return `${this.host}:${this.port}`;
  }

  get pid(): number {
    return this.lastPid;
  }

  get running(): boolean {
    return this.child !== null;
  }

  log(): string {
    const file = path.join(this.folder, 'log');
    return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
  }

  mode(): Promise<ServerMode> {
    return this.modeWithin(WORD_LIMIT_MS);
  }

  /** {@link mode}, or an empty string if it does not say within this time. */
  async modeWithin(limitMs: number): Promise<ServerMode> {
    return this.child === null ? '' : modeIn(await fourLetterWord(this.host, this.port, 'srvr', limitMs));
  }

  async start(): Promise<void> {
    this.launch();
    await this.serving();
  }

  /** {@link start} without waiting. */
  launch(): void {
    if (this.child !== null) throw new Error(`the server on port ${this.port} runs already`);
    const log = fs.openSync(path.join(this.folder, 'log'), 'w');
    const [program, ...args] = this.command();
    const child = spawn(program, args, { stdio: ['ignore', log, log], detached: false });
    fs.closeSync(log);
    this.child = child;
    child.once('exit', () => this.forget(child));
    child.once('error', () => this.forget(child));
    this.lastPid = child.pid ?? 0;
  }

  async serving(): Promise<void> {
    const limit = AbortSignal.timeout(READY_LIMIT_MS);
    for (let patience = PROBE_LIMIT_MS; !limit.aborted; patience = longerThan(patience)) {
      if (this.child === null) throw this.failure('ended while it was starting');
      if (this.serves(await this.modeWithin(patience))) {
        this.hasServed = true;
        return;
      }
      // it may go on without that port, and never serve
      if (!this.hasServed && CLASH.test(this.log())) throw this.failure('found one of its ports taken');
      await pause(READY_POLL_MS);
    }
    await this.kill('SIGKILL');
    throw this.failure(`did not serve within ${READY_LIMIT_MS} ms`);
  }

  async becomes(mode: ServerMode): Promise<void> {
    const limit = AbortSignal.timeout(READY_LIMIT_MS);
    for (let patience = PROBE_LIMIT_MS; ; patience = longerThan(patience)) {
      if ((await this.modeWithin(patience)) === mode) return;
      if (limit.aborted) throw this.failure(`was not ${mode} within ${READY_LIMIT_MS} ms`);
      await pause(READY_POLL_MS);
    }
  }

  /** Does a server in this mode serve everybody? */
  protected serves(mode: ServerMode): boolean {
    return mode !== '';
  }

  async kill(signal: ServerSignal = 'SIGKILL'): Promise<void> {
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

  /** Writes zoo.cfg once: a server that is reconfigured writes it anew. */
  private prepare({ config, id }: ProcessPlan): void {
    const data = path.join(this.folder, 'data');
    fs.mkdirSync(data);
    if (id !== undefined) fs.writeFileSync(path.join(data, 'myid'), `${id}\n`);
    if (this.options.history !== undefined) {
      fs.mkdirSync(path.join(data, 'version-2'));
      fs.writeFileSync(path.join(data, 'version-2', 'log.1'), this.options.history);
    }
    const lines = {
      tickTime: String(this.options.tickTimeMs ?? 500),
      dataDir: data,
      maxClientCnxns: '0',
      maxSessionTimeout: '60000',
      'admin.enableServer': 'false',
      '4lw.commands.whitelist': '*',
      ...config,
      ...this.settings(this.options.config),
    };
    const text = Object.entries(lines).map(([key, value]) => `${key}=${value}\n`);
    fs.writeFileSync(path.join(this.folder, 'zoo.cfg'), text.join(''));
    if (this.options.jaas !== undefined)
      fs.writeFileSync(path.join(this.folder, 'jaas.conf'), this.options.jaas);
  }

  private settings(given: Settings | undefined): Readonly<Record<string, string>> {
    return typeof given === 'function' ? given(this.spare) : (given ?? {});
  }

  private command(): [string, ...string[]] {
    const properties = {
      'zookeeper.extendedTypesEnabled': 'true',
      'zookeeper.DigestAuthenticationProvider.superDigest': SUPER_DIGEST,
      'zookeeper.preAllocSize': '64',
      // a killed process loses nothing of what the kernel has; the disk itself is not what is tested
      'zookeeper.forceSync': 'no',
      'znode.container.checkIntervalMs': '250',
      'org.slf4j.simpleLogger.defaultLogLevel': 'info',
      // it has no snapshot, and will not do without one where there is a log
      ...(this.options.history === undefined ? {} : { 'zookeeper.snapshot.trust.empty': 'true' }),
      ...(this.options.jaas === undefined
        ? {}
        : { 'java.security.auth.login.config': path.join(this.folder, 'jaas.conf') }),
      ...this.settings(this.options.properties),
    };
    const java: [string, ...string[]] = [
      'java',
      '-Xmx512m',
      '-Xshare:auto',
      '-XX:+UseSerialGC',
      '-XX:TieredStopAtLevel=1',
      ...Object.entries(properties).map(([key, value]) => `-D${key}=${value}`),
      '-cp',
      this.found.classpath,
      this.mainClass,
      path.join(this.folder, 'zoo.cfg'),
    ];
    // a test process that is killed runs no exit handler; where the kernel can end the server then, let it
    const setpriv = process.platform === 'linux' ? onPath('setpriv') : undefined;
    return setpriv === undefined ? java : [setpriv, '--pdeathsig', 'KILL', '--', ...java];
  }

  private failure(what: string): Error {
    const tail = this.log().split('\n').slice(-20).join('\n');
    return new Error(
      `the ZooKeeper ${this.version} on port ${this.port} ${what}; the end of its log:\n${tail}`,
    );
  }

  /**
   * SIGSTOP reaches each thread of its own, some of them later than others on a busy machine; a reply must not slip out in
   * between.
   */
  private async stopped(child: ChildProcess): Promise<void> {
    if (process.platform !== 'linux' || child.pid === undefined) return;
    const threads = `/proc/${child.pid}/task`;
    const limit = AbortSignal.timeout(READY_LIMIT_MS);
    while (!limit.aborted && this.child === child) {
      const ids = await fs.promises.readdir(threads).catch(() => []);
      const stats = await Promise.all(
        ids.map((id) => fs.promises.readFile(path.join(threads, id, 'stat'), 'utf8').catch(() => '')),
      );
      if (stats.length > 0 && stats.every((stat) => /^\d+ \(.*\) T /s.test(stat))) return;
      await pause(1);
    }
  }

  private forget(child: ChildProcess): void {
    if (this.child === child) this.child = null;
  }
}

/** Of a server whose port is taken. */
const CLASH = /Address already in use|BindException/;

/** Servers that were started and not stopped. */
const LIVE = new Set<ZooKeeperProcess>();

process.on('exit', () => {
  for (const server of LIVE) server.abandon();
});

/**
 * Starts servers on ports of their own, and once more on others if somebody else was there first.
 * @param portsEach how many ports a server needs, the spare ones not counted
 */
export async function startOnFreePorts<T extends { stop(): Promise<void>; log(): string }>(
  servers: number,
  portsEach: number,
  make: (ports: readonly (readonly number[])[]) => { readonly made: T; start(): Promise<void> },
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const ports: (readonly number[])[] = [];
    for (let i = 0; i < servers; i++) ports.push(await freePorts(portsEach + SPARE_PORTS));
    const { made, start } = make(ports);
    try {
      await start();
      return made;
    } catch (error) {
      const clash = CLASH.test(made.log());
      await made.stop();
      if (!clash || attempt === 3) throw error;
    }
  }
}

/**
 * Ports that nobody listens on, and that no other process of ours is given as long as this one runs: a server that is down
 * for a while finds its ports free, and so does one that takes its time to start. Not the kernel's choice: those it also
 * gives to outgoing connections.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  for (let tries = 0; ports.length < count; tries++) {
    if (tries > 10_000) throw new Error('no port is free from 11000 to 20000');
    const port = 11_000 + Math.floor(Math.random() * 9_000);
    if (!ports.includes(port) && (await isFree(port)) && (await isReserved(port))) ports.push(port);
  }
  return ports;
}

async function isFree(port: number): Promise<boolean> {
  const server = net.createServer();
  const free = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, HOST, () => resolve(true));
  });
  if (free) {
    server.close();
    await once(server, 'close');
  }
  return free;
}

/** Where nobody listens: a UDP port there is a mark that ends with the process that has set it. */
const MARKS = '127.0.0.2';

/** Marks the port as ours. @returns false if it is somebody else's */
async function isReserved(port: number): Promise<boolean> {
  // others have no such address without being told
  if (process.platform !== 'linux') return true;
  const mark = createSocket('udp4');
  const isOurs = await new Promise<boolean>((resolve) => {
    // a machine without that address has no marks
    mark.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code !== 'EADDRINUSE'));
    mark.bind(port, MARKS, () => resolve(true));
  });
  if (isOurs) mark.unref();
  else mark.close();
  return isOurs;
}

const MODE = /^Mode: (standalone|leader|follower|observer|read-only)$/m;

function modeIn(srvr: string): ServerMode {
  return (MODE.exec(srvr)?.[1] ?? '') as ServerMode;
}

/** Sends a four-letter word; the answer, or an empty string if there is none in time. */
export async function fourLetterWord(
  host: string,
  port: number,
  word: string,
  limitMs: number = WORD_LIMIT_MS,
): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = net.connect({ host, port }, () => {
      socket.write(word);
    });
    socket.setEncoding('utf8');
    socket.setTimeout(limitMs, () => socket.destroy());
    socket.on('data', (text: string) => (answer += text));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      resolve(answer);
    });
  });
}
