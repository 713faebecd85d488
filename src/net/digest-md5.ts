/** The SASL mechanism DIGEST-MD5, as Java's client speaks it with ZooKeeper servers. */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import {
  DIGEST_MD5,
  FIRST_USE,
  clientProof,
  readChallenge,
  readServerProof,
  serverProof,
  writeResponse,
  type DigestInput,
} from '../protocol/digest-md5.js';
import { AuthFailedError, InvalidOptionError, SaslError } from '../protocol/errors.js';
import { isWellFormed } from '../protocol/jute.js';
import type { SaslConversation, SaslMechanism } from './sasl.js';

/** Options of {@link digestMd5}. */
export interface DigestMd5Options {
  /** As in the server's JAAS file: `user_bob="secret"` is `bob`. */
  readonly username: string;
  readonly password: string;
  /** Service and host name of which the proof speaks. Default `zookeeper` and `zk-sasl-md5`, as every server has it. */
  readonly service?: string | undefined;
  readonly serverName?: string | undefined;
  /** Default: the first one that the server offers. */
  readonly realm?: string | undefined;
  /** Makes the nonce of this side, for tests. Default 16 random bytes in hexadecimal digits. */
  readonly cnonce?: (() => string) | undefined;
}

const KEYS: { readonly [K in keyof Required<DigestMd5Options>]: true } = {
  username: true,
  password: true,
  service: true,
  serverName: true,
  realm: true,
  cnonce: true,
};

/**
 * Authenticates by user name and password without sending the password: `sasl: digestMd5({ username, password })`. The
 * server has to prove that it knows the password as well; one that cannot is refused with {@link AuthFailedError}.
 *
 * MD5 is old: over a network that others can read, use TLS as well.
 * @throws InvalidOptionError
 */
export function digestMd5(options: DigestMd5Options): SaslMechanism {
  return new DigestMd5(options);
}

class DigestMd5 implements SaslMechanism {
  readonly name = DIGEST_MD5;
  /** Private to the language, not only to the compiler: a secret must not show up in `util.inspect`. */
  readonly #options: DigestMd5Options;

  constructor(options: DigestMd5Options) {
    this.#options = checkOptions(options);
  }

  start(): SaslConversation {
    return new Conversation(this.#options);
  }
}

class Conversation implements SaslConversation {
  readonly initialToken = new Uint8Array(0);
  complete = false;
  #options: DigestMd5Options | null;
  /** What we expect the server to prove; null before our own proof. */
  #expected: string | null = null;

  constructor(options: DigestMd5Options) {
    this.#options = options;
  }

  respond(challenge: Uint8Array): Uint8Array | null {
    if (this.#expected === null) return this.prove(challenge);
    const given = Buffer.from(readServerProof(challenge), 'latin1');
    const expected = Buffer.from(this.#expected, 'latin1');
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      throw new AuthFailedError({ op: 'sasl', outcome: 'rejected' }, 'the server does not know the password');
    }
    this.complete = true;
    return null;
  }

  dispose(): void {
    this.#options = null;
    this.#expected = null;
  }

  private prove(challenge: Uint8Array): Uint8Array {
    if (this.#options === null) throw new SaslError(`${DIGEST_MD5}: the conversation is over`);
    const { username, password, service = 'zookeeper', serverName = 'zk-sasl-md5', cnonce } = this.#options;
    const { realms, nonce, utf8, qop } = readChallenge(challenge);
    if (!qop.includes('auth')) {
      throw new SaslError(
        `${DIGEST_MD5}: the server wants protection by ${qop.join(' or ')}; we know auth alone`,
      );
    }
    const input: DigestInput = {
      username,
      password,
      realm: this.#options.realm ?? realms[0] ?? '',
      nonce,
      cnonce: cnonce?.() ?? randomBytes(16).toString('hex'),
      nc: FIRST_USE,
      digestUri: `${service}/${serverName}`,
      qop: 'auth',
      utf8,
    };
    this.#expected = serverProof(input);
    return writeResponse({ ...input, response: clientProof(input) });
  }
}

function checkOptions(options: DigestMd5Options): DigestMd5Options {
  const given = options as unknown;
  if (typeof given !== 'object' || given === null) {
    throw new InvalidOptionError('digestMd5: needs { username, password }');
  }
  for (const key of Object.keys(given)) {
    if (!Object.hasOwn(KEYS, key)) {
      throw new InvalidOptionError(
        `digestMd5: unknown option '${key}'; known are ${Object.keys(KEYS).join(', ')}`,
      );
    }
  }
  for (const key of ['username', 'password', 'service', 'serverName', 'realm'] as const) {
    const value: unknown = options[key];
    const needed = key === 'username' || key === 'password';
    if (value === undefined && !needed) continue;
    // never the value: it may be the secret
    if (typeof value !== 'string' || (value === '' && key !== 'realm') || !isWellFormed(value)) {
      throw new InvalidOptionError(`digestMd5: ${key} must be a well-formed text with something in it`);
    }
  }
  if (options.cnonce !== undefined && typeof (options.cnonce as unknown) !== 'function') {
    throw new InvalidOptionError('digestMd5: cnonce must be a function');
  }
  return { ...options };
}
