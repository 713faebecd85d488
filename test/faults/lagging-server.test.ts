/**
 * A client that has read the latest is led to a server that is behind: it is turned away until that server has caught up,
 * keeps its session and its watch, and reads nothing older. On a mini-ensemble and on a real one.
 */
import { describe, expect, it, test } from 'vitest';
import { connect } from '../../src/index.js';
import { FaultProxy, MiniEnsemble } from '../../src/testing.js';
import { realStage, type Stage, type StageMember } from '../support/ensemble-stage.js';
import { checked, injected, requested, SCALE } from '../support/tally.js';
import { untilDone } from '../support/until-done.js';
import { findZooKeeper, RELEASES } from '../support/zookeeper-jars.js';

/** Attempts at the server that is behind, before another one is there again. */
const TRIES = 3;
/** With the start of four servers. */
const LIMIT = { timeout: 300_000 };

const addressOf = ({ port }: StageMember): string => `127.0.0.1:${port}`;

type Servers = Pick<Stage, 'remote' | 'leader' | 'holdRemote' | 'stop'>;

/** Its member behind knows all sessions: nothing but the zxid keeps a client away. A real one would have to ask its leader. */
async function miniServers(): Promise<Servers> {
  const ensemble = await MiniEnsemble.start();
  const [remote] = ensemble.members;
  return {
    remote: remote!,
    leader: () => Promise.resolve(ensemble.leader!),
    holdRemote: () => {
      const lag = ensemble.lag(remote!);
      return () => lag.end();
    },
    stop: () => ensemble.close(),
  };
}

async function play(stage: Servers, path: string): Promise<void> {
  const leader = await stage.leader();
  await using near = await FaultProxy.start({ target: addressOf(leader) });
  await using far = await FaultProxy.start({ target: addressOf(stage.remote) });
  await using writer = await connect(addressOf(leader));
  await using there = await connect(addressOf(stage.remote));
  await writer.create(path, 'old');
  await there.sync(path);

  const away = far.refuse();
  await using conn = await connect(`${near.connectString},${far.connectString}`, {
    backoff: { baseMs: 5, maxMs: 20 },
  });
  const { sessionId } = conn;
  const letGo = stage.holdRemote();
  const seen: bigint[] = [];
  const read = async (): Promise<void> => {
    const { stat } = await untilDone(() => conn.get(path));
    seen.push(stat.mzxid);
    requested();
  };
  await writer.set(path, 'new');
  await read();
  await conn.getW(path);
  const fired: string[] = [];
  conn.on('watch', (event) => void fired.push(`${event.type} ${event.path}`));
  expect(String((await there.get(path)).data), 'the other server is behind').toBe('old');

  // there is no other server than the one that is behind
  away.end();
  const turnedAway = triesAt(far, TRIES);
  const gone = near.refuse();
  near.dropConnections();
  injected('server behind what a client has read');
  const reading = Promise.all([read(), read()]);
  await Promise.race([turnedAway, reading]);
  expect(String((await there.get(path)).data), 'it still is').toBe('old');
  const asked = far.log.frames({ kind: 'request', direction: 'toServer' }).map(({ op }) => op);
  expect(asked, 'the server that is behind').toEqual([]);
  await writer.set(path, 'newer');
  gone.end();
  await reading;
  await read();

  // it has caught up, and is as good as the other
  letGo();
  await there.sync(path);
  near.refuse();
  near.dropConnections();
  injected('connection cut');
  await read();
  expect(conn.server).toBe(far.connectString);

  const older = seen.filter((zxid, i) => i > 0 && zxid < seen[i - 1]!);
  checked('acknowledged writes lost', older.length);
  expect(older).toEqual([]);
  checked('requests that crossed sessions', conn.sessionEpoch - 1);
  expect([conn.sessionId, conn.sessionEpoch]).toEqual([sessionId, 1]);
  checked('watches lost or doubled', Math.abs(fired.length - 1));
  expect(fired).toEqual([`NodeDataChanged ${path}`]);
  await conn.delete(path);
}

/** Resolves when so many connections have shown it a handshake. */
async function triesAt(proxy: FaultProxy, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await proxy.log.next({ kind: 'handshake', direction: 'toServer' });
}

async function playAll(stage: Servers): Promise<void> {
  try {
    for (let i = 0; i < SCALE; i++) await play(stage, `/behind-${i}`);
  } finally {
    await stage.stop();
  }
}

describe('a server that is behind what was read', () => {
  it('is left, on a mini-ensemble', LIMIT, async () => playAll(await miniServers()));

  describe.each(RELEASES)('ZooKeeper %s', (version) => {
    const found = process.env['ZK_REAL'] === '0' ? { missing: 'ZK_REAL=0' } : findZooKeeper(version);
    if ('missing' in found) {
      if (process.env['ZK_REQUIRED'] === '1') throw new Error(`ZK_REQUIRED=1, but ${found.missing}`);
      process.stdout.write(`skipped: servers of ${version} that are behind: ${found.missing}\n`);
      test.skip(`is left, on a real ensemble: ${found.missing}`, () => undefined);
    } else {
      it('is left, on a real ensemble', LIMIT, async () => playAll(await realStage(version)));
    }
  });
});
