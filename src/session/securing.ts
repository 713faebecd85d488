/**
 * The SASL exchange of a new connection: before it is over, nothing else is sent. Its requests stand in the queue as
 * all others do, since servers answer them in order as long as there is nothing but them; what to say is asked of the
 * mechanism, outside.
 */
import { AuthFailedError, UsageError, ZkError } from '../protocol/errors.js';
import { operations } from '../protocol/operations.js';
import { Outbox } from './outbox.js';
import { PendingRequest } from './pending.js';
import type { Ports } from './ports.js';
import type { RequestQueue } from './queue.js';
import type { Sender } from './sender.js';

/** Where the exchange leads. */
export interface SecuringMoves {
  /** Is this the connection, and still in the exchange? */
  isOn(epoch: number): boolean;
  /** Both sides are content. */
  secured(epoch: number, now: number): void;
  /** There is no way to come in with these credentials. */
  refused(error: AuthFailedError): void;
  /** This connection is of no use, another one may be. */
  lost(error: ZkError, now: number): void;
}

export class Securing {
  constructor(
    private readonly queue: RequestQueue,
    private readonly sender: Sender,
    private readonly ports: Pick<Ports, 'saslStep'>,
    private readonly moves: SecuringMoves,
  ) {}

  /**
   * The mechanism answered.
   * @param token to send, or null
   * @param done it needs nothing more but the server's consent to `token`
   */
  token(epoch: number, token: Uint8Array | null, done: boolean, now: number): void {
    if (!this.moves.isOn(epoch)) return;
    if (token === null) this.moves.secured(epoch, now);
    else this.send(epoch, token, done, now);
  }

  /** The mechanism failed: for this connection, or for good if it says that authentication did. */
  failed(epoch: number, error: ZkError, now: number): void {
    if (!this.moves.isOn(epoch)) return;
    if (error instanceof AuthFailedError) this.moves.refused(error);
    else this.moves.lost(error, now);
  }

  private send(epoch: number, token: Uint8Array, done: boolean, now: number): void {
    const replied = ({ token: challenge }: { readonly token: Uint8Array | null }): void => {
      if (done) this.moves.secured(epoch, now);
      else if (challenge === null) this.moves.refused(unsecured());
      else this.ports.saslStep(epoch, challenge);
    };
    const failed = (error: Error): void => {
      // one without a reply was cut off, and the next connection begins anew
      const byServer = ZkError.is(error) && error.outcome === 'rejected';
      if (byServer || error instanceof UsageError) this.moves.refused(refusal(error));
    };
    const out = new Outbox();
    const { sasl } = operations;
    const request = new PendingRequest(sasl, { token }, undefined, replied, failed, null, null, 0);
    this.queue.addInFront(out, request);
    this.sender.writeOut(out, epoch, now);
  }
}

/** A server whose providers know no SASL answers null, and so does one that lets failed clients in. */
function unsecured(): AuthFailedError {
  return new AuthFailedError({ op: 'sasl', outcome: 'rejected' }, 'the server does not authenticate by SASL');
}

function refusal(cause: ZkError): AuthFailedError {
  return cause instanceof AuthFailedError
    ? cause
    : new AuthFailedError({ op: 'sasl', outcome: 'rejected', cause }, cause.message);
}
