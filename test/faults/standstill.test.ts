/**
 * The client's own process is stopped by SIGSTOP for longer than its session lives, and goes on. It is told that the session
 * is over, and what it writes as the holder that it was is refused: by the client, or by the token.
 */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it, test } from 'vitest';
import { connect } from '../../src/index.js';
import { MiniServer } from '../../src/testing.js';
import { checked, injected, requested, SCALE } from '../support/tally.js';
import { realTarget } from '../support/targets.js';

const CHILD = fileURLToPath(new URL('./standstill/holder-child.mjs', import.meta.url));
const LIMIT = { timeout: 180_000 + 20_000 * SCALE };

/** What a stale holder may hear: its session is known to be over, or the next session meets a newer token. */
const REFUSALS = ['ZK_SESSION_EXPIRED', 'ZK_BAD_VERSION'];

async function play(connectString: string, folder: string): Promise<void> {
  await using conn = await connect(connectString, { sessionTimeoutMs: 30_000 });
  await conn.create(folder);
  await conn.create(`${folder}/token`);
  await conn.create(`${folder}/data`);
  const child = spawn(process.execPath, [CHILD, connectString, folder], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const said = async (): Promise<unknown> => JSON.parse(String((await lines.next()).value));
  try {
    expect(await said()).toEqual({ holds: 1 });
    const { watch } = await conn.existsW(`${folder}/lock`);
    child.kill('SIGSTOP');
    injected('SIGSTOP of the client');
    expect(await watch.event).toMatchObject({ type: 'NodeDeleted' });
    injected('session expired');

    await conn.set(`${folder}/token`, 'held by us');
    const { mzxid } = await conn.set(`${folder}/data`, 'of the next holder');
    child.stdin.end('of a stale holder\n');
    child.kill('SIGCONT');
    const report = (await said()) as { outcome: string; heard: readonly string[] };
    requested(2);
    const { data, stat } = await conn.get(`${folder}/data`);
    checked('requests that crossed sessions', stat.mzxid === mzxid ? 0 : 1);
    expect(String(data)).toBe('of the next holder');
    expect(REFUSALS).toContain(report.outcome);
    expect(report).toMatchObject({
      heard: expect.arrayContaining(['expired', 'new']) as string[],
      moved: true,
    });
    expect(await exited).toEqual([0, null]);
  } finally {
    child.kill('SIGKILL');
  }
}

const title = 'a client that is stopped for longer than its session lives';

if (process.platform === 'win32') {
  process.stdout.write(`skipped: ${title}: Windows cannot stop a process by a signal\n`);
  test.skip(title, () => undefined);
} else {
  it.concurrent('knows when it goes on, and its fenced write is refused: mini-server', LIMIT, async () => {
    await using server = await MiniServer.start();
    for (let i = 0; i < SCALE; i++) await play(server.connectString, `/standstill-${i}`);
  });

  const real = realTarget();
  if ('missing' in real) {
    process.stdout.write(`skipped: ${title}, real ZooKeeper: ${real.missing}\n`);
    test.skip(`${title}: ${real.missing}`, () => undefined);
  } else {
    it.concurrent(
      `knows when it goes on, and its fenced write is refused: ZooKeeper ${real.version}`,
      LIMIT,
      async () => {
        for (let i = 0; i < SCALE; i++) await play(real.connectString, `/standstill-${randomUUID()}`);
      },
    );
  }
}
