/** What the function behind `debug` does is the user's own affair: it must not cost the Conn anything. */
import { format } from 'node:util';
import createDebug from 'debug';
import { afterEach, describe, expect, it } from 'vitest';
import { replyFrame } from '../../support/core-world.js';
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

describe('the log', () => {
  it('has no password of a session in any line, nor a credential', async () => {
    const passwd = Buffer.from('canary-of-session');
    const lines: string[] = [];
    createDebug.log = (...args: unknown[]) => void lines.push(format(...args));
    createDebug.enable('zk-conn:*');
    const server = new ScriptedServer();
    const conn = server.conn({ auth: [{ scheme: 'digest', auth: 'ada:canary-of-auth' }] });
    const connecting = conn.connect();
    await settle();
    await server.link.welcome({ passwd });
    await server.link.send(replyFrame(-4));
    await connecting;
    await server.link.fail(new Error('cut'));
    await server.clock.advance(1000);
    await server.link.welcome({ passwd });
    await server.link.send(replyFrame(-4));
    expect(conn.session?.password).toEqual(passwd);
    await server.close(conn);
    expect(lines.length).toBeGreaterThan(5);
    const forms = ['utf8', 'latin1', 'hex', 'base64'] as const;
    for (const secret of [passwd, Buffer.from('canary-of-auth')])
      for (const form of forms) expect(lines.join('\n')).not.toContain(secret.toString(form));
  });
});
