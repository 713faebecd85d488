/** What a leader judges writes by: its own state as it will be when all that it has proposed is committed. */
import type { ZxidOfFailure } from '../refusal.js';
import { ServerState, type Zxids } from '../server-state.js';
import type { Session } from '../session-table.js';
import type { Transaction } from '../transaction.js';
import { recorded, RecordedTransaction, type Entry } from './history.js';

/** Changes at once with each proposal; nobody reads from it and nobody watches it (Java `outstandingChanges`). */
export class LeaderState extends ServerState {
  /** @param from where it begins @param zxid of its epoch, with no transaction in it yet */
  constructor(
    from: ServerState,
    zxid: bigint,
    private readonly propose: (entry: Entry) => void,
  ) {
    super(from.options);
    this.tree.copyFrom(from.tree);
    for (const { id, passwd, timeoutMs } of from.sessions) this.sessions.add(id, passwd, timeoutMs);
    this.continueFrom(zxid);
  }

  override begin(): RecordedTransaction {
    this.quotas.begin();
    return new RecordedTransaction(this.tree, this.quotas, this.useZxid(), this.clock.wallMs());
  }

  override commit(txn: Transaction): void {
    const { zxid, timeMs, changes } = recorded(txn);
    this.propose({ zxid, timeMs, changes });
  }

  override abort(txn: Transaction, before: Zxids, zxid: ZxidOfFailure): void {
    super.abort(txn, before, zxid);
    if (zxid === 'logged') this.commit(txn);
  }

  /** A session of a client of one of the servers. */
  addSession(id: bigint, passwd: Buffer, timeoutMs: number): void {
    this.sessions.add(id, passwd, timeoutMs);
    const changes = [{ kind: 'openSession', id, passwd, timeoutMs } as const];
    this.propose({ zxid: this.useZxid(), timeMs: this.clock.wallMs(), changes });
  }

  /** @param session of whichever server; what counts is its id */
  override endSession({ id }: Session, txn: Transaction): void {
    const session = this.sessions.get(id);
    if (session === undefined) return;
    // whoever closes it is answered first, and then hung up on
    recorded(txn).changes.push({ kind: 'closeSession', id, expired: session.closing });
    super.endSession(session, txn);
  }
}
