/** A server with two ports: one plain, one with TLS. */
import { connect as dial } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../../src/index.js';
import { InvalidOptionError } from '../../../src/protocol/errors.js';
import { ListenError } from '../../../src/testing/errors.js';
import { MiniServer } from '../../../src/testing/mini-server.js';
import type { MiniServerOptions } from '../../../src/testing/options.js';
import { makeCertificates, type Certificates } from '../../support/certificates.js';
import { fourLetterWord, RawClient } from '../../support/raw-client.js';
import { tlsWord } from '../../support/tls-word.js';

let made: Certificates;
const servers: MiniServer[] = [];

beforeAll(() => {
  made = makeCertificates();
});
afterAll(() => made[Symbol.dispose]());
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function start(options: MiniServerOptions = {}): Promise<MiniServer> {
  const { key, cert } = made.server;
  const server = await MiniServer.start({ tls: { key, cert }, securePort: 0, ...options });
  servers.push(server);
  return server;
}

describe('a plain and a secure port', () => {
  it('serve the same nodes', async () => {
    const server = await start();
    expect(server.securePort).not.toBe(server.port);
    expect(server.secureConnectString).toBe(`127.0.0.1:${server.securePort}`);
    await using plain = await connect(server.connectString);
    await using secure = await connect(server.secureConnectString!, { tls: { ca: made.ca } });
    const { watch } = await secure.existsW('/a');
    await plain.create('/a', 'x');
    expect(await watch.event).toMatchObject({ type: 'NodeCreated' });
    expect(String((await secure.get('/a')).data)).toBe('x');
    expect(server.connectionCount).toBe(2);
  });

  it('a superuser is whom a certificate says', async () => {
    const { key, cert } = made.server;
    const tls = { key, cert, ca: made.ca, requestCert: true };
    const server = await start({ tls, superUser: 'CN=client,OU=tests,O=zk-conn' });
    const client = { ca: made.ca, cert: made.client.cert, key: made.client.key };
    await using conn = await connect(server.secureConnectString!, { tls: client });
    expect((await conn.whoAmI()).map(({ scheme }) => scheme).sort()).toEqual(['ip', 'super', 'x509']);
    await using plain = await connect(server.connectString);
    expect((await plain.whoAmI()).map(({ scheme }) => scheme)).toEqual(['ip']);
  });

  it('tell of their own connections, and of both how many there are', async () => {
    const server = await start();
    const secureAddress = { port: server.securePort! };
    const client = await RawClient.open(server);
    await using _secure = await connect(server.secureConnectString!, { tls: { ca: made.ca } });
    const sid = `sid=0x${client.session!.sessionId.toString(16)}`;
    expect(await fourLetterWord(server, 'conf')).toContain(
      `clientPort=${server.port}\nsecureClientPort=${server.securePort}\n`,
    );
    expect(await fourLetterWord(server, 'cons')).toContain(sid);
    const secureCons = await tlsWord(secureAddress, 'cons', made.ca);
    expect(secureCons).not.toContain(sid);
    expect(secureCons.match(/^ \//gm)).toHaveLength(2);
    expect(await fourLetterWord(server, 'srvr')).toContain('Connections: 3\n');
    client.destroy();
  });

  it('are kept by a restart, and closed by a stop', async () => {
    const server = await start();
    const ports = [server.port, server.securePort];
    await server.restart();
    expect([server.port, server.securePort]).toEqual(ports);
    expect(await tlsWord({ port: server.securePort! }, 'ruok', made.ca)).toBe('imok');
    await server.stop();
    expect(server.running).toBe(false);
    for (const port of ports) {
      const socket = dial({ host: '127.0.0.1', port: port! });
      await expect(new Promise((resolve) => socket.on('error', resolve))).resolves.toMatchObject({
        code: 'ECONNREFUSED',
      });
    }
  });

  it('open together or not at all', async () => {
    const other = await start();
    const { key, cert } = made.server;
    const failed = MiniServer.start({ port: 0, tls: { key, cert }, securePort: other.port });
    await expect(failed).rejects.toBeInstanceOf(ListenError);
    await other.close();
    // nothing of the failed one is left: the process would not end
    await start({ securePort: other.port });
  });
});

describe('one port', () => {
  it('is secure with `tls` alone', async () => {
    const server = await start({ securePort: undefined });
    expect([server.securePort, server.secureConnectString]).toEqual([server.port, server.connectString]);
  });

  it('is plain without', async () => {
    const server = await start({ securePort: undefined, tls: undefined });
    expect([server.securePort, server.secureConnectString]).toEqual([null, null]);
  });
});

it.each<MiniServerOptions>([{ securePort: 0 }, { securePort: -1 }, { securePort: 70_000 }])(
  '%o are refused',
  async (options) => {
    await expect(MiniServer.start(options)).rejects.toBeInstanceOf(InvalidOptionError);
  },
);

it('the same number for both is refused', async () => {
  await expect(start({ port: 4711, securePort: 4711 })).rejects.toThrow('must differ');
});
