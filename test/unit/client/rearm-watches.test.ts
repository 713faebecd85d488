/** Watches that are not to be armed again: they end with the connection that they were armed on. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ConnectionLossError, connect, type Conn } from '../../../src/index.js';
import { MiniServer } from '../../../src/testing.js';
import { rejectionOf } from '../../support/scripted-server.js';

let server: MiniServer;
let conn: Conn;

beforeEach(async () => {
  server = await MiniServer.start();
  conn = await connect(server.connectString, { rearmWatches: false });
  await conn.create('/a');
});

afterEach(async () => {
  await conn.close();
  await server.close();
});

async function reconnect(): Promise<void> {
  const back = new Promise<void>((resolve) => {
    conn.once('session', () => resolve());
  });
  server.dropConnections();
  await back;
}

it('one-shot watches end with ConnectionLossError, and the server is asked for none', async () => {
  const { watch } = await conn.getW('/a');
  const { watch: iterated } = await conn.childrenW('/a');
  const ended = rejectionOf(watch.event);
  await reconnect();
  expect(await ended).toBeInstanceOf(ConnectionLossError);
  expect(await ended).toHaveProperty('message', 'the connection was lost that the watch was armed on');
  expect(await rejectionOf(iterated.next())).toBeInstanceOf(ConnectionLossError);
  await conn.exists('/a');
  expect(server.watchCount()).toBe(0);
});

it('streams of events end with it, behind what they had', async () => {
  const stream = await conn.addWatch('/a', 'PERSISTENT_RECURSIVE', { suspensions: true });
  await conn.set('/a', 'x');
  await reconnect();
  expect((await stream.next()).value).toMatchObject({ type: 'NodeDataChanged' });
  expect(await rejectionOf(stream.next())).toBeInstanceOf(ConnectionLossError);
  expect((await stream.next()).done).toBe(true);
  expect(server.watchCount()).toBe(0);
});

it('streams of values go on, for they read again', async () => {
  const values = conn.watchData('/a');
  expect((await values.next()).value?.data).toBeNull();
  await reconnect();
  await conn.set('/a', 'new');
  expect((await values.next()).value?.data?.toString()).toBe('new');
  const next = values.next();
  await reconnect();
  await conn.set('/a', 'newer');
  expect((await next).value?.data?.toString()).toBe('newer');
  await values.return();
});

it('what was called without a connection is armed on the next one', async () => {
  const back = new Promise<void>((resolve) => {
    conn.once('session', () => resolve());
  });
  conn.once('state', ({ state }) => {
    expect(state).toBe('Disconnected');
    watching = conn.getW('/a');
  });
  let watching: ReturnType<Conn['getW']> | null = null;
  server.dropConnections();
  await back;
  const { watch } = await (watching as unknown as ReturnType<Conn['getW']>);
  await conn.set('/a', 'x');
  expect(await watch.event).toMatchObject({ type: 'NodeDataChanged' });
});
