/** A mini-server that is one of an ensemble. */
import type { ConfigServer } from '../../protocol/ensemble-config.js';
import { InvalidArgumentError } from '../../protocol/errors.js';
import { MiniServer } from '../mini-server.js';
import type { ServerOptions } from '../options.js';
import type { ReadOnlyRules } from '../read-only-service.js';
import { parseSnapshot } from '../snapshot-reader.js';
import type { Snapshot } from '../snapshot.js';
import { serverLine } from './configuration.js';
import { Peer, type Role } from './peer.js';
import type { Quorum } from './quorum.js';

/** Ports on which real members talk to each other; nobody listens there. */
const QUORUM_PORT = 2888;
const ELECTION_PORT = 3888;

/** What a member is made of. */
export interface MemberPlan {
  readonly quorum: Quorum;
  readonly id: number;
  readonly votes: boolean;
  readonly options: ServerOptions;
  readonly readOnly: ReadOnlyRules | null;
}

/** A member that listens, and does not take part yet. */
export interface OpenMember {
  readonly member: EnsembleMember;
  readonly peer: Peer;
  readonly line: ConfigServer;
}

/**
 * A member of a `MiniEnsemble`: a {@link MiniServer} whose nodes and sessions are those of the ensemble as far as it has
 * applied them. Sessions and nodes are ended by the leader.
 */
export interface EnsembleMember extends MiniServer {
  /** N of `server.N`: 1 for the first. */
  readonly id: number;
  /** What it is now; `looking` also while it serves in read-only mode. */
  readonly role: Role;
  /** Its line of a configuration, as `reconfig` takes it: `server.N=host:port:port:participant;host:clientPort`. */
  readonly joining: string;
  /** Ends the session for the whole ensemble. @returns false if there is no such session, or nobody leads */
  expireSession(id: bigint): boolean;
  /** Has the leader delete the containers and TTL nodes that are due. */
  reap(): void;
  /**
   * A member is read-only when it has no quorum, and not by itself.
   * @throws {@link InvalidArgumentError} always; see `partition` and the option `readOnlyMode`
   */
  readOnly(): never;
  /**
   * zxids are the ensemble's: an election takes the next epoch.
   * @throws {@link InvalidArgumentError} always; see `elect` of the ensemble
   */
  jumpZxid(zxid: bigint): never;
  /** Loses all it has, as if it came back with an empty disk; if it finds a leader, it gets all from there. */
  wipe(): void;
  /**
   * Puts the nodes and sessions of a snapshot in the place of all that the whole ensemble has. All connections are closed.
   * @throws {@link SnapshotError} if it is none; then nothing is changed
   */
  restore(snapshot: Snapshot): void;
  /** Takes it out of the ensemble, as if its process had ended; the others notice at once. */
  stop(): Promise<void>;
  /** Stops it if need be, starts it on its port, and lets it find the others. */
  restart(): Promise<void>;
}

/** A member that listens, and does not take part yet. @throws {@link ListenError} */
export function openMember(plan: MemberPlan): Promise<OpenMember> {
  return Member.open(plan);
}

class Member extends MiniServer implements EnsembleMember {
  readonly id: number;

  private readonly plan: MemberPlan;
  private readonly peer: Peer;

  private constructor(plan: MemberPlan) {
    const { id, options, readOnly } = plan;
    const peer = new Peer(id, options, readOnly, {
      hangUpAll: () => this.hangUpAll(),
      isPaused: () => this.board.isStopped,
    });
    super({ state: peer.state, membership: peer });
    this.id = id;
    this.plan = plan;
    this.peer = peer;
  }

  static async open(plan: MemberPlan): Promise<OpenMember> {
    const member = new Member(plan);
    await member.listen(plan.options.port);
    return { member, peer: member.peer, line: member.line() };
  }

  get role(): Role {
    return this.peer.role;
  }

  get joining(): string {
    return serverLine(this.line());
  }

  override expireSession(id: bigint): boolean {
    const leading = this.peer.isCut ? undefined : this.peer.leadership?.state;
    const session = leading?.sessions.get(id);
    if (leading === undefined || session === undefined) return false;
    leading.expire(session);
    return true;
  }

  override moveSession(id: bigint): boolean {
    const hasMoved = super.moveSession(id);
    if (hasMoved) this.peer.leadership?.moveAway(id);
    return hasMoved;
  }

  override reap(): void {
    this.peer.reap();
  }

  override readOnly(): never {
    throw new InvalidArgumentError(
      'a member is read-only when it has no quorum, with the option readOnlyMode',
    );
  }

  override jumpZxid(): never {
    throw new InvalidArgumentError('zxids are those of the ensemble: elect() takes it to the next epoch');
  }

  override wipe(): void {
    const { quorum } = this.plan;
    const { running } = this;
    quorum.leave(this.peer);
    this.dropConnections();
    this.peer.wipe();
    if (running) quorum.join(this.peer);
  }

  override restore(snapshot: Snapshot): void {
    const parsed = parseSnapshot(snapshot, this.state.clock.wallMs());
    this.plan.quorum.reload(this.peer, () => this.state.restore(parsed));
  }

  override stop(): Promise<void> {
    const leave = (): void => this.plan.quorum.leave(this.peer);
    leave();
    // a restart that was under way may have let it join again
    return super.stop().then(() => {
      if (!this.running) leave();
    });
  }

  override async restart(): Promise<void> {
    const { quorum } = this.plan;
    quorum.leave(this.peer);
    try {
      await super.restart();
    } finally {
      // another restart, begun before this one, may have let it join, and even lead
      quorum.leave(this.peer);
    }
    quorum.join(this.peer);
  }

  private line(): ConfigServer {
    const { id, host, port } = this;
    return {
      id,
      addresses: [{ host, quorumPort: QUORUM_PORT + id, electionPort: ELECTION_PORT + id }],
      role: this.plan.votes ? 'participant' : 'observer',
      clientAddress: { host, port },
    };
  }
}
