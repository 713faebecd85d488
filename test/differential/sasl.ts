/** Steps of SASL DIGEST-MD5, right ones and wrong ones, of the user bob with the password secret. */
import {
  clientProof,
  FIRST_USE,
  readChallenge,
  readServerProof,
  serverProof,
  writeResponse,
  type DigestInput,
} from '../../src/protocol/digest-md5.js';
import { DecodeError } from '../../src/protocol/errors.js';
import type { RawClient } from '../support/raw-client.js';

/** The password of each user. */
export const USERS = { bob: 'secret', ann: 'other' } as const;

/** What a client says. All but the first three answer the last challenge, if there was one. */
export const SASL_TOKENS = [
  'nothing',
  'empty',
  'junk',
  'bob',
  'ann',
  'wrong password',
  'strange user',
  'strange realm',
  'strange service',
  'strange nonce',
  'second use',
  'integrity',
] as const;
export type SaslToken = (typeof SASL_TOKENS)[number];

const WRONG: Readonly<Partial<Record<SaslToken, Partial<DigestInput>>>> = {
  ann: { username: 'ann', password: USERS.ann },
  'wrong password': { password: 'nope' },
  'strange user': { username: 'eve', password: 'nope' },
  'strange realm': { realm: 'other' },
  'strange service': { digestUri: 'zookeeper/other' },
  'strange nonce': { nonce: 'other' },
  'second use': { nc: '00000002' },
  integrity: { qop: 'auth-int' },
};

/** One side of an exchange. */
export class SaslClient {
  private challenge: { readonly nonce: string; readonly realm: string; readonly utf8: boolean } | null = null;
  private proof = '';

  /** The bytes that this stands for. */
  token(kind: SaslToken): Buffer | null {
    if (kind === 'nothing') return null;
    if (kind === 'empty') return Buffer.alloc(0);
    if (kind === 'junk') return Buffer.from('junk');
    const { nonce, realm, utf8 } = this.challenge ?? { nonce: 'none', realm: 'zk-sasl-md5', utf8: true };
    const input: DigestInput = {
      username: 'bob',
      password: USERS.bob,
      realm,
      nonce,
      cnonce: 'abc',
      nc: FIRST_USE,
      digestUri: 'zookeeper/zk-sasl-md5',
      qop: 'auth',
      utf8,
      ...WRONG[kind],
    };
    this.proof = serverProof(input);
    return writeResponse({ ...input, response: clientProof(input) });
  }

  /** What the server answered, for a reader. */
  shown(token: Uint8Array | null): string {
    if (token === null || token.length === 0) return token === null ? 'no token' : 'an empty token';
    try {
      const { nonce, realms, utf8, qop } = readChallenge(token);
      this.challenge = { nonce, realm: realms[0] ?? '', utf8 };
      return `a challenge ${JSON.stringify({ realms, utf8, qop, nonce: nonce.length })}`;
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
    }
    return readServerProof(token) === this.proof
      ? 'the proof'
      : `another proof ${Buffer.from(token).toString('hex')}`;
  }
}

/** Makes a connection one of bob. @throws if the server does not let him in */
export async function becomeBob(wire: RawClient): Promise<void> {
  const client = new SaslClient();
  for (const kind of ['empty', 'bob'] as const) {
    const { errno, response } = await wire.call('sasl', { token: client.token(kind) });
    if (errno !== 0) throw new Error(`bob is not let in: ${errno}`);
    client.shown(response?.token ?? null);
  }
}
