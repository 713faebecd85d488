/** Everything that outlives a connection, and how it changes (Java `ZKDatabase` and `ZooKeeperServer` in one). */
import { EventTypeCode } from '../protocol/constants.js';
import type { Clock } from './clock.js';
import { DataTree } from './data-tree.js';
import type { ServerOptions } from './options.js';
import { Quotas } from './quotas.js';
import type { ZxidOfFailure } from './refusal.js';
import { SessionTable, type Session } from './session-table.js';
import type { ParsedSnapshot } from './snapshot-reader.js';
import { Transaction } from './transaction.js';
import { Watches, type Trigger } from './watch-table.js';
import { ServerStats } from './words/server-stats.js';

export interface Zxids {
  readonly last: bigint;
  readonly issued: bigint;
}

/** Tree, sessions, watches and the zxid of one server. */
export class ServerState {
  readonly tree: DataTree;
  readonly quotas: Quotas;
  readonly sessions: SessionTable;
  readonly watches: Watches;
  /** What four-letter words tell. */
  readonly stats: ServerStats;
  /** zxid of the last change; failed writes count as changes. */
  lastZxid = 0n;
  /** The highest zxid that was given out. Ahead of {@link lastZxid} where a write failed before it could be logged. */
  private issuedZxid = 0n;
  readonly clock: Clock;

  readonly options: ServerOptions;

  /** @param sessions brings its own where others have a say in them */
  constructor(options: ServerOptions, sessions = new SessionTable(options.clock, options.tickTimeMs)) {
    this.options = options;
    this.clock = options.clock;
    this.stats = new ServerStats(options.clock.now());
    this.watches = new Watches(options.traits, this.stats);
    this.tree = new DataTree(options.traits.configNode);
    this.quotas = new Quotas(this.tree, options.enforceQuota);
    this.sessions = sessions;
  }

  /** Begins a write under the next zxid, which is used up whatever comes of it. */
  begin(): Transaction {
    this.quotas.begin();
    return new Transaction(this.tree, this.quotas, this.useZxid(), this.clock.wallMs());
  }

  /** Tells the watchers. Their events are queued when this returns, so that they precede the reply. */
  commit(txn: Transaction): void {
    for (const trigger of txn.triggers) {
      this.countWrite(trigger);
      this.watches.fire(trigger, txn.zxid);
    }
  }

  private countWrite({ type, path, bytes = 0 }: Trigger): void {
    if (type !== EventTypeCode.NodeChildrenChanged) this.stats.wrote(path, bytes);
  }

  /** A write has failed: nothing stays of it but what becomes of its zxid. @param before it began */
  abort(txn: Transaction, before: Zxids, zxid: ZxidOfFailure): void {
    txn.rollback();
    if (zxid === 'logged') return;
    this.lastZxid = before.last;
    if (zxid === 'not taken') this.issuedZxid = before.issued;
  }

  /** Opens a session, which takes a zxid. A timeout out of bounds is moved to the nearest bound. */
  openSession(requestedTimeoutMs: number): Session {
    const session = this.sessions.create(this.negotiate(requestedTimeoutMs));
    this.useZxid();
    return session;
  }

  /** The timeout that a client gets which asks for this one. */
  negotiate(timeoutMs: number): number {
    const { minSessionTimeoutMs, maxSessionTimeoutMs } = this.options;
    return Math.min(Math.max(timeoutMs, minSessionTimeoutMs), maxSessionTimeoutMs);
  }

  /** Ends a session within a transaction: its ephemeral nodes go. */
  endSession(session: Session, txn: Transaction): void {
    this.sessions.remove(session);
    for (const path of this.tree.ephemeralsOf(session.id)) {
      const node = this.tree.get(path);
      if (node !== undefined) txn.delete(path, node);
    }
    this.tree.forgetOwner(session.id);
  }

  /**
   * A session expires: its connection is closed without a word, its ephemeral nodes go, watchers are told. Whether its
   * own watches still fire is a race on a real server; here they never do.
   */
  expire(session: Session): void {
    session.closing = true;
    this.stats.counters.stale_sessions_expired++;
    session.hangUp();
    if (session.isLocal) {
      this.sessions.remove(session);
      return;
    }
    const txn = this.begin();
    this.endSession(session, txn);
    this.commit(txn);
  }

  /** Deletes a container or TTL node whose time has come (Java `deleteContainer`), which takes a zxid. */
  reap(path: string): void {
    const node = this.tree.get(path);
    if (node === undefined || node.numChildren > 0) return;
    const txn = this.begin();
    txn.delete(path, node);
    this.commit(txn);
  }

  /** Where the zxids are, for {@link abort}. */
  zxids(): Zxids {
    return { last: this.lastZxid, issued: this.issuedZxid };
  }

  /** Goes on behind this zxid. */
  continueFrom(zxid: bigint): void {
    this.lastZxid = this.issuedZxid = zxid;
  }

  /** Forgets everything, as a server does whose disk is replaced by an empty one. Nobody may be connected. */
  wipe(): void {
    this.sessions.clear();
    this.tree.clear();
    this.lastZxid = 0n;
    this.issuedZxid = 0n;
  }

  /**
   * Becomes what a snapshot says. The sessions that there are end, and their connections are closed; nobody is told of
   * any change. zxids do not go back: a client that has seen a higher one would never come back.
   */
  restore({ nodes, sessions, lastZxid }: ParsedSnapshot): void {
    for (const session of [...this.sessions]) {
      this.sessions.remove(session);
      session.hangUp();
    }
    this.tree.become(nodes);
    this.quotas.recount();
    for (const { id, passwd, timeoutMs } of sessions) this.sessions.add(id, passwd, timeoutMs);
    if (lastZxid > this.issuedZxid) this.issuedZxid = lastZxid;
    this.lastZxid = this.issuedZxid;
  }

  /** The next zxid, which is used up. */
  useZxid(): bigint {
    this.issuedZxid += 1n;
    this.lastZxid = this.issuedZxid;
    return this.lastZxid;
  }
}
