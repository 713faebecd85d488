/** Several mini-servers with one history, in this process. */
import { MAX_INT } from '../../protocol/constants.js';
import { InvalidArgumentError } from '../../protocol/errors.js';
import type { ConfigServer } from '../../protocol/ensemble-config.js';
import { systemClock } from '../clock.js';
import { ListenError } from '../errors.js';
import type { MiniServer } from '../mini-server.js';
import type { ServerOptions } from '../options.js';
import { viewSessions, type SessionView } from '../views.js';
import { configText } from './configuration.js';
import { openMember, type EnsembleMember, type OpenMember } from './ensemble-member.js';
import { resolveEnsemble, type EnsembleSettings, type MiniEnsembleOptions } from './ensemble-options.js';
import { HELD, type Peer } from './peer.js';
import { Quorum } from './quorum.js';

/** A member, or its place in {@link MiniEnsemble.members}, from 0. */
export type MemberRef = EnsembleMember | number;

/** A member that applies changes later than the others, until {@link Lag.end}. */
export interface Lag extends Disposable {
  readonly standing: boolean;
  /** It catches up at once, and keeps up from now on. Harmless if it is over. */
  end(): void;
}

/**
 * An ensemble for tests: members that are {@link MiniServer}s, one of which leads. Writes go through the leader and are
 * answered when a quorum has them and the client's own member has applied them; reads are answered by the member alone.
 * Without options everything that one call causes, an election too, is over when the call returns.
 */
export class MiniEnsemble implements AsyncDisposable {
  private readonly all: OpenMember[] = [];
  private readonly lags = new Map<Peer, Lag>();
  /** Of the member begun last: several can be on their way to listen. */
  private lastId = 0;
  private closed = false;

  private constructor(
    private readonly settings: EnsembleSettings,
    private readonly quorum: Quorum,
  ) {}

  /**
   * Starts all members on an empty tree, and resolves when they listen and have a leader: that of the highest id.
   * @throws {@link InvalidOptionError} on an option that cannot be
   * @throws {@link ListenError} if a port is taken or the host is not of this machine
   */
  static async start(options?: MiniEnsembleOptions): Promise<MiniEnsemble> {
    const settings = resolveEnsemble(options);
    const clock = settings.servers[0]?.clock ?? systemClock;
    const quorum = new Quorum(clock, settings.times, settings.reconfigEnabled);
    const ensemble = new MiniEnsemble(settings, quorum);
    try {
      for (const [i, server] of settings.servers.entries()) await ensemble.open(server, i < settings.voters);
    } catch (error) {
      await ensemble.close();
      throw error;
    }
    ensemble.begin(ensemble.all);
    return ensemble;
  }

  /** Those that it was started with, participants before observers, then those of {@link addMember}. */
  get members(): readonly EnsembleMember[] {
    return this.all.map(({ member }) => member);
  }

  /** `host:port,host:port` of all members, for a client on this machine. */
  get connectString(): string {
    return this.members.map(({ connectString }) => connectString).join(',');
  }

  /** The client's option `dialer`, for connections without sockets, as {@link MiniServer.dialer}. */
  get dialer(): MiniServer['dialer'] {
    return (this.members[0] as EnsembleMember).dialer;
  }

  /** The member that leads a quorum, or `undefined` while none does. */
  get leader(): EnsembleMember | undefined {
    const { leader } = this.quorum;
    return this.all.find(({ peer }) => peer === leader)?.member;
  }

  /** Sessions as the leader knows them; none while nobody leads. */
  get sessions(): readonly SessionView[] {
    const leading = this.quorum.leader?.leadership?.state;
    if (leading === undefined) return [];
    const isConnected = (id: bigint): boolean =>
      this.all.some(({ peer }) => (peer.state.sessions.get(id)?.link ?? null) !== null);
    return viewSessions(leading).map((view) => ({ ...view, connected: isConnected(view.id) }));
  }

  /** What went wrong and should not have, of all members; see {@link MiniServer.errors}. */
  get errors(): readonly Error[] {
    return this.members.flatMap(({ errors }) => errors);
  }

  /** What stands in `/zookeeper/config` once all have applied it: that of the leader, or of the first member without one. */
  get config(): string {
    return configText((this.quorum.leader ?? (this.all[0] as OpenMember).peer).config);
  }

  /** Stops a member, as if its process had ended; the others notice at once. It keeps what it has. */
  async stop(ref: MemberRef): Promise<void> {
    await this.find(ref).member.stop();
  }

  /**
   * Starts a member again that was stopped, on the same port; one that runs is restarted.
   * @throws {@link ListenError} if the port was taken meanwhile, or the member or the ensemble was closed
   */
  async start(ref: MemberRef): Promise<void> {
    await this.find(ref).member.restart();
  }

  /**
   * Parts the network between members, not between them and clients: `partition([[0], [1, 2]])`. A group with more than
   * half of those that vote goes on, with a leader of its own if need be; members of the others notice after the option
   * `syncLimitMs` and serve nobody, or those who only read. Members that are in no group reach nobody.
   * @throws {@link InvalidArgumentError} if a member is in two groups, or is none of this ensemble
   */
  partition(groups: readonly (readonly MemberRef[])[]): void {
    const peers = groups.map((group) => group.map((ref) => this.find(ref).peer));
    if (new Set(peers.flat()).size < peers.flat().length) {
      throw new InvalidArgumentError('a member cannot be in two parts of the network');
    }
    this.quorum.part(peers);
  }

  /**
   * All members reach each other again, and every {@link MiniEnsemble.lag} ends. What a minority had beyond the others, it
   * forgets. Faults between members and their clients stay: `member.heal()` ends those.
   */
  heal(): void {
    for (const lag of [...this.lags.values()]) lag.end();
    this.quorum.part(null);
  }

  /**
   * Lets a member take over, as if those within its reach had lost their leader and voted for it. Connections of all of
   * them are closed.
   * @throws {@link InvalidArgumentError} if it has no vote, does not run, does not reach a quorum, or lacks what one there has
   */
  elect(ref: MemberRef): void {
    const { member, peer } = this.find(ref);
    if (!this.quorum.elect(peer)) {
      throw new InvalidArgumentError(
        `member ${member.id} cannot be elected: it has no vote, no quorum, or too little in its log`,
      );
    }
  }

  /**
   * Lets a member apply changes that much later than the others, or only when {@link Lag.end} is called: reads on it are
   * stale, watches there fire late, a write through it is answered late. `sync` waits for it. A former lag ends.
   * @param ms whole milliseconds; left out: until it ends
   * @throws {@link InvalidArgumentError}
   */
  lag(ref: MemberRef, ms?: number): Lag {
    const { peer } = this.find(ref);
    if (ms !== undefined && !(Number.isInteger(ms) && ms > 0 && ms <= MAX_INT)) {
      throw new InvalidArgumentError(`a lag must be a whole number of ms, at least 1, not ${String(ms)}`);
    }
    this.lags.get(peer)?.end();
    let standing = true;
    const end = (): void => {
      if (!standing) return;
      standing = false;
      this.lags.delete(peer);
      peer.delay(0);
    };
    const lag: Lag = {
      get standing() {
        return standing;
      },
      end,
      [Symbol.dispose]: end,
    };
    this.lags.set(peer, lag);
    peer.delay(ms ?? HELD);
    return lag;
  }

  /** Ends a session as if its time was up. @returns false if there is no such session, or nobody leads */
  expireSession(id: bigint): boolean {
    return this.leader?.expireSession(id) ?? false;
  }

  /**
   * Starts a further member, which follows and has no vote until `reconfig` lets it join: give it
   * {@link EnsembleMember.joining}.
   * @throws {@link ListenError} if it cannot listen, or the ensemble was closed
   */
  async addMember(): Promise<EnsembleMember> {
    this.demandOpen();
    const [options] = this.settings.servers as readonly [ServerOptions];
    const opened = await this.open(Object.freeze({ ...options, port: 0, snapshot: null }), true);
    this.quorum.join(opened.peer);
    return opened.member;
  }

  /**
   * Closes all members as {@link MiniServer.close} does: they cannot be started again, and no member can be added. Their
   * nodes can still be looked at. Harmless if it is closed.
   */
  async close(): Promise<void> {
    this.closed = true;
    this.quorum.leave(...this.all.map(({ peer }) => peer));
    this.quorum.close();
    await Promise.all(this.members.map((member) => member.close()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** What a log may show of it. */
  toJSON(): { readonly connectString: string; readonly roles: readonly string[] } {
    return { connectString: this.connectString, roles: this.members.map(({ role }) => role) };
  }

  /** `console.log(ensemble)`: the same. */
  [Symbol.for('nodejs.util.inspect.custom')](
    _depth: number,
    options: object,
    inspect: (value: unknown, options: object) => string,
  ): string {
    return `MiniEnsemble ${inspect(this.toJSON(), options)}`;
  }

  private async open(options: ServerOptions, votes: boolean): Promise<OpenMember> {
    const { quorum, settings } = this;
    const id = ++this.lastId;
    const opened = await openMember({ quorum, id, votes, options, readOnly: settings.readOnly });
    if (this.closed) await opened.member.close();
    this.demandOpen();
    this.all.push(opened);
    quorum.peers.push(opened.peer);
    return opened;
  }

  private demandOpen(): void {
    if (this.closed) throw new ListenError('the mini-ensemble was closed');
  }

  private begin(members: readonly OpenMember[]): void {
    const servers: readonly ConfigServer[] = members.map(({ line }) => line);
    const first = (members[0] as OpenMember).peer;
    for (const { peer } of members) {
      peer.config = { version: 0n, servers };
      peer.load(first.state);
    }
    this.quorum.join(...members.map(({ peer }) => peer));
  }

  private find(ref: MemberRef): OpenMember {
    const found = typeof ref === 'number' ? this.all[ref] : this.all.find(({ member }) => member === ref);
    if (found === undefined) {
      const what = typeof ref === 'number' ? `no member ${ref}` : 'no such member';
      throw new InvalidArgumentError(`${what} in this ensemble`);
    }
    return found;
  }
}
