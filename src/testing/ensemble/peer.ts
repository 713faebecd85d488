/** One server of an ensemble, without its sockets (Java `QuorumPeer`, `CommitProcessor`, `ReadOnlyZooKeeperServer`). */
import { parseConfig, type EnsembleConfig } from '../../protocol/ensemble-config.js';
import { operations, type RequestOf } from '../../protocol/operations.js';
import type { ConnectRequest } from '../../protocol/records.js';
import type { ClockTimer } from '../clock.js';
import { Housekeeping } from '../housekeeping.js';
import type { Forwarded, MemberMode, Membership, Outcome, Welcome } from '../membership.js';
import type { ServerOptions } from '../options.js';
import { ReadOnlyService, type ReadOnlyRules } from '../read-only-service.js';
import { ServerState } from '../server-state.js';
import { SessionTable, type Session, type SessionLink } from '../session-table.js';
import { configText } from './configuration.js';
import { CONFIG_NODE, replay, setConfig, type Entry } from './history.js';
import { epochOf, zxidOfEpoch, type Follower, type Leadership } from './leadership.js';

/** What a member is at the moment. */
export type Role = 'leader' | 'follower' | 'observer' | 'looking' | 'stopped';

/** What a peer needs of the server around it. */
export interface PeerHost {
  /** Closes all connections without a word. */
  hangUpAll(): void;
  /** Does its process stand still? */
  isPaused(): boolean;
}

/** Sessions that were opened by transactions, on which the leader alone looks at the clock, and local ones. */
class ReplicaSessions extends SessionTable {
  onTouch: (id: bigint) => void = () => undefined;

  override touch(session: Session): void {
    if (session.isLocal) super.touch(session);
    else this.onTouch(session.id);
  }
}

interface Applicable {
  readonly entry: Entry;
  readonly due: number;
}

interface Waiter {
  readonly upTo: bigint;
  readonly run: () => void;
}

/** Delay of what waits until it is told to go on. */
export const HELD = Infinity;

export class Peer implements Membership, Follower {
  role: Role = 'stopped';
  readonly state: ServerState;
  /** Of the last election that it took part in. */
  epoch = 0;
  /** The last configuration that it knows to be committed. */
  config: EnsembleConfig;
  isCut = false;
  /** Accepted, and not known to be committed. */
  logged: Entry[] = [];
  /** The leader that it follows, or is. */
  leadership: Leadership | null = null;
  /** Of the last transaction that was committed as far as it knows. */
  historyZxid = 0n;
  private appliedZxid = 0n;
  private delayMs = 0;
  /** Committed and not yet applied. */
  private queue: Applicable[] = [];
  private timer: ClockTimer | null = null;
  /** What is on its way from the leader, and to it, while nothing gets through. */
  private inbox: Entry[] = [];
  private outbox: (() => void)[] = [];
  private waiters: Waiter[] = [];
  /** Whose request is being done: if it closes the session, the answer comes before the end. */
  private closer: SessionLink | null = null;
  private readOnly: ReadOnlyService | null = null;
  /** Lets local sessions expire. */
  private readonly housekeeping: Housekeeping;

  constructor(
    readonly id: number,
    options: ServerOptions,
    private readonly readOnlyRules: ReadOnlyRules | null,
    readonly host: PeerHost,
  ) {
    const sessions = new ReplicaSessions(options.clock, options.tickTimeMs, id);
    sessions.onTouch = (session) => {
      if (!this.isCut) this.leadership?.touch(session);
    };
    this.state = new ServerState(options, sessions);
    this.config = { version: 0n, servers: [] };
    this.housekeeping = new Housekeeping(this.state, {
      isPaused: () => host.isPaused(),
      keeps: (session) => session?.isLocal !== true,
    });
  }

  /** Does it serve those who only read, without a quorum? */
  get isReadOnly(): boolean {
    return this.readOnly !== null;
  }

  get mode(): MemberMode {
    if (this.role === 'leader' || this.role === 'follower' || this.role === 'observer') return this.role;
    return this.isReadOnly ? 'read-only' : null;
  }

  get learners(): { readonly followers: number; readonly observers: number } {
    const others = [...(this.leadership?.followers ?? [])].filter((peer) => peer !== this);
    const observing = new Set(
      this.config.servers.filter(({ role }) => role === 'observer').map(({ id }) => id),
    );
    const observers = others.filter(({ id }) => observing.has(id)).length;
    return { followers: others.length - observers, observers };
  }

  /** Does it lead? */
  get leads(): boolean {
    return this.role === 'leader';
  }

  /** Of the last transaction in its log. */
  get loggedZxid(): bigint {
    return this.logged.at(-1)?.zxid ?? this.historyZxid;
  }

  get canReadOnly(): boolean {
    return this.readOnlyRules !== null;
  }

  // ---- what it becomes

  /** Takes over, with all that is in its log. */
  take(): void {
    this.applyAll();
    for (const entry of this.logged.splice(0)) this.settle(entry);
    this.applyAll();
  }

  /** Leads from now on. */
  lead(leadership: Leadership): void {
    this.stopReadOnly();
    this.role = 'leader';
    this.leadership = leadership;
    this.epoch = leadership.epoch;
    this.state.continueFrom(zxidOfEpoch(leadership.epoch));
    leadership.followers.add(this);
  }

  /** Follows from now on; what the leader does not have is taken back. */
  follow(leadership: Leadership): void {
    const { state, historyZxid, config, epoch } = leadership;
    this.stopReadOnly();
    this.logged = [];
    // also where the zxid is the same: after a lost disk it may be that of another history
    this.state.tree.copyFrom(state.tree);
    if (this.appliedZxid !== historyZxid) {
      this.state.continueFrom(historyZxid);
      this.appliedZxid = this.historyZxid = historyZxid;
    }
    this.state.sessions.clear();
    for (const { id, passwd, timeoutMs } of state.sessions) this.state.sessions.add(id, passwd, timeoutMs);
    this.establish(config, state.tree.get(CONFIG_NODE)?.mtime ?? 0);
    this.epoch = epoch;
    this.leadership = leadership;
    leadership.followers.add(this);
    this.renameRole();
  }

  /** What it is called, by the configuration. */
  renameRole(): void {
    if (this.leads || this.leadership === null) return;
    const own = this.config.servers.find(({ id }) => id === this.id);
    const role = own?.role === 'observer' ? 'observer' : 'follower';
    // a server that begins or ceases to vote begins anew
    if ((this.role === 'follower' || this.role === 'observer') && this.role !== role) this.host.hangUpAll();
    this.role = role;
  }

  /** Has lost its leader, or stops to be one. */
  look(role: 'looking' | 'stopped' = 'looking'): void {
    this.stopReadOnly();
    this.host.hangUpAll();
    if (this.leads) this.leadership?.end();
    this.leadership?.followers.delete(this);
    this.leadership = null;
    this.role = role;
    this.isCut = false;
    this.inbox = [];
    this.outbox = [];
    this.waiters = [];
    // what is in the log is read again
    this.applyAll();
  }

  /** Serves those who only read. */
  startReadOnly(): void {
    if (this.role !== 'looking' || this.readOnlyRules === null || this.isReadOnly) return;
    this.readOnly = new ReadOnlyService(this.state, this.readOnlyRules);
    this.housekeeping.start();
  }

  /** Goes by a configuration of which no change may have told. */
  establish(config: EnsembleConfig, timeMs: number): void {
    this.config = config;
    const text = configText(config);
    if (String(this.state.tree.get(CONFIG_NODE)?.data) === text) return;
    setConfig(this.state, text, config.version, timeMs);
  }

  /** The disk is empty. */
  wipe(): void {
    this.state.wipe();
    this.load(this.state);
  }

  /** Has what another state has, or what has been put in its own behind its back. */
  load({ tree, sessions, lastZxid }: ServerState): void {
    if (tree !== this.state.tree) {
      this.state.tree.copyFrom(tree);
      this.state.sessions.clear();
      for (const { id, passwd, timeoutMs } of sessions) this.state.sessions.add(id, passwd, timeoutMs);
      this.state.continueFrom(lastZxid);
    }
    this.logged = [];
    this.historyZxid = this.appliedZxid = lastZxid;
    this.epoch = epochOf(lastZxid);
  }

  private stopReadOnly(): void {
    if (this.readOnly === null) return;
    this.housekeeping.stop();
    this.host.hangUpAll();
    this.readOnly.end();
    this.readOnly = null;
  }

  // ---- transactions

  accept(entry: Entry): void {
    this.logged.push(entry);
  }

  commit(entry: Entry): void {
    if (this.isCut) {
      this.inbox.push(entry);
      return;
    }
    this.logged.shift();
    this.settle(entry);
  }

  /** Nothing goes between it and its leader from now on, and neither knows. */
  cut(): void {
    this.isCut = true;
  }

  /** What was on its way arrives. */
  mend(): void {
    const { leadership } = this;
    if (!this.isCut || leadership === null) return;
    // what is answered on the way may cause more, which comes behind
    for (let entry = this.inbox.shift(); entry !== undefined; entry = this.inbox.shift()) this.settle(entry);
    this.isCut = false;
    this.logged = [...leadership.pending];
    for (const send of this.outbox.splice(0)) send();
  }

  /** Applies what is committed that much later. */
  delay(ms: number): void {
    this.delayMs = ms;
    if (ms === 0) this.applyAll();
    else this.reschedule();
  }

  private settle(entry: Entry): void {
    this.historyZxid = entry.zxid;
    for (const change of entry.changes) if (change.kind === 'config') this.config = parseConfig(change.text);
    if (this.delayMs === 0 && this.queue.length === 0) {
      this.apply(entry);
      return;
    }
    this.queue.push({ entry, due: this.state.clock.now() + this.delayMs });
    if (this.queue.length === 1) this.arm();
  }

  private apply(entry: Entry): void {
    this.appliedZxid = entry.zxid;
    const ended = replay(entry, this.state);
    while (this.waiters.length > 0 && (this.waiters[0] as Waiter).upTo <= entry.zxid)
      this.waiters.shift()?.run();
    for (const session of ended) session.hangUp(this.closer);
  }

  private applyAll(): void {
    this.timer?.cancel();
    // what is answered on the way may cause more, which comes behind
    for (let next = this.queue.shift(); next !== undefined; next = this.queue.shift()) this.apply(next.entry);
  }

  private arm(): void {
    const next = this.queue[0];
    this.timer?.cancel();
    if (next === undefined || next.due === HELD) return;
    const { clock } = this.state;
    this.timer = clock.setTimeout(() => this.applyDue(), Math.max(0, next.due - clock.now()));
  }

  private applyDue(): void {
    const now = this.state.clock.now();
    while (this.queue.length > 0 && (this.queue[0] as Applicable).due <= now) {
      this.apply((this.queue.shift() as Applicable).entry);
    }
    this.arm();
  }

  /** The delay is another one: also for what waits already. */
  private reschedule(): void {
    const due = this.state.clock.now() + this.delayMs;
    this.queue = this.queue.map(({ entry }) => ({ entry, due }));
    this.arm();
  }

  /** Waiters come in the order of what they wait for: all of it was proposed before. */
  private whenApplied(upTo: bigint, run: () => void): void {
    if (this.appliedZxid >= upTo) run();
    else this.waiters.push({ upTo, run });
  }

  /** Says something to the leader, as soon as that gets through. */
  private tell(send: (leadership: Leadership) => void): void {
    const { leadership } = this;
    if (leadership === null) return;
    if (this.isCut) this.outbox.push(() => send(leadership));
    else send(leadership);
  }

  // ---- clients

  mayRead({ id }: Session): boolean {
    return !this.leads || this.leadership?.claim(this, id) !== false;
  }

  /** Has the leader delete what is due. */
  reap(): void {
    this.tell((leadership) => leadership.reap());
  }

  submit(request: Forwarded, done: (outcome: Outcome) => void): void {
    const { row, caller } = request;
    if (this.readOnly !== null) {
      done(this.readOnly.submit(request));
      return;
    }
    if (this.leadership === null) {
      done(null);
      return;
    }
    this.tell((leadership) => {
      if (row.code === operations.sync.code) {
        if (!this.mayRead(caller.session)) {
          done(null);
          return;
        }
        const { path } = request.request as RequestOf<'sync'>;
        this.whenApplied(leadership.historyZxid, () =>
          done({ zxid: this.state.lastZxid, errno: 0, response: { path } }),
        );
        return;
      }
      this.closer = caller;
      const { upTo, outcome } = leadership.submit(this, request);
      this.closer = null;
      this.whenApplied(upTo, () => done(outcome()));
      leadership.settle();
    });
  }

  attach(q: ConnectRequest, done: (welcome: Welcome) => void): void {
    if (this.readOnly !== null) {
      done(this.readOnly.attach(q));
    } else if (this.mode === null || q.lastZxidSeen > this.state.lastZxid) {
      // this server lacks what the client has seen: it must find one that does not
      done(null);
    } else if (q.sessionId === 0n) {
      this.openSession(q.timeOut, done);
    } else {
      this.reattach(q, done);
    }
  }

  private openSession(timeOut: number, done: (welcome: Welcome) => void): void {
    const { sessions } = this.state;
    const { id, passwd } = sessions.draft();
    this.tell((leadership) => {
      const upTo = leadership.openSession(this, id, passwd, this.state.negotiate(timeOut));
      this.whenApplied(upTo, () => done({ session: sessions.get(id) ?? null, readOnly: false }));
    });
  }

  private reattach(q: ConnectRequest, done: (welcome: Welcome) => void): void {
    const { sessionId: id, passwd, timeOut } = q;
    const { sessions } = this.state;
    // also if the password then turns out to be wrong
    sessions.get(id)?.link?.hangUp();
    this.tell((leadership) => {
      const timeoutMs = this.state.negotiate(timeOut);
      if (passwd === null || !leadership.revalidate(this, id, passwd, timeoutMs)) {
        done({ session: null, readOnly: false });
        return;
      }
      const session = sessions.get(id) ?? sessions.add(id, Buffer.from(passwd), timeoutMs);
      session.timeoutMs = timeoutMs;
      done({ session, readOnly: false });
    });
  }
}
