/**
 * A conversation over TLS whose first connection breaks after any byte of the ciphertext, in the handshake of TLS, in ours
 * and behind both, in each direction. Every call settles, in order, with an honest outcome, and the Conn goes on.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Conn, ZkError, op, type TlsOptions } from '../../src/index.js';
import { MiniServer } from '../../src/testing.js';
import { makeCertificates, type Certificates } from '../support/certificates.js';
import { SEED } from '../support/property.js';
import { checked, injected, requested, SCALE } from '../support/tally.js';
import { untilAnswered } from '../support/until-done.js';
import { Chance, seedOf } from './chance.js';
import { CuttingRelay, DIRECTIONS, type Cut, type CutKind } from './support/cutting-relay.js';

/** Of each direction and version of TLS. */
const CUTS = 80 * SCALE;
/** Most of the time of a silence is waiting. */
const AT_ONCE = 8;
const SESSION_MS = 2_000;
const WHOLE_SESSION_MS = 30_000;

let made: Certificates;
let server: MiniServer;

beforeAll(async () => {
  made = makeCertificates();
  const { key, cert } = made.server;
  server = await MiniServer.start({
    tickTimeMs: 100,
    tls: { key, cert, ca: made.ca, requestCert: true },
  });
});

afterAll(async () => {
  await server.close();
  made[Symbol.dispose]();
});

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;
type Version = (typeof VERSIONS)[number];

interface Story {
  readonly outcomes: readonly string[];
  /** Something that cannot be. */
  readonly problems: readonly string[];
  readonly happened: boolean;
}

let serial = 0;

/** @param sessionTimeoutMs of which two thirds is how long a silence lasts */
async function story(
  relay: CuttingRelay,
  version: Version,
  cut: Cut,
  sessionTimeoutMs = SESSION_MS,
): Promise<Story> {
  relay.next(cut);
  const root = `/r${serial++}`;
  const { key, cert } = made.client;
  const tls: TlsOptions = { ca: made.ca, key, cert, minVersion: version, maxVersion: version };
  const conn = new Conn(relay.connectString, {
    tls,
    sessionTimeoutMs,
    backoff: { baseMs: 1, maxMs: 1 },
  });
  let fired = 0;
  conn.on('watch', () => {
    fired++;
  });
  const outcomes: string[] = [];
  const order: number[] = [];
  const calls = [
    conn.create(root, 'old'),
    conn.getW(root),
    conn.set(root, 'new', 0),
    conn.create(`${root}/n-`, null, { mode: 'PERSISTENT_SEQUENTIAL' }),
    conn.multi([op.check(root), op.create(`${root}/m`)]),
    conn.get(root),
  ].map((call, i) =>
    call.then(
      () => {
        outcomes[i] = 'ok';
        order.push(i);
      },
      (error: unknown) => {
        if (!ZkError.is(error)) throw error;
        outcomes[i] = error.outcome === 'rejected' ? error.code : error.outcome;
        order.push(i);
      },
    ),
  );
  await conn.connect({ timeoutMs: 60_000 });
  await Promise.all(calls);
  // behind its answer nothing of the first connection is still to come
  await untilAnswered(() => conn.exists(root));
  const { sessionEpoch } = conn;
  await conn.close();
  await relay.quiet();

  const problems: string[] = [];
  const demand = (holds: boolean, what: string): void => {
    if (!holds) problems.push(`${what}; ${outcomes.join()}`);
  };
  const node = server.tree.get(root);
  const names = node?.children ?? [];
  const done = [
    node === undefined ? 0 : 1,
    null,
    node?.stat.version ?? 0,
    names.filter((name) => name.startsWith('n-')).length,
    names.filter((name) => name === 'm').length,
  ];
  done.forEach((times, i) => {
    if (times === null) return;
    const outcome = outcomes[i]!;
    if (outcome === 'ok') demand(times === 1, `call ${i} was acknowledged, and is there ${times} times`);
    else if (outcome === 'unknown') demand(times <= 1, `call ${i} is there ${times} times`);
    else demand(times === 0, `call ${i} is there ${times} times`);
    // what was done twice finds itself
    demand(!/EXISTS|VERSION/.test(outcome), `call ${i}`);
  });
  demand(order.join() === '0,1,2,3,4,5', `settled in the order ${order.join()}`);
  // a watch whose call was lost or late may be heard of; with another session it is over
  const isSure = sessionEpoch === 1 && outcomes[1] !== 'unknown';
  const events = outcomes[1] === 'ok' && done[2] === 1 ? 1 : 0;
  const isTold = isSure ? fired === events : fired <= 1;
  checked('watches lost or doubled', isTold ? 0 : 1);
  demand(isTold, `${fired} events, and not ${events}`);
  return { outcomes, problems, happened: relay.happened };
}

describe.each(VERSIONS)('a connection of %s', (version) => {
  it.each(DIRECTIONS)(
    'is cut %s after any byte',
    { timeout: 180_000 + 60_000 * SCALE },
    async (direction) => {
      const chance = new Chance(seedOf(SEED, VERSIONS.indexOf(version) * 2 + DIRECTIONS.indexOf(direction)));
      await using first = await CuttingRelay.start(server.securePort!);
      // nothing happens to this one, however busy the machine is
      const whole = await story(first, version, { direction, after: Infinity, how: 'rst' }, WHOLE_SESSION_MS);
      expect([...new Set(whole.outcomes)]).toEqual(['ok']);
      const bytes = first.seen[direction];

      const step = Math.max(1, bytes / CUTS);
      const cuts: Cut[] = [];
      for (let at = 1 + chance.random() * step; at < bytes; at += step) {
        const how = chance.odds(0.06) ? 'silence' : chance.one<CutKind>(['rst', 'fin']);
        cuts.push({ direction, after: Math.floor(at), how });
      }
      const all = [...cuts];
      const counts: Record<string, number> = {};
      const lane = async (): Promise<void> => {
        await using relay = await CuttingRelay.start(server.securePort!);
        for (let cut = cuts.shift(); cut !== undefined; cut = cuts.shift()) {
          const { outcomes, problems, happened } = await story(relay, version, cut);
          if (happened) injected(`cut of TLS by ${cut.how}`);
          requested(outcomes.length);
          checked('promises hanging', 0);
          checked('acknowledged writes lost', problems.length);
          expect(problems, `ZK_SEED=${SEED}: ${JSON.stringify(cut)}`).toEqual([]);
          for (const outcome of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1;
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, lane));
      process.stdout.write(
        `${all.length} cuts in ${bytes} bytes over ${version} ${direction}: ${JSON.stringify(counts)}\n`,
      );
      expect(counts['ok']).toBeGreaterThan(0);
    },
  );
});
