/** SASL on the mini-server; `test/real/sasl.test.ts` holds real servers to the same cases. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, digestMd5 } from '../../../src/index.js';
import { MiniServer, type MiniServerOptions } from '../../../src/testing.js';
import { firstFailure } from '../../support/first-failure.js';
import { CLIENT_CASES, ENFORCED, WIRE_CASES, WITHOUT_SASL, type SaslCase } from '../../support/sasl-cases.js';

const SASL = { users: { bob: 'secret' } };

describe.each<[string, MiniServerOptions, readonly SaslCase[]]>([
  ['with SASL', { sasl: SASL }, [...WIRE_CASES, ...CLIENT_CASES]],
  ['without SASL', {}, WITHOUT_SASL],
  ['that demands SASL', { sasl: SASL, enforcedAuthSchemes: ['sasl'] }, ENFORCED],
])('a mini-server %s: [H5]', (_what, options, cases) => {
  let server: MiniServer;

  beforeAll(async () => {
    server = await MiniServer.start(options);
  });
  afterAll(async () => {
    await server.close();
  });

  it.each(cases)('%s', (_name, run) => run(server));
});

describe('a mini-server', () => {
  it('asks a function for the passwords, each time', async () => {
    const passwords = new Map([['bob', 'one']]);
    await using server = await MiniServer.start({ sasl: { users: (name) => passwords.get(name) } });
    const sasl = digestMd5({ username: 'bob', password: 'two' });
    await expect(connect(server.connectString, { sasl })).rejects.toThrow('authentication failed');
    passwords.set('bob', 'two');
    await using conn = await connect(server.connectString, { sasl });
    expect(conn.state).toBe('SyncConnected');
  });

  it('is not changed by who changes its options', async () => {
    const users: Record<string, string> = { bob: 'secret' };
    await using server = await MiniServer.start({ sasl: { users } });
    users['bob'] = 'other';
    await using conn = await connect(server.connectString, {
      sasl: digestMd5({ username: 'bob', password: 'secret' }),
    });
    expect(conn.state).toBe('SyncConnected');
  });

  it('can demand another scheme', async () => {
    await using server = await MiniServer.start({ enforcedAuthSchemes: ['digest'] });
    await using conn = await connect(server.connectString, { auth: [{ scheme: 'digest', auth: 'u:p' }] });
    expect(await conn.exists('/')).not.toBeNull();
  });

  it('hangs up on a name that Java cannot parse', async () => {
    await using server = await MiniServer.start({ sasl: { users: { 'b@x@y': 'pw' } } });
    const sasl = digestMd5({ username: 'b@x@y', password: 'pw' });
    expect(String(await firstFailure(server.connectString, { sasl }))).toContain(
      'the server closed the connection',
    );
  });
});
