/** A real server that takes few requests at a time (`globalOutstandingLimit`) and stops reading meanwhile. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connect } from '../../src/index.js';
import { startRealServer, type RealServer } from '../support/real-zookeeper.js';
import { onEveryRelease } from '../support/targets.js';

const REQUESTS = 5000;

onEveryRelease('a server that throttles', (version) => {
  let server: RealServer;
  beforeAll(async () => {
    server = await startRealServer({ version, config: () => ({ globalOutstandingLimit: '3' }) });
  });
  afterAll(async () => {
    await server.stop();
  });

  it('answers each of thousands at once, in order, and the session stays', async () => {
    await using conn = await connect(server.connectString);
    const states: string[] = [];
    conn.on('state', ({ state }) => void states.push(state));
    await conn.create('/a');
    const order: number[] = [];
    const calls = Array.from({ length: REQUESTS }, async (_, i) => {
      const { version: count } = await conn.set('/a', String(i));
      order.push(count);
    });
    await Promise.all(calls);
    expect(order).toEqual(Array.from({ length: REQUESTS }, (_, i) => i + 1));
    expect(String((await conn.get('/a')).data)).toBe(String(REQUESTS - 1));
    expect([states, conn.sessionEpoch]).toEqual([[], 1]);
  });
});
