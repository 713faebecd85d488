/**
 * Servers that are not who they should be. None gets a byte of ours: no password of a session, no credential, no request;
 * and what was asked meanwhile is done by the right server, or by none.
 */
import { createServer, type Server as TlsServer } from 'node:tls';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Conn, connect, type ConnOptions, type TlsOptions } from '../../../src/index.js';
import { TlsError, type ZkError } from '../../../src/protocol/errors.js';
import { MiniServer } from '../../../src/testing.js';
import { makeCertificates, type Certificates, type Identity } from '../../support/certificates.js';
import { nextState } from '../../support/cuttable-conn.js';
import { watchOutcome } from '../../support/scripted-server.js';
import { checked, injected } from '../../support/tally.js';
import { freePorts } from '../../support/zookeeper-process.js';

let made: Certificates;
beforeAll(() => {
  made = makeCertificates();
});
afterAll(() => made[Symbol.dispose]());

/** A server of TLS that notes what it is sent. */
class Impostor implements AsyncDisposable {
  received = Buffer.alloc(0);
  private constructor(private readonly server: TlsServer) {}

  static async start({ key, cert }: Identity, port = 0): Promise<Impostor> {
    const server = createServer({ key, cert });
    const impostor = new Impostor(server);
    server.on('secureConnection', (socket) => {
      socket.on('data', (chunk: Buffer) => {
        impostor.received = Buffer.concat([impostor.received, chunk]);
      });
      socket.on('error', () => undefined);
    });
    server.on('tlsClientError', () => undefined);
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return impostor;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    await closed;
  }
}

const failureOf = (conn: Conn): Promise<ZkError> =>
  new Promise((resolve) => conn.once('connectError', ({ error }) => resolve(error)));

type Kind = readonly [
  what: string,
  who: (made: Certificates) => Identity,
  host: string,
  tls: TlsOptions | true | null,
  reason: RegExp,
];
const KINDS: readonly Kind[] = [
  ['self-signed', ({ selfSigned }) => selfSigned, 'localhost', null, /DEPTH_ZERO_SELF_SIGNED_CERT/],
  ['expired', ({ expired }) => expired, 'localhost', null, /CERT_HAS_EXPIRED/],
  ['wrong name', ({ wrongName }) => wrongName, 'localhost', null, /another name/],
  ['wrong name, by address', ({ wrongName }) => wrongName, '127.0.0.1', null, /another name/],
  ['right name, but not its address', ({ nameOnly }) => nameOnly, '127.0.0.1', null, /another name/],
  ['unknown CA', ({ server }) => server, 'localhost', true, /UNABLE_TO|SELF_SIGNED/],
  ['not for us to name', ({ server }) => server, 'localhost', { servername: 'zk.example' }, /another name/],
];

describe('a server with a certificate that is', () => {
  it.each(KINDS)('%s is refused with the reason, and hears nothing', async (what, who, host, tls, reason) => {
    await using impostor = await Impostor.start(who(made));
    const options: TlsOptions | true = tls === true ? true : { ca: made.ca, ...tls };
    const auth = [{ scheme: 'digest', auth: 'ada:secret' }];
    await using conn = new Conn(`${host}:${impostor.port}`, { tls: options, auth });
    const failed = failureOf(conn);
    conn.connect().catch(() => undefined);
    const error = await failed;
    injected(`certificate: ${what}`);
    expect(error).toBeInstanceOf(TlsError);
    expect(error.message).toMatch(reason);
    expect(error.cause).toBeInstanceOf(Error);
    expect(conn.sessionId).toBe(0n);
    checked('secret leaks', impostor.received.length);
    expect(impostor.received).toHaveLength(0);
  });
});

describe('a client with a certificate that is', () => {
  it.each(['none', 'not known to the CA'] as const)(
    '%s gets no session, and cannot get one by plain TCP',
    async (what) => {
      const { key, cert } = made.server;
      await using server = await MiniServer.start({
        tls: { key, cert, ca: made.ca, requestCert: true },
        log: true,
      });
      const identity = what === 'none' ? {} : { cert: made.stranger.cert, key: made.stranger.key };
      for (const options of [{ tls: { ca: made.ca, ...identity } }, {}] satisfies ConnOptions[]) {
        await using conn = new Conn(server.connectString, options);
        const failed = failureOf(conn);
        conn.connect().catch(() => undefined);
        await failed;
        injected(`client certificate: ${what}`);
      }
      expect([server.sessions, server.log.frames()]).toEqual([[], []]);
    },
  );
});

describe('a server that becomes an impostor', () => {
  it('behind a reconnect hears neither the session’s password nor what waits; the right one does it all', async () => {
    const { key, cert } = made.server;
    // nobody else's while no server is there
    const [port] = await freePorts(1);
    const right = await MiniServer.start({ port, tls: { key, cert } });
    const conn = await connect(`localhost:${port}`, {
      tls: { ca: made.ca },
      backoff: { baseMs: 1, maxMs: 20 },
    });
    const { sessionId } = conn;
    const password = conn.session!.password;
    await conn.create('/a', 'x');
    const lost = nextState(conn, 'SUSPENDED');
    await right.stop();
    await lost;
    let write: ReturnType<typeof watchOutcome>;
    {
      await using impostor = await Impostor.start(made.selfSigned, port);
      write = watchOutcome(conn.set('/a', 'secret'));
      for (let i = 0; i < 3; i++) expect(await failureOf(conn)).toBeInstanceOf(Error);
      injected('impostor behind a reconnect');
      checked('secret leaks', Number(impostor.received.includes(password)) + impostor.received.length);
      expect(impostor.received).toHaveLength(0);
      expect(write.current).toBeUndefined();
    }
    const back = new Promise((resolve) => conn.once('session', resolve));
    await right.restart();
    expect(await back).toMatchObject({ what: 'resumed', sessionId });
    expect(String((await conn.get('/a')).data)).toBe('secret');
    expect(write.current).toMatchObject({ value: { version: 1 } });
    await conn.close();
    await right.close();
  });
});
