/** A real ensemble behind fault proxies, and what can be done to it. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Conn } from '../../../src/index.js';
import { FaultProxy, type Direction } from '../../../src/testing.js';
import { RawClient } from '../../support/raw-client.js';
import { startEnsemble, type EnsembleMember, type RealEnsemble } from '../../support/real-ensemble.js';
import { injected } from '../../support/tally.js';
import type { Release } from '../../support/zookeeper-jars.js';
import type { Place } from '../histories/scene.js';

/** A silence is noticed after two thirds of it; what is left is for the way to another server, on a machine however busy. */
const SESSION_MS = 24_000;
/** Longest pause between two rounds of a player. A few thousand calls are enough for a history. */
const PACE_MS = 120;
const LOG_FRAMES = 500_000;

/** Three servers, and two ways to them: each server has a proxy on each way. */
export class Fire {
  readonly proxies: readonly FaultProxy[];

  private constructor(
    readonly ensemble: RealEnsemble,
    readonly ways: readonly (readonly FaultProxy[])[],
  ) {
    this.proxies = ways.flat();
  }

  static async start(version: Release): Promise<Fire> {
    // a follower that stands still for four ticks of 500 ms is left, and has to come back
    const ensemble = await startEnsemble({ version, config: { syncLimit: '4' } });
    const way = (): Promise<FaultProxy[]> =>
      Promise.all(
        ensemble.members.map(({ connectString }) =>
          FaultProxy.start({ target: connectString, logCapacity: LOG_FRAMES }),
        ),
      );
    return new Fire(ensemble, await Promise.all([way(), way()]));
  }

  get members(): readonly EnsembleMember[] {
    return this.ensemble.members;
  }

  /** @param apart does every other client go the second way? */
  place(sessionMs = SESSION_MS, apart = false): Place {
    const ways = this.ways.map((way) => way.map(({ connectString }) => connectString).join(','));
    return {
      direct: this.ensemble.connectString,
      ways: apart ? ways : ways.slice(0, 1),
      proxies: this.proxies,
      freshReads: false,
      sessionMs,
      paceMs: PACE_MS,
      mend: () => this.mend(),
    };
  }

  /** The proxy through which this Conn is connected. */
  proxyOf(conn: Conn): FaultProxy {
    return this.proxies.find(({ connectString }) => connectString === conn.server)!;
  }

  /** The member behind it. */
  memberOf(conn: Conn): EnsembleMember {
    return this.members[this.proxies.indexOf(this.proxyOf(conn)) % this.members.length]!;
  }

  async kill(member: EnsembleMember): Promise<void> {
    injected('kill -9 of a real server');
    await member.kill();
  }

  /** Stands still for so long, and goes on. */
  async freeze(member: EnsembleMember, ms: number): Promise<void> {
    await this.stopFor(member, () => pause(ms));
  }

  /** Stands still while something else is waited for. */
  async stopFor(member: EnsembleMember, wait: () => Promise<unknown>): Promise<void> {
    injected('SIGSTOP of a real server');
    await member.kill('SIGSTOP');
    try {
      await wait();
    } finally {
      await member.kill('SIGCONT');
    }
  }

  /** Nothing gets through in this direction while something is waited for; its connections are of no use behind that. */
  async blind(proxy: FaultProxy, direction: Direction, wait: () => Promise<unknown>): Promise<void> {
    injected(`half-dead link to a real server, nothing ${direction}`);
    const hole = proxy.blackhole(direction);
    try {
      await wait();
    } finally {
      hole.end();
      proxy.dropConnections();
    }
  }

  /** Nothing gets through on this way while something is waited for. */
  async silence(way: number, wait: () => Promise<unknown>): Promise<void> {
    const proxies = this.ways[way]!;
    injected('all links to real servers dead', proxies.length);
    const holes = proxies.map((proxy) => proxy.blackhole());
    try {
      await wait();
    } finally {
      for (const hole of holes) hole.end();
      for (const proxy of proxies) proxy.dropConnections();
    }
  }

  /** Takes over the session of a client and closes it, as anybody can who has its id and password. */
  async endSession(conn: Conn, member: EnsembleMember): Promise<void> {
    const { id: sessionId, password: passwd } = conn.session!;
    for (;;) {
      const raw = await RawClient.connect(member);
      const answer = await raw.handshake({ sessionId, passwd });
      // its owner takes it back while he can: then this connection is hung up on
      if (answer !== null && answer.timeOut > 0) raw.send('closeSession', {});
      const isOver = answer !== null && (answer.timeOut <= 0 || (await raw.reply()) !== null);
      raw.destroy();
      if (isOver) break;
    }
    injected('session of a real server ended by somebody else');
  }

  /** Everything runs and serves. */
  async mend(): Promise<void> {
    for (const proxy of this.proxies) proxy.heal();
    await this.ensemble.mend();
    await this.ensemble.leader();
  }

  async stop(): Promise<void> {
    await Promise.all(this.proxies.map((proxy) => proxy.close()));
    await this.ensemble.stop();
  }
}
