/**
 * What is true of SASL on any server that has the user bob with the password secret: on the mini-server and on real
 * ones. The wire first, without our client; then our client.
 */
import { expect } from 'vitest';
import {
  connect,
  digestMd5,
  tcpDialer,
  type Conn,
  type Dialer,
  type SaslMechanism,
} from '../../src/index.js';
import {
  FIRST_USE,
  clientProof,
  readChallenge,
  readServerProof,
  serverProof,
  writeResponse,
} from '../../src/protocol/digest-md5.js';
import { Errno } from '../../src/protocol/error-codes.js';
import { AuthFailedError, InvalidAclError, NoAuthError } from '../../src/protocol/errors.js';
import { CuttableDialer } from './cuttable-dialer.js';
import { RawClient, type Address, type RawReply } from './raw-client.js';

/** A server of a kind. */
export interface SaslServer extends Address {
  readonly connectString: string;
}

/** One thing that is true, by name. */
export type SaslCase = readonly [name: string, run: (server: SaslServer) => Promise<void>];

const NOTHING = Buffer.alloc(0);
/** The body of a refusal. */
const NULL_TOKEN = Buffer.from([0xff, 0xff, 0xff, 0xff]);

interface Answer {
  readonly username?: string;
  readonly password?: string;
  readonly digestUri?: string;
  readonly realm?: string;
  readonly nc?: string;
  readonly qop?: string;
  readonly nonce?: string;
}

/** The answer to a challenge, right unless `answer` says otherwise, and what the server must prove. */
function prove(challenge: Buffer, answer: Answer = {}): { token: Buffer; rspauth: string } {
  const { nonce, realms, utf8 } = readChallenge(challenge);
  const input = {
    username: 'bob',
    password: 'secret',
    realm: realms[0] ?? '',
    nonce,
    cnonce: 'abc',
    nc: FIRST_USE,
    digestUri: 'zookeeper/zk-sasl-md5',
    qop: 'auth',
    utf8,
    ...answer,
  };
  return { token: writeResponse({ ...input, response: clientProof(input) }), rspauth: serverProof(input) };
}

/** Sends one token; null if the server hangs up instead of answering. */
async function step(client: RawClient, token: Buffer | null): Promise<RawReply | null> {
  client.send('sasl', { token });
  return client.reply();
}

/** A connection that has the challenge. */
async function challenged(server: SaslServer): Promise<{ client: RawClient; challenge: Buffer }> {
  const client = await RawClient.open(server);
  const { errno, zxid, response } = await client.call('sasl', { token: NOTHING });
  expect({ errno, zxid }).toEqual({ errno: 0, zxid: 0n });
  return { client, challenge: Buffer.from(response?.token ?? NOTHING) };
}

/** The server says no, and hangs up. */
async function refuses(client: RawClient, token: Buffer, errno: number = Errno.AuthFailed): Promise<void> {
  expect(await step(client, token)).toMatchObject({ errno, zxid: 0n, body: NULL_TOKEN });
  expect(await client.reply()).toBeNull();
  client.destroy();
}

const whoIs = async (client: RawClient): Promise<string[]> => {
  const { response } = await client.call('whoAmI', {});
  return (response?.clientInfo ?? []).map(({ authScheme, user }) => `${authScheme}:${user}`);
};

/** Of what a server answers to single tokens. */
export const WIRE_CASES: readonly SaslCase[] = [
  [
    'the right proof is answered with the proof of the server, and gives the identity',
    async (server) => {
      const { client, challenge } = await challenged(server);
      expect(readChallenge(challenge)).toMatchObject({ realms: ['zk-sasl-md5'], utf8: true, qop: ['auth'] });
      const { token, rspauth } = prove(challenge);
      const { errno, response } = await client.call('sasl', { token });
      expect(errno).toBe(0);
      expect(readServerProof(response?.token ?? NOTHING)).toBe(rspauth);
      expect(await whoIs(client)).toContain('sasl:bob');
      client.destroy();
    },
  ],
  ...(
    [
      ['a wrong password', { password: 'nope' }],
      // with the password of a user who came before, 3.8.0 lets an unknown one in
      ['an unknown user', { username: 'eve', password: 'nope' }],
      ['a name of every object', { username: 'constructor', password: 'nope' }],
      ['another service', { digestUri: 'zookeeper/other' }],
      ['another realm', { realm: 'other' }],
      ['a nonce of our own', { nonce: 'other' }],
      ['a nonce used twice', { nc: '00000002' }],
      ['protection that was not offered', { qop: 'auth-int' }],
    ] as const
  ).map(([what, answer]): SaslCase => [
    `${what} is refused with AuthFailed and a null token, and the connection closed`,
    async (server) => {
      const { client, challenge } = await challenged(server);
      await refuses(client, prove(challenge, answer).token);
    },
  ]),
  [
    'nonsense is refused in the same way, but not as the first token, which is not looked at',
    async (server) => {
      const client = await RawClient.open(server);
      expect(await step(client, Buffer.from('junk'))).toMatchObject({ errno: 0 });
      await refuses(client, Buffer.from('junk'));
    },
  ],
  [
    'another exchange after a good one is refused',
    async (server) => {
      const { client, challenge } = await challenged(server);
      await step(client, prove(challenge).token);
      await refuses(client, NOTHING);
    },
  ],
  [
    'no token at all makes the server hang up',
    async (server) => {
      const first = await RawClient.open(server);
      expect(await step(first, null)).toBeNull();
      const { client } = await challenged(server);
      expect(await step(client, null)).toBeNull();
    },
  ],
  [
    'a refused client keeps its session, and what it asks behind the refusal is not done',
    async (server) => {
      const { client, challenge } = await challenged(server);
      const { token } = prove(challenge, { password: 'nope' });
      client.send('sasl', { token });
      client.send('whoAmI', {});
      expect(await client.reply()).toMatchObject({ errno: Errno.AuthFailed });
      expect(await client.reply()).toBeNull();
      const again = await RawClient.reattach(server, client);
      expect(again.session?.sessionId).toBe(client.session?.sessionId);
      again.destroy();
    },
  ],
];

export const bob = (): SaslMechanism => digestMd5({ username: 'bob', password: 'secret' });
const BOBS = [{ perms: 31, scheme: 'sasl', id: 'bob' }];

async function connected(server: SaslServer, sasl: SaslMechanism): Promise<Conn> {
  return connect(server.connectString, { sasl });
}

/** Of our client. They leave nothing behind. */
export const CLIENT_CASES: readonly SaslCase[] = [
  [
    'the right password gives the identity',
    async (server) => {
      await using conn = await connected(server, bob());
      const { clientInfo } = await conn.call('whoAmI', {});
      expect(clientInfo).toContainEqual({ authScheme: 'sasl', user: 'bob' });
    },
  ],
  [
    'an ACL of the scheme sasl lets that user in and nobody else; "auth" stands for it',
    async (server) => {
      await using conn = await connected(server, bob());
      await using other = await connect(server.connectString);
      const path = await conn.create('/sasl-', 'x', { mode: 'EPHEMERAL_SEQUENTIAL', acl: BOBS });
      expect(String((await conn.get(path)).data)).toBe('x');
      await expect(other.get(path)).rejects.toBeInstanceOf(NoAuthError);
      await expect(other.setAcl(path, BOBS)).rejects.toBeInstanceOf(NoAuthError);
      const own = await conn.create('/sasl-', 'x', {
        mode: 'EPHEMERAL_SEQUENTIAL',
        acl: [{ perms: 31, scheme: 'auth', id: '' }],
      });
      expect((await conn.getAcl(own)).acl).toEqual(BOBS);
      const odd = [{ perms: 31, scheme: 'sasl', id: 'a@b@c' }];
      await expect(conn.create('/sasl-odd', 'x', { acl: odd })).rejects.toBeInstanceOf(InvalidAclError);
    },
  ],
  ...(
    [
      ['a wrong password', { username: 'bob', password: 'nope' }],
      ['an unknown user', { username: 'eve', password: 'nope' }],
    ] as const
  ).map(([what, credentials]): SaslCase => [
    `${what} is AuthFailed at once, without another attempt`,
    async (server) => {
      const { dialer, dials } = counting();
      const failed: unknown = await connect(server.connectString, {
        sasl: digestMd5(credentials),
        dialer,
      }).catch((error: unknown) => error);
      expect(failed).toBeInstanceOf(AuthFailedError);
      expect(failed).toMatchObject({ op: 'sasl', outcome: 'rejected', retryable: false });
      expect(dials()).toBe(1);
    },
  ]),
  [
    'after a reconnect it authenticates again before what waited, in the same session',
    async (server) => {
      const sockets = new CuttableDialer();
      await using conn = await connect(server.connectString, { sasl: bob(), dialer: sockets.dial });
      const path = await conn.create('/sasl-', 'x', { mode: 'EPHEMERAL_SEQUENTIAL', acl: BOBS });
      const { sessionId } = conn;
      for (let i = 0; i < 5; i++) {
        const resumed = new Promise((resolve) => conn.once('session', ({ what }) => resolve(what)));
        const lost = new Promise((resolve) => conn.once('state', ({ state }) => resolve(state)));
        sockets.hold();
        sockets.cut();
        expect(await lost).toBe('Disconnected');
        // one that went out without the identity would be refused
        const waiting = Array.from({ length: 10 }, () => conn.get(path));
        sockets.release();
        const read = await Promise.all(waiting);
        expect(read.map(({ data }) => String(data))).toEqual(Array(10).fill('x'));
        expect(await resumed).toBe('resumed');
        expect(conn.sessionId).toBe(sessionId);
      }
    },
  ],
];

/** Of servers that know no SASL. */
export const WITHOUT_SASL: readonly SaslCase[] = [
  [
    'a client that wants SASL is told so at once',
    async (server) => {
      const failed: unknown = await connected(server, bob()).catch((error: unknown) => error);
      expect(failed).toBeInstanceOf(AuthFailedError);
      expect((failed as Error).message).toContain('the server does not authenticate by SASL');
    },
  ],
  [
    'an ACL of the scheme sasl is invalid',
    async (server) => {
      await using conn = await connect(server.connectString);
      await expect(conn.create('/sasl', 'x', { acl: BOBS })).rejects.toBeInstanceOf(InvalidAclError);
    },
  ],
];

/** Of servers that demand SASL (`enforce.auth.enabled`, `enforce.auth.schemes=sasl`). */
export const ENFORCED: readonly SaslCase[] = [
  [
    'whatever comes first is refused, and the connection closed',
    async (server) => {
      for (const name of ['ping', 'whoAmI', 'closeSession'] as const) {
        const client = await RawClient.open(server);
        client.send(name, {} as never, 7);
        const refused = { xid: 7, zxid: 0n, errno: Errno.SessionClosedRequireSaslAuth, body: NOTHING };
        expect(await client.reply()).toEqual(refused);
        expect(await client.reply()).toBeNull();
      }
    },
  ],
  [
    'another scheme does not help',
    async (server) => {
      const client = await RawClient.open(server);
      const auth = { type: 0, scheme: 'digest', auth: Buffer.from('u:p') };
      expect(await client.call('auth', auth, -4)).toMatchObject({ errno: 0 });
      client.send('whoAmI', {});
      expect(await client.reply()).toMatchObject({ errno: Errno.SessionClosedRequireSaslAuth });
    },
  ],
  [
    'a wrong password is refused with that code',
    async (server) => {
      const { client, challenge } = await challenged(server);
      const { token } = prove(challenge, { password: 'nope' });
      await refuses(client, token, Errno.SessionClosedRequireSaslAuth);
      const failed: unknown = await connected(server, digestMd5({ username: 'bob', password: 'nope' })).catch(
        (error: unknown) => error,
      );
      expect(failed).toBeInstanceOf(AuthFailedError);
      expect((failed as Error).cause).toMatchObject({ errno: Errno.SessionClosedRequireSaslAuth });
    },
  ],
  [
    'a client that authenticates is served',
    async (server) => {
      await using conn = await connected(server, bob());
      expect(await conn.exists('/')).not.toBeNull();
    },
  ],
  [
    'a client that does not is told so, once',
    async (server) => {
      const { dialer, dials } = counting();
      await using conn = await connect(server.connectString, { dialer });
      const calls = await Promise.allSettled([conn.exists('/'), conn.exists('/')]);
      expect(calls.map((each) => each.status === 'rejected' && (each.reason as Error).name)).toEqual([
        'SessionClosedRequireSaslAuthError',
        'AuthFailedError',
      ]);
      expect(conn.state).toBe('AuthFailed');
      expect((await conn.closed).error?.message).toContain('enforce.auth');
      await expect(conn.exists('/')).rejects.toBeInstanceOf(AuthFailedError);
      expect(dials()).toBe(1);
    },
  ],
];

/** A dialer that knows how often it was asked. */
function counting(): { readonly dialer: Dialer; readonly dials: () => number } {
  let count = 0;
  const dialer: Dialer = (server, events) => {
    count++;
    return tcpDialer(server, events);
  };
  return { dialer, dials: () => count };
}
