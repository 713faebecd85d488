/**
 * The harness itself, and the protocol layer over a bare socket: what a real server answers to the bytes that the
 * rows write, and that a server keeps its data when it is killed and started again.
 */
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as net from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OPEN_ACL_UNSAFE } from '../../src/protocol/acls.js';
import { FrameDecoder } from '../../src/protocol/frame.js';
import { JuteReader, JuteWriter } from '../../src/protocol/jute.js';
import { operations, type OpName, type RequestOf, type ResponseOf } from '../../src/protocol/operations.js';
import {
  readConnectResponse,
  writeConnectRequest,
  type ConnectResponse,
} from '../../src/protocol/records.js';
import {
  findZooKeeper,
  fourLetterWord,
  startRealServer,
  type RealServer,
} from '../support/real-zookeeper.js';

const found = process.env['ZK_REAL'] === '0' ? { missing: 'ZK_REAL=0' } : findZooKeeper();
const missing = 'missing' in found ? found.missing : null;
if (missing !== null) {
  if (process.env['ZK_REQUIRED'] === '1') throw new Error(`ZK_REQUIRED=1, but no real ZooKeeper: ${missing}`);
  process.stdout.write(`skipped: servers of our own: ${missing}\n`);
}

/** A client of one request at a time. */
class BareClient {
  private readonly socket: net.Socket;
  private readonly frames: AsyncIterator<Buffer>;
  private xid = 0;

  private constructor(socket: net.Socket) {
    this.socket = socket;
    this.frames = framesOf(socket);
  }

  static async connect(server: RealServer): Promise<BareClient> {
    const socket = net.connect(server.port, server.host);
    await once(socket, 'connect');
    return new BareClient(socket);
  }

  async handshake(): Promise<ConnectResponse> {
    const request = { protocolVersion: 0, lastZxidSeen: 0n, timeOut: 30_000, sessionId: 0n, passwd: null };
    this.send((w) => writeConnectRequest(w, { ...request, readOnly: false }));
    return readConnectResponse(new JuteReader(await this.receive()));
  }

  /** The response, or the number of the error. */
  async call<K extends OpName>(name: K, request: RequestOf<K>): Promise<ResponseOf<K> | number> {
    const op = operations[name];
    const xid = ++this.xid;
    this.send((w) => {
      w.int(xid);
      w.int(op.code);
      op.writeRequest(w, request as never);
    });
    const r = new JuteReader(await this.receive());
    expect(r.int()).toBe(xid);
    r.long();
    const errno = r.int();
    if (errno !== 0) return errno;
    const response = op.readResponse(r) as ResponseOf<K>;
    expect(r.remaining).toBe(0);
    return response;
  }

  close(): void {
    this.socket.destroy();
  }

  private send(write: (w: JuteWriter) => void): void {
    const w = new JuteWriter();
    w.int(0);
    write(w);
    w.intAt(0, w.pos - 4);
    this.socket.write(w.bytes());
  }

  private async receive(): Promise<Buffer> {
    const next = await this.frames.next();
    if (next.done === true) throw new Error('the server hung up');
    return next.value;
  }
}

async function* framesOf(socket: net.Socket): AsyncGenerator<Buffer> {
  const decoder = new FrameDecoder(1 << 20);
  for await (const chunk of socket) {
    decoder.push(chunk as Buffer);
    while (decoder.next()) yield Buffer.from(decoder.buf.subarray(decoder.start, decoder.end));
  }
}

/** The kernel's letter for what a process does, `T` if it is stopped; `?` where the kernel does not say. */
function processState(pid: number): string {
  if (process.platform !== 'linux') return '?';
  return /^\d+ \(.*\) (\S)/.exec(fs.readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1] ?? '';
}

describe.skipIf(missing !== null)(
  `a server of our own${missing === null ? '' : ` (skipped: ${missing})`}`,
  () => {
    let server: RealServer;

    beforeAll(async () => {
      server = await startRealServer({ config: { maxSessionTimeout: '27000' } });
    });

    afterAll(async () => {
      await server.stop();
      expect(await fourLetterWord(server.host, server.port, 'ruok')).toBe('');
    });

    it('runs the version that it says, on loopback, with the settings that it was given', async () => {
      expect(server.connectString).toBe(`127.0.0.1:${server.port}`);
      const stat = await fourLetterWord(server.host, server.port, 'srvr');
      expect(stat).toContain(`Zookeeper version: ${server.version}`);
      const client = await BareClient.connect(server);
      const accepted = await client.handshake();
      expect(accepted).toMatchObject({ protocolVersion: 0, timeOut: 27_000, readOnly: false });
      expect(accepted.sessionId).not.toBe(0n);
      expect(accepted.passwd?.length).toBe(16);
      client.close();
    });

    it('answers the rows, and keeps its data through SIGKILL and SIGTERM', async () => {
      const data = Buffer.from('kept');
      const first = await BareClient.connect(server);
      await first.handshake();
      expect(await first.call('create', { path: '/a', data, acl: OPEN_ACL_UNSAFE, flags: 0 })).toEqual({
        path: '/a',
      });
      expect(await first.call('create', { path: '/a', data, acl: OPEN_ACL_UNSAFE, flags: 0 })).toBe(-110);
      expect(await first.call('setACL', { path: '/a', acl: null, version: -1 })).toBe(-114);
      for (const flags of [5, 6]) {
        const made = await first.call('createTTL', {
          path: '/t-',
          data,
          acl: OPEN_ACL_UNSAFE,
          flags,
          ttl: 100_000,
        });
        expect(made).toMatchObject({ stat: { dataLength: 4 } });
      }
      const { pid } = server;
      for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
        await server.kill(signal);
        expect(await fourLetterWord(server.host, server.port, 'ruok')).toBe('');
        await server.start();
      }
      expect(server.pid).not.toBe(pid);
      const second = await BareClient.connect(server);
      await second.handshake();
      expect(await second.call('getData', { path: '/a', watch: false })).toMatchObject({
        data,
        stat: { version: 0 },
      });
      expect(await second.call('closeSession', {})).toEqual({});
      first.close();
      second.close();
    });

    it('a multi is all or nothing', async () => {
      const client = await BareClient.connect(server);
      await client.handshake();
      const create = { path: '/m', data: null, acl: OPEN_ACL_UNSAFE, flags: 0 };
      const failed = await client.call('multi', {
        ops: [
          { op: operations.create, request: create },
          { op: operations.delete, request: { path: '/none', version: -1 } },
          { op: operations.check, request: { path: '/', version: -1 } },
        ],
      });
      expect(failed).toMatchObject({ results: [{ errno: 0, op: null }, { errno: -101 }, { errno: -2 }] });
      expect(await client.call('exists', { path: '/m', watch: false })).toBe(-101);
      const done = await client.call('multi', {
        ops: [
          { op: operations.create, request: create },
          { op: operations.setData, request: { path: '/m', data: Buffer.from('x'), version: 0 } },
          { op: operations.check, request: { path: '/m', version: 1 } },
          { op: operations.delete, request: { path: '/m', version: 1 } },
        ],
      });
      expect(done).toMatchObject({
        results: [
          { op: operations.create, response: { path: '/m' } },
          { op: operations.setData, response: { stat: { version: 1, dataLength: 1 } } },
          { op: operations.check, response: {} },
          { op: operations.delete, response: {} },
        ],
      });
      client.close();
    });

    it('pauses and goes on', async () => {
      const client = await BareClient.connect(server);
      await client.handshake();
      await server.kill('SIGSTOP');
      expect(processState(server.pid)).toMatch(/^[T?]$/);
      const reply = client.call('sync', { path: '/a' });
      await server.kill('SIGCONT');
      expect(processState(server.pid)).not.toBe('T');
      expect(await reply).toEqual({ path: '/a' });
      client.close();
    });

    it('does not start twice', async () => {
      await expect(server.start()).rejects.toThrow('runs already');
    });
  },
);

describe.skipIf(missing !== null)(
  `a server that cannot start${missing === null ? '' : ` (skipped: ${missing})`}`,
  () => {
    it('says why, from its log, and leaves nothing behind', async () => {
      const failure = startRealServer({ config: { tickTime: 'a while' } });
      await expect(failure).rejects.toThrow(/NumberFormatException|Invalid config/);
    });
  },
);
