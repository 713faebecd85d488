/** Several events and an answer that come in one piece: a loop over a stream hears of all the events before the answer. */
import { expect, it } from 'vitest';
import { connect } from '../../../src/index.js';
import { MiniServer } from '../../../src/testing.js';

it.each([1, 2, 3, 100])('%i events and the answer behind them, in one piece', async (count) => {
  await using server = await MiniServer.start({ log: true });
  const conn = await connect(server.connectString);
  const other = await connect(server.connectString);
  await conn.create('/set');
  const stream = await conn.addWatch('/set', 'PERSISTENT_RECURSIVE');
  const seen: string[] = [];
  const loop = (async () => {
    for await (const item of stream) seen.push(item.type);
  })();
  const rule = server.when({ notification: true }).hold();
  for (let i = 0; i < count; i++) await other.create(`/set/${i}`);
  const answered = server.log.next({ op: 'getChildren2', direction: 'toClient' });
  const read = conn.children('/set').then(() => void seen.push('the answer'));
  await answered;
  rule.release();
  await read;
  expect(seen).toEqual([...Array<string>(count).fill('NodeCreated'), 'the answer']);
  await stream.return();
  await loop;
  await Promise.all([conn.close(), other.close()]);
});
