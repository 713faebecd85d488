/** Text of a peer that would write lines of its own into a log, or paint it: every line stays one line of plain text. */
import createDebug from 'debug';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Errno } from '../../../src/protocol/error-codes.js';
import { JuteWriter } from '../../../src/protocol/jute.js';
import { MiniServer } from '../../../src/testing.js';
import { frameLine } from '../../../src/testing/cli-log.js';
import { STAT, notification } from '../../support/core-world.js';
import { RawClient } from '../../support/raw-client.js';
import { ScriptedServer, answerFrame, settle } from '../../support/scripted-server.js';
import { injected } from '../../support/tally.js';

const EVIL =
  '\n2026-01-01 zk-conn:session 0x1 expired\r\u001b[31mred\u001b[2J\u0007\u0000\u0085\u2028\u009b31m';
// eslint-disable-next-line no-control-regex -- that is what is looked for
const RAW = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

describe('the client’s logs', () => {
  const lines: string[] = [];
  const { log } = createDebug;
  beforeEach(() => {
    lines.length = 0;
    createDebug.log = (...args: unknown[]) => void lines.push(...args.map(String));
    createDebug.enable('zk-conn:*');
  });
  afterEach(() => {
    createDebug.disable();
    createDebug.log = log;
  });

  it('show the path of an event, the name of a child and a greeting that is none', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const calls = [
      conn.children('/a'),
      conn.create(`/a`, 'x', { mode: 'PERSISTENT_SEQUENTIAL' }),
      conn.getAcl('/a'),
    ];
    const settled = Promise.allSettled(calls);
    await settle();
    const [children, create, acl] = server.link.take();
    await server.link.send(notification(3, `/${EVIL}`));
    await server.link.send(answerFrame(children!, { children: [EVIL], stat: STAT }));
    await server.link.send(answerFrame(create!, { path: `/${EVIL}` }));
    await server.link.refuse(acl!, Errno.NoAuth);
    await settled;
    // what is no ZooKeeper is quoted in the error
    await server.link.fail(new Error(`read ${EVIL}`));
    await settle();
    await server.link.connect();
    await server.link.send(Buffer.from(`HTTP/1.1 400 ${EVIL}`));
    await settle();
    injected('hostile text', 4);
    await conn.close();
    expect(lines.length).toBeGreaterThan(5);
    // debug puts the difference of time behind, with colours of its own only on a terminal
    expect(lines.filter((line) => RAW.test(line))).toEqual([]);
    expect(lines.filter((line) => line.includes('\\u001b[31mred')).length).toBeGreaterThanOrEqual(2);
  });
});

describe('the log of frames that the command prints', () => {
  it('shows the path of a client, whatever it is', async () => {
    await using server = await MiniServer.start({ log: true });
    const client = await RawClient.connect(server);
    await client.handshake();
    const w = new JuteWriter();
    w.int(1);
    w.int(3);
    w.ustring(`/${EVIL}`);
    w.bool(false);
    client.sendFrame(w.bytes());
    await server.log.next({ op: 'exists', kind: 'reply' });
    injected('hostile text');
    const shown = server.log.frames().map((frame) => frameLine(frame, 0));
    expect(shown.some((line) => line.includes('\\u001b[31mred'))).toBe(true);
    expect(shown.filter((line) => RAW.test(line))).toEqual([]);
    client.destroy();
  });
});
