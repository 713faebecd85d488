/** What a connection needs of its server. */
import type { FaultBoard } from './faults/fault-board.js';
import type { Membership } from './membership.js';
import type { ServerState } from './server-state.js';

/** What a connection needs of the server that accepted it. */
export interface ConnectionHost<C = unknown> {
  readonly state: ServerState;
  readonly faults: FaultBoard;
  /** Whom it asks about what it does not decide by itself; null for a server by itself. */
  readonly membership: Membership | null;
  /** The answer to a four-letter word, or null for none. @param behind what came with it */
  answerWord(word: string, behind: Buffer, isSecure: boolean): string | null;
  /** The connection serves nobody any more. Its socket may still be open for a moment. */
  ended(connection: C): void;
}
