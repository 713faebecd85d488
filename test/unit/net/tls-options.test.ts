/** TLS options that Node chokes on, and functions of the user's in them that misbehave: an error of ours, and no more. */
import { createServer as createTlsServer, createSecureContext } from 'node:tls';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Conn, tlsDialer, type TlsOptions } from '../../../src/index.js';
import { InvalidOptionError, TlsError } from '../../../src/protocol/errors.js';
import { MiniServer } from '../../../src/testing.js';
import { makeCertificates, type Certificates } from '../../support/certificates.js';
import { catchingUncaught } from '../../support/scripted-server.js';

let made: Certificates;
let server: MiniServer;

beforeAll(async () => {
  made = makeCertificates();
  const { key, cert } = made.server;
  server = await MiniServer.start({ tls: { key, cert, ca: made.ca } });
});
afterAll(async () => {
  await server.close();
  made[Symbol.dispose]();
});

const at = (connectString: string): { host: string; port: number } => {
  const [host = '', port] = connectString.split(':');
  return { host, port: Number(port) };
};

/** Dials once. @returns what `onClose` said, or true for a secure connection */
async function attempt(tls: unknown, connectString = server.connectString): Promise<unknown> {
  let outcome: unknown;
  const uncaught = await catchingUncaught(async () => {
    outcome = await new Promise((resolve) => {
      let isSecure = false;
      const transport = tlsDialer(tls as TlsOptions)(at(connectString), {
        onConnect: () => {
          isSecure = true;
          transport.destroy();
        },
        onData: () => undefined,
        onDrain: () => undefined,
        onEnd: () => undefined,
        onClose: (error) => resolve(isSecure ? true : error),
      });
    });
  });
  expect(uncaught).toEqual([]);
  return outcome;
}

/** Dials once, and fails with a TlsError. */
async function refusal(tls: unknown, connectString?: string): Promise<TlsError> {
  const error = await attempt(tls, connectString);
  expect(error).toBeInstanceOf(TlsError);
  return error as TlsError;
}

function throwing(thrown: unknown): () => never {
  return () => {
    throw thrown;
  };
}

/** An object that cannot be written as a text. */
const mute: unknown = Object.create(null);

const poisoned = {
  get ca(): string {
    throw new Error('no vault');
  },
};

const SECRET = 'a-secret-4711';

describe('an option is refused when it is given', () => {
  it.each<[string, unknown]>([
    // these four abort the process if Node gets them
    ['ALPNProtocols', ['']],
    ['ALPNProtocols', ['h2', new Uint8Array(0)]],
    ['ALPNProtocols', Uint8Array.of(0)],
    ['ALPNProtocols', Uint8Array.of(5, 1)],
    ['ALPNProtocols', Array.from({ length: 300 }, () => 'x'.repeat(255))],
    ['ALPNProtocols', 5],
    ['ALPNProtocols', 'h2'],
    ['ALPNProtocols', null],
    ['ALPNProtocols', [5]],
    ['ALPNProtocols', ['x'.repeat(256)]],
    ['minDHSize', 0],
    ['minDHSize', -1],
    ['minDHSize', 1.5],
    ['minDHSize', NaN],
    ['minDHSize', '1024'],
    ['minDHSize', 2 ** 31],
    ['checkServerIdentity', 'yes'],
    ['checkServerIdentity', null],
    ['pskCallback', SECRET],
    ['pskCallback', null],
    ['enableTrace', 1],
    ['allowPartialTrustChain', 'no'],
    ['rejectUnauthorized', 0],
    ['rejectUnauthorized', null],
    ['secureContext', null],
    ['secureContext', 5],
    ['secureContext', {}],
    ['servername', 5],
    ['servername', 'a\0b'],
    ['servername', 'a'.repeat(256)],
    ['ca', 5],
    ['ca', [null]],
    ['cert', SECRET],
    ['key', { [SECRET]: 1 }],
    ['key', SECRET],
    ['pfx', [null]],
    ['pfx', SECRET],
    ['crl', SECRET],
    ['ciphers', 5],
    ['ciphers', 'NONE-OF-THEM'],
    ['ecdhCurve', 5],
    ['minVersion', 1n],
    ['maxVersion', 'TLSv9'],
    ['secureOptions', 'x'],
    ['sigalgs', 5],
    ['caFile', 5],
    ['session', Buffer.alloc(0)],
    ['toString', () => ''],
  ])('%s: %o', async (key, value) => {
    const tls = { [key]: value };
    expect(() => tlsDialer(tls as TlsOptions)).toThrow(InvalidOptionError);
    expect(() => new Conn('127.0.0.1:1', { tls: tls as TlsOptions })).toThrow(InvalidOptionError);
    // that of a function costs the attempt
    const later = await refusal(() => tls);
    expect(inspect(later, { depth: 10, showHidden: true })).not.toContain(SECRET);
  });

  it('that cannot be read', () => {
    expect(() => tlsDialer(poisoned)).toThrow(InvalidOptionError);
    const context = { get context(): never { return throwing(mute)(); } }; // prettier-ignore
    expect(() => tlsDialer({ secureContext: context })).toThrow(InvalidOptionError);
  });

  it('and is a copy: what becomes of the list of protocols later is of no account', async () => {
    const ALPNProtocols = ['zookeeper', Buffer.from('h2')];
    const dial = tlsDialer({ ca: made.ca, ALPNProtocols: ALPNProtocols as string[] });
    ALPNProtocols[0] = '';
    const secure = await new Promise((resolve) => {
      const transport = dial(at(server.connectString), {
        onConnect: () => transport.destroy(),
        onData: () => undefined,
        onDrain: () => undefined,
        onEnd: () => undefined,
        onClose: resolve,
      });
    });
    expect(secure).toBeUndefined();
  });
});

describe('an attempt fails, and no more', () => {
  it('if Node throws when the connection is there', async () => {
    const error = await refusal({ secureContext: { context: {} } });
    expect(error.message).toMatch(/: the TLS options: context must be a SecureContext/);
    expect(error.cause).toMatchObject({ code: 'ERR_TLS_INVALID_CONTEXT' });
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['an object without a text', mute],
    ['a symbol', Symbol('a')],
    ['an Error without a message', Object.defineProperty(new Error('x'), 'message', { get: throwing(1) })],
    ['an Error', new Error('no vault')],
  ])('if the function that gives the options throws %s', async (_what, thrown) => {
    await refusal(throwing(thrown));
    await refusal(() => Promise.reject(thrown));
    await refusal(() => ({ then: throwing(thrown) }));
  });

  it('if the function gives what cannot be read', async () => {
    expect((await refusal(() => poisoned)).message).toMatch(/no vault/);
  });

  const odd = new Error('odd');
  it.each<[string, unknown, RegExp]>([
    ['throws an Error', throwing(odd), /not accepted: odd$/],
    ['throws a text', throwing('odd'), /not accepted: odd$/],
    ['throws nothing', throwing(undefined), /not accepted: undefined$/],
    ['throws an object without a text', throwing(mute), /not accepted: .+/],
    [
      'throws what has a code that is none',
      throwing(Object.assign(new Error('x'), { code: Symbol('a') })),
      /failed$/,
    ],
    ['gives an Error', () => odd, /not accepted: odd$/],
    [
      'gives an Error with a code',
      () => Object.assign(new Error('x'), { code: 'E_X' }),
      /not accepted: x \(E_X\)$/,
    ],
    ['gives an Error without a message', () => new Error(''), /not accepted: checkServerIdentity failed$/],
    ['gives a text', () => 'odd', /something else than an Error/],
    ['gives a promise', () => Promise.reject(odd), /gave a promise/],
    ['gives what cannot be looked at', () => ({ get then() { return throwing(odd)(); } }), /not accepted: odd/], // prettier-ignore
  ])('if checkServerIdentity %s', async (_what, checkServerIdentity, message) => {
    const error = await refusal({ ca: made.ca, checkServerIdentity });
    expect(error.message).toMatch(message);
    expect(error.cause).toBeInstanceOf(Error);
  });

  it('with the Error of checkServerIdentity as the cause', async () => {
    const error = await refusal({ ca: made.ca, checkServerIdentity: throwing(odd) });
    expect(error.cause).toBe(odd);
  });

  it.each([undefined, null, false, 0, ''])('but not if checkServerIdentity gives %o', async (verdict) => {
    expect(await attempt({ ca: made.ca, checkServerIdentity: () => verdict })).toBe(true);
  });

  it('and the next one is made: the Conn gets its session', async () => {
    let asked = 0;
    const checkServerIdentity = (): undefined => {
      if (++asked === 1) throw odd;
    };
    const conn = new Conn(server.connectString, {
      tls: { ca: made.ca, checkServerIdentity },
      backoff: { baseMs: 1, maxMs: 1 },
    });
    const failures: unknown[] = [];
    conn.on('connectError', ({ error }) => failures.push(error.cause));
    const uncaught = await catchingUncaught(async () => {
      await conn.connect();
      await conn.close();
    });
    expect([failures, uncaught]).toEqual([[odd], []]);
  });
});

describe('a key that both sides know', () => {
  const psk = { ciphers: 'PSK', maxVersion: 'TLSv1.2', checkServerIdentity: () => undefined } as const;
  const key = Buffer.from(SECRET);

  async function answering(pskCallback: unknown): Promise<unknown> {
    const peer = createTlsServer({
      pskCallback: () => key,
      pskIdentityHint: 'who',
      ciphers: 'PSK',
      maxVersion: 'TLSv1.2',
    });
    peer.on('tlsClientError', () => undefined);
    peer.on('secureConnection', (socket) => socket.on('error', () => undefined));
    await new Promise<void>((resolve) => peer.listen(0, '127.0.0.1', resolve));
    const { port } = peer.address() as AddressInfo;
    const outcome = await attempt({ ...psk, pskCallback }, `127.0.0.1:${port}`);
    await new Promise((resolve) => peer.close(resolve));
    return outcome;
  }

  it('makes a connection', async () => {
    expect(await answering(() => ({ psk: key, identity: 'me' }))).toBe(true);
  });

  it.each<[string, unknown]>([
    ['throws', throwing(new Error('no'))],
    ['throws a text', throwing('no')],
    ['throws an object without a text', throwing(mute)],
    ['gives nothing', () => null],
    ['gives undefined', () => undefined],
    ['gives a number', () => 5],
    ['gives a promise', () => Promise.reject(new Error('no'))],
    ['gives a text as the key', () => ({ psk: SECRET, identity: 'me' })],
    ['gives no identity', () => ({ psk: key })],
    ['gives a key that is too long', () => ({ psk: Buffer.alloc(600, SECRET), identity: 'me' })],
    ['gives an identity that is too long', () => ({ psk: key, identity: SECRET.repeat(100) })],
    ['gives what cannot be read', () => ({ get psk() { return throwing(new Error('no'))(); } })], // prettier-ignore
  ])('fails the attempt if pskCallback %s', async (_what, pskCallback) => {
    const error = await answering(pskCallback);
    expect(error).toBeInstanceOf(TlsError);
    const text = inspect(error, { depth: 10, showHidden: true });
    expect(text).not.toContain(SECRET);
    expect(text).not.toMatch(/<Buffer/);
  });
});

describe('the name of the server', () => {
  it('may be an address that is checked, and not asked for', async () => {
    const warnings: unknown[] = [];
    const heard = (warning: unknown): void => void warnings.push(warning);
    process.on('warning', heard);
    expect(await attempt({ ca: made.ca, servername: '127.0.0.1' })).toBe(true);
    expect((await refusal({ ca: made.ca, servername: '127.0.0.2' })).message).toMatch(/another name/);
    process.removeListener('warning', heard);
    expect(warnings).toEqual([]);
  });

  it('is not asked for if it is empty', async () => {
    const { port } = server;
    expect(await attempt({ ca: made.ca, servername: '' }, `localhost:${port}`)).toBe(true);
    expect(await attempt({ secureContext: createSecureContext({ ca: made.ca }) }, `localhost:${port}`)).toBe(
      true,
    );
  });
});
