/** Who reaches whom, who leads, and when members notice (Java `QuorumPeer`, `FastLeaderElection`, in one place). */
import type { Clock, ClockTimer } from '../clock.js';
import { isQuorum, votersOf } from './configuration.js';
import { Leadership, zxidOfEpoch } from './leadership.js';
import type { Peer } from './peer.js';

/** How long things take. With 0 they happen at once, within the call that causes them. */
export interface QuorumTimes {
  /** Until a member notices that it cannot reach the others. */
  readonly syncLimitMs: number;
  /** Of an election. */
  readonly electionMs: number;
  /** From then on until a member without a quorum serves read-only clients. */
  readonly readOnlyAfterMs: number;
}

export class Quorum {
  readonly peers: Peer[] = [];
  /** Number of the group of each member, if the network is parted. */
  private groups: ReadonlyMap<Peer, number> | null = null;
  private noticing: ClockTimer | null = null;
  /** Since when members cannot go on. */
  private readonly lostSince = new Map<Peer, number>();
  /** Elections that go on: by who takes part, the timer of their end. */
  private readonly electing = new Map<string, ClockTimer>();
  private readonly retreating = new Map<Peer, ClockTimer>();

  constructor(
    private readonly clock: Clock,
    private readonly times: QuorumTimes,
    private readonly reconfigEnabled: boolean,
  ) {}

  /** Who leads a quorum. */
  get leader(): Peer | undefined {
    return this.peers.find((peer) => peer.leads && peer.leadership?.hasQuorum === true);
  }

  /** Parts the network; members that are in no group reach nobody. */
  part(groups: readonly (readonly Peer[])[] | null): void {
    this.groups =
      groups === null ? null : new Map(groups.flatMap((peers, i) => peers.map((peer) => [peer, i])));
    for (const peer of this.peers) {
      const { leadership } = peer;
      if (leadership === null) continue;
      if (this.reachesLeader(peer, leadership)) peer.mend();
      else peer.cut();
    }
    for (const peer of this.peers) {
      if (peer.leads) peer.leadership?.advance();
      if (peer.leads) peer.leadership?.settle();
    }
    this.lookAround();
  }

  /** Server processes begin, of peers that are stopped. */
  join(...peers: readonly Peer[]): void {
    for (const peer of peers) peer.role = 'looking';
    this.lookAround();
  }

  /** Server processes end, which the others notice at once. */
  leave(...gone: readonly Peer[]): void {
    for (const peer of gone) {
      const followers = peer.leads ? this.hearersOf(peer) : [];
      this.drop([peer], 'stopped');
      this.drop(followers);
    }
    this.lookAround();
  }

  /** Puts other nodes and sessions in the place of all that there is. @param change does it on one of the members */
  reload(first: Peer, change: () => void): void {
    const running = this.peers.filter(({ role }) => role !== 'stopped');
    this.leave(...running);
    change();
    for (const peer of [first, ...this.peers]) peer.load(first.state);
    this.join(...running);
  }

  /** Makes this one the leader. @returns false if it has no vote, no quorum within reach, or less in its log than others there */
  elect(peer: Peer): boolean {
    const group = this.peers.filter((each) => each.role !== 'stopped' && this.reaches(each, peer));
    const present = group.map(({ id }) => id);
    if (!group.includes(peer) || !votersOf(peer.config).includes(peer.id)) return false;
    if (!isQuorum(peer.config, present)) return false;
    // nobody votes for somebody who has less in the log
    if (group.some((each) => byLog(each, peer) < 0)) return false;
    this.drop(group);
    this.install(peer, group);
    // the election that they may have been in is off
    this.settle();
    return true;
  }

  /** Ends all timers. */
  close(): void {
    this.noticing?.cancel();
    for (const timer of this.electing.values()) timer.cancel();
    this.electing.clear();
    for (const timer of this.retreating.values()) timer.cancel();
    this.retreating.clear();
  }

  private reaches(a: Peer, b: Peer): boolean {
    if (a === b || this.groups === null) return true;
    const group = this.groups.get(a);
    return group !== undefined && group === this.groups.get(b);
  }

  private leaderOf(leadership: Leadership): Peer | undefined {
    return this.peers.find((peer) => peer.leads && peer.leadership === leadership);
  }

  private reachesLeader(peer: Peer, leadership: Leadership): boolean {
    const leader = this.leaderOf(leadership);
    return leader !== undefined && this.reaches(peer, leader);
  }

  private followersOf(leader: Peer): readonly Peer[] {
    return this.peers.filter(
      (peer) => peer !== leader && peer.leadership !== null && peer.leadership === leader.leadership,
    );
  }

  /** Lets those who cannot go on notice it, now or when it is time, and those who look for a leader find one. */
  private lookAround(): void {
    this.noticing?.cancel();
    const now = this.clock.now();
    const isDue = (peer: Peer): boolean => (this.lostSince.get(peer) ?? now) + this.times.syncLimitMs <= now;
    for (let due = this.lost().filter(isDue); due.length > 0; due = this.lost().filter(isDue)) {
      // whoever is within reach of a leader that gives up hears of it
      this.drop([...due, ...due.flatMap((peer) => (peer.leads ? this.hearersOf(peer) : []))]);
    }
    const lost = this.lost();
    for (const peer of this.peers) {
      if (!lost.includes(peer)) this.lostSince.delete(peer);
      else if (!this.lostSince.has(peer)) this.lostSince.set(peer, now);
    }
    if (lost.length > 0) {
      const next = Math.min(...this.lostSince.values()) + this.times.syncLimitMs;
      this.noticing = this.clock.setTimeout(() => this.lookAround(), next - now);
    }
    this.settle();
  }

  /** Those who follow somebody that they do not reach, or lead too few. */
  private lost(): readonly Peer[] {
    return this.peers.filter((peer) => peer.isCut || (peer.leads && peer.leadership?.hasQuorum !== true));
  }

  /** Those who learn at once that their leader is gone. */
  private hearersOf(leader: Peer): readonly Peer[] {
    return this.followersOf(leader).filter(({ isCut }) => !isCut);
  }

  private drop(peers: Iterable<Peer>, role: 'looking' | 'stopped' = 'looking'): void {
    for (const peer of new Set(peers)) {
      peer.look(role);
      this.retreating.get(peer)?.cancel();
      this.retreating.delete(peer);
    }
  }

  /** Lets those who look for a leader find one, or elect one. @param over who took part in the election that is over */
  private settle(over: string | null = null): void {
    const goingOn = new Set<string>();
    for (const group of this.islands()) {
      const looking = group.filter(({ role }) => role === 'looking');
      const leader = group.find(({ leads, leadership }) => leads && leadership?.hasQuorum === true);
      const best = favourite(looking);
      if (leader !== undefined) {
        for (const peer of looking) this.admit(peer, leader.leadership as Leadership);
      } else if (best !== undefined) {
        const who = namesOf(looking);
        if (this.times.electionMs === 0 || who === over) this.install(best, looking);
        else goingOn.add(who);
      } else {
        for (const peer of looking) this.retreat(peer);
      }
    }
    this.elections(goingOn);
  }

  /** Each island has an election of its own, which begins anew when somebody comes to it or goes. */
  private elections(goingOn: ReadonlySet<string>): void {
    for (const [who, timer] of this.electing) {
      if (goingOn.has(who)) continue;
      timer.cancel();
      this.electing.delete(who);
    }
    for (const who of goingOn) {
      if (this.electing.has(who)) continue;
      const end = (): void => {
        this.electing.delete(who);
        this.settle(who);
      };
      this.electing.set(who, this.clock.setTimeout(end, this.times.electionMs));
    }
  }

  /** Running members, by who reaches whom. */
  private islands(): readonly (readonly Peer[])[] {
    const islands: Peer[][] = [];
    for (const peer of this.peers) {
      if (peer.role === 'stopped') continue;
      const own = islands.find(([first]) => first !== undefined && this.reaches(first, peer));
      if (own === undefined) islands.push([peer]);
      else own.push(peer);
    }
    return islands;
  }

  private install(best: Peer, group: readonly Peer[]): void {
    const epoch = Math.max(...group.map((peer) => peer.epoch)) + 1;
    best.take();
    // the first configuration is as old as the first epoch, where it can change
    const isFirst = this.reconfigEnabled && best.config.version === 0n;
    const config = isFirst ? { ...best.config, version: zxidOfEpoch(epoch) } : best.config;
    best.establish(config, this.clock.wallMs());
    const leadership: Leadership = new Leadership(best, epoch, best, {
      reconfigEnabled: this.reconfigEnabled,
      isPaused: () => best.host.isPaused(),
      keeps: () => false,
      reconfigured: () => this.reconfigured(leadership),
    });
    this.stopRetreat(best);
    best.lead(leadership);
    for (const peer of group) if (peer !== best) this.admit(peer, leadership);
  }

  private admit(peer: Peer, leadership: Leadership): void {
    this.stopRetreat(peer);
    peer.follow(leadership);
  }

  private reconfigured(leadership: Leadership): void {
    const leader = this.leaderOf(leadership);
    if (leader === undefined) return;
    for (const peer of this.followersOf(leader)) peer.renameRole();
    if (votersOf(leadership.config).includes(leader.id)) return;
    // a leader that has left gives up
    this.drop([leader, ...this.hearersOf(leader)]);
    this.lookAround();
  }

  private retreat(peer: Peer): void {
    if (!peer.canReadOnly || peer.isReadOnly || this.retreating.has(peer)) return;
    const { readOnlyAfterMs } = this.times;
    if (readOnlyAfterMs === 0) {
      peer.startReadOnly();
      return;
    }
    const timer = this.clock.setTimeout(() => {
      this.retreating.delete(peer);
      peer.startReadOnly();
    }, readOnlyAfterMs);
    this.retreating.set(peer, timer);
  }

  private stopRetreat(peer: Peer): void {
    this.retreating.get(peer)?.cancel();
    this.retreating.delete(peer);
  }
}

const namesOf = (peers: readonly Peer[]): string =>
  peers
    .map(({ id }) => id)
    .sort((a, b) => a - b)
    .join();

/** Who wins an election: whoever has the most in its log, then the highest id. Nobody, if there is no quorum. */
function favourite(looking: readonly Peer[]): Peer | undefined {
  const present = looking.map(({ id }) => id);
  const [best] = looking
    .filter((peer) => votersOf(peer.config).includes(peer.id))
    .sort((a, b) => byLog(a, b) || b.id - a.id);
  return best !== undefined && isQuorum(best.config, present) ? best : undefined;
}

/** Below 0 if the first has more in its log. */
function byLog(a: Peer, b: Peer): number {
  if (a.epoch !== b.epoch) return b.epoch - a.epoch;
  if (a.loggedZxid === b.loggedZxid) return 0;
  return a.loggedZxid > b.loggedZxid ? -1 : 1;
}
