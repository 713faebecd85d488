/**
 * GSSAPI with a real KDC, real servers and the real package `kerberos`, which is no dependency of ours:
 * `ZK_KERBEROS=<folder of the installed package> npx vitest run test/real/gssapi.test.ts`.
 */
import { createRequire } from 'node:module';
import * as path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connect, gssapi, type GssapiOptions, type KerberosModule } from '../../src/index.js';
import { missingForKdc, startKdc, type Kdc } from '../support/kdc.js';
import { startRealServer, type RealServer } from '../support/real-zookeeper.js';
import { onEveryRelease } from '../support/targets.js';

const folder = process.env['ZK_KERBEROS'];
const missing = folder === undefined ? 'ZK_KERBEROS is not set' : missingForKdc();

if (missing !== null || folder === undefined) {
  process.stdout.write(`skipped: GSSAPI: ${missing ?? ''}\n`);
  it.skip(`GSSAPI: ${missing ?? ''}`, () => undefined);
} else {
  onEveryRelease('GSSAPI', (version) => {
    let kdc: Kdc;
    let server: RealServer;
    let kerberos: KerberosModule;

    beforeAll(async () => {
      kdc = await startKdc();
      process.env['KRB5_CONFIG'] = kdc.config;
      process.env['KRB5CCNAME'] = kdc.cache;
      kerberos = createRequire(import.meta.url)(path.resolve(folder)) as KerberosModule;
      server = await startRealServer({
        version,
        config: { 'authProvider.1': 'org.apache.zookeeper.server.auth.SASLAuthenticationProvider' },
        properties: { 'java.security.krb5.conf': kdc.config },
        jaas: `Server {
  com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true keyTab="${kdc.keytab}"
    storeKey=true useTicketCache=false principal="zookeeper/localhost@TEST";
};
`,
      });
    });
    afterAll(async () => {
      await server.stop();
      await kdc.stop();
    });

    const open = (options: Partial<GssapiOptions> = {}) =>
      connect(`localhost:${server.port}`, {
        sasl: gssapi({ kerberos, ...options }),
        sessionTimeoutMs: 3000,
      });

    it('gives the identity of the ticket', async () => {
      await using conn = await open();
      const { clientInfo } = await conn.call('whoAmI', {});
      expect(clientInfo).toContainEqual({ authScheme: 'sasl', user: 'bob@TEST' });
      const acl = [{ perms: 31, scheme: 'auth', id: '' }];
      const own = await conn.create('/gss-', 'x', { mode: 'EPHEMERAL_SEQUENTIAL', acl });
      expect((await conn.getAcl(own)).acl).toEqual([{ perms: 31, scheme: 'sasl', id: 'bob@TEST' }]);
    });

    it('says what is wrong with a name that the KDC does not know', async () => {
      await expect(open({ hostName: 'nowhere' })).rejects.toThrow('zookeeper/nowhere@TEST not found');
    });
  });
}
