/** TLS and x509 on the `secureClientPort` of real servers, with certificates made for the run. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askServer, connect, tlsDialer, type TlsOptions } from '../../src/index.js';
import { LinkError, TlsError } from '../../src/protocol/errors.js';
import { PASSPHRASE, makeCertificates, secureConfig, type Certificates } from '../support/certificates.js';
import { firstFailure } from '../support/first-failure.js';
import { startRealServer, type RealServer } from '../support/real-zookeeper.js';
import { SUBJECTS } from '../support/subjects.js';
import { onEveryRelease } from '../support/targets.js';

const ME = { scheme: 'x509', id: 'CN=client,OU=tests,O=zk-conn' } as const;

onEveryRelease('TLS', (version) => {
  let made: Certificates;
  const servers: RealServer[] = [];
  beforeAll(() => {
    made = makeCertificates();
  });
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()));
    made[Symbol.dispose]();
  });

  /** @returns `host:port` of its secure port, and of its plain one */
  async function serve(clientAuth: 'need' | 'none'): Promise<{ secure: string; plain: string }> {
    const server = await startRealServer({
      version,
      config: (spare) => ({
        ...secureConfig(made, spare[0], clientAuth),
        'authProvider.x509': 'org.apache.zookeeper.server.auth.X509AuthenticationProvider',
      }),
    });
    servers.push(server);
    return { secure: `localhost:${server.spare[0] ?? 0}`, plain: server.connectString };
  }

  describe('on a server that asks for no certificate', () => {
    let secure: string;
    let plain: string;
    beforeAll(async () => {
      ({ secure, plain } = await serve('none'));
    });

    it('a session, watches and much data', async () => {
      await using conn = await connect(secure, { tls: { ca: made.ca } });
      const data = Buffer.alloc(900_000, 'abc');
      await conn.create('/big', data);
      const { data: read, watch } = await conn.getW('/big');
      expect(read?.equals(data)).toBe(true);
      await conn.delete('/big');
      expect(await watch.event).toMatchObject({ type: 'NodeDeleted' });
    });

    // what a server allows is `ssl.enabledProtocols`, by default `ssl.protocol` alone: 1.2 before 3.9, else 1.3
    it('TLS of the version that the release has, and of no other', async () => {
      const newer = version.startsWith('3.9');
      const [good, bad] = newer ? (['TLSv1.3', 'TLSv1.2'] as const) : (['TLSv1.2', 'TLSv1.3'] as const);
      const only = (which: 'TLSv1.2' | 'TLSv1.3'): TlsOptions => ({
        ca: made.ca,
        minVersion: which,
        maxVersion: which,
      });
      await using conn = await connect(secure, { tls: only(good) });
      expect(conn.state).toBe('SyncConnected');
      expect(await firstFailure(secure, { tls: only(bad) })).toBeInstanceOf(TlsError);
    });

    it('four-letter words', async () => {
      const dialer = tlsDialer({ ca: made.ca });
      expect(await askServer(secure, 'ruok', { dialer, timeoutMs: 60_000 })).toBe(true);
    });

    it('refused: a CA that we do not know, and a name that is not in the certificate [H4]', async () => {
      const unknown = await firstFailure(secure, { tls: true });
      expect(unknown).toBeInstanceOf(TlsError);
      expect(unknown.message).toMatch(/certificate is not accepted/);
      const wrong = await firstFailure(secure, { tls: { ca: made.ca, servername: 'other.example' } });
      expect(wrong).toBeInstanceOf(TlsError);
      expect(wrong.message).toMatch(/another name/);
    });

    it('the wrong port says so, both ways', async () => {
      const secureOnPlain = await firstFailure(plain, { tls: { ca: made.ca } });
      expect(secureOnPlain).toBeInstanceOf(TlsError);
      expect(secureOnPlain.message).toMatch(/is this its secureClientPort\?/);
      const plainOnSecure = await firstFailure(secure, {});
      expect(plainOnSecure).toBeInstanceOf(LinkError);
      expect(plainOnSecure.message).toMatch(/expect TLS on this port/);
    });
  });

  describe('on a server that demands a certificate', () => {
    let secure: string;
    beforeAll(async () => {
      ({ secure } = await serve('need'));
    });

    it('the certificate is an identity, for ACLs too [H4]', async () => {
      const { caFile, ca, client, encryptedKey, server } = made;
      const tls: TlsOptions = { caFile, cert: client.cert, key: encryptedKey, passphrase: PASSPHRASE };
      await using conn = await connect(secure, { tls });
      const { clientInfo } = await conn.call('whoAmI', {});
      expect(clientInfo).toContainEqual({ authScheme: ME.scheme, user: ME.id });
      await conn.create('/mine', 'x', { acl: [{ perms: 31, scheme: 'auth', id: '' }] });
      expect((await conn.getAcl('/mine')).acl).toEqual([{ perms: 31, ...ME }]);
      await using other = await connect(secure, { tls: { ca, cert: server.cert, key: server.key } });
      await expect(other.get('/mine')).rejects.toMatchObject({ code: 'ZK_NO_AUTH' });
      await conn.setAcl('/mine', [{ perms: 31, scheme: 'x509', id: 'CN=localhost' }]);
      expect((await other.get('/mine')).data?.toString()).toBe('x');
      await other.delete('/mine');
    });

    it.each(SUBJECTS)('its subject is the name of its owner: $what', async ({ subject, more, id }) => {
      const { ca } = made;
      const { cert, key } = made.sign(subject, more);
      await using conn = await connect(secure, { tls: { ca, cert, key } });
      const { clientInfo } = await conn.call('whoAmI', {});
      expect(clientInfo).toContainEqual({ authScheme: 'x509', user: id });
    });

    it.each(['none', 'stranger'] as const)('refused, with a reason: %s', async (who) => {
      const identity = who === 'none' ? {} : { cert: made.stranger.cert, key: made.stranger.key };
      const error = await firstFailure(secure, { tls: { ca: made.ca, ...identity } });
      expect(error.message).toMatch(/TLS handshake: .*certificate of ours/);
    });
  });
});
