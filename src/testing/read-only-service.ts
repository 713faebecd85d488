/** How a server without a quorum serves those who only read (Java `ReadOnlyZooKeeperServer`, `ReadOnlyRequestProcessor`). */
import { Errno } from '../protocol/error-codes.js';
import { operations } from '../protocol/operations.js';
import type { ConnectRequest } from '../protocol/records.js';
import { takeUp } from './handshake.js';
import type { Forwarded, Outcome, Welcome } from './membership.js';
import type { ServerState } from './server-state.js';
import type { Session } from './session-table.js';

/** Who lets read-only clients in, and whom. */
export interface ReadOnlyRules {
  /** Do they get sessions that this server alone knows (`localSessionsEnabled`)? */
  readonly localSessions: boolean;
}

/** From the loss of the quorum until {@link end}. Nothing that it does takes a zxid. */
export class ReadOnlyService {
  /** @param refused told of every connection and request that is turned away */
  constructor(
    private readonly state: ServerState,
    private readonly rules: ReadOnlyRules,
    private readonly refused: () => void = () => undefined,
  ) {}

  /** Nobody here knows whether a session of the ensemble still lives. */
  attach(q: ConnectRequest): Welcome {
    const { sessions } = this.state;
    const known = sessions.get(q.sessionId);
    if (q.readOnly !== true || q.lastZxidSeen > this.state.lastZxid || known?.isLocal === false) {
      this.refused();
      return null;
    }
    if (q.sessionId === 0n) {
      if (!this.rules.localSessions) return this.refuse();
      return { session: sessions.createLocal(this.state.negotiate(q.timeOut)), readOnly: true };
    }
    return { session: known === undefined ? null : takeUp(this.state, known, q), readOnly: true };
  }

  /** What changes something, or asks others: all that is done of it is the close of a session. */
  submit({ row, caller }: Forwarded): Outcome {
    const { session } = caller;
    if (row.code !== operations.closeSession.code || !session.isLocal) return this.refuse();
    this.state.sessions.remove(session);
    session.hangUp(caller);
    caller.closeAfterReply();
    return { zxid: this.state.lastZxid, errno: 0, response: {} };
  }

  /** May a session not expire, or with `null` what is due not be deleted? Only its own sessions are its business. */
  keeps(session: Session | null): boolean {
    return session?.isLocal !== true;
  }

  /** There is a quorum again, or another server takes over: its sessions are forgotten. Nobody may be connected. */
  end(): void {
    const { sessions } = this.state;
    for (const session of [...sessions]) if (session.isLocal) sessions.remove(session);
  }

  private refuse(): Exclude<Outcome, null> {
    this.refused();
    return { zxid: this.state.lastZxid, errno: Errno.NotReadOnly, response: undefined };
  }
}
