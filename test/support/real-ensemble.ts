/** Real ensembles on loopback: members that are killed, paused, added, each with ports and a folder of its own. */
import { setTimeout as pause } from 'node:timers/promises';
import { findZooKeeper, type FoundZooKeeper } from './zookeeper-jars.js';
import {
  freePorts,
  HOST,
  longerThan,
  PROBE_LIMIT_MS,
  startOnFreePorts,
  ZooKeeperProcess,
  type RealServer,
  type RealServerOptions,
  type ServerMode,
} from './zookeeper-process.js';

export interface EnsembleOptions extends RealServerOptions {
  /** How many members. Default 3. */
  readonly size?: number;
}

export interface EnsembleMember extends RealServer {
  /** N of `server.N`. */
  readonly id: number;
  /** `server.N=host:quorumPort:electionPort:participant;host:clientPort`, the form that reconfig takes. */
  readonly joining: string;
  /** Where it listens for those who follow it, while it leads. */
  readonly quorumPort: number;
}

export interface RealEnsemble {
  readonly version: string;
  /** Those that it was started with, then those of {@link addMember}. */
  readonly members: readonly EnsembleMember[];
  /** Of the members that it was started with. */
  readonly connectString: string;
  /** The member that leads; waits for an election that goes on. */
  leader(): Promise<EnsembleMember>;
  /** The members that follow it; waits until there is a leader, and until all that run serve. */
  followers(): Promise<readonly EnsembleMember[]>;
  /**
   * A further server that knows the members that there are and itself, started. It serves as a follower without a vote
   * until a reconfig lets it join.
   * @param proxies ports at which it finds the quorum ports of others, by their ids
   */
  addMember(proxies?: ReadonlyMap<number, number>): Promise<EnsembleMember>;
  /** Lets those go on that were stopped, starts those that were killed; resolves when all serve. */
  mend(): Promise<void>;
  /** Ends all members and removes their folders. */
  stop(): Promise<void>;
}

const ELECTION_LIMIT_MS = 100_000;
const POLL_MS = 25;

/**
 * Starts an ensemble, and waits until every member serves requests. `reconfigEnabled` and `readonlymode.enabled` are on.
 * @throws if the version is not there, or if a member does not serve within 100 s
 */
export async function startEnsemble(options: EnsembleOptions = {}): Promise<RealEnsemble> {
  const found = findZooKeeper(options.version);
  if ('missing' in found) throw new Error(found.missing);
  const size = options.size ?? 3;
  return startOnFreePorts(size, 3, (ports) => {
    const made = new Ensemble(found, options, ports);
    return { made, start: () => made.start() };
  });
}

/** Where a member is reached; its client port is the first of its ports. */
interface Seat {
  readonly id: number;
  readonly ports: readonly number[];
}

function seatLine({ ports: [client, quorum, election] }: Seat): string {
  return `${HOST}:${quorum}:${election}:participant;${HOST}:${client}`;
}

class Member extends ZooKeeperProcess implements EnsembleMember {
  readonly id: number;
  readonly joining: string;
  readonly quorumPort: number;

  constructor(found: FoundZooKeeper, options: EnsembleOptions, seat: Seat, all: readonly Seat[]) {
    const [client, quorum, , ...spare] = seat.ports;
    super(found, [client!, ...spare], memberOptions(options), {
      mainClass: 'org.apache.zookeeper.server.quorum.QuorumPeerMain',
      id: seat.id,
      config: {
        initLimit: '20',
        // half a minute: on a busy machine a server stands still for some seconds, and nobody is to be elected for that
        syncLimit: '60',
        reconfigEnabled: 'true',
        // an ensemble may be reconfigured down to one server, and up again
        standaloneEnabled: 'false',
        ...Object.fromEntries(all.map((each) => [`server.${each.id}`, seatLine(each)])),
      },
    });
    this.id = seat.id;
    this.quorumPort = quorum!;
    this.joining = `server.${seat.id}=${seatLine(seat)}`;
  }

  /** One that looks for the others for some seconds serves those who only read. */
  protected override serves(mode: ServerMode): boolean {
    return super.serves(mode) && mode !== 'read-only';
  }
}

function memberOptions(options: EnsembleOptions): RealServerOptions {
  const { properties } = options;
  return {
    ...options,
    properties: (spare) => ({
      'readonlymode.enabled': 'true',
      ...(typeof properties === 'function' ? properties(spare) : properties),
    }),
  };
}

class Ensemble implements RealEnsemble {
  readonly version: string;
  readonly connectString: string;
  readonly members: Member[];
  private readonly seats: Seat[];

  constructor(
    private readonly found: FoundZooKeeper,
    private readonly options: EnsembleOptions,
    ports: readonly (readonly number[])[],
  ) {
    this.version = found.version;
    this.seats = ports.map((own, i) => ({ id: i + 1, ports: own }));
    this.members = this.seats.map((seat) => new Member(found, options, seat, this.seats));
    this.connectString = this.members.map((member) => member.connectString).join(',');
  }

  log(): string {
    return this.members.map((member) => member.log()).join('\n');
  }

  async start(): Promise<void> {
    for (const member of this.members) member.launch();
    await Promise.all(this.members.map((member) => member.serving()));
  }

  async leader(): Promise<EnsembleMember> {
    const limit = AbortSignal.timeout(ELECTION_LIMIT_MS);
    for (let patience = PROBE_LIMIT_MS; !limit.aborted; patience = longerThan(patience)) {
      const leader = await this.leaderWithin(patience);
      if (leader !== null) return leader;
      await pause(POLL_MS);
    }
    throw new Error(`no member leads after ${ELECTION_LIMIT_MS} ms`);
  }

  /** The first that says so: others may be paused. */
  private leaderWithin(limitMs: number): Promise<EnsembleMember | null> {
    return new Promise((resolve, reject) => {
      const asked = this.members.map(async (member) => {
        if ((await member.modeWithin(limitMs)) === 'leader') resolve(member);
      });
      Promise.all(asked).then(() => resolve(null), reject);
    });
  }

  async followers(): Promise<readonly EnsembleMember[]> {
    const leader = await this.leader();
    const others = this.members.filter((member) => member !== leader && member.running);
    await Promise.all(others.map((member) => member.serving()));
    return others;
  }

  async addMember(proxies: ReadonlyMap<number, number> = new Map()): Promise<EnsembleMember> {
    const seat = { id: this.seats.length + 1, ports: await freePorts(6) };
    const others = this.seats.map(({ id, ports: [client, quorum, election] }) => ({
      id,
      ports: [client!, proxies.get(id) ?? quorum!, election!],
    }));
    const member = new Member(this.found, this.options, seat, [...others, seat]);
    this.seats.push(seat);
    this.members.push(member);
    await member.start();
    return member;
  }

  async mend(): Promise<void> {
    await Promise.all(
      this.members.map(async (member) => {
        await member.kill('SIGCONT');
        // one that hung runs, but serves only once it has found its leader again
        await (member.running ? member.serving() : member.start());
      }),
    );
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map((member) => member.stop()));
  }
}
