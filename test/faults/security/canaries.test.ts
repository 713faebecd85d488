/**
 * Secrets with a word in them that nobody else uses, through a life with every kind of trouble; then the word is looked for,
 * in every form that bytes can take, in everything that client, mini-server and proxy say or show.
 */
import { createHash } from 'node:crypto';
import { inspect } from 'node:util';
import { PassThrough } from 'node:stream';
import { Console } from 'node:console';
import createDebug from 'debug';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  CREATOR_ALL_ACL,
  Conn,
  askServer,
  connect,
  digestMd5,
  op,
  tlsDialer,
  type ConnOptions,
} from '../../../src/index.js';
import { frameLine } from '../../../src/testing/cli-log.js';
import { FaultProxy, MiniServer, VirtualClock } from '../../../src/testing.js';
import { ChannelListener, tracingNames } from '../../support/channels.js';
import { makeCertificates, type Certificates } from '../../support/certificates.js';
import { CuttableDialer } from '../../support/cuttable-dialer.js';
import { checked, injected } from '../../support/tally.js';

/** A secret: what it is, and its bytes. */
interface Canary {
  readonly name: string;
  readonly bytes: Buffer;
}

const canary = (name: string): Canary => ({ name, bytes: Buffer.from(`canary-${name}-7f3a`) });
const textOf = ({ bytes }: Canary): string => bytes.toString();

const AUTH = canary('auth');
const SASL = canary('sasl');
const DATA = canary('data');
const REFUSED = canary('refused');
const PASSPHRASE = canary('passphrase');

/** Every form in which bytes can stand in a text. */
function formsOf({ bytes }: Canary): string[] {
  const hex = bytes.toString('hex');
  const numbers = [...bytes].map(String);
  // base64 by where the bytes begin in a longer text, without its ends
  const base64 = [0, 1, 2].map((shift) =>
    Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .slice(4, -4),
  );
  const spelt = encodeURIComponent(bytes.toString('latin1'));
  // as logs of the client write what is no text
  const escaped = [...bytes].map((byte) =>
    byte < 0x20 || (byte >= 0x7f && byte < 0xa0)
      ? `\\u${byte.toString(16).padStart(4, '0')}`
      : String.fromCharCode(byte),
  );
  const forms = [
    bytes.toString('latin1'),
    bytes.toString('utf8'),
    hex,
    hex.toUpperCase(),
    hex.replace(/..(?!$)/g, '$& '),
  ];
  forms.push(
    numbers.join(','),
    numbers.join(', '),
    spelt,
    escaped.join(''),
    inspect(bytes.toString('latin1')).slice(1, -1),
    ...base64,
  );
  // inspect shows an array of numbers in columns
  forms.push(numbers.slice(0, 6).join(', '));
  return [...new Set(forms)].filter((form) => form.length >= 8);
}

/** All of a value that anybody could print. */
function shown(value: unknown, depth = 0): string {
  const texts = [
    inspect(value, {
      depth: Infinity,
      showHidden: true,
      getters: false,
      maxArrayLength: null,
      maxStringLength: null,
    }),
    String(value),
  ];
  const out = new PassThrough();
  new Console(out).log(value);
  texts.push(String(out.read()));
  try {
    texts.push(
      JSON.stringify(value, (_key, item: unknown) => (typeof item === 'bigint' ? String(item) : item)),
    );
  } catch {
    // a circle: inspect has seen it
  }
  if (value instanceof Error) {
    texts.push(value.stack ?? '', value.message);
    if (depth < 9) texts.push(shown(value.cause, depth + 1));
    if (value instanceof AggregateError && depth < 9)
      texts.push(...value.errors.map((each) => shown(each, depth + 1)));
  }
  return texts.join('\n');
}

/** Everything that was said, by where. */
class Ears {
  readonly said: { readonly where: string; readonly text: string }[] = [];

  hear(where: string, value: unknown): void {
    this.said.push({ where, text: typeof value === 'string' ? value : shown(value) });
  }

  /** Where one of the secrets is to be seen. */
  leaks(canaries: readonly Canary[]): string[] {
    const found: string[] = [];
    for (const secret of canaries) {
      const forms = formsOf(secret);
      for (const { where, text } of this.said) {
        const form = forms.find((each) => text.includes(each));
        if (form !== undefined) found.push(`${secret.name} in ${where}, as ${form}`);
      }
    }
    return [...new Set(found)];
  }
}

let made: Certificates;
beforeAll(() => {
  made = makeCertificates();
});
afterAll(() => made[Symbol.dispose]());

describe('the search', () => {
  it.each([
    ['a text', (s: Canary) => ({ deep: { password: textOf(s) } })],
    ['bytes', (s: Canary) => ({ deep: [s.bytes] })],
    ['an array of bytes', (s: Canary) => new Uint8Array(s.bytes)],
    ['an error', (s: Canary) => new Error('x', { cause: new Error(textOf(s)) })],
    ['several errors', (s: Canary) => new AggregateError([new Error(textOf(s))])],
    ['hexadecimal', (s: Canary) => s.bytes.toString('hex')],
    ['base64', (s: Canary) => Buffer.from(`ada:${textOf(s)}`).toString('base64')],
    ['a query', (s: Canary) => `?p=${encodeURIComponent(textOf(s))}`],
  ])('finds it in %s', (_what, hide) => {
    const ears = new Ears();
    ears.hear('here', hide(AUTH));
    expect(ears.leaks([AUTH])).toHaveLength(1);
    expect(ears.leaks([SASL])).toEqual([]);
  });
});

describe('a life with every kind of trouble', () => {
  it(
    'shows no secret: not in logs, errors, events, channels, stats, JSON, inspect or console.log',
    { timeout: 180_000 },
    async () => {
      const ears = new Ears();
      const secrets: Canary[] = [AUTH, SASL, DATA, REFUSED, PASSPHRASE];
      const { log } = createDebug;
      createDebug.log = (...args: unknown[]) => ears.hear('debug', args.map(String).join(' '));
      createDebug.enable('zk-conn:*');
      using channels = new ChannelListener<object>(
        ...tracingNames('zk-conn:request'),
        'zk-conn:request:late',
        'zk-conn:connection',
        'zk-conn:session',
        'zk-conn:warning',
      );
      channels.onMessage = (message) => ears.hear('channel', message);

      const { key, cert } = made.server;
      const users = { bob: textOf(SASL) };
      const server = await MiniServer.start({
        sasl: { users },
        log: true,
        superDigest: `super:${digestOf(AUTH)}`,
      });
      const secure = await MiniServer.start({
        tls: { key, cert, ca: made.ca, requestCert: true },
        log: true,
      });
      const proxy = await FaultProxy.start({ target: server.connectString });
      const fails = async (where: string, call: Promise<unknown>): Promise<void> => {
        ears.hear(where, await call.catch((error: unknown) => error));
      };

      async function live(what: string, servers: string, options: ConnOptions): Promise<void> {
        const sockets = new CuttableDialer();
        const dialer = options.tls === undefined ? { dialer: sockets.dial } : {};
        const conn = new Conn(servers, { backoff: { baseMs: 1, maxMs: 5 }, ...dialer, ...options });
        for (const event of ['state', 'session', 'connection', 'watch', 'connectError', 'warning'] as const)
          conn.on(event, (payload: unknown) => ears.hear(`${what}: event ${event}`, payload));
        await fails(`${what}: connect`, conn.connect());
        if (conn.state === 'SyncConnected') {
          const passwd = conn.session!.password;
          secrets.push({ name: `passwd of ${what}`, bytes: passwd });
          const root = `/${what.replaceAll(/\W/g, '')}`;
          await fails('create', conn.create(root, textOf(DATA), { acl: CREATOR_ALL_ACL }));
          await fails('create again', conn.create(root, textOf(DATA)));
          await fails('set', conn.set(root, DATA.bytes, 99));
          await fails(
            'multi',
            conn.multi([op.create(`${root}/m`, DATA.bytes), op.set(`${root}/none`, DATA.bytes)]),
          );
          await fails('transaction', conn.transaction().set(root, DATA.bytes, 7).commit());
          await fails('idempotent', conn.setIdempotent(root, DATA.bytes, 55));
          await fails('too large', conn.set(root, Buffer.alloc(2_000_000, DATA.bytes)));
          await fails('bad path', conn.set('bad', DATA.bytes));
          await fails('bad data', conn.set(root, { secret: textOf(DATA) } as never));
          const { watch } = await conn.existsW(root);
          await conn.get(root).catch(() => undefined);
          server.when({ op: 'setData' }).cut('beforeAnswered');
          const lost = conn.set(root, DATA.bytes);
          if (what === 'digest') {
            await fails('lost', lost);
            injected('answer lost with a secret in it');
          } else {
            server.clearRules();
            await fails('set', lost);
          }
          await fails('late', conn.set(root, DATA.bytes, -1, { timeoutMs: 1 }));
          const stream = await conn.addWatch(root, 'PERSISTENT').catch(() => undefined);
          const values = conn.watchData(root);
          const { dialer: own } = { dialer: tlsDialer({ ca: made.ca }) };
          const all: Record<string, unknown> = {
            conn,
            view: conn.chroot('/x'),
            session: conn.session,
            stats: conn.stats(),
            watch,
            stream,
            values,
            transaction: conn.transaction().create('/t'),
            closed: conn.closed,
            own,
          };
          for (const [name, value] of Object.entries(all)) ears.hear(`${what}: ${name}`, value);
          for (const each of [stream, values, watch]) each?.close();
        }
        await fails('a scheme that nobody knows', conn.addAuth('nope', REFUSED.bytes));
        await fails('auth that is none', conn.addAuth('digest', [textOf(REFUSED)] as never));
        await fails('text that is none', conn.addAuth('digest', `${textOf(REFUSED)}\ud800`));
        await fails('reconnect', conn.reconnect({ auth: textOf(REFUSED) } as never));
        ears.hear(`${what}: the end`, [conn, conn.stats(), await conn.close(), await conn.closed]);
      }

      const identity = { ca: made.ca, cert: made.client.cert, key: made.client.key };
      const sasl = digestMd5({ username: 'bob', password: textOf(SASL) });
      try {
        await live('digest', proxy.connectString, {
          auth: [{ scheme: 'digest', auth: `ada:${textOf(AUTH)}` }],
        });
        await live('sasl', server.connectString, { sasl });
        await live('wrong sasl', server.connectString, {
          sasl: digestMd5({ username: 'bob', password: `${textOf(SASL)}-wrong` }),
        });
        await live('refused', server.connectString, { auth: [{ scheme: 'nope', auth: REFUSED.bytes }] });
        await live('tls', secure.connectString, { tls: identity });
        await live('tls, unknown CA', secure.connectString, {
          tls: { ...identity, ca: made.stranger.cert },
          sessionTimeoutMs: 100,
        });
        // a secret where none belongs
        const bads: unknown[] = [
          { auth: textOf(AUTH) },
          { auth: [textOf(AUTH)] },
          { auth: [{ scheme: 'digest', auth: { password: textOf(AUTH) } }] },
          { auth: [{ scheme: 'digest', auth: textOf(AUTH), [`passwort`]: textOf(AUTH) }] },
          { sasl: textOf(SASL) },
          { sasl: { password: textOf(SASL) } },
          { session: { id: 1n, password: textOf(AUTH) } },
          { tls: { ...identity, passphrase: textOf(PASSPHRASE), key: made.encryptedKey } },
          { tls: { ...identity, key: textOf(PASSPHRASE) } },
          { tls: textOf(PASSPHRASE) },
          { tls: { ...identity, pfx: PASSPHRASE.bytes, passphrase: textOf(PASSPHRASE) } },
        ];
        for (const bad of bads) {
          try {
            ears.hear('constructor', new Conn('h:1', bad as never));
          } catch (error) {
            ears.hear('constructor', error);
          }
        }
        for (const bad of [
          { username: 'bob', password: [textOf(SASL)] },
          { username: 'bob', password: textOf(SASL), realm: 7 },
        ]) {
          try {
            ears.hear('digestMd5', digestMd5(bad as never));
          } catch (error) {
            ears.hear('digestMd5', error);
          }
        }
        // what a proxy and a server show and record, and what the command prints of it
        const frames = [...server.log.frames(), ...proxy.log.frames(), ...secure.log.frames()];
        expect(frames.length).toBeGreaterThan(100);
        for (const frame of frames)
          ears.hear('frame', [frame, frameLine(frame, 0)].map((each) => shown(each)).join('\n'));
        const objects = {
          server,
          secure,
          proxy,
          sasl,
          sessions: server.sessions,
          clock: new VirtualClock(),
          rules: server.rules,
        };
        for (const [name, value] of Object.entries(objects)) ears.hear(name, jsonOf(value));
        ears.hear('console.log of sasl', sasl);
        for (const word of ['stat', 'cons', 'dump', 'conf', 'envi', 'mntr', 'wchc', 'wchp', 'srvr'] as const)
          ears.hear(word, await askServer(server.connectString, word, { timeoutMs: 60_000 }));
        for (const bad of [
          { tls: { key: textOf(PASSPHRASE), cert: textOf(PASSPHRASE) } },
          { tls: { key: made.encryptedKey, cert, passphrase: textOf(PASSPHRASE) } },
          { sasl: { users: { bob: [textOf(SASL)] } } },
          { superDigest: [textOf(AUTH)] },
        ]) {
          ears.hear('MiniServer', await MiniServer.start(bad as never).catch((error: unknown) => error));
        }
      } finally {
        createDebug.disable();
        createDebug.log = log;
        await proxy.close();
        await server.close();
        await secure.close();
      }
      for (const [name, pem] of [
        ['key', made.client.key],
        ['encrypted key', made.encryptedKey],
        ['key of the server', made.server.key],
      ] as const)
        secrets.push({ name, bytes: Buffer.from(pem.split('\n')[1]!) });

      // something was said, everywhere
      const places = new Set(ears.said.map(({ where }) => where));
      for (const where of [
        'debug',
        'channel',
        'frame',
        'digest: conn',
        'tls: conn',
        'sasl: session',
        'constructor',
      ])
        expect(places).toContain(where);
      expect(ears.said.length).toBeGreaterThan(500);
      expect(secrets.length).toBeGreaterThanOrEqual(11);
      const leaks = ears.leaks(secrets);
      checked('secret leaks', leaks.length);
      expect(leaks).toEqual([]);
    },
  );
});

/** SHA-1, as `superDigest` has it. */
function digestOf(secret: Canary): string {
  return createHash('sha1')
    .update(`super:${textOf(secret)}`)
    .digest('base64');
}

function jsonOf(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => (typeof item === 'bigint' ? String(item) : item));
}

describe('a snapshot', () => {
  it('holds the passwords of sessions only if it is asked for ephemeral nodes', async () => {
    await using server = await MiniServer.start();
    await using conn = await connect(server.connectString);
    await conn.create('/e', 'x', { mode: 'EPHEMERAL' });
    const secret = { name: 'passwd', bytes: conn.session!.password };
    const ears = new Ears();
    ears.hear('snapshot', server.snapshot());
    const leaks = ears.leaks([secret]);
    checked('secret leaks', leaks.length);
    expect(leaks).toEqual([]);
    const whole = JSON.stringify(server.snapshot({ ephemerals: true }));
    expect(whole).toContain(secret.bytes.toString('base64'));
  });
});
