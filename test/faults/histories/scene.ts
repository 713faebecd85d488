/**
 * Clients at work in real time and over real sockets, through fault proxies to servers that may be real ones, and the
 * judgement of what they saw.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { connect, type Conn } from '../../../src/index.js';
import type { FaultProxy } from '../../../src/testing.js';
import { untilAnswered, untilSo } from '../../support/until-done.js';
import { Chance } from '../chance.js';
import type { Delivery } from '../checkers/sessions.js';
import { Play } from './players.js';
import { readEnding, setStage } from './stage.js';
import { judge } from './verdict.js';

const ADMIN_SESSION_MS = 30_000;
/** A guard: servers may be as busy as they like. */
const CONNECT_MS = 60_000;
/** Longer than the time-out of any call. */
const PATIENCE_MS = 90_000;
async function endOf(admin: Conn, conn: Conn, path: string): Promise<() => Promise<void>> {
  await untilAnswered(() => untilSo(() => conn.create(path, null, { mode: 'EPHEMERAL' })));
  await untilAnswered(() => admin.sync('/'));
  return async () => {
    for (;;) {
      const { stat, watch } = await untilAnswered(() => admin.existsW(path));
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

/** Servers, and how clients come to them. */
export interface Place {
  /** For somebody who is never in trouble. */
  readonly direct: string;
  /** Connect strings of proxies: the clients take them in turn. */
  readonly ways: readonly string[];
  readonly proxies: readonly FaultProxy[];
  /** Does one server answer everything? */
  readonly freshReads: boolean;
  /** Session timeout of the clients. */
  readonly sessionMs: number;
  /** Longest pause between two rounds of a player. */
  readonly paceMs: number;
  /** Makes everything as it should be again. */
  mend(): Promise<void>;
}

/** Clients work while `trouble` is made; then all is mended, and what they saw is judged. */
export async function scene(
  place: Place,
  seed: number,
  trouble: (scene: Scene, chance: Chance) => Promise<void>,
): Promise<Verdict> {
  const chance = new Chance(seed);
  const { proxies, ways } = place;
  // a folder of its own for each scene: what there was before is nobody's
  const chroot = `/scene-${proxies[0]!.log.frames().length}-${chance.below(1_000_000)}`;
  const conns: Conn[] = [];
  const open = async (servers: string, sessionTimeoutMs: number): Promise<Conn> => {
    const options = { sessionTimeoutMs, random: chance.random };
    const conn = await connect(`${servers}${chroot}`, options, { timeoutMs: CONNECT_MS });
    conns.push(conn);
    return conn;
  };
  const admin = await open(place.direct, ADMIN_SESSION_MS);
  await untilAnswered(() => admin.ensurePath('/'));
  const initial = await setStage(admin);
  const players: Conn[] = [];
  for (let i = 0; i < 8; i++) players.push(await open(ways[i % ways.length]!, place.sessionMs));
  await Promise.all(players.map((conn) => untilAnswered(() => conn.sync('/'))));
  const [a, b, c, d, e, f, g, h] = players as [Conn, Conn, Conn, Conn, Conn, Conn, Conn, Conn];
  const play = new Play(chance, place.paceMs, (ms) => pause(ms));
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
  await place.mend();
  await working();
  play.stop();
  // each call has its time-out; what has not settled behind that hangs
  await Promise.race([workers, pause(PATIENCE_MS, undefined, { ref: false })]);
  const ending = await untilAnswered(() => readEnding(admin));
  await Promise.all([g, h].map((conn) => untilAnswered(() => conn.sync('/'))));
  play.giveUp();
  const deliveries = proxies.flatMap((proxy): Delivery[] => {
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
  const problems = judge(record, {
    initial,
    ending,
    freshReads: place.freshReads,
    leases: false,
    deliveries,
  });
  const expired = players.reduce((sum, { sessionEpoch }) => sum + sessionEpoch - 1, 0);
  await Promise.all(conns.map((conn) => conn.close()));
  for (const proxy of proxies) proxy.log.clear();
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
