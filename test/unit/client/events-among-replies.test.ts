/** One's own writes to a node that one watches: as many events as replies, all in one piece. */
import { expect, it } from 'vitest';
import { notification, replyFrame } from '../../support/core-world.js';
import { writeStat, type Stat } from '../../../src/protocol/records.js';
import { STAT } from '../../support/core-world.js';
import { ScriptedServer, settle } from '../../support/scripted-server.js';

const COUNT = 20_000;

it('are all heard in the turn of the event loop in which they come, each event before what is behind it', async () => {
  const server = new ScriptedServer();
  const conn = await server.connected({ offlineQueue: { maxRequests: 2 * COUNT } });
  const adding = conn.addWatch('/a', 'PERSISTENT', { bufferSize: COUNT });
  await settle();
  await server.link.answer(server.link.takeOne(), { err: 0 });
  const stream = await adding;
  let heard = 0;
  let answered = 0;
  /** How many events the loop was behind, at most, when a reply came. */
  let behind = 0;
  void (async () => {
    for await (const { type } of stream) if (type === 'NodeDataChanged') heard++;
  })();
  for (let i = 0; i < COUNT; i++) {
    void conn.set('/a', 'x').then(({ version }) => {
      answered++;
      behind = Math.max(behind, version - heard);
    });
  }
  await settle();
  const stat = (version: number): Stat => ({ ...STAT, version });
  const chunk = Buffer.concat(
    server.link
      .take()
      .flatMap(({ xid }, i) => [
        notification(3, '/a', BigInt(10 + i)),
        replyFrame(xid, { zxid: BigInt(10 + i), body: (w) => writeStat(w, stat(i + 1)) }),
      ]),
  );
  let turns = 0;
  const sent = server.link.send(chunk);
  while (answered < COUNT && turns < COUNT) {
    await new Promise((resolve) => setImmediate(resolve));
    turns++;
  }
  await sent;
  expect([answered, heard, behind]).toEqual([COUNT, COUNT, 0]);
  expect(turns).toBeLessThan(10);
  stream.close();
  await server.close(conn);
});
