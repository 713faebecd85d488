/** Conns by the thousand: nothing of one is left when it is closed. */
import { describe, expect, it } from 'vitest';
import { connect } from '../../src/index.js';
import { MiniServer } from '../../src/testing.js';
import { heapGrowth } from '../support/heap.js';
import { ScriptedServer, settle } from '../support/scripted-server.js';

describe('ten thousand Conns that come and go', () => {
  it('leave no timer, no connection and no heap [D4]', { timeout: 180_000 }, async () => {
    const server = new ScriptedServer();
    server.onDial = (link) => link.welcome();
    const live = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) {
        const conn = server.conn();
        conn.on('state', () => undefined);
        await conn.connect();
        conn.get('/a').catch(() => undefined);
        conn.existsW('/a').catch(() => undefined);
        await server.close(conn);
        // vitest keeps something for each expect
        if (server.clock.timers !== 0 || !server.link.closed) throw new Error(`Conn ${i} left something`);
        server.links.length = 0;
      }
    };
    const growth = await heapGrowth(
      () => live(500),
      () => live(9500),
    );
    // a hundred bytes of each; V8 gives back some of what it held before, which may hide another seventy
    expect(growth).toBeLessThan(950_000);
  });

  it('over real sockets leave none of them open: three hundred [D4]', { timeout: 300_000 }, async () => {
    const server = await MiniServer.start();
    const resources = (): string[] =>
      process.getActiveResourcesInfo().filter((name) => /^(TCPSocketWrap|GetAddrInfo)/.test(name));
    const before = resources();
    for (let i = 0; i < 300; i++) {
      const conn = await connect(server.connectString, { closeTimeoutMs: 30_000 });
      await conn.create('/e', null, { mode: 'EPHEMERAL' });
      expect(await conn.close()).toEqual({ confirmed: true });
    }
    expect(server.sessions).toEqual([]);
    await server.stop();
    // a closed handle is counted for a turn or two more
    for (let turns = 0; turns < 10; turns++) await settle();
    expect(resources()).toEqual(before);
    await server.close();
  });
});
