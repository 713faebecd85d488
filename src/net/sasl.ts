/** What a SASL mechanism is, and the conversation of one with the server at hand. */
import type { ZkError } from '../protocol/errors.js';
import { AuthFailedError, SaslError } from '../protocol/errors.js';
import { usersCode } from './users-parts.js';

/** Who is to be convinced: the server as the connect string or the host provider names it. */
export interface SaslTarget {
  readonly host: string;
  readonly port: number;
}

/**
 * One exchange on one connection. What a mechanism throws, or rejects with, costs this attempt, and the next server is
 * tried; an {@link AuthFailedError} is final, as the server's own refusal is.
 */
export interface SaslConversation {
  /** What the client begins with; empty if the server is to speak first. */
  readonly initialToken: Uint8Array;
  /** Has this side all that it needs? Asked after `initialToken` was read, and after each `respond`. */
  readonly complete: boolean;
  /**
   * Answers a token of the server.
   * @returns what to send; null if there is nothing to say, which is possible only if the conversation is complete
   */
  respond(challenge: Uint8Array): Uint8Array | null | PromiseLike<Uint8Array | null>;
  /** The exchange is over, or the connection is gone: let go of secrets and handles. Called once. */
  dispose?(): void;
}

/**
 * A way to authenticate a connection by SASL, for the option `sasl`. It is started anew on every connection, before
 * anything else is sent. Time that it takes counts against `connectTimeoutMs`.
 */
export interface SaslMechanism {
  /** As registered with IANA, for example `DIGEST-MD5`. For logs and errors. */
  readonly name: string;
  start(target: SaslTarget): SaslConversation | PromiseLike<SaslConversation>;
}

/** Where the answers of the mechanism go. */
export interface SaslOutcome {
  /** `token` is to be sent, unless it is null; `done`: nothing more is needed of the server but its consent. */
  token(epoch: number, token: Uint8Array | null, done: boolean): void;
  failed(epoch: number, error: ZkError): void;
}

/** One exchange, from its connection's handshake to its end. */
interface Exchange {
  readonly epoch: number;
  readonly mechanism: SaslMechanism;
  conversation: SaslConversation | null;
}

/** Runs the mechanism. Its answers are never given within the call that asks for them. */
export class SaslClient {
  private exchange: Exchange | null = null;

  constructor(
    private mechanism: SaslMechanism | null,
    private readonly outcome: SaslOutcome,
  ) {}

  get isUsed(): boolean {
    return this.mechanism !== null;
  }

  /** From the next connection on. */
  use(mechanism: SaslMechanism | null): void {
    this.mechanism = mechanism;
  }

  /** A connection has a session: begins. */
  start(epoch: number, target: SaslTarget): void {
    const { mechanism } = this;
    if (mechanism === null) return;
    const exchange: Exchange = { epoch, mechanism, conversation: null };
    this.exchange = exchange;
    this.answer(exchange, async () => {
      const conversation = checkConversation(await mechanism.start(target));
      if (this.exchange !== exchange) {
        // the connection went while it was made
        dispose(conversation);
        return null;
      }
      exchange.conversation = conversation;
      return conversation.initialToken;
    });
  }

  /** The server said something. */
  step(epoch: number, challenge: Uint8Array): void {
    const { exchange } = this;
    const conversation = exchange?.conversation;
    if (exchange?.epoch !== epoch || conversation === null || conversation === undefined) return;
    this.answer(exchange, async () => conversation.respond(challenge));
  }

  /** The exchange is over, or its connection is. */
  end(epoch: number): void {
    const { exchange } = this;
    if (exchange?.epoch !== epoch) return;
    this.exchange = null;
    if (exchange.conversation !== null) dispose(exchange.conversation);
  }

  private answer(exchange: Exchange, work: () => Promise<Uint8Array | null>): void {
    const { epoch, mechanism } = exchange;
    void work()
      .then((token) => {
        if (this.exchange !== exchange) return (): void => undefined;
        checkToken(token);
        const done = exchange.conversation?.complete === true;
        if (token === null && !done) throw new TypeError('it has nothing to say, and is not complete');
        return (): void => this.outcome.token(epoch, token, done);
      })
      .catch((error: unknown) => {
        const reason = asZkError(mechanism, error);
        return (): void => this.outcome.failed(epoch, reason);
      })
      // not above: a bug behind the outcome is not the mechanism's
      .then((tell) => {
        if (this.exchange === exchange) tell();
      });
  }
}

function asZkError({ name }: SaslMechanism, error: unknown): ZkError {
  if (error instanceof AuthFailedError || error instanceof SaslError) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new SaslError(`${name}: ${text}`, error);
}

/** The mechanism may be the user's own. */
function checkConversation(given: SaslConversation): SaslConversation {
  const { respond } = (given as Partial<SaslConversation> | null | undefined) ?? {};
  if (typeof respond !== 'function') {
    throw new TypeError('start() did not give { initialToken, complete, respond }');
  }
  return given;
}

function checkToken(token: unknown): void {
  if (token !== null && !(token instanceof Uint8Array)) throw new TypeError('a token must be a Uint8Array');
}

function dispose(conversation: SaslConversation): void {
  usersCode(() => conversation.dispose?.());
}
