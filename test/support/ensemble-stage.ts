/** An ensemble that a scenario can be played on, real or not: three members that vote, and one that follows and does not. */
import { MiniEnsemble } from '../../src/testing/ensemble/mini-ensemble.js';
import { startEnsemble } from './real-ensemble.js';
import { TcpProxy } from './tcp-proxy.js';

export interface StageMember {
  readonly id: number;
  readonly port: number;
}

export interface Stage {
  /** The three that vote. */
  readonly members: readonly StageMember[];
  /** Follows a leader that it reaches by a link of its own. */
  readonly remote: StageMember;
  leader(): Promise<StageMember>;
  /** Nothing passes the link of {@link remote} until the function that it gives is called; nobody notices. */
  holdRemote(): () => void;
  /** The leader stands still until the function that it gives is called; nobody notices. */
  freezeLeader(): Promise<() => Promise<void>>;
  /** Ends a member without a word; resolves when the others have a leader again, if they can. */
  kill(member: StageMember): Promise<void>;
  /** Resolves when a member serves those who only read. */
  servesReadOnly(member: StageMember): Promise<void>;
  /** Starts those that were ended; resolves when all serve. */
  complete(): Promise<void>;
  stop(): Promise<void>;
}

/** Longer than any scenario takes: what is held for a while must not be noticed. */
const SYNC_LIMIT_MS = 60_000;

/** Sessions belong to the ensemble alone, so a member without a quorum gives none to those who only read. */
export async function miniStage(): Promise<Stage> {
  const ensemble = await MiniEnsemble.start({
    syncLimitMs: SYNC_LIMIT_MS,
    reconfigEnabled: false,
    readOnlyMode: { localSessions: false },
  });
  const remote = await ensemble.addMember();
  const members = ensemble.members.slice(0, 3);
  const leader = () => ensemble.leader!;
  return {
    members,
    remote,
    leader: () => Promise.resolve(leader()),
    holdRemote: () => {
      ensemble.partition([members, [remote]]);
      return () => ensemble.heal();
    },
    freezeLeader: () => {
      ensemble.partition([[leader()], ensemble.members.filter((member) => member !== leader())]);
      return Promise.resolve(() => {
        ensemble.heal();
        return Promise.resolve();
      });
    },
    kill: ({ id }) => ensemble.stop(id - 1),
    servesReadOnly: () => Promise.resolve(),
    complete: async () => {
      for (const member of ensemble.members) if (!member.running) await member.restart();
    },
    stop: () => ensemble.close(),
  };
}

export async function realStage(version: string): Promise<Stage> {
  // a member that may be reconfigured would learn from the others to go around the link
  const ensemble = await startEnsemble({ version, config: { reconfigEnabled: 'false' } });
  const first = await ensemble.leader();
  const link = await TcpProxy.start(`${first.host}:${first.quorumPort}`);
  const port = Number(link.connectString.split(':')[1]);
  const remote = await ensemble.addMember(new Map([[first.id, port]]));
  const members = ensemble.members.slice(0, 3);
  const find = ({ id }: StageMember) => ensemble.members.find((member) => member.id === id)!;
  return {
    members,
    remote,
    leader: () => ensemble.leader(),
    holdRemote: () => {
      link.stall();
      return () => link.goOn();
    },
    freezeLeader: async () => {
      const leader = await ensemble.leader();
      await leader.kill('SIGSTOP');
      return () => leader.kill('SIGCONT');
    },
    kill: async (member) => {
      await find(member).kill();
      const left = members.filter(({ running }) => running);
      if (left.length > 1) await ensemble.leader();
      if (left.length > 1) await Promise.all(left.map((each) => each.serving()));
    },
    servesReadOnly: (member) => find(member).becomes('read-only'),
    complete: async () => {
      await Promise.all(members.filter(({ running }) => !running).map((member) => member.start()));
      const leader = await ensemble.leader();
      await Promise.all(members.filter((each) => each !== leader).map((each) => each.becomes('follower')));
    },
    stop: async () => {
      await ensemble.stop();
      await link.die();
    },
  };
}
