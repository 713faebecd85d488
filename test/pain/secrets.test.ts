/** What is secret stays so: a word that stands in every secret is looked for in everything that the client says. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import createDebug from 'debug';
import { expect, it } from 'vitest';
import { CREATOR_ALL_ACL, Conn, digestMd5, type ConnOptions } from '../../src/index.js';
import { MiniServer } from '../../src/testing.js';
import { CuttableDialer } from '../support/cuttable-dialer.js';

const CANARY = 'canary-5d1e';
const CHANNELS = [
  ...['start', 'end', 'asyncStart', 'asyncEnd', 'error'].map((what) => `tracing:zk-conn:request:${what}`),
  'zk-conn:request:late',
  'zk-conn:connection',
  'zk-conn:session',
];

/** Everything that can be seen of a value, causes and stacks included. */
function shown(value: unknown, depth = 0): string {
  const texts = [inspect(value, { depth: 20, showHidden: true, getters: true }), String(value)];
  try {
    texts.push(JSON.stringify(value));
  } catch {
    // a circle: inspect has seen it
  }
  if (value instanceof Error) texts.push(value.stack ?? '', depth < 9 ? shown(value.cause, depth + 1) : '');
  return texts.join('\n');
}

it('no log, error, event, channel, inspect or JSON shows a password or a token [H3] [H5]', async () => {
  const seen: string[] = [];
  const see = (value: unknown): void => void seen.push(shown(value));
  const { log } = createDebug;
  createDebug.log = (...args: unknown[]) => see(args);
  createDebug.enable('zk-conn:*');
  for (const name of CHANNELS) subscribe(name, see);
  await using server = await MiniServer.start({ sasl: { users: { bob: `${CANARY}-sasl` } } });
  const sockets = new CuttableDialer();
  const secrets = { sasl: digestMd5({ username: 'bob', password: `${CANARY}-sasl` }) };

  async function live(options: ConnOptions): Promise<void> {
    const conn = new Conn(server.connectString, { backoff: { baseMs: 1 }, dialer: sockets.dial, ...options });
    for (const event of ['state', 'session', 'connection', 'watch', 'connectError'] as const)
      conn.on(event, see);
    await conn.connect().catch(see);
    await conn.create('/n', 'x', { acl: CREATOR_ALL_ACL, mode: 'EPHEMERAL' }).catch(see);
    const resumed = new Promise((resolve) => conn.once('connection', resolve));
    if (conn.state === 'SyncConnected') {
      sockets.cut();
      await resumed;
      await conn.exists('/n').catch(see);
      // the password of the session, which the dialer knows, is not told by the Conn
      const { passwd } = sockets.session as { passwd: Uint8Array };
      const session = [...passwd].map(String).join(', ');
      expect(shown(conn)).not.toContain(session);
      expect(shown(conn)).not.toContain(Buffer.from(passwd).toString('hex'));
    }
    const refused = [conn.addAuth('nope', `${CANARY}-refused`), conn.get('/n')];
    for (const call of refused) await call.catch(see);
    await conn.addAuth('digest', `${CANARY}\ud800`).catch(see);
    await conn.addAuth(7 as never, CANARY).catch(see);
    see(conn);
    see(await conn.closed);
    await conn.close();
    see(conn);
  }

  try {
    await live({ ...secrets, auth: [{ scheme: 'digest', auth: `ada:${CANARY}` }] });
    await live({ sasl: digestMd5({ username: 'bob', password: `${CANARY}-wrong` }) });
    await live({ auth: [{ scheme: 'nope', auth: Buffer.from(CANARY) }] });
    see(secrets);
    for (const bad of [
      { auth: CANARY },
      { auth: [{ scheme: 'digest', auth: [CANARY] }] },
      { sasl: CANARY },
    ]) {
      try {
        see(new Conn('h:1', bad as never));
      } catch (error) {
        see(error);
      }
    }
    // the search would find it, and has looked at something
    expect(shown({ password: CANARY })).toContain(CANARY);
    expect(seen.length).toBeGreaterThan(50);
    expect(seen.join('\n')).toContain('AuthFailed');
    expect(seen.filter((text) => text.includes(CANARY))).toEqual([]);
    const bytes = [...Buffer.from(CANARY)];
    for (const text of seen) {
      expect(text).not.toContain(bytes.map(String).join(', '));
      expect(text).not.toContain(bytes.map((byte) => byte.toString(16)).join(' '));
      expect(text).not.toContain(Buffer.from(CANARY).toString('base64').slice(0, 12));
    }
  } finally {
    createDebug.disable();
    createDebug.log = log;
    for (const name of CHANNELS) unsubscribe(name, see);
  }
});
