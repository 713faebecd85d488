/** With a fake of the package `kerberos`: it says what the real one would, and keeps what it was told. */
import { afterEach, describe, expect, it } from 'vitest';
import { gssapi, type GssapiOptions, type KerberosModule } from '../../../src/net/gssapi.js';
import type { SaslConversation } from '../../../src/net/sasl.js';
import { InvalidOptionError, SaslError } from '../../../src/protocol/errors.js';

const TARGET = { host: 'zk1.example.org', port: 2181 };
const base64 = (bytes: readonly number[] | string): string => Buffer.from(bytes as string).toString('base64');

const calls: unknown[][] = [];
afterEach(() => void calls.splice(0));

/** A context that takes so many tokens of the server, and then sees such an offer. */
function kerberosOf(tokens: number, offer: readonly number[] = [7, 0, 255, 255]): KerberosModule {
  return {
    initializeClient: (service, options) => {
      calls.push(['initializeClient', service, options]);
      let heard = -1;
      return Promise.resolve({
        get contextComplete() {
          return heard >= tokens;
        },
        step: (challenge) => {
          calls.push(['step', challenge]);
          heard++;
          // the package gives null where GSSAPI has no token
          return Promise.resolve(heard >= tokens && tokens > 0 ? null : base64(`token ${heard}`));
        },
        unwrap: (challenge) => {
          calls.push(['unwrap', challenge]);
          return Promise.resolve(base64(offer));
        },
        wrap: (...args) => {
          calls.push(['wrap', ...args]);
          return Promise.resolve(base64('wrapped'));
        },
      });
    },
  };
}

async function begin(options: Partial<GssapiOptions>, tokens = 1): Promise<SaslConversation> {
  return gssapi({ kerberos: kerberosOf(tokens), ...options }).start(TARGET);
}

const text = (token: Uint8Array | null): string => Buffer.from(token ?? []).toString();

describe('GSSAPI', () => {
  it('feeds the context, then takes no security layer, then waits for the consent of the server', async () => {
    const talk = await begin({});
    expect(text(talk.initialToken)).toBe('token 0');
    expect(text(await talk.respond(Buffer.from('server 1')))).toBe('');
    expect(talk.complete).toBe(false);
    expect(text(await talk.respond(Buffer.from('offer')))).toBe('wrapped');
    expect(talk.complete).toBe(true);
    expect(calls).toEqual([
      ['initializeClient', 'zookeeper@zk1.example.org', {}],
      ['step', ''],
      ['step', base64('server 1')],
      ['unwrap', base64('offer')],
      ['wrap', base64([1, 0, 0, 0])],
    ]);
    talk.dispose?.();
    await expect(talk.respond(Buffer.from('more'))).rejects.toBeInstanceOf(SaslError);
  });

  it('takes as many rounds as the context needs, and an empty token in between', async () => {
    const talk = await begin({}, 3);
    for (const i of [1, 2]) expect(text(await talk.respond(Buffer.from('x')))).toBe(`token ${i}`);
    expect(text(await talk.respond(Buffer.from('x')))).toBe('');
    expect(text(await talk.respond(Buffer.alloc(0)))).toBe('');
    expect(talk.complete).toBe(false);
    expect(text(await talk.respond(Buffer.from('offer')))).toBe('wrapped');
    expect(talk.complete).toBe(true);
  });

  it.each<[string, Partial<GssapiOptions>, unknown[]]>([
    ['another service', { service: 'zk' }, ['zk@zk1.example.org', {}]],
    ['another host', { hostName: 'real.example.org' }, ['zookeeper@real.example.org', {}]],
    ['a host worked out', { hostName: ({ host }) => `${host}.` }, ['zookeeper@zk1.example.org.', {}]],
    ['a principal', { principal: 'bob@R' }, ['zookeeper@zk1.example.org', { principal: 'bob@R' }]],
  ])('is told %s', async (_what, options, expected) => {
    await begin(options);
    expect(calls[0]?.slice(1)).toEqual(expected);
  });

  it.each<[string, readonly number[]]>([
    ['without "none"', [6, 0, 0, 0]],
    ['of the wrong length', [1, 0, 0]],
    ['of nothing', []],
  ])('refuses an offer %s', async (_what, offer) => {
    const talk = await begin({ kerberos: kerberosOf(0, offer) }, 0);
    const answer = talk.respond(Buffer.from('offer')) as Promise<unknown>;
    await expect(answer).rejects.toBeInstanceOf(SaslError);
    expect(talk.complete).toBe(false);
  });

  it.each([
    undefined,
    null,
    {},
    { kerberos: {} },
    { kerberos: null },
    { kerberos: kerberosOf(1), service: '' },
    { kerberos: kerberosOf(1), hostName: 1 },
    { kerberos: kerberosOf(1), principal: null },
    { kerberos: kerberosOf(1), password: 'x' },
  ])('refuses the options %j', (options) => {
    expect(() => gssapi(options as unknown as GssapiOptions)).toThrow(InvalidOptionError);
  });
});
