import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  Conn,
  askServer,
  connect,
  tlsDialer,
  type ConnOptions,
  type TlsOptions,
} from '../../../src/index.js';
import {
  ConnectTimeoutError,
  InvalidOptionError,
  LinkError,
  TlsError,
  type ZkError,
} from '../../../src/protocol/errors.js';
import { MiniServer } from '../../../src/testing.js';
import {
  PASSPHRASE,
  makeCertificates,
  type Certificates,
  type Identity,
} from '../../support/certificates.js';
import { firstFailure } from '../../support/first-failure.js';

let made: Certificates;
const servers: MiniServer[] = [];

beforeAll(() => {
  made = makeCertificates();
});
afterAll(() => made[Symbol.dispose]());
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function serve(identity: Identity = made.server, more = {}): Promise<MiniServer> {
  const { key, cert } = identity;
  const server = await MiniServer.start({ tls: { key, cert, ca: made.ca, ...more } });
  servers.push(server);
  return server;
}

const demanding = (): Promise<MiniServer> => serve(made.server, { requestCert: true });

/** Connects, and says who the server says we are. */
async function whoAmI(server: string, tls: ConnOptions['tls']): Promise<string[]> {
  await using conn = await connect(server, { tls });
  const { clientInfo } = await conn.call('whoAmI', {});
  return clientInfo.map(({ authScheme, user }) => `${authScheme}:${user}`);
}

async function tlsFailure(server: string, tls: ConnOptions['tls']): Promise<ZkError> {
  const error = await firstFailure(server, { tls });
  expect(error).toBeInstanceOf(TlsError);
  expect(error.message.startsWith(`${server}: `), error.message).toBe(true);
  return error;
}

describe('a secure connection', () => {
  it.each(['localhost', '127.0.0.1'])('to %s needs no more than its CA [H4]', async (host) => {
    const { port } = await serve();
    expect(await whoAmI(`${host}:${port}`, { ca: made.ca })).toEqual(['ip:127.0.0.1']);
  });

  it('shows a certificate, with a key in many forms [H4]', async () => {
    const { connectString } = await demanding();
    const { ca, caFile, client, encryptedKey, pfxFile } = made;
    const forms: TlsOptions[] = [
      { ca, cert: client.cert, key: client.key },
      { ca: [Buffer.from(ca)], cert: Buffer.from(client.cert), key: encryptedKey, passphrase: PASSPHRASE },
      { caFile, certFile: client.certFile, keyFile: client.keyFile },
      { ca, pfx: fs.readFileSync(pfxFile), passphrase: PASSPHRASE },
      { caFile, pfxFile, passphrase: PASSPHRASE },
    ];
    for (const tls of forms) {
      expect(await whoAmI(connectString, tls)).toContain('x509:CN=client,OU=tests,O=zk-conn');
    }
  });

  it('makes nodes that belong to the certificate', async () => {
    const { connectString } = await serve(made.server, { requestCert: true });
    const { ca, client, server } = made;
    await using conn = await connect(connectString, { tls: { ca, cert: client.cert, key: client.key } });
    await conn.create('/mine', 'x', { acl: [{ perms: 31, scheme: 'auth', id: '' }] });
    const { acl } = await conn.getAcl('/mine');
    expect(acl).toEqual([{ perms: 31, scheme: 'x509', id: 'CN=client,OU=tests,O=zk-conn' }]);
    await using other = await connect(connectString, { tls: { ca, cert: server.cert, key: server.key } });
    await expect(other.get('/mine')).rejects.toMatchObject({ code: 'ZK_NO_AUTH' });
    expect((await conn.get('/mine')).data?.toString()).toBe('x');
  });

  it('carries much, both ways', async () => {
    const { connectString } = await serve();
    await using conn = await connect(connectString, { tls: { ca: made.ca } });
    const data = Buffer.alloc(900_000, 'abc');
    await Promise.all(Array.from({ length: 20 }, (_, i) => conn.create(`/n${i}`, data)));
    const all = await Promise.all(Array.from({ length: 20 }, (_, i) => conn.get(`/n${i}`)));
    expect(all.every((one) => one.data?.equals(data))).toBe(true);
  });

  it('is made again after it was cut', async () => {
    const server = await serve();
    await using conn = await connect(server.connectString, { tls: { ca: made.ca } });
    const { sessionId } = conn;
    const again = new Promise((resolve) => conn.once('session', resolve));
    server.dropConnections();
    expect(await again).toMatchObject({ what: 'resumed', sessionId });
  });

  it('answers four-letter words', async () => {
    const { connectString } = await serve();
    const dialer = tlsDialer({ ca: made.ca });
    expect(await askServer(connectString, 'ruok', { dialer })).toBe(true);
  });

  it('leaves nothing open', async () => {
    const server = await serve();
    const conn = await connect(server.connectString, { tls: { ca: made.ca }, closeTimeoutMs: 30_000 });
    expect(await conn.close()).toEqual({ confirmed: true });
    await server.stop();
    expect(server.connectionCount).toBe(0);
  });
});

describe('certificates', () => {
  it('are asked for anew for each attempt', async () => {
    const server = await demanding();
    const { ca, client, server: other } = made;
    const asked: string[] = [];
    const identities = [client, other];
    const tls = async ({ host, port }: { host: string; port: number }): Promise<TlsOptions> => {
      asked.push(`${host}:${port}`);
      const { cert, key } = identities[asked.length - 1] ?? client;
      return { ca, cert, key };
    };
    await using conn = await connect(server.connectString, { tls });
    const again = new Promise((resolve) => conn.once('session', resolve));
    server.dropConnections();
    await again;
    expect(asked).toEqual([server.connectString, server.connectString]);
    const { clientInfo } = await conn.call('whoAmI', {});
    expect(clientInfo).toContainEqual({ authScheme: 'x509', user: 'CN=localhost' });
  });

  it('are read from their files anew for each attempt [H4]', async () => {
    const server = await demanding();
    const certFile = `${made.folder}/rotated.pem`;
    const keyFile = `${made.folder}/rotated.key`;
    const rotate = ({ cert, key }: Identity): void => {
      fs.writeFileSync(certFile, cert);
      fs.writeFileSync(keyFile, key);
    };
    rotate(made.client);
    await using conn = await connect(server.connectString, { tls: { ca: made.ca, certFile, keyFile } });
    rotate(made.server);
    const again = new Promise((resolve) => conn.once('session', resolve));
    server.dropConnections();
    await again;
    const { clientInfo } = await conn.call('whoAmI', {});
    expect(clientInfo).toContainEqual({ authScheme: 'x509', user: 'CN=localhost' });
  });

  it('that cannot be had fail the attempt, which is made again', async () => {
    const { connectString } = await serve();
    let asked = 0;
    const tls = (): TlsOptions => {
      if (++asked === 1) throw new Error('the vault is sealed');
      return { ca: made.ca };
    };
    const failures: ZkError[] = [];
    await using conn = new Conn(connectString, { tls, backoff: { baseMs: 1, maxMs: 1 } });
    conn.on('connectError', ({ error }) => failures.push(error));
    await conn.connect();
    expect(failures.map(String)).toEqual([`TlsError: ${connectString}: the vault is sealed`]);
  });

  it.each([
    ['no such file', { caFile: '/nowhere/ca.pem' }, /ENOENT.*\/nowhere\/ca\.pem/],
    ['no PEM', () => ({ cert: 'what', key: 'what' }), /the TLS options: /],
    ['an unknown key', () => ({ hots: 1 }) as never, /unknown key 'hots' of tls/],
    ['no options', () => undefined as never, /must be true, an object/],
  ] as const)('with %s say so', async (_what, tls, message) => {
    const { connectString } = await serve();
    expect((await tlsFailure(connectString, tls)).message).toMatch(message);
  });
});

describe('a server is refused', () => {
  it.each([
    ['whose CA is not known', 'server', {}, /not accepted: .*\(\w+\)/],
    ['that signed its own certificate', 'selfSigned', null, /not accepted: .*DEPTH_ZERO_SELF_SIGNED_CERT/],
    ['whose certificate has expired', 'expired', null, /not accepted: .*CERT_HAS_EXPIRED/],
    ['whose certificate is for another name', 'wrongName', null, /another name: .*other\.example/],
  ] as const)('%s', async (_what, identity, tls, message) => {
    const { port } = await serve(made[identity]);
    const error = await tlsFailure(`localhost:${port}`, tls ?? { ca: made.ca });
    expect(error.message).toMatch(message);
    expect(error).toMatchObject({ code: 'ZK_TLS', cause: expect.any(Error) });
  });

  it('also if the environment says that nothing is to be refused', async () => {
    const { connectString } = await serve(made.selfSigned);
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      await tlsFailure(connectString, true);
    } finally {
      delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    }
  });

  it('unless that is asked for in so many words', async () => {
    const { connectString } = await serve(made.selfSigned);
    expect(await whoAmI(connectString, { rejectUnauthorized: false })).toEqual(['ip:127.0.0.1']);
  });

  it('unless the name that is checked is another one [H4]', async () => {
    const { connectString } = await serve(made.wrongName);
    expect(await whoAmI(connectString, { ca: made.ca, servername: 'other.example' })).toHaveLength(1);
    const lenient: TlsOptions = { ca: made.ca, checkServerIdentity: () => undefined };
    expect(await whoAmI(connectString, lenient)).toHaveLength(1);
  });

  it('if it speaks an older TLS than 1.2', async () => {
    const peer = await Peer.start((socket) => {
      // a ServerHello of TLS 1.1
      socket.write(Buffer.from(`160302002a020000260302${'00'.repeat(32)}00c01300`, 'hex'));
    });
    const error = await firstFailure(peer.connectString, { tls: { ca: made.ca } });
    await peer.stop();
    expect(error).toBeInstanceOf(TlsError);
  });
});

describe('a client is refused', () => {
  const refused = [
    ['without a certificate', () => ({ ca: made.ca })],
    ['whom the CA does not know', () => ({ ca: made.ca, cert: made.stranger.cert, key: made.stranger.key })],
  ] as const;

  // Node's own server may close without a word, openssl's says why
  it.each(refused)('%s, and may guess why', async (_what, tls) => {
    const { connectString } = await demanding();
    const error = await firstFailure(connectString, { tls: tls() });
    expect(error.message).toMatch(/TLS handshake: .*certificate of ours/);
  });

  it.each(refused)('%s, and hears why', async (_what, tls) => {
    await using server = await OpensslServer.start(made);
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const error = await tlsFailure(server.connectString, { ...tls(), maxVersion });
      expect(error.message).toMatch(/the server refused the TLS handshake: .*does it want a certificate/);
    }
  });
});

/** openssl's server, which demands a certificate of the CA. */
class OpensslServer implements AsyncDisposable {
  private constructor(
    private readonly child: ChildProcess,
    readonly connectString: string,
  ) {}

  static async start({ caFile, server }: Certificates): Promise<OpensslServer> {
    const files = ['-cert', server.certFile, '-key', server.keyFile, '-CAfile', caFile];
    const args = ['s_server', '-accept', '127.0.0.1:0', '-Verify', '1', '-verify_return_error', ...files];
    const child = spawn('openssl', args, { stdio: ['pipe', 'pipe', 'ignore'] });
    let text = '';
    for await (const chunk of child.stdout) {
      text += String(chunk);
      const port = /^ACCEPT \S*:(\d+)$/m.exec(text)?.[1];
      if (port !== undefined) return new OpensslServer(child, `127.0.0.1:${port}`);
    }
    throw new Error(`openssl said: ${text}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await ended;
  }
}

/** A server of plain TCP. */
class Peer {
  readonly sockets: Socket[] = [];
  private constructor(private readonly server: Server) {}

  static async start(play: (socket: Socket) => void): Promise<Peer> {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      peer.sockets.push(socket);
      play(socket);
    });
    const peer = new Peer(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return peer;
  }

  get connectString(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

describe('the wrong port', () => {
  it('a secure client on a plain one [H4]', async () => {
    await using server = await MiniServer.start();
    const error = await tlsFailure(server.connectString, { ca: made.ca });
    expect(error.message).toMatch(/is this its secureClientPort\?/);
  });

  it('a secure client on one that answers something else', async () => {
    const peer = await Peer.start((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    const error = await tlsFailure(peer.connectString, { ca: made.ca });
    expect(error.message).toMatch(/does not speak TLS: is this its clientPort\?/);
    await peer.stop();
  });

  it('a plain client on a secure one [H4]', async () => {
    const { connectString } = await serve();
    const error = await firstFailure(connectString, {});
    expect(error.message).toMatch(/without an answer: .* expect TLS on this port/);
  });

  it('one where nobody is, as without TLS', async () => {
    const server = await serve();
    await server.stop();
    const error = await firstFailure(server.connectString, { tls: true });
    expect(error).toBeInstanceOf(LinkError);
    expect(error.message).toMatch(/ECONNREFUSED/);
  });

  it('one that says nothing: the TLS handshake is within the budget [H4]', async () => {
    const peer = await Peer.start(() => undefined);
    const error = await firstFailure(peer.connectString, { tls: true, connectTimeoutMs: 50 });
    expect(error).toBeInstanceOf(ConnectTimeoutError);
    await peer.stop();
  });
});

describe('secrets', () => {
  it('are in no error', async () => {
    const { connectString } = await demanding();
    const { ca, client, encryptedKey } = made;
    const tries: TlsOptions[] = [
      { ca, cert: client.cert, key: encryptedKey, passphrase: `${PASSPHRASE}-wrong` },
      { ca, cert: made.server.cert, key: client.key },
      { ca, cert: client.cert, key: client.key, passphrase: 4711 as never },
      { ca, key: { [PASSPHRASE]: 1 } as never },
    ];
    for (const tls of tries) {
      const thrown: unknown = await connect(connectString, { tls }).catch((e: unknown) => e);
      expect(thrown).toBeInstanceOf(InvalidOptionError);
      const later = await tlsFailure(connectString, () => tls);
      for (const error of [thrown, later]) {
        const text = inspect(error, { depth: 10, showHidden: true });
        expect(text).not.toContain('4711');
        expect(text).not.toMatch(/PRIVATE KEY/);
      }
    }
  });

  it('are not in what a Conn or a dialer shows of itself', async () => {
    const { connectString } = await demanding();
    const { ca, client, encryptedKey: key } = made;
    const options = { ca, cert: client.cert, key, passphrase: PASSPHRASE };
    await using conn = await connect(connectString, { tls: options });
    const dial = tlsDialer(options);
    let close: () => void = () => undefined;
    const closed = new Promise<void>((resolve) => (close = resolve));
    const transport = await new Promise((resolve) => {
      const one = dial(
        { host: '127.0.0.1', port: Number(connectString.split(':')[1]) },
        {
          onConnect: () => resolve(one),
          onData: () => undefined,
          onDrain: () => undefined,
          onEnd: () => undefined,
          onClose: () => close(),
        },
      );
    });
    for (const shown of [conn, dial, transport]) {
      const text = inspect(shown, { depth: 20, showHidden: true, maxStringLength: null });
      expect(text).not.toContain(PASSPHRASE);
      expect(text).not.toMatch(/PRIVATE KEY/);
    }
    (transport as { destroy(): void }).destroy();
    await closed;
  });
});

describe('options', () => {
  it('of a secure dialer are a copy', async () => {
    const { connectString } = await serve();
    const tls: { ca: string } = { ca: made.ca };
    const dialer = tlsDialer(tls);
    tls.ca = 'changed';
    await using conn = await connect(connectString, { dialer });
    expect(conn.state).toBe('SyncConnected');
  });

  it('do not take a dialer besides', async () => {
    const both = { tls: true, dialer: tlsDialer() } as const;
    await expect(connect('127.0.0.1:1', both)).rejects.toThrow(/give tls or dialer/);
  });

  it('with a misspelt key name the right one', async () => {
    const tls = { caFiel: 'x' } as never;
    await expect(connect('127.0.0.1:1', { tls })).rejects.toThrow(/caFiel.*did you mean 'caFile'/);
  });
});
