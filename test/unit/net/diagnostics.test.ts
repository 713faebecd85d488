/** What the function behind `debug` does is the user's own affair: it must not cost the Conn anything. */
import createDebug from 'debug';
import { afterEach, describe, expect, it } from 'vitest';
import { ScriptedServer, catchingUncaught, settle } from '../../support/scripted-server.js';

const { log } = createDebug;

afterEach(() => {
  createDebug.disable();
  createDebug.log = log;
});

describe('a log function that throws', () => {
  it('costs neither a connection nor a call nor the end, and is an uncaught exception', async () => {
    const server = new ScriptedServer();
    const full = new Error('the log is full');
    let lines = 0;
    createDebug.log = () => {
      lines++;
      throw full;
    };
    createDebug.enable('zk-conn:*');
    const caught = await catchingUncaught(async () => {
      const conn = await server.connected();
      await server.link.fail(new Error('cut'));
      await server.clock.advance(1000);
      await server.link.welcome();
      expect(conn.state).toBe('SyncConnected');
      const there = conn.exists('/a');
      await settle();
      await server.link.refuse(server.link.takeOne(), -101);
      expect(await there).toBeNull();
      await server.close(conn);
    });
    expect(lines).toBeGreaterThan(5);
    expect(caught).toHaveLength(lines);
    expect(new Set(caught)).toEqual(new Set([full]));
  });
});
