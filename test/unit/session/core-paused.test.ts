/** A connection that ends while messages of it wait: nothing of that is left when the next one begins. */
import { expect, it } from 'vitest';
import { ConnectionLossError } from '../../../src/protocol/errors.js';
import { operations } from '../../../src/protocol/operations.js';
import { CoreWorld, RecordingWatcher, dataBody, notification, replyFrame } from '../../support/core-world.js';

const lost = (): ConnectionLossError => new ConnectionLossError({ outcome: 'unknown' });

/** With a persistent watch on /a, and the resume that it wanted taken away. */
function watching(): { w: CoreWorld; watcher: RecordingWatcher } {
  const w = new CoreWorld();
  w.goLive();
  const watcher = new RecordingWatcher();
  w.submit(operations.addWatch, { path: '/a', mode: 0 }, watcher);
  w.flush();
  w.reply(1, { body: (out) => out.int(0) });
  return { w, watcher };
}

const events = (count: number): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, i) => notification(3, '/a', BigInt(10 + i))));

it('an event of the old connection does not count on the new one, nor does the resume that it wanted', () => {
  const { w, watcher } = watching();
  w.core.bytes(w.epoch, events(1), w.now);
  const [old] = w.resumes.splice(0);
  expect(old).toBe(w.epoch);
  w.core.ended(w.epoch, lost(), w.now);
  w.goLive();
  const read = w.get('/a');
  w.flush();
  const { xid } = w.requests().at(-1)!;
  // whatever priming asks is answered first
  for (const each of w.requests()) if (each.xid < xid) w.reply(each.xid);
  w.resumes.splice(0);
  w.core.bytes(w.epoch, Buffer.concat([events(2), replyFrame(xid, { body: dataBody })]), w.now);
  // the reply waits for those who hear of the events, and somebody will say when they have
  expect([read.result, w.resumes]).toEqual([undefined, [w.epoch]]);
  w.core.resume(old!, w.now);
  expect(read.result).toBeUndefined();
  w.core.resume(w.epoch, w.now);
  expect(read.result).toMatchObject({ value: { data: Buffer.from('data') } });
  expect(watcher.heard.filter((what) => what.startsWith('NodeDataChanged'))).toHaveLength(3);
});

it('what an old resume says does not let a reply overtake the events of the new connection', () => {
  const { w } = watching();
  w.core.bytes(w.epoch, events(1), w.now);
  const [old] = w.resumes.splice(0);
  w.core.ended(w.epoch, lost(), w.now);
  w.goLive();
  const read = w.get('/a');
  w.flush();
  const { xid } = w.requests().at(-1)!;
  for (const each of w.requests()) if (each.xid < xid) w.reply(each.xid);
  w.resumes.splice(0);
  w.core.bytes(w.epoch, events(2), w.now);
  w.core.resume(old!, w.now);
  w.core.bytes(w.epoch, replyFrame(xid, { body: dataBody }), w.now);
  expect(read.result).toBeUndefined();
  w.core.resume(w.epoch, w.now);
  expect(read.result).toMatchObject({ value: { data: Buffer.from('data') } });
});

it('the end of a socket that had to wait does not end the connection behind it', () => {
  const { w } = watching();
  w.get('/a');
  w.flush();
  const { xid } = w.requests().at(-1)!;
  w.resumes.splice(0);
  w.core.bytes(w.epoch, Buffer.concat([events(2), replyFrame(xid, { body: dataBody })]), w.now);
  w.core.ended(w.epoch, lost(), w.now);
  expect(w.core.phase.name).toBe('live');
  w.core.reconnect(lost(), w.now);
  w.resumes.splice(0);
  w.goLive();
  const { epoch } = w;
  w.receive(events(2));
  w.core.resume(epoch, w.now);
  expect([w.core.phase.name, w.epoch, w.hungUp.includes(epoch)]).toEqual(['live', epoch, false]);
});

it('the end of a socket that had to wait counts when all that it brought is read', () => {
  const { w } = watching();
  const read = w.get('/a');
  w.flush();
  const { xid } = w.requests().at(-1)!;
  w.resumes.splice(0);
  const { epoch } = w;
  w.core.bytes(epoch, Buffer.concat([events(2), replyFrame(xid, { body: dataBody })]), w.now);
  w.core.ended(epoch, lost(), w.now);
  w.core.resume(epoch, w.now);
  expect(read.result).toMatchObject({ value: { data: Buffer.from('data') } });
  expect(w.hungUp).toEqual([epoch]);
});
