/**
 * Histories of several clients on a mini-ensemble, on virtual time, under a nemesis that cuts, stalls, slows and blinds links,
 * stops, parts and replaces members, and ends sessions. What the clients wrote down must have been possible.
 */
import { describe, expect, it } from 'vitest';
import { connect, type Conn } from '../../src/index.js';
import { MiniEnsemble, VirtualClock } from '../../src/testing.js';
import { SEED } from '../support/property.js';
import { SCALE } from '../support/tally.js';
import { freePorts } from '../support/zookeeper-process.js';
import { Chance, seedOf } from './chance.js';
import type { RegisterState } from './checkers/history.js';
import type { Delivery } from './checkers/sessions.js';
import { MiniNemesis } from './histories/mini-nemesis.js';
import { Play, REGISTERS, STAGE } from './histories/players.js';
import { readEnding } from './histories/stage.js';
import { judge } from './histories/verdict.js';

const RUNS = 40 * SCALE;
const STRIKES = 16;
const MOST_MEMBERS = 5;
const SESSION_MS = 6_000;
/** Everybody is at work again behind that. */
const RECOVERY_MS = 12_000;
/** Longer than any promise may take when all is mended. */
const PATIENCE_MS = 60_000;

interface Count {
  ok: number;
  lost: number;
  grants: number;
  events: number;
  gaps: number;
  sessions: number;
}

async function play(seed: number, count: Count, ports: readonly number[]): Promise<readonly string[]> {
  const chance = new Chance(seed);
  const clock = new VirtualClock();
  const fair = chance.odds(0.4);
  const size = chance.one([1, 3, 3, MOST_MEMBERS]);
  const ensemble = await MiniEnsemble.start({
    clock,
    members: size,
    ports: ports.slice(0, size),
    log: true,
    logCapacity: 100_000,
    tickTimeMs: 1_000,
    electionMs: chance.one([0, 200]),
    syncLimitMs: chance.one([0, 1_000]),
  });
  await clock.advance(200);
  const { dialer } = ensemble;
  const conns: Conn[] = [];
  const open = async (): Promise<Conn> => {
    const made = connect(ensemble.connectString, {
      clock,
      dialer,
      random: chance.random,
      sessionTimeoutMs: SESSION_MS,
    });
    const conn = await clock.advanceUntil(made);
    conns.push(conn);
    return conn;
  };
  const admin = await open();
  const initial = new Map<string, RegisterState>();
  for (const path of STAGE) {
    const value = `first of ${path}`;
    const { stat } = await clock.advanceUntil(admin.createWithStat(path, value));
    if (REGISTERS.includes(path)) initial.set(path, { value, version: 0, zxid: stat.mzxid });
  }

  const sleep = (ms: number): Promise<void> => new Promise((resolve) => void clock.setTimer(resolve, ms));
  const stage = new Play(chance, 500, sleep);
  const opened: Conn[] = [];
  for (let i = 0; i < 8; i++) opened.push(await open());
  const [a, b, c, d, e, f, g, h] = opened as [Conn, Conn, Conn, Conn, Conn, Conn, Conn, Conn];
  const players = Promise.all([
    stage.registers(a, 'ann'),
    stage.registers(b, 'bob'),
    stage.sets(c, 'cat'),
    stage.sets(d, 'dan'),
    stage.locks(e, 'eve'),
    stage.locks(f, 'fay'),
    stage.streams(g, 'gil'),
    stage.oneShots(h, 'hal'),
  ]);
  const nemesis = new MiniNemesis(ensemble, chance, { fair });
  for (let i = 0; i < STRIKES; i++) {
    await nemesis.strike();
    await clock.advance(chance.one([0, 1, 30, 400, 1_500, 5_000]));
  }
  await nemesis.mend();
  await clock.advance(RECOVERY_MS);
  stage.stop();
  await clock.advance(PATIENCE_MS);
  // what was told by now has been told; open calls are none of those who look
  await clock.advanceUntil(Promise.all([g.sync('/'), h.sync('/')]));
  await clock.settle();
  const { record } = stage;
  const ending = await clock.advanceUntil(readEnding(admin));
  stage.giveUp();
  await clock.advance(PATIENCE_MS);
  const deliveries: Delivery[] = ensemble.members.flatMap((member) => {
    if (member.log.forgotten > 0) throw new Error('the log is too short for this play');
    return member.log
      .frames({ direction: 'toServer' })
      .filter(({ kind, path }) => kind === 'request' && /^\/(set|own)\/./.test(path ?? ''))
      .filter(({ op }) => op === 'create' || op === 'create2')
      .map(({ path, session }) => ({ id: path!, session }));
  });
  const problems = judge(record, { initial, ending, freshReads: size === 1, leases: fair, deliveries });
  if (record.open.size === 0) await clock.advanceUntil(players);

  const calls = [...record.registers, ...record.adds, ...record.names];
  count.ok += calls.filter(({ outcome }) => outcome === 'ok').length;
  count.lost += calls.filter(({ outcome }) => outcome === 'unknown').length;
  count.grants += record.grants.length;
  for (const { sights } of record.streams) {
    count.events += sights.filter(({ kind }) => kind === 'event').length;
    count.gaps += sights.filter(({ kind }) => kind === 'gap').length;
  }
  count.sessions += conns.reduce((sum, { sessionEpoch }) => sum + sessionEpoch, 0);
  await clock.advanceUntil(Promise.all(conns.map((conn) => conn.close())));
  await ensemble.close();
  if (problems.length === 0) expect(clock.pending).toBe(0);
  return problems;
}

describe('histories on a mini-ensemble under a nemesis', () => {
  it('could have happened', { timeout: 180_000 + 4_000 * RUNS }, async () => {
    const count: Count = { ok: 0, lost: 0, grants: 0, events: 0, gaps: 0, sessions: 0 };
    // members are stopped and started: meanwhile their ports must not become somebody else's
    const ports = await freePorts(MOST_MEMBERS);
    for (let run = 0; run < RUNS; run++) {
      const seed = seedOf(SEED, run);
      const problems = await play(seed, count, ports);
      expect(problems, `ZK_SEED=${SEED}, run ${run}`).toEqual([]);
    }
    process.stdout.write(`${RUNS} histories on mini-ensembles: ${JSON.stringify(count)}\n`);
    for (const [what, n] of Object.entries(count)) expect(n, what).toBeGreaterThan(0);
  });
});
