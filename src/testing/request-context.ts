/** What a handler gets besides the request. */
import type { AuthId } from './access.js';
import { SaslExchange } from './sasl-exchange.js';
import type { ServerState } from './server-state.js';
import type { Session } from './session-table.js';
import type { Transaction } from './transaction.js';
import type { Watcher } from './watch-table.js';
import type { ConnectionStats } from './words/server-stats.js';

/** The connection that a request came on. */
export interface Caller extends Watcher {
  readonly session: Session;
  /** Is its session at another server now? */
  readonly hasMoved: boolean;
  readonly meter: { readonly stats: ConnectionStats };
  /** Identities it has now; a request is judged by those of the time it arrives. */
  readonly authIds: readonly AuthId[];
  addAuthIds(ids: readonly AuthId[]): void;
  /** The reply to the current request is its last. */
  closeAfterReply(): void;
  /** Something was thrown that is no refusal. @param doing what was being done */
  report(doing: string, error: unknown): void;
  /** Closes the connection without a word. */
  hangUp(): void;
  /** Serves nothing more until the function that it gives is called: a reply is still to come. */
  hold(): () => void;
}

/** One per connection, used for one request after the other. */
export class RequestContext {
  private current: Transaction | null = null;

  readonly state: ServerState;
  readonly caller: Caller;
  /** null if the server has no SASL. */
  readonly saslExchange: SaslExchange | null;

  constructor(state: ServerState, caller: Caller) {
    this.state = state;
    this.caller = caller;
    const { sasl } = state.options;
    this.saslExchange = sasl === null ? null : new SaslExchange(sasl.users);
  }

  /** The transaction of a request whose row says `mutates`. */
  get txn(): Transaction {
    if (this.current === null) throw new Error('this operation does not write');
    return this.current;
  }

  /** Set around a write by the request pipeline. */
  enter(txn: Transaction | null): void {
    this.current = txn;
  }
}
