/** Calls that are given up, and the signals that outlive them. */
import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { connect } from '../../src/index.js';
import { MiniServer } from '../../src/testing.js';
import { rejectionOf } from '../support/scripted-server.js';

describe('a signal that lives as long as the program', () => {
  it('has no listener left after ten thousand calls, good and bad, and Node warns of nothing [D3]', async () => {
    const warnings: Error[] = [];
    const warned = (warning: Error): void => void warnings.push(warning);
    process.on('warning', warned);
    const server = await MiniServer.start();
    const { signal } = new AbortController();
    const conn = await connect(server.connectString);
    await conn.create('/a');
    for (let i = 0; i < 100; i++) {
      const calls: Promise<unknown>[] = [conn.connect({ signal })];
      for (let j = 0; j < 33; j++) {
        calls.push(conn.get('/a', { signal }), rejectionOf(conn.get('/none', { signal })));
        calls.push(
          j % 2 === 0 ? conn.set('/a', 'x', -1, { signal }) : rejectionOf(conn.get('bad', { signal })),
        );
      }
      // one at a time, too
      await conn.exists('/a', { signal });
      await Promise.all(calls);
      expect(getEventListeners(signal, 'abort')).toEqual([]);
    }
    server.dropConnections();
    const lost = Array.from({ length: 100 }, () => conn.get('/a', { signal }).catch(() => undefined));
    await Promise.all(lost);
    const last = Array.from({ length: 100 }, () => conn.get('/a', { signal }).catch(() => undefined));
    await conn.close();
    await Promise.all(last);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    await server.close();
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', warned);
    expect(warnings).toEqual([]);
  });
});
