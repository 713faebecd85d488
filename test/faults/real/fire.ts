/** A real ensemble behind fault proxies, clients at work on it, and the judgement of what they saw. */
import { setTimeout as pause } from 'node:timers/promises';
import { connect, ZkError, type Conn } from '../../../src/index.js';
import { FaultProxy, type Direction } from '../../../src/testing.js';
import { RawClient } from '../../support/raw-client.js';
import { startEnsemble, type EnsembleMember, type RealEnsemble } from '../../support/real-ensemble.js';
import { injected } from '../../support/tally.js';
import { untilDone } from '../../support/until-done.js';
import type { Release } from '../../support/zookeeper-jars.js';
import { Chance } from '../chance.js';
import type { Delivery } from '../checkers/sessions.js';
import { Play } from '../histories/players.js';
import { readEnding, setStage } from '../histories/stage.js';
import { judge } from '../histories/verdict.js';

/** Long enough for an election, short enough to see a silence noticed. */
const SESSION_MS = 8_000;
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
    // a leader or follower that stands still is left after four ticks of 500 ms
    const ensemble = await startEnsemble({ version, config: { syncLimit: '4', initLimit: '10' } });
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

  /** For clients that go this way. */
  connectString(way: number): string {
    return this.ways[way]!.map(({ connectString }) => connectString).join(',');
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
    for (const member of this.members) {
      await member.kill('SIGCONT');
      if (!member.running) await member.start();
    }
    await Promise.all(this.members.map((member) => member.serving()));
    await this.ensemble.leader();
  }

  async stop(): Promise<void> {
    await Promise.all(this.proxies.map((proxy) => proxy.close()));
    await this.ensemble.stop();
  }
}

const LOST = ['ZK_CONNECTION_LOSS', 'ZK_REQUEST_TIMEOUT', 'ZK_SESSION_EXPIRED'];

/** Asks again and again while the answer is lost or late, or the session is over. */
async function untilAnswered(call: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await call();
      return;
    } catch (error) {
      if (!ZkError.is(error) || !LOST.includes(error.code)) throw error;
    }
  }
}

async function endOf(admin: Conn, conn: Conn, path: string): Promise<() => Promise<void>> {
  await untilAnswered(() => untilSo(() => conn.create(path, null, { mode: 'EPHEMERAL' })));
  await untilDone(() => admin.sync('/'));
  return async () => {
    for (;;) {
      const { stat, watch } = await untilDone(() => admin.existsW(path));
      if (stat === null) {
        watch.close();
        return;
      }
      await watch.event;
    }
  };
}

/** What the clients of a scene are, and what came of it. */
export interface Scene {
  readonly conns: readonly Conn[];
  /** Resolves when each client has had an answer to something that it asked from now on. */
  working(): Promise<void>;
  /** How many calls have settled by now. */
  readonly settled: number;
  /** Ties a node to the session that a client has now. @returns what waits for the end of both */
  endOf(conn: Conn, path: string): Promise<() => Promise<void>>;
}

export interface Verdict {
  readonly problems: readonly string[];
  /** How many sessions of clients were over before they left. */
  readonly expired: number;
  readonly ok: number;
  readonly unknown: number;
  readonly gaps: number;
}

export interface Setting {
  /** Session timeout of the clients. */
  readonly sessionMs?: number;
  /** 2 if every other client goes the second way. Default 1. */
  readonly ways?: 1 | 2;
}

/** Clients work while `trouble` is made; then all is mended, and what they saw is judged. */
export async function scene(
  fire: Fire,
  seed: number,
  trouble: (scene: Scene, chance: Chance) => Promise<void>,
  { sessionMs = SESSION_MS, ways = 1 }: Setting = {},
): Promise<Verdict> {
  const chance = new Chance(seed);
  // a folder of its own for each scene: what there was before is nobody's
  const chroot = `/scene-${fire.proxies[0]!.log.frames().length}-${chance.below(1_000_000)}`;
  const conns: Conn[] = [];
  const open = async (servers: string, sessionTimeoutMs: number): Promise<Conn> => {
    const conn = await connect(`${servers}${chroot}`, {
      sessionTimeoutMs,
      random: chance.random,
    });
    conns.push(conn);
    return conn;
  };
  const admin = await open(fire.ensemble.connectString, SESSION_MS);
  await untilDone(() => admin.ensurePath('/'));
  const initial = await setStage(admin);
  const players: Conn[] = [];
  for (let i = 0; i < 8; i++) players.push(await open(fire.connectString(i % ways), sessionMs));
  await Promise.all(players.map((conn) => untilAnswered(() => conn.sync('/'))));
  const [a, b, c, d, e, f, g, h] = players as [Conn, Conn, Conn, Conn, Conn, Conn, Conn, Conn];
  const play = new Play(chance, PACE_MS, (ms) => pause(ms));
  const { record } = play;
  const workers = Promise.all([
    play.registers(a, 'ann'),
    play.registers(b, 'bob'),
    play.sets(c, 'cat'),
    play.sets(d, 'dan'),
    play.locks(e, 'eve'),
    play.locks(f, 'fay'),
  ]);
  // these go on until they are given up
  const watchers = Promise.all([play.streams(g, 'gil'), play.oneShots(h, 'hal')]);
  const working = async (): Promise<void> => {
    await Promise.all(players.map((conn) => untilAnswered(() => conn.sync('/'))));
  };
  await Promise.race([
    // a mistake of theirs is the end
    Promise.all([workers, watchers]),
    trouble(
      {
        conns: players,
        endOf: (conn, path) => endOf(admin, conn, path),
        working,
        get settled() {
          return record.requests - record.open.size;
        },
      },
      chance,
    ),
  ]);
  await fire.mend();
  await working();
  play.stop();
  // each call has its time-out; what has not settled behind that hangs
  await Promise.race([workers, pause(3 * SESSION_MS, undefined, { ref: false })]);
  const ending = await untilDone(() => readEnding(admin));
  await Promise.all([g, h].map((conn) => untilAnswered(() => conn.sync('/'))));
  play.giveUp();
  const deliveries = fire.proxies.flatMap((proxy): Delivery[] => {
    if (proxy.log.forgotten > 0) throw new Error('the log is too short for this scene');
    return proxy.log
      .frames({ direction: 'toServer' })
      .filter(({ kind, op }) => kind === 'request' && (op === 'create' || op === 'create2'))
      .filter(
        ({ path }) =>
          path?.startsWith(`${chroot}/set/`) === true || path?.startsWith(`${chroot}/own/`) === true,
      )
      .map(({ path, session }) => ({ id: path!.slice(chroot.length), session }));
  });
  const problems = judge(record, { initial, ending, freshReads: false, leases: false, deliveries });
  const expired = players.reduce((sum, { sessionEpoch }) => sum + sessionEpoch - 1, 0);
  await Promise.all(conns.map((conn) => conn.close()));
  for (const proxy of fire.proxies) proxy.log.clear();
  const calls = [...record.registers, ...record.adds, ...record.names];
  return {
    problems,
    expired,
    ok: calls.filter(({ outcome }) => outcome === 'ok').length,
    unknown: calls.filter(({ outcome }) => outcome === 'unknown').length,
    gaps: record.streams.reduce(
      (sum, { sights }) => sum + sights.filter(({ kind }) => kind === 'gap').length,
      0,
    ),
  };
}
