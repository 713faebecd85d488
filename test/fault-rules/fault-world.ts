/** A mini-server that has faults, or one behind a proxy that has them, and a client that writes down all that it sees. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { OPEN_ACL_UNSAFE } from '../../src/protocol/acls.js';
import { Xid } from '../../src/protocol/constants.js';
import { errorName } from '../../src/protocol/error-codes.js';
import { FrameDecoder } from '../../src/protocol/frame.js';
import { JuteReader, JuteWriter } from '../../src/protocol/jute.js';
import type { OpName, RequestOf } from '../../src/protocol/operations.js';
import {
  readConnectResponse,
  readWatcherEvent,
  writeConnectRequest,
  type ConnectRequest,
  type ConnectResponse,
} from '../../src/protocol/records.js';
import { FaultProxy, MiniServer, type MiniServerOptions } from '../../src/testing.js';
import { requestBytes } from '../support/raw-client.js';
import { ManualClock } from '../unit/testing/manual-clock.js';

export const KINDS = ['mini-server', 'proxy'] as const;
export type Kind = (typeof KINDS)[number];

/** Where faults are made, and the server that they happen to. */
export interface World extends AsyncDisposable {
  readonly kind: Kind;
  readonly faults: MiniServer | FaultProxy;
  readonly server: MiniServer;
  /** A server that nothing ever happens to. */
  readonly witness: MiniServer;
  /** Of whoever makes the faults. */
  readonly clock: ManualClock;
  open(request?: Partial<ConnectRequest>): Promise<Scribe>;
}

export async function startWorld(kind: Kind, options: MiniServerOptions = {}): Promise<World> {
  const clock = new ManualClock();
  const server = await MiniServer.start(kind === 'proxy' ? options : { clock, log: true, ...options });
  const faults = kind === 'proxy' ? await FaultProxy.start({ target: server.connectString, clock }) : server;
  const witness = await MiniServer.start();
  const scribes: Scribe[] = [];
  const admin = await Scribe.open(server.port);
  await admin.call('create', { path: '/t', data: null, acl: OPEN_ACL_UNSAFE, flags: 0 });
  await admin.call('closeSession', {});
  admin.destroy();
  faults.log.clear();
  return {
    kind,
    faults,
    server,
    witness,
    clock,
    open: async (request) => {
      const scribe = await Scribe.open(faults.port, request);
      scribes.push(scribe);
      return scribe;
    },
    [Symbol.asyncDispose]: async () => {
      for (const scribe of scribes) scribe.destroy();
      if (faults !== server) await faults.close();
      await server.close();
      await witness.close();
    },
  };
}

/** Names below /t in the order in which they were created. */
export function applied(server: MiniServer): string[] {
  const names = server.tree.get('/t')?.children ?? [];
  const born = (name: string): bigint => server.tree.get(`/t/${name}`)?.stat.czxid ?? 0n;
  return [...names].sort((a, b) => Number(born(a) - born(b)));
}

/** A client without any cleverness of its own. */
export class Scribe {
  /** What came, in words: `1 ok`, `2 NoAuth`, `NodeCreated /a`, `ping`, and at the end `fin` or `reset`. */
  readonly seen: string[] = [];
  /** The frames themselves, without their lengths. */
  readonly frames: Buffer[] = [];
  /** Sizes of what the socket gave at a time. */
  readonly chunks: number[] = [];
  session: ConnectResponse | null = null;
  private readonly decoder = new FrameDecoder(0x7fffffff);
  private readonly waiters = new Set<() => void>();
  private greeted = false;
  private nextXid = 1;

  private constructor(readonly socket: Socket) {
    socket.setNoDelay(true);
    let ending = 'fin';
    socket.on('data', (chunk: Buffer) => {
      this.chunks.push(chunk.length);
      try {
        this.decoder.push(chunk);
        while (this.decoder.next()) {
          this.take(Buffer.from(this.decoder.buf.subarray(this.decoder.start, this.decoder.end)));
        }
      } catch (error) {
        this.seen.push((error as Error).name);
      }
      this.wake();
    });
    socket.on('error', () => (ending = 'reset'));
    socket.on('close', () => {
      this.seen.push(ending);
      this.wake();
    });
  }

  static async connect(port: number): Promise<Scribe> {
    const socket = connect({ port, host: '127.0.0.1' });
    const scribe = new Scribe(socket);
    await once(socket, 'connect');
    return scribe;
  }

  /** Opens a session. */
  static async open(port: number, request: Partial<ConnectRequest> = {}): Promise<Scribe> {
    const scribe = await Scribe.connect(port);
    scribe.greet(request);
    await scribe.until((seen) => seen.length > 0);
    if (scribe.session === null) throw new Error(`no session: ${scribe.seen.join()}`);
    scribe.seen.length = 0;
    scribe.frames.length = 0;
    scribe.chunks.length = 0;
    return scribe;
  }

  greet(request: Partial<ConnectRequest> = {}): void {
    const w = new JuteWriter();
    const fresh = { protocolVersion: 0, lastZxidSeen: 0n, timeOut: 30_000, sessionId: 0n, readOnly: false };
    writeConnectRequest(w, { ...fresh, passwd: Buffer.alloc(16), ...request });
    this.socket.write(framed(w.bytes()));
  }

  get sessionId(): bigint {
    return this.session?.sessionId ?? 0n;
  }

  /** Creates /t/1 to /t/n with these numbers as xids, in one write, and pings behind them. */
  createAll(count = 4): void {
    const all = Array.from({ length: count }, (_, i) => createFrame(i + 1));
    this.socket.write(Buffer.concat([...all, frameOf('ping', {}, Xid.PING)]));
  }

  send<K extends OpName>(name: K, request: RequestOf<K>, xid = 100 + this.nextXid++): number {
    this.socket.write(frameOf(name, request, xid));
    return xid;
  }

  /** Sends a request and waits for its reply. @returns the word for its error, or `ok` */
  async call<K extends OpName>(name: K, request: RequestOf<K>, xid?: number): Promise<string> {
    const mark = `${this.send(name, request, xid)} `;
    await this.until((seen) => seen.some((line) => line.startsWith(mark)) || seen.some(isEnd));
    return (
      this.seen
        .filter((line) => line.startsWith(mark))
        .at(-1)
        ?.slice(mark.length) ?? (this.seen.at(-1) as string)
    );
  }

  /** Resolves as soon as what came so far is enough. */
  async until(enough: (seen: readonly string[]) => boolean): Promise<readonly string[]> {
    while (!enough(this.seen)) await new Promise<void>((resolve) => this.waiters.add(resolve));
    return this.seen;
  }

  /** All that came up to the reply to a ping, or the end. */
  untilPing(): Promise<readonly string[]> {
    return this.until((seen) => seen.includes('ping') || seen.some(isEnd));
  }

  untilEnd(): Promise<readonly string[]> {
    return this.until((seen) => seen.some(isEnd));
  }

  destroy(): void {
    this.socket.destroy();
  }

  private take(frame: Buffer): void {
    this.frames.push(frame);
    const r = new JuteReader(frame);
    if (!this.greeted) {
      this.greeted = true;
      if (frame.length < 36) {
        this.seen.push(`handshake ${errorName(frame.readInt32BE(12))}`);
        return;
      }
      const response = readConnectResponse(r);
      if (response.timeOut > 0) this.session = response;
      this.seen.push(response.timeOut > 0 ? 'welcome' : 'expired');
      return;
    }
    if (frame.length < 16) {
      this.seen.push(`${frame.length} bytes`);
      return;
    }
    const xid = r.int();
    r.long();
    const errno = r.int();
    const word = errno === 0 ? 'ok' : (errorName(errno) ?? String(errno));
    if (xid === Xid.NOTIFICATION) {
      const { type, path } = readWatcherEvent(r);
      this.seen.push(`event ${type} ${path}`);
    } else this.seen.push(xid === Xid.PING ? 'ping' : `${xid} ${word}`);
  }

  private wake(): void {
    const all = [...this.waiters];
    this.waiters.clear();
    for (const resolve of all) resolve();
  }
}

const isEnd = (line: string): boolean => line === 'fin' || line === 'reset';

function framed(body: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length);
  return Buffer.concat([length, body]);
}

export function frameOf<K extends OpName>(name: K, request: RequestOf<K>, xid: number): Buffer {
  return framed(requestBytes(name, request, xid));
}

/** Creates /t/n with the xid n. */
export function createFrame(n: number): Buffer {
  return frameOf('create', { path: `/t/${n}`, data: null, acl: OPEN_ACL_UNSAFE, flags: 0 }, n);
}

/** Whatever was on its way without a need for time has arrived: others have gone the same way and back since. */
export async function settle(world: World): Promise<void> {
  for (let i = 0; i < 3; i++) {
    const probe = await Scribe.connect(world.witness.port);
    probe.socket.write('ruok');
    await probe.untilEnd();
  }
}
