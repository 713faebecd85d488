/** What users do in their listeners is theirs: the Conn goes on. */
import { describe, expect, it } from 'vitest';
import type { Conn } from '../../../src/index.js';
import { EventTypeCode } from '../../../src/protocol/constants.js';
import { STAT, notification } from '../../support/core-world.js';
import { ScriptedServer, catchingUncaught, settle, watchOutcome } from '../../support/scripted-server.js';

const DATA = { data: Buffer.from('x'), stat: STAT };
const thrown = new Error('of a listener');

/** What a listener may do, and what is reported of it. */
const KINDS: readonly (readonly [string, (conn: Conn) => unknown, readonly unknown[]])[] = [
  ['waits for a call that is not answered', async (conn) => conn.get('/never'), []],
  ['never resolves', () => new Promise(() => undefined), []],
  [
    'throws',
    () => {
      throw thrown;
    },
    [thrown],
  ],
  [
    'rejects',
    async () => {
      await Promise.resolve();
      throw thrown;
    },
    [thrown],
  ],
];

describe.each(KINDS)('[A6] a listener that %s', (_what, misbehave, reported) => {
  it('delays no ping, no reply and no other watch, and what it throws is reported, not fatal', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const other: string[] = [];
    const caught = await catchingUncaught(async () => {
      conn.once('watch', () => void misbehave(conn));
      conn.on('watch', ({ path }) => void other.push(path));
      const watched = conn.getW('/w');
      await settle();
      await server.link.answer(server.link.takeOne(), DATA);
      const { watch } = await watched;
      const event = watchOutcome(watch.event);
      await server.link.send(notification(EventTypeCode.NodeDataChanged, '/w'));
      expect(event.current).toMatchObject({ value: { path: '/w' } });
      await server.link.send(notification(EventTypeCode.NodeDataChanged, '/another'));
      expect(other).toEqual(['/w', '/another']);
      const unanswered = server.link.take();
      // replies come in order: the listener's own call is answered as well, sooner or later
      const reply = conn.get('/a');
      await settle();
      for (const seen of unanswered) await server.link.answer(seen, DATA);
      await server.link.answer(server.link.takeOne(), DATA);
      expect((await reply).data?.toString()).toBe('x');
      while (server.link.requests.at(-1)?.op.name !== 'ping') await server.clock.advance(server.clock.nextIn);
      expect(conn.state).toBe('SyncConnected');
    });
    expect(caught).toEqual(reported);
    await server.close(conn);
  });

  it('on a change of state does not keep the Conn from its next session', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const caught = await catchingUncaught(async () => {
      conn.once('state', () => void misbehave(conn));
      await server.link.fail();
      await server.clock.advance(1000);
      await server.link.welcome();
      expect(conn.state).toBe('SyncConnected');
    });
    expect(caught).toEqual(reported);
    const unanswered = server.link.take();
    for (const seen of unanswered) await server.link.answer(seen, DATA);
    await server.close(conn);
  });
});
