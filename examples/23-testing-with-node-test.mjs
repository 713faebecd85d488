/** Test a service with Node's own test runner: lost sessions, lost answers, and a server that comes up late. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { MiniServer } from 'zk-conn/testing';
import { joinWorkers } from './workers.mjs';

let server;
let conn;
beforeEach(async () => {
  server = await MiniServer.start({ log: true });
});
afterEach(async () => {
  await conn?.close();
  await server.close();
});

/** The server has answered a create of this path. */
const listed = (path) => server.log.next({ op: 'create', path, kind: 'reply' });

test('is listed again after its session has expired', async () => {
  conn = await joinWorkers(server.connectString, 'ann');
  const lost = conn.sessionId;

  const again = listed('/workers/ann');
  assert.equal(server.expireSession(lost), true);
  assert.equal(server.tree.get('/workers/ann'), undefined);
  await again;

  assert.notEqual(conn.sessionId, lost);
  assert.equal(server.tree.get('/workers/ann').stat.ephemeralOwner, conn.sessionId);
});

test('is listed once when the answer to its create is lost', async () => {
  const rule = server.when({ op: 'create', path: '/workers/ann' }).cut('beforeAnswered');
  conn = await joinWorkers(server.connectString, 'ann');

  assert.equal(rule.count, 1);
  assert.deepEqual(server.tree.get('/workers').children, ['ann']);
  assert.equal(server.tree.get('/workers/ann').stat.ephemeralOwner, conn.sessionId);
});

test('waits for a server that comes up late', async () => {
  await server.stop();
  const joining = joinWorkers(server.connectString, 'ann');
  await server.restart();
  conn = await joining;
  assert.deepEqual(server.tree.get('/workers').children, ['ann']);
});
