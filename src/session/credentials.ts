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
    for (const each of this.waiting) each.sent = true;
  }

  succeed(): void {
    for (const { waiter } of this.waiting.splice(0)) waiter.resolve();
  }

  /** Fails those of whom `which` says so, each with an error of his own. */
  fail(error: (outcome: Outcome) => ZkError, which: (waiting: Waiting) => boolean = () => true): void {
    const failed = this.waiting.filter(which);
    this.waiting = this.waiting.filter((each) => !failed.includes(each));
    for (const { waiter, sent } of failed) waiter.reject(error(sent ? 'unknown' : 'not-sent'));
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
    if (waiter !== null)
      credential.waiting.push({ waiter, deadline, sent: this.inFlight.includes(credential) });
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
      credential.succeed();
      return null;
    }
    const refusal = (): ZkError => {
      const cause = keeperError(errno, { op: 'auth', outcome: 'rejected' });
      return cause instanceof AuthFailedError
        ? cause
        : new AuthFailedError({ op: 'auth', outcome: 'rejected', cause });
    };
    this.all.splice(this.all.indexOf(credential), 1);
    credential.fail(refusal);
    return refusal();
  }

  /** Does somebody wait for a verdict? */
  get isAwaited(): boolean {
    return this.all.some(({ waiting }) => waiting.length > 0);
  }

  /** When the first caller gives up; Infinity for never. */
  get earliest(): number {
    let earliest = Infinity;
    for (const { waiting } of this.all)
      for (const { deadline } of waiting) earliest = Math.min(earliest, deadline);
    return earliest;
  }

  /** Fails the callers who have waited past their deadline. The credential stays, and is presented all the same. */
  sweep(now: number): void {
    const late = (outcome: Outcome): ZkError => new RequestTimeoutError({ op: 'auth', outcome });
    for (const credential of this.all) credential.fail(late, ({ deadline }) => deadline <= now);
  }

  /** The connection is gone: what was not answered is sent again on the next one. */
  connectionLost(): void {
    this.inFlight = [];
  }

  /** Nobody will ever answer. */
  failAll(fate: FateOf): void {
    this.inFlight = [];
    for (const credential of this.all) {
      credential.fail((outcome) => fate(outcome)({ op: operations.auth, path: undefined }));
    }
  }
}
