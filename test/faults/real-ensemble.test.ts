/**
 * Three real servers behind fault proxies, with clients at work: servers are killed by `kill -9`, stopped by SIGSTOP and
 * started again, all in turn or until the quorum is gone, and links go dead in one direction. What the clients saw is judged
 * by the checkers of histories, and nothing that was acknowledged may be lost. Both releases have their turn.
 */
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import type { Direction } from '../../src/testing.js';
import { SEED } from '../support/property.js';
import { injected, SCALE } from '../support/tally.js';
import { findZooKeeper, RELEASES } from '../support/zookeeper-jars.js';
import { seedOf } from './chance.js';
import { scene, type Place, type Scene, type Verdict } from './histories/scene.js';
import { Fire } from './real/fire.js';

const LIMIT = { timeout: 180_000 + 120_000 * SCALE };
/** Little, for sessions that are to expire; four ticks of the servers at least. */
const SHORT_SESSION_MS = 4_000;
/** For sessions that outlive the end of two servers and their start. */
const LONG_SESSION_MS = 60_000;
/** Calls that must have settled before the next trouble, so that there is something to lose. */
const CALLS_BETWEEN = 40;

for (const [which, version] of RELEASES.entries()) {
  const found = process.env['ZK_REAL'] === '0' ? { missing: 'ZK_REAL=0' } : findZooKeeper(version);
  const title = `a real ensemble under fire, ZooKeeper ${version}`;
  if ('missing' in found) {
    if (process.env['ZK_REQUIRED'] === '1') throw new Error(`ZK_REQUIRED=1, but ${found.missing}`);
    process.stdout.write(`skipped: ${title}: ${found.missing}\n`);
    test.skip(`${title}: ${found.missing}`, () => undefined);
    continue;
  }
  describe(title, () => {
    let fire: Fire;
    // other chances for each release
    let scenes = 100 * which;

    beforeAll(async () => {
      fire = await Fire.start(version);
    });

    afterAll(() => fire.stop());

    async function judged(
      name: string,
      trouble: Parameters<typeof scene>[2],
      place: Place = fire.place(),
    ): Promise<Verdict> {
      const verdict = await scene(place, seedOf(SEED, scenes++), trouble);
      const { problems, ...figures } = verdict;
      process.stdout.write(`${name}: ${JSON.stringify(figures)}\n`);
      expect(problems, `ZK_SEED=${SEED}`).toEqual([]);
      expect(figures.ok).toBeGreaterThan(0);
      return verdict;
    }

    /** Clients have done something since. */
    async function someWork(at: Scene): Promise<void> {
      const before = at.settled;
      while (at.settled < before + CALLS_BETWEEN) await at.working();
    }

    it(
      'kill -9 of the leader and of followers: what was acknowledged is there, nothing twice',
      LIMIT,
      async () => {
        await judged('kills', async (at, chance) => {
          for (let i = 0; i < 2 * SCALE; i++) {
            await someWork(at);
            const leader = await fire.ensemble.leader();
            const followers = fire.members.filter((member) => member !== leader);
            const victim = i % 2 === 0 ? leader : chance.one(followers);
            await fire.kill(victim);
            await at.working();
            injected('start of a real server behind a kill');
            await victim.start();
          }
        });
      },
    );

    it('SIGSTOP of any server, for a moment: nobody is lost', LIMIT, async () => {
      const { expired } = await judged('pauses', async (at, chance) => {
        for (let i = 0; i < 8 * SCALE; i++) {
          await someWork(at);
          await fire.freeze(chance.one(fire.members), chance.between(50, 700));
        }
      });
      expect(expired).toBe(0);
    });

    it('SIGSTOP of the server that a client is on: it is left, and the session goes on', LIMIT, async () => {
      const { expired } = await judged('a long pause', async (at) => {
        const leader = await fire.ensemble.leader();
        const followers = fire.members.filter((member) => member !== leader);
        const first = at.conns[0]!;
        // all may be on the leader
        while (!followers.includes(fire.memberOf(first))) await first.reconnect();
        const victim = fire.memberOf(first);
        const own = at.conns.filter((conn) => fire.memberOf(conn) === victim);
        await fire.stopFor(victim, () => at.working());
        expect(own.length).toBeGreaterThan(0);
        for (const conn of own) expect(conn.state).toBe('SyncConnected');
      });
      expect(expired).toBe(0);
    });

    it('a rolling restart under writes: no session is lost', LIMIT, async () => {
      const { expired } = await judged('a rolling restart', async (at) => {
        for (const member of fire.members) {
          await someWork(at);
          injected('restart of a real server');
          await member.kill('SIGTERM');
          await member.start();
          await at.working();
        }
        injected('rolling restart of all real servers');
      });
      expect(expired).toBe(0);
    });

    it('the quorum is lost and comes back: the same sessions go on', LIMIT, async () => {
      const { expired } = await judged(
        'no quorum',
        async (at) => {
          await someWork(at);
          const ids = at.conns.map(({ sessionId }) => sessionId);
          const leader = await fire.ensemble.leader();
          const followers = fire.members.filter((member) => member !== leader);
          injected('quorum of real servers lost');
          await Promise.all(followers.map((member) => fire.kill(member)));
          await Promise.all(followers.map((member) => member.start()));
          await at.working();
          expect(at.conns.map(({ sessionId }) => sessionId)).toEqual(ids);
        },
        fire.place(LONG_SESSION_MS),
      );
      expect(expired).toBe(0);
    });

    it.each<Direction>(['toServer', 'toClient'])(
      'a link that is dead %s is noticed and left',
      LIMIT,
      async (direction) => {
        const { expired } = await judged(`dead ${direction}`, async (at) => {
          await someWork(at);
          const proxy = fire.proxyOf(at.conns[0]!);
          const own = at.conns.filter((conn) => fire.proxyOf(conn) === proxy);
          await fire.blind(proxy, direction, () => at.working());
          for (const conn of own) expect(fire.proxyOf(conn)).not.toBe(proxy);
        });
        expect(expired).toBe(0);
      },
    );

    it(
      'a session that somebody else ends is over for its client, who goes on in a new one',
      LIMIT,
      async () => {
        const { expired } = await judged('sessions ended', async (at, chance) => {
          for (let i = 0; i < 4 * SCALE; i++) {
            await someWork(at);
            const victim = chance.one(at.conns);
            const before = victim.sessionEpoch;
            await fire.endSession(victim, chance.one(fire.members));
            await at.working();
            expect(victim.sessionEpoch).toBeGreaterThan(before);
          }
        });
        expect(expired).toBeGreaterThanOrEqual(4 * SCALE);
      },
    );

    it(
      'sessions whose links are dead for longer than they live expire, and new ones go on',
      LIMIT,
      async () => {
        const { expired, unknown } = await judged(
          'sessions expired',
          async (at) => {
            for (let i = 0; i < SCALE; i++) {
              await someWork(at);
              const way = (i + which) % 2;
              const victims = at.conns.filter((_conn, j) => j % 2 === way);
              const epochs = victims.map(({ sessionEpoch }) => sessionEpoch);
              const gone = await Promise.all(victims.map((conn, j) => at.endOf(conn, `/live-${i}-${j}`)));
              await fire.silence(way, () => Promise.all(gone.map((wait) => wait())));
              injected('session of a real server expired', victims.length);
              await at.working();
              victims.forEach((conn, j) => expect(conn.sessionEpoch).toBeGreaterThan(epochs[j]!));
            }
          },
          fire.place(SHORT_SESSION_MS, true),
        );
        expect(expired).toBeGreaterThanOrEqual(4 * SCALE);
        expect(unknown).toBeGreaterThan(0);
      },
    );
  });
}
