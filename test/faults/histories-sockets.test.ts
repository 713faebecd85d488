/**
 * Histories of several clients in real time and over real sockets, through fault proxies to a mini-server, alone or one of
 * three, under the nemesis of `histories-ensemble.test.ts`. What the clients wrote down must have been possible.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { FaultProxy, MiniEnsemble } from '../../src/testing.js';
import { SEED } from '../support/property.js';
import { SCALE } from '../support/tally.js';
import { freePorts } from '../support/zookeeper-process.js';
import { Chance, seedOf } from './chance.js';
import { MiniNemesis } from './histories/mini-nemesis.js';
import { scene, type Verdict } from './histories/scene.js';

const ROUNDS = 2 * SCALE;
/** Most of a history is waiting. */
const AT_ONCE = 4;
const STRIKES = 12;
const SESSION_MS = 2_500;
const LOG_FRAMES = 500_000;

async function play(seed: number): Promise<Verdict> {
  const chance = new Chance(seed);
  const size = chance.one([1, 1, 3]);
  await using ensemble = await MiniEnsemble.start({
    members: size,
    // members are stopped and started: meanwhile their ports must not become somebody else's
    ports: await freePorts(size),
    tickTimeMs: 100,
    electionMs: chance.one([0, 50]),
    syncLimitMs: chance.one([0, 150]),
  });
  // a lone server has two proxies on each way, so that there is somewhere else to go
  const { members } = ensemble;
  const targets = size === 1 ? [...members, ...members] : members;
  const way = (): Promise<FaultProxy[]> =>
    Promise.all(
      targets.map(({ connectString: target }) => FaultProxy.start({ target, logCapacity: LOG_FRAMES })),
    );
  const ways = await Promise.all([way(), way()]);
  const links = ways.flat();
  const tempo = SESSION_MS / 6_000;
  const nemesis = new MiniNemesis(ensemble, chance, { links, tempo, where: ', over TCP' });
  const place = {
    direct: ensemble.connectString,
    ways: ways.map((each) => each.map(({ connectString }) => connectString).join(',')),
    proxies: links,
    freshReads: size === 1,
    sessionMs: SESSION_MS,
    paceMs: 40,
    mend: () => nemesis.mend(),
  };
  const verdict = await scene(place, chance.below(2 ** 31), async () => {
    for (let i = 0; i < STRIKES; i++) {
      await nemesis.strike();
      await pause(chance.one([0, 1, 10, 60, 200, 500]));
    }
  });
  const own = [...ensemble.errors, ...links.flatMap(({ errors }) => errors)];
  await Promise.all(links.map((link) => link.close()));
  return { ...verdict, problems: [...verdict.problems, ...own.map(String)] };
}

describe('histories over sockets under a nemesis', () => {
  it('could have happened', { timeout: 180_000 + 60_000 * ROUNDS }, async () => {
    const sum = { ok: 0, unknown: 0, expired: 0, gaps: 0 };
    for (let round = 0; round < ROUNDS; round++) {
      const runs = Array.from({ length: AT_ONCE }, (_, i) => seedOf(SEED, round * AT_ONCE + i));
      const verdicts = await Promise.all(runs.map((seed) => play(seed)));
      expect(
        verdicts.flatMap(({ problems }) => problems),
        `ZK_SEED=${SEED}, round ${round}`,
      ).toEqual([]);
      for (const key of ['ok', 'unknown', 'expired', 'gaps'] as const)
        for (const verdict of verdicts) sum[key] += verdict[key];
    }
    process.stdout.write(`${ROUNDS * AT_ONCE} histories over sockets: ${JSON.stringify(sum)}\n`);
    expect(sum.ok).toBeGreaterThan(0);
    // which of these is for chance to say
    expect(sum.unknown + sum.expired + sum.gaps).toBeGreaterThan(0);
  });
});
