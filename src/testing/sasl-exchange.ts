/**
 * The server's side of SASL DIGEST-MD5 on one connection, as Java's servers behave (`ZooKeeperSaslServer`,
 * `DigestLoginModule`): what they answer to nonsense, and when they only hang up, was tried on 3.8.0 and 3.9.3.
 */
import { randomBytes } from 'node:crypto';
import {
  FIRST_USE,
  clientProof,
  readResponse,
  serverProof,
  writeChallenge,
  writeServerProof,
  type DigestResponse,
} from '../protocol/digest-md5.js';
import { DecodeError } from '../protocol/errors.js';
import { isSaslName } from './access.js';

/** Name of the server, and of its realm. */
const REALM = 'zk-sasl-md5';
const DIGEST_URI = `zookeeper/${REALM}`;

/** Users and their passwords: a table, or whatever knows one. */
export type SaslUsers = Readonly<Record<string, string>> | ((username: string) => string | undefined);

/** What becomes of one token. */
export type SaslStep =
  | { readonly kind: 'challenge'; readonly token: Buffer }
  /** The client is `username` from now on. */
  | { readonly kind: 'accepted'; readonly token: Buffer; readonly username: string }
  | { readonly kind: 'refused' }
  /** Something that a server does not survive on this connection. */
  | { readonly kind: 'hang up' };

export class SaslExchange {
  /** Of the challenge that is out. */
  private nonce: string | null = null;
  private over = false;

  constructor(private readonly users: SaslUsers) {}

  step(token: Uint8Array | null): SaslStep {
    if (token === null) return { kind: 'hang up' };
    if (this.over) return { kind: 'refused' };
    if (this.nonce === null) {
      // whatever the first token says: the server begins
      this.nonce = randomBytes(30).toString('base64');
      return { kind: 'challenge', token: writeChallenge(REALM, this.nonce) };
    }
    this.over = true;
    return this.judge(token, this.nonce);
  }

  private judge(token: Uint8Array, nonce: string): SaslStep {
    let response: DigestResponse;
    try {
      response = readResponse(token);
    } catch (error) {
      if (error instanceof DecodeError) return { kind: 'refused' };
      throw error;
    }
    const { username, realm, nc, digestUri, qop } = response;
    const password = this.passwordOf(username);
    const isOurs =
      response.nonce === nonce &&
      realm === REALM &&
      digestUri === DIGEST_URI &&
      nc === FIRST_USE &&
      qop === 'auth';
    if (!isOurs || password === undefined) return { kind: 'refused' };
    const input = { ...response, password };
    if (clientProof(input) !== response.response) return { kind: 'refused' };
    if (!isSaslName(username)) return { kind: 'hang up' };
    return { kind: 'accepted', token: writeServerProof(serverProof(input)), username };
  }

  private passwordOf(username: string): string | undefined {
    const { users } = this;
    if (typeof users === 'function') return users(username);
    return Object.hasOwn(users, username) ? users[username] : undefined;
  }
}
