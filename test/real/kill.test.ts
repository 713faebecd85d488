/**
 * The server is killed in the middle of 10,000 pipelined requests and started again: every promise settles, no
 * acknowledged write is missing, nothing is applied twice, the session and its watches go on.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { connect, NoNodeError, ZkError, type Conn } from '../../src/index.js';
import { MiniServer } from '../../src/testing.js';
import { findZooKeeper, startRealServer } from '../support/real-zookeeper.js';
import { realTarget } from '../support/targets.js';
import { freePorts } from '../support/zookeeper-process.js';

const REQUESTS = 10_000;
/** The kill comes behind this many replies. */
const BEFORE_KILL = 2000;
/** The last of them are asked of a server that stands still: however late its replies are heard of, these have none. */
const LATE = 100;

interface Victim {
  readonly connectString: string;
  /** It stands still; left out: it runs in this process, and does nothing while its replies are read. */
  freeze?(): Promise<void>;
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

const open: { conn?: Conn; victim?: Victim } = {};

afterEach(async () => {
  await open.conn?.close();
  await open.victim?.stop();
});

async function story(victim: Victim): Promise<string> {
  open.victim = victim;
  const conn = await connect(victim.connectString, { sessionTimeoutMs: 30_000 });
  open.conn = conn;
  const session = conn.sessionId;
  const states: string[] = [];
  conn.on('connection', (state) => states.push(state));

  await conn.create('/burst');
  await conn.create('/watched', 'old');
  await conn.create('/mine', null, { mode: 'EPHEMERAL' });
  const data = await conn.getW('/watched');
  const absent = await conn.existsW('/absent');
  const children = await conn.childrenW('/watched');

  let replies = 0;
  let cut: (() => void) | undefined;
  const reached = new Promise<void>((resolve) => (cut = resolve));
  const order: number[] = [];
  const settled = (i: number): void => {
    order.push(i);
    if (++replies === BEFORE_KILL) cut?.();
  };
  const calls: Promise<unknown>[] = [];
  const ask = (i: number): void => {
    const call: Promise<unknown> =
      i % 4 === 3 ? conn.get('/watched') : conn.create(`/burst/n${i}`, String(i));
    call.then(
      () => settled(i),
      () => settled(i),
    );
    calls.push(call);
  };
  const late = victim.freeze === undefined ? 0 : LATE;
  for (let i = 0; i < REQUESTS - late; i++) ask(i);
  await reached;
  await victim.freeze?.();
  for (let i = REQUESTS - late; i < REQUESTS; i++) ask(i);
  // they have left, or as many of them as the kernel takes
  for (let before = Infinity; late > 0 && conn.stats().queued < before;) {
    before = conn.stats().queued;
    await new Promise(setImmediate);
  }
  await victim.kill();
  await victim.start();
  const results = await Promise.allSettled(calls);

  // settled in the order of the calls, also by the cut
  expect(order).toHaveLength(REQUESTS);
  expect(order).toEqual([...order].sort((a, b) => a - b));
  const counts = { answered: 0, unknown: 0 };
  const present = new Set((await conn.children('/burst')).children);
  for (const [i, result] of results.entries()) {
    if (result.status === 'fulfilled') {
      counts.answered++;
      if (i % 4 !== 3) expect(present.has(`n${i}`), `n${i} was acknowledged and is gone`).toBe(true);
    } else {
      // NodeExists would mean that a create ran twice
      expect(ZkError.is(result.reason) && result.reason.code).toBe('ZK_CONNECTION_LOSS');
      expect((result.reason as ZkError).outcome).toBe('unknown');
      counts.unknown++;
    }
  }
  expect(counts.answered).toBeGreaterThanOrEqual(BEFORE_KILL);
  expect(counts.unknown).toBeGreaterThan(0);

  expect(conn.sessionId).toBe(session);
  expect(states).toEqual(['SUSPENDED', 'RECONNECTED']);
  expect((await conn.exists('/mine'))?.ephemeralOwner).toBe(session);
  await conn.set('/watched', 'new');
  await conn.create('/absent');
  await conn.create('/watched/child');
  expect(await data.watch.event).toMatchObject({ type: 'NodeDataChanged', path: '/watched' });
  expect(await absent.watch.event).toMatchObject({ type: 'NodeCreated', path: '/absent' });
  expect(await children.watch.event).toMatchObject({ type: 'NodeChildrenChanged', path: '/watched' });
  await expect(conn.get('/nothing')).rejects.toBeInstanceOf(NoNodeError);
  return `${counts.answered} answered, ${counts.unknown} unknown of ${REQUESTS}`;
}

/**
 * Why no ZooKeeper can be started and killed here, or null. A run with `ZK_SERVERS` needs an installed one all the same.
 * @throws with `ZK_REQUIRED=1` rather than give a reason
 */
function missingHere(): string | null {
  const [real, installed] = [realTarget(), findZooKeeper()];
  if ('missing' in real) return real.missing;
  if (!('missing' in installed)) return null;
  if (process.env['ZK_REQUIRED'] === '1') {
    throw new Error(`ZK_REQUIRED=1, but no ZooKeeper that can be killed: ${installed.missing}`);
  }
  return installed.missing;
}

const missing = missingHere();

describe('a server killed in the middle of 10,000 requests', () => {
  it('the mini-server', async () => {
    const [port] = await freePorts(1);
    const server = await MiniServer.start({ port });
    const said = await story({
      connectString: server.connectString,
      kill: () => {
        server.dropConnections();
        return server.stop();
      },
      start: () => server.restart(),
      stop: () => server.close(),
    });
    process.stdout.write(`mini-server stopped: ${said}\n`);
  });

  it.skipIf(missing !== null)('a real ZooKeeper, by kill -9', async () => {
    const server = await startRealServer();
    const said = await story({
      connectString: server.connectString,
      freeze: () => server.kill('SIGSTOP'),
      kill: () => server.kill('SIGKILL'),
      start: () => server.start(),
      stop: () => server.stop(),
    });
    process.stdout.write(`ZooKeeper ${server.version} killed: ${said}\n`);
  });

  if (missing !== null) process.stdout.write(`kill -9 of a real ZooKeeper skipped: ${missing}\n`);
});
