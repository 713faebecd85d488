/**
 * What `addAuth` gave us. Credentials belong to the session's user, so they are presented again on every connection,
 * before anything else; their replies come out of band, in the order in which they were sent.
 */
import { Xid } from '../protocol/constants.js';
import {
  AuthFailedError,
  RequestTimeoutError,
  XidMismatchError,
  keeperError,
  type Outcome,
  type ZkError,
} from '../protocol/errors.js';
import { operations } from '../protocol/operations.js';
import type { FateOf } from './fates.js';
import type { Outbox } from './outbox.js';

/** Whoever waits for the server's verdict. */
export interface AuthWaiter {
  resolve(): void;
  reject(error: ZkError): void;
}

/** One caller, and when he gives up. */
interface Waiting {
  readonly waiter: AuthWaiter;
  readonly deadline: number;
  /** Was the credential handed to a socket since he waits? */
  sent: boolean;
}

/** One of them. */
export class Credential {
  /** Private to the language, not only to the compiler: a secret must not show up in `util.inspect`. */
  readonly #auth: Buffer;
  readonly scheme: string;
  waiting: Waiting[] = [];
  /** Was it sent on this connection and not answered? */
  isInFlight = false;

  constructor(scheme: string, auth: Buffer) {
    this.scheme = scheme;
    this.#auth = auth;
  }

  /** No field, since that would tell of the secret. */
  get hash(): number {
    return hashOf(this.#auth);
  }

  is(scheme: string, auth: Buffer): boolean {
    return this.scheme === scheme && this.#auth.equals(auth);
  }

  write(out: Outbox): void {
    out.begin();
    out.int(Xid.AUTH);
    out.int(operations.auth.code);
    operations.auth.writeRequest(out, { type: 0, scheme: this.scheme, auth: this.#auth });
    out.end();
    for (const each of this.waiting) each.sent = true;
  }

  succeed(): void {
    for (const { waiter } of this.waiting.splice(0)) waiter.resolve();
  }

  /** Fails those of whom `which` says so, each with an error of his own. */
  fail(error: (outcome: Outcome) => ZkError, which: (waiting: Waiting) => boolean = () => true): void {
    const failed: Waiting[] = [];
    const kept: Waiting[] = [];
    for (const each of this.waiting) (which(each) ? failed : kept).push(each);
    this.waiting = kept;
    for (const { waiter, sent } of failed) waiter.reject(error(sent ? 'unknown' : 'not-sent'));
  }
}

/** For look-ups: not the secret itself, since texts are what a heap snapshot shows. */
function hashOf(auth: Buffer): number {
  let hash = auth.length;
  for (let i = 0; i < auth.length; i++) hash = (Math.imul(hash, 31) + (auth[i] as number)) | 0;
  return hash;
}

export class Credentials {
  /** In the order in which they were given. */
  private readonly all = new Set<Credential>();
  readonly #byHash = new Map<number, Credential[]>();
  /** Those for which somebody waits. */
  private readonly awaited = new Set<Credential>();
  private first = Infinity;
  /** Sent on this connection, oldest first; so many of them are answered. */
  private sent: Credential[] = [];
  private answered = 0;

  /** Remembers a credential. The same one given twice is kept once. */
  add(scheme: string, auth: Buffer, waiter: AuthWaiter | null, deadline: number): Credential {
    const credential = this.find(scheme, auth) ?? this.remember(scheme, auth);
    if (waiter !== null) {
      credential.waiting.push({ waiter, deadline, sent: credential.isInFlight });
      this.awaited.add(credential);
      this.first = Math.min(this.first, deadline);
    }
    return credential;
  }

  /** Encodes all credentials, for a new connection. */
  writeAll(out: Outbox): void {
    for (const credential of this.all) this.write(credential, out);
  }

  /** Encodes one, unless it is on its way already. */
  write(credential: Credential, out: Outbox): void {
    if (credential.isInFlight) return;
    credential.write(out);
    credential.isInFlight = true;
    this.sent.push(credential);
  }

  /**
   * The server answered the oldest one.
   * @returns the refusal, if it is one; the credential is forgotten then
   */
  replied(errno: number): ZkError | null {
    const credential = this.takeOldest();
    this.awaited.delete(credential);
    if (this.awaited.size === 0) this.first = Infinity;
    if (errno === 0) {
      credential.succeed();
      return null;
    }
    const refusal = (): ZkError => {
      const cause = keeperError(errno, { op: 'auth', outcome: 'rejected' });
      return cause instanceof AuthFailedError
        ? cause
        : new AuthFailedError({ op: 'auth', outcome: 'rejected', cause });
    };
    this.forget(credential);
    credential.fail(refusal);
    return refusal();
  }

  /** Does somebody wait for a verdict? */
  get isAwaited(): boolean {
    return this.awaited.size > 0;
  }

  /** No caller gives up before this; it may be too early, never too late. */
  get earliest(): number {
    return this.first;
  }

  /** Fails the callers who have waited past their deadline. The credential stays, and is presented all the same. */
  sweep(now: number): void {
    if (now < this.first) return;
    this.first = Infinity;
    const late = (outcome: Outcome): ZkError => new RequestTimeoutError({ op: 'auth', outcome });
    for (const credential of [...this.awaited]) {
      credential.fail(late, ({ deadline }) => deadline <= now);
      if (credential.waiting.length === 0) this.awaited.delete(credential);
      for (const { deadline } of credential.waiting) this.first = Math.min(this.first, deadline);
    }
  }

  /** The connection is gone: what was not answered is sent again on the next one. */
  connectionLost(): void {
    for (const credential of this.sent) credential.isInFlight = false;
    this.sent = [];
    this.answered = 0;
  }

  /** Nobody will ever answer. */
  failAll(fate: FateOf): void {
    this.connectionLost();
    for (const credential of this.awaited) {
      credential.fail((outcome) => fate(outcome)({ op: operations.auth, path: undefined }));
    }
    this.awaited.clear();
    this.first = Infinity;
  }

  private find(scheme: string, auth: Buffer): Credential | undefined {
    return this.#byHash.get(hashOf(auth))?.find((each) => each.is(scheme, auth));
  }

  private remember(scheme: string, auth: Buffer): Credential {
    const credential = new Credential(scheme, auth);
    this.all.add(credential);
    const same = this.#byHash.get(credential.hash) ?? [];
    this.#byHash.set(credential.hash, same);
    same.push(credential);
    return credential;
  }

  private forget(credential: Credential): void {
    this.all.delete(credential);
    const same = this.#byHash.get(credential.hash) ?? [];
    same.splice(same.indexOf(credential), 1);
  }

  private takeOldest(): Credential {
    const credential = this.sent[this.answered];
    if (credential === undefined) throw new XidMismatchError(Xid.AUTH, undefined);
    this.answered++;
    // as many moves as there were answers
    if (this.answered * 2 > this.sent.length) {
      this.sent = this.sent.slice(this.answered);
      this.answered = 0;
    }
    credential.isInFlight = false;
    return credential;
  }
}
