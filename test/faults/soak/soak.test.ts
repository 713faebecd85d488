/**
 * The same thing again and again, each kind in a process of its own: the heap does not grow, and what can be counted
 * (objects, promises, closures, sockets, timers, listeners, watches) is as much as before.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { SCALE, checked, injected, requested } from '../../support/tally.js';

const CHILD = fileURLToPath(new URL('./soak-child.mjs', import.meta.url));

interface Census {
  /** Live objects by class, after a collection. */
  readonly objects: Record<string, number>;
  /** Sockets that libuv knows of. */
  readonly handles: number;
  readonly resources: readonly string[];
  /** Listeners of the process. */
  readonly listeners: number;
}

interface Report {
  readonly heap: readonly (readonly [round: number, bytes: number])[];
  readonly before: Census;
  /** In the middle, at the end, and when all is closed. */
  readonly warm: Census;
  readonly busy: Census;
  readonly after: Census;
  readonly leftWarm: Record<string, unknown>;
  readonly left: Record<string, unknown>;
}

interface Job {
  /** Rounds of the long run; a tenth of it is done otherwise. */
  readonly rounds: number;
  /** What one round is, for the table. */
  readonly fault: string | null;
  readonly requests: number;
  /** What must be left at the end. */
  readonly left: Record<string, unknown>;
}

const JOBS: Record<string, Job> = {
  reconnects: {
    rounds: 10_000,
    fault: 'connection reset by the server',
    requests: 2,
    left: { sessions: 1, first: 'waiting' },
  },
  expiries: { rounds: 3000, fault: 'session expired', requests: 6, left: { watches: 1, sessions: 1 } },
  conns: { rounds: 1000, fault: null, requests: 5, left: { watches: 0, sessions: 0, connections: 0 } },
  // a hundred requests each
  requests: { rounds: 1000, fault: null, requests: 100, left: { listeners: 0, pending: 0 } },
  // a hundred and fifty watches each
  watches: { rounds: 1000, fault: null, requests: 250, left: { watches: 0, armed: 0 } },
  logging: { rounds: 3000, fault: 'connection reset by the server', requests: 3, left: { logged: true } },
  servers: { rounds: 1000, fault: null, requests: 2, left: {} },
};

/** The full numbers in `npm run soak`. */
const SHARE = SCALE >= 5 ? 1 : 0.1 * SCALE;

/** What else a process does may move the heap so much, bytes: in forty runs it was up to 245 kB, in either direction. */
const NOISE = 500_000;
/** Caches of Node's own may make so many more of a class. */
const SLACK = 10;

/** Median of the slopes between all pairs of points (Theil, Sen): no single sample can move it. */
function slopeOf(points: readonly (readonly [number, number])[]): number {
  const slopes: number[] = [];
  for (const [i, [x, y]] of points.entries()) {
    for (const [x2, y2] of points.slice(i + 1)) slopes.push((y2 - y) / (x2 - x));
  }
  slopes.sort((a, b) => a - b);
  return slopes[Math.floor(slopes.length / 2)]!;
}

/** Of which classes there are more than before, and how many. */
function more(now: Census, then: Census, slack: number): Record<string, number> {
  const grown = Object.entries(now.objects).map(
    ([name, count]) => [name, count - then.objects[name]!] as const,
  );
  return Object.fromEntries(grown.filter(([, count]) => count > slack));
}

async function run(job: string, rounds: number): Promise<Report> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--expose-gc', CHILD, job, String(rounds)],
    {
      maxBuffer: 1 << 24,
    },
  );
  return JSON.parse(stdout) as Report;
}

describe('again and again:', () => {
  it.concurrent.each(Object.entries(JOBS))('%s leave nothing', { timeout: 600_000 }, async (name, job) => {
    const rounds = Math.round(job.rounds * SHARE);
    const { heap, before, warm, busy, after, leftWarm, left } = await run(name, rounds);
    if (job.fault !== null) injected(job.fault, rounds);
    requested(rounds * job.requests);

    const half = heap.slice(heap.length / 2);
    const grown = slopeOf(half) * (half.at(-1)![0] - half[0]![0]);
    process.stdout.write(
      `${name}: ${rounds} rounds, the heap grew by ${Math.round(grown / 1000)} kB in the latter half\n`,
    );
    const leaked = {
      handles: after.handles - before.handles,
      resources: after.resources.length - before.resources.length,
      listeners: after.listeners - before.listeners,
      // a few for each round would be hundreds
      ...more(busy, warm, SLACK),
      Conn: after.objects['Conn']!,
    };
    checked(
      'leaked handles',
      Object.values(leaked).reduce((sum, count) => sum + Math.max(0, count), 0),
    );
    checked('promises hanging', more(busy, warm, SLACK)['Promise'] ?? 0);
    expect(leaked).toEqual({ handles: 0, resources: 0, listeners: 0, Conn: 0 });
    expect(left).toMatchObject(job.left);
    expect(left).toEqual(leftWarm);
    expect(after.resources).toEqual(before.resources);
    expect(grown, 'bytes').toBeLessThan(NOISE);
  });
});
