/**
 * Random trouble among the members of a mini-ensemble, on virtual time: what was acknowledged stays, what was refused never
 * was, each client sees the past only once, and in the end all members have the same.
 */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { connect, ZkError, type Conn } from '../../../../src/index.js';
import { InvalidArgumentError } from '../../../../src/protocol/errors.js';
import { MiniEnsemble, VirtualClock } from '../../../../src/testing.js';
import { checkAsync } from '../../../support/property.js';

const MEMBERS = 5;
const RUNS = 20;

type Trouble =
  | { readonly kind: 'part'; readonly groups: readonly number[] }
  | { readonly kind: 'heal' }
  | { readonly kind: 'stop' | 'start' | 'elect' | 'catch up' | 'drop'; readonly member: number }
  | { readonly kind: 'lag'; readonly member: number; readonly ms: number };

const member = fc.nat(MEMBERS - 1);
const trouble: fc.Arbitrary<Trouble> = fc.oneof(
  fc.record({
    kind: fc.constant('part' as const),
    groups: fc.array(fc.nat(1), { minLength: MEMBERS, maxLength: MEMBERS }),
  }),
  fc.record({ kind: fc.constant('heal' as const) }),
  fc.record({
    kind: fc.constantFrom(
      'stop' as const,
      'start' as const,
      'elect' as const,
      'catch up' as const,
      'drop' as const,
    ),
    member,
  }),
  fc.record({ kind: fc.constant('lag' as const), member, ms: fc.constantFrom(10, 500, 3_000) }),
);
const story = fc.record({
  syncLimitMs: fc.constantFrom(0, 1_000),
  electionMs: fc.constantFrom(0, 200),
  steps: fc.array(fc.record({ trouble, ms: fc.constantFrom(0, 1, 50, 400, 2_000) }), {
    minLength: 10,
    maxLength: 30,
  }),
});

class Play {
  readonly acknowledged = new Map<string, bigint>();
  readonly refused: string[] = [];
  private readonly lags = new Map<number, { end(): void }>();
  private going = true;

  constructor(
    private readonly clock: VirtualClock,
    private readonly ensemble: MiniEnsemble,
  ) {}

  async make(what: Trouble): Promise<void> {
    const { ensemble } = this;
    if (what.kind === 'part') {
      ensemble.partition([0, 1].map((group) => what.groups.flatMap((own, i) => (own === group ? [i] : []))));
    } else if (what.kind === 'heal') {
      ensemble.heal();
    } else if (what.kind === 'lag') {
      this.lags.set(what.member, ensemble.lag(what.member, what.ms));
    } else if (what.kind === 'catch up') {
      this.lags.get(what.member)?.end();
    } else if (what.kind === 'drop') {
      ensemble.members[what.member]!.dropConnections();
    } else if (what.kind === 'stop') {
      await ensemble.stop(what.member);
    } else if (what.kind === 'start') {
      if (!ensemble.members[what.member]!.running) await ensemble.start(what.member);
    } else {
      try {
        ensemble.elect(what.member);
      } catch (error) {
        // this one cannot be elected now
        if (!(error instanceof InvalidArgumentError)) throw error;
      }
    }
  }

  async mend(): Promise<void> {
    for (const lag of this.lags.values()) lag.end();
    this.ensemble.heal();
    for (const each of this.ensemble.members) if (!each.running) await each.restart();
  }

  /** Creates one node after another, and counts them in a node of its own, which must never be seen to go back. */
  async write(conn: Conn, name: string): Promise<void> {
    let seen = -1;
    for (let i = 0; this.going; i++) {
      const path = `/${name}-${i}`;
      const made = await orError(conn.createWithStat(path, String(i)));
      if (!ZkError.is(made)) this.acknowledged.set(path, made.stat.czxid);
      else if (made.outcome !== 'unknown') this.refused.push(path);
      await orError(conn.set(`/${name}`, String(i)));
      const read = await orError(conn.get(`/${name}`));
      if (!ZkError.is(read)) {
        const now = Number(String(read.data));
        expect(now).toBeGreaterThanOrEqual(seen);
        seen = now;
      }
      await new Promise<void>((resolve) => void this.clock.setTimer(resolve, 100));
    }
  }

  end(): void {
    this.going = false;
  }
}

/** What a call gives, or why it gives nothing. */
async function orError<T>(call: Promise<T>): Promise<T | ZkError> {
  try {
    return await call;
  } catch (error) {
    if (ZkError.is(error)) return error;
    throw error;
  }
}

describe('under random trouble', () => {
  it('nothing that was acknowledged is lost, and all agree in the end', { timeout: 300_000 }, async () => {
    const totals = { acknowledged: 0, refused: 0, elections: 0n, steps: 0 };
    await checkAsync(
      fc.asyncProperty(story, async ({ syncLimitMs, electionMs, steps }) => {
        const clock = new VirtualClock();
        const ensemble = await MiniEnsemble.start({ clock, members: MEMBERS, syncLimitMs, electionMs });
        await clock.advance(electionMs);
        const { dialer } = ensemble;
        const names = ['ann', 'bob', 'cat'];
        const conns = await clock.advanceUntil(
          Promise.all(
            names.map(() => connect(ensemble.connectString, { clock, dialer, sessionTimeoutMs: 60_000 })),
          ),
        );
        const play = new Play(clock, ensemble);
        await clock.advanceUntil(Promise.all(conns.map((conn, i) => conn.create(`/${names[i]!}`, '-1'))));
        const writers = Promise.all(conns.map((conn, i) => play.write(conn, names[i]!)));
        for (const { trouble: what, ms } of steps) {
          await play.make(what);
          await clock.advance(ms);
        }
        await play.mend();
        await clock.advance(15_000);
        play.end();
        await clock.advanceUntil(writers);

        const leader = ensemble.leader!;
        const trees = ensemble.members.map(({ tree }) => tree.paths().map((path) => [path, tree.get(path)]));
        for (const tree of trees) expect(tree).toEqual(trees[0]);
        for (const [path, czxid] of play.acknowledged)
          expect(leader.tree.get(path)?.stat.czxid, path).toBe(czxid);
        for (const path of play.refused) expect(leader.tree.get(path), path).toBeUndefined();
        const ids = ensemble.members.map(({ sessions }) => sessions.map(({ id }) => id).sort());
        for (const each of ids) expect(each).toEqual(ids[0]);
        totals.acknowledged += play.acknowledged.size;
        totals.refused += play.refused.length;
        totals.elections += leader.lastZxid >> 32n;
        totals.steps += steps.length;
        await clock.advanceUntil(Promise.all(conns.map((conn) => conn.close())));
        await ensemble.close();
        expect(clock.pending).toBe(0);
      }),
      RUNS,
    );
    expect(totals.acknowledged).toBeGreaterThan(0);
    process.stdout.write(
      `mini-ensembles under trouble: ${totals.steps} troubles, ${totals.elections} elections, ` +
        `${totals.acknowledged} writes acknowledged, 0 lost\n`,
    );
  });
});
