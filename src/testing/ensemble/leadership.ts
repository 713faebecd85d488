/** What a leader does (Java `Leader`, `PrepRequestProcessor`): it judges requests, proposes, and commits by quorum. */
import { Perms } from '../../protocol/constants.js';
import type { EnsembleConfig } from '../../protocol/ensemble-config.js';
import { operations, type RequestOf } from '../../protocol/operations.js';
import { demand } from '../access.js';
import type { AnyHandler } from '../handler.js';
import { Housekeeping, type HouseRules } from '../housekeeping.js';
import type { Forwarded, Outcome } from '../membership.js';
import { performWrite, refusalOf } from '../perform-write.js';
import { reapMortals } from '../reaper.js';
import { refuse } from '../refusal.js';
import { RequestContext } from '../request-context.js';
import { asksForOwner } from '../routes.js';
import type { ServerState } from '../server-state.js';
import { configText, isQuorum, nextConfig } from './configuration.js';
import { CONFIG_NODE, recorded, setConfig, type Entry } from './history.js';
import { LeaderState } from './leader-state.js';

/** A server that follows, the leader itself included, as the leader sees it. */
export interface Follower {
  readonly id: number;
  /** Nothing goes between it and the leader, and neither has noticed. */
  readonly isCut: boolean;
  /** Writes a proposal to its log. */
  accept(entry: Entry): void;
  /** A quorum has accepted the oldest of the proposals that are not committed. */
  commit(entry: Entry): void;
}

/** What a leader says to a request. */
export interface Verdict {
  /** The transaction that the asking server must have applied before it answers. */
  readonly upTo: bigint;
  readonly outcome: () => Outcome;
}

/** What a leader is told by those who made it one. */
export interface LeaderRules extends HouseRules {
  readonly reconfigEnabled: boolean;
  /** A new configuration is committed. */
  reconfigured(): void;
}

/** Zxid that a leader begins with: above all before, below its first transaction. */
export function zxidOfEpoch(epoch: number): bigint {
  return BigInt(epoch) << 32n;
}

/** The epoch that a zxid is of. */
export function epochOf(zxid: bigint): number {
  return Number(zxid >> 32n);
}

/** From an election until the leader steps down. */
export class Leadership {
  /** Those that are told of every change; in the order in which they came. */
  readonly followers = new Set<Follower>();
  readonly state: LeaderState;
  /** Of the last change proposed, or of the last of those before. */
  historyZxid: bigint;
  config: EnsembleConfig;
  private readonly proposals: Entry[] = [];
  /** The server at which each session is; null if that is none that there is. */
  private readonly owners = new Map<bigint, Follower | null>();
  private readonly housekeeping: Housekeeping;
  /** Has a new configuration been committed that nobody has acted upon? */
  private isReconfigured = false;
  private isAdvancing = false;
  /** Has it stepped down? */
  isOver = false;

  constructor(
    readonly self: Follower,
    readonly epoch: number,
    from: { readonly state: ServerState; readonly historyZxid: bigint; readonly config: EnsembleConfig },
    private readonly rules: LeaderRules,
  ) {
    this.state = new LeaderState(from.state, zxidOfEpoch(epoch), (entry) => this.propose(entry));
    this.historyZxid = from.historyZxid;
    this.config = from.config;
    this.housekeeping = new Housekeeping(this.state, rules);
    this.housekeeping.start();
  }

  /** Can it commit? */
  get hasQuorum(): boolean {
    return !this.isOver && this.isSynced(this.config);
  }

  /** Proposals that nobody knows to be committed. */
  get pending(): readonly Entry[] {
    return this.proposals;
  }

  /** It steps down, or is cut off from everybody by its end. */
  end(): void {
    this.isOver = true;
    this.housekeeping.stop();
  }

  /** Does what a client of a server asks for. */
  submit(from: Follower, request: Forwarded): Verdict {
    const { caller, row } = request;
    const session = this.state.sessions.get(caller.session.id);
    if (session === undefined) return this.write({ ...request, handle: () => refuse('SessionExpired') });
    const isAsked = asksForOwner(row, request.request, this.rules.reconfigEnabled);
    if (isAsked && (caller.hasMoved || !this.claim(from, session.id))) {
      return { ...this.write({ ...request, handle: () => refuse('SessionMoved') }), outcome: () => null };
    }
    this.state.sessions.touch(session);
    if (row.code !== operations.reconfig.code) return this.write(request);
    return this.write({ ...request, handle: this.reconfig });
  }

  /** A session for a client of a server. @returns the transaction that the server must have applied */
  openSession(from: Follower, id: bigint, passwd: Buffer, timeoutMs: number): bigint {
    this.owners.set(id, from);
    this.state.addSession(id, passwd, timeoutMs);
    return this.historyZxid;
  }

  /** A client comes with a session that it has. @returns false if it has none, or not this one */
  revalidate(from: Follower, id: bigint, passwd: Uint8Array | null, timeoutMs: number): boolean {
    const session = this.state.sessions.get(id);
    if (session === undefined || passwd === null || !session.passwd.equals(passwd)) return false;
    session.timeoutMs = timeoutMs;
    this.state.sessions.touch(session);
    this.owners.set(id, from);
    return true;
  }

  /** Deletes the containers and TTL nodes that are due. */
  reap(): void {
    reapMortals(this.state);
  }

  /**
   * A session belongs to the server that speaks for it first after an election, then to where it is taken up.
   * @returns false if it is another's
   */
  claim(from: Follower, id: bigint): boolean {
    const owner = this.owners.get(id);
    // nobody would take it off again if the session is over
    if (owner === undefined && this.state.sessions.get(id) !== undefined) this.owners.set(id, from);
    return owner === undefined || owner === from;
  }

  /** A session has gone to a server of which nobody knows. */
  moveAway(id: bigint): void {
    if (this.state.sessions.get(id) !== undefined) this.owners.set(id, null);
  }

  /** A client was heard of. */
  touch(id: bigint): void {
    const session = this.state.sessions.get(id);
    if (session !== undefined) this.state.sessions.touch(session);
  }

  /** Commits what can be committed. */
  advance(): void {
    // whoever is answered on the way may ask for more at once: it comes to all followers behind what is under way
    if (this.isAdvancing) return;
    this.isAdvancing = true;
    while (this.proposals.length > 0 && this.hasQuorum) {
      const entry = this.proposals.shift() as Entry;
      for (const change of entry.changes) {
        if (change.kind === 'closeSession') this.owners.delete(change.id);
        else if (change.kind === 'config') this.isReconfigured = true;
      }
      for (const follower of [...this.followers]) follower.commit(entry);
    }
    this.isAdvancing = false;
  }

  /** Acts upon a new configuration; called when the request that brought it is answered. */
  settle(): void {
    if (!this.isReconfigured) return;
    this.isReconfigured = false;
    this.rules.reconfigured();
  }

  private write({ caller, row, handle, request }: Forwarded): Verdict {
    const ctx = new RequestContext(this.state, caller);
    let [errno, response]: [number, unknown] = [0, undefined];
    try {
      response = performWrite(ctx, handle, request);
    } catch (error) {
      const refusal = refusalOf(error, caller, row, request);
      [errno, response] = [refusal.errno, refusal.partial];
    }
    const { lastZxid: zxid } = this.state;
    return { upTo: this.historyZxid, outcome: () => ({ zxid, errno, response }) };
  }

  /** In the order of Java's checks. */
  private readonly reconfig: AnyHandler = (ctx, request) => {
    if (!this.rules.reconfigEnabled) refuse('ReconfigDisabled');
    if (this.proposals.some(({ changes }) => changes.some(({ kind }) => kind === 'config'))) {
      refuse('ReconfigInProgress');
    }
    const { txn, state, caller } = ctx;
    const next = nextConfig(request as RequestOf<'reconfig'>, this.config, txn.zxid);
    if (!this.isSynced(next)) refuse('NewConfigNoQuorum');
    const node = state.tree.get(CONFIG_NODE) ?? refuse('NoNode');
    demand(node.acl, Perms.WRITE, caller.authIds);
    const text = configText(next);
    recorded(txn).changes.push({ kind: 'config', text });
    setConfig(state, text, txn.zxid, txn.timeMs);
    this.config = next;
    return { data: node.data, stat: node.stat() };
  };

  private propose(entry: Entry): void {
    this.historyZxid = entry.zxid;
    this.proposals.push(entry);
    for (const follower of this.followers) if (!follower.isCut) follower.accept(entry);
    this.advance();
  }

  private isSynced(config: EnsembleConfig): boolean {
    const present: number[] = [];
    for (const { id, isCut } of this.followers) if (!isCut) present.push(id);
    return isQuorum(config, present);
  }
}
