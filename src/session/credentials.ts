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
  type ZkError,
} from '../protocol/errors.js';
import { operations } from '../protocol/operations.js';
import type { Outbox } from './outbox.js';

/** Whoever waits for the server's verdict. */
export interface AuthWaiter {
  resolve(): void;
  reject(error: ZkError): void;
}

/** One of them. */
export class Credential {
  /** Private to the language, not only to the compiler: a secret must not show up in `util.inspect`. */
  readonly #auth: Buffer;
  readonly scheme: string;
  waiters: { readonly waiter: AuthWaiter; readonly deadline: number }[] = [];

  constructor(scheme: string, auth: Buffer) {
    this.scheme = scheme;
    this.#auth = auth;
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
  }

  settle(error: ZkError | null): void {
    const waiters = this.waiters;
    this.waiters = [];
    for (const { waiter } of waiters) {
      if (error === null) waiter.resolve();
      else waiter.reject(error);
    }
  }
}

export class Credentials {
  private readonly all: Credential[] = [];
  /** Sent on this connection and not answered, oldest first. */
  private inFlight: Credential[] = [];

  /** Remembers a credential. The same one given twice is kept once. */
  add(scheme: string, auth: Buffer, waiter: AuthWaiter | null, deadline: number): Credential {
    let credential = this.all.find((c) => c.is(scheme, auth));
    if (credential === undefined) {
      credential = new Credential(scheme, auth);
      this.all.push(credential);
    }
    if (waiter !== null) credential.waiters.push({ waiter, deadline });
    return credential;
  }

  /** Encodes all credentials, for a new connection. */
  writeAll(out: Outbox): void {
    for (const credential of this.all) this.write(credential, out);
  }

  /** Encodes one, unless it is on its way already. */
  write(credential: Credential, out: Outbox): void {
    if (this.inFlight.includes(credential)) return;
    credential.write(out);
    this.inFlight.push(credential);
  }

  /**
   * The server answered the oldest one.
   * @returns the refusal, if it is one; the credential is forgotten then
   */
  replied(errno: number): ZkError | null {
    const credential = this.inFlight.shift();
    if (credential === undefined) throw new XidMismatchError(Xid.AUTH, undefined);
    if (errno === 0) {
      credential.settle(null);
      return null;
    }
    const cause = keeperError(errno, { op: 'auth', outcome: 'rejected' });
    const error =
      cause instanceof AuthFailedError
        ? cause
        : new AuthFailedError({ op: 'auth', outcome: 'rejected', cause });
    this.all.splice(this.all.indexOf(credential), 1);
    credential.settle(error);
    return error;
  }

  /** When the first caller gives up; Infinity for never. */
  get earliest(): number {
    let earliest = Infinity;
    for (const { waiters } of this.all)
      for (const { deadline } of waiters) earliest = Math.min(earliest, deadline);
    return earliest;
  }

  /** Fails the callers who have waited past their deadline. The credential stays, and is presented all the same. */
  sweep(now: number): void {
    for (const credential of this.all) {
      if (!credential.waiters.some(({ deadline }) => deadline <= now)) continue;
      const outcome = this.inFlight.includes(credential) ? 'unknown' : 'not-sent';
      const late = credential.waiters.filter(({ deadline }) => deadline <= now);
      credential.waiters = credential.waiters.filter(({ deadline }) => deadline > now);
      for (const { waiter } of late) waiter.reject(new RequestTimeoutError({ op: 'auth', outcome }));
    }
  }

  /** The connection is gone: what was not answered is sent again on the next one. */
  connectionLost(): void {
    this.inFlight = [];
  }

  /** Nobody will ever answer. */
  failAll(error: ZkError): void {
    this.inFlight = [];
    for (const credential of this.all) credential.settle(error);
  }
}
