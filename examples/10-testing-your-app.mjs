/** Test your application against a server in your test's own process, and let happen what you cannot wait for. */
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { afterEach, beforeEach, test } from 'node:test';
import { connect } from 'zk-conn';
import { MiniServer } from 'zk-conn/testing';
import { keepRegistered } from './keep-registered.mjs';

/** The application: registers itself, whatever becomes of its connection and its session. */
async function startApp(servers) {
  const app = new EventEmitter();
  app.conn = await connect(servers);
  app.over = keepRegistered(app.conn, '/app', 'here I am', () => app.emit('registered'));
  await once(app, 'registered');
  return app;
}

let server;
let app;
beforeEach(async () => {
  server = await MiniServer.start();
  app = await startApp(server.connectString);
});
afterEach(async () => {
  await app.conn.close();
  await app.over;
  await server.close();
});

/** The next `connection` event of that name. */
const next = (wanted) =>
  new Promise((resolve) => app.conn.on('connection', (state) => state === wanted && resolve()));

test('registers again when its session has expired', async () => {
  const { sessionId } = app.conn;
  const renewed = next('CONNECTED');
  const registered = once(app, 'registered');

  assert.equal(server.expireSession(sessionId), true);
  await renewed;
  server.dropConnections(); // and the new session loses its connection at once
  await registered;
  assert.notEqual(app.conn.sessionId, sessionId);
  assert.equal(server.tree.get('/app').stat.ephemeralOwner, app.conn.sessionId);
});

test('keeps its session when only the connection is lost', async () => {
  const { sessionId } = app.conn;
  const back = next('RECONNECTED');

  assert.equal(server.dropConnections(), 1);
  await back;
  assert.equal(app.conn.sessionId, sessionId);
  assert.equal(server.tree.get('/app').stat.ephemeralOwner, sessionId);
});
