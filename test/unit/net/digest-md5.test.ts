import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { digestMd5, type DigestMd5Options } from '../../../src/net/digest-md5.js';
import type { SaslConversation } from '../../../src/net/sasl.js';
import { readResponse } from '../../../src/protocol/digest-md5.js';
import { AuthFailedError, DecodeError, InvalidOptionError, SaslError } from '../../../src/protocol/errors.js';

const CHALLENGE = Buffer.from(
  'realm="zk-sasl-md5",nonce="msonqgRBHvrl3YvQ8Ebi7dvojPYqk7wJfssKrfw6",charset=utf-8,algorithm=md5-sess',
);
const RSPAUTH = 'rspauth=015211589631fbbe229b3454baf4bc03';
const BOB = { username: 'bob', password: 'secret' };

/** A conversation that has heard what a real server once said. */
function answered(options: Partial<DigestMd5Options> = {}): { talk: SaslConversation; answer: string } {
  const talk = digestMd5({ ...BOB, cnonce: () => 'abc', ...options }).start({ host: 'h', port: 1 });
  if (!('respond' in talk)) throw new Error('it is synchronous');
  return { talk, answer: Buffer.from(talk.respond(CHALLENGE) as Uint8Array).toString() };
}

describe('DIGEST-MD5', () => {
  it('lets the server begin, proves who it is, and is content with the right proof', () => {
    const { talk, answer } = answered();
    expect(talk.initialToken).toHaveLength(0);
    expect(answer).toContain('response=aab51b5221bac87822c4f1e8e0a2668d');
    expect(talk.complete).toBe(false);
    expect(talk.respond(Buffer.from(RSPAUTH))).toBeNull();
    expect(talk.complete).toBe(true);
    talk.dispose?.();
    expect(() => talk.respond(CHALLENGE)).toThrow(SaslError);
  });

  it('begins anew on every connection, with another nonce of its own', () => {
    const mechanism = digestMd5(BOB);
    const nonces = [1, 2].map(() => {
      const talk = mechanism.start({ host: 'h', port: 1 }) as SaslConversation;
      return readResponse(talk.respond(CHALLENGE) as Uint8Array).cnonce;
    });
    expect(nonces[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(nonces[1]).not.toBe(nonces[0]);
  });

  it('takes the first realm that is offered, unless it is told another', () => {
    expect(answered().answer).toContain('realm="zk-sasl-md5"');
    expect(answered({ realm: 'r' }).answer).toContain('realm="r"');
    expect(answered({ realm: '' }).answer).toContain('realm=""');
  });

  it('speaks of the service and server that it is told', () => {
    expect(answered().answer).toContain('digest-uri="zookeeper/zk-sasl-md5"');
    expect(answered({ service: 's', serverName: 'n' }).answer).toContain('digest-uri="s/n"');
  });

  it.each(['rspauth=115211589631fbbe229b3454baf4bc03', 'rspauth=01'])(
    'refuses a server that does not know the password (%s)',
    (proof) => {
      const { talk } = answered();
      expect(() => talk.respond(Buffer.from(proof))).toThrow(AuthFailedError);
      expect(talk.complete).toBe(false);
    },
  );

  it('refuses what makes no sense', () => {
    const { talk } = answered();
    expect(() => talk.respond(Buffer.from('junk'))).toThrow(DecodeError);
    const fresh = digestMd5(BOB).start({ host: 'h', port: 1 }) as SaslConversation;
    expect(() => fresh.respond(Buffer.from('nonce="n",qop="auth-conf"'))).toThrow(SaslError);
  });

  it('shows no secret', () => {
    const password = 'canary-7f3a';
    const mechanism = digestMd5({ username: 'canary-user', password });
    const talk = mechanism.start({ host: 'h', port: 1 });
    for (const each of [mechanism, talk]) {
      const shown = inspect(each, { depth: 9, showHidden: true }) + JSON.stringify(each);
      expect(shown).not.toContain('canary');
    }
  });

  it.each([
    undefined,
    null,
    'bob',
    {},
    { username: 'u' },
    { username: 'u', password: '' },
    { username: '', password: 'p' },
    { username: 'u', password: 'canary\ud800' },
    { username: 'u', password: Buffer.from('canary') },
    { ...BOB, service: '' },
    { ...BOB, serverName: 1 },
    { ...BOB, realm: null },
    { ...BOB, cnonce: 'canary' },
    { ...BOB, passwd: 'canary' },
  ])('refuses the options %j', (options) => {
    const make = (): unknown => digestMd5(options as DigestMd5Options);
    expect(make).toThrow(InvalidOptionError);
    expect(make).not.toThrow(/canary/);
  });
});
