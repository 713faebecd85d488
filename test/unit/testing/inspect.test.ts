/** What a mini-server shows of itself where it is printed. */
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { connect } from '../../../src/index.js';
import { MiniServer } from '../../../src/testing.js';

describe('a mini-server that is printed', () => {
  it('says where it is, and no password', async () => {
    const canary = 'canary-7f3a';
    const server = await MiniServer.start({
      sasl: { users: { bob: canary } },
      superDigest: `super:${canary}`,
    });
    const conn = await connect(server.connectString);
    await conn.addAuth('digest', `joe:${canary}`);
    const { connectString } = server;
    expect(inspect(server)).toBe(
      `MiniServer { connectString: '${connectString}', running: true, sessions: 1 }`,
    );
    expect(JSON.parse(JSON.stringify(server))).toEqual({ connectString, running: true, sessions: 1 });
    const printed = [
      inspect(server, { depth: Infinity, showHidden: true }),
      inspect({ server }, { depth: Infinity, getters: true }),
      server as unknown as string,
      JSON.stringify({ server }),
    ];
    for (const text of printed) expect(text).not.toContain(canary);
    await conn.close();
    await server.close();
    expect(inspect(server)).toContain('running: false, sessions: 0');
  });
});
