/** A client that does not read must not keep a socket that nobody needs any more. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { JuteWriter } from '../../../src/protocol/jute.js';
import { writeConnectRequest } from '../../../src/protocol/records.js';
import { Connection } from '../../../src/testing/connection.js';
import { FaultBoard } from '../../../src/testing/faults/fault-board.js';
import { resolveOptions } from '../../../src/testing/options.js';
import { ServerState } from '../../../src/testing/server-state.js';
import { requestBytes } from '../../support/raw-client.js';
import { ManualClock } from './manual-clock.js';

/** How long the server waits for a client to take what was written. */
const LINGER_MS = 1000;
const BIG = 1_000_000;
/** Replies of {@link BIG} bytes: more than the sockets of both sides take together. */
const REPLIES = 40;

const toClose: (Server | Socket)[] = [];

afterEach(async () => {
  for (const each of toClose.splice(0).reverse()) {
    if ('close' in each) await new Promise((resolve) => each.close(resolve));
    else each.destroy();
  }
});

function framed(body: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length);
  return Buffer.concat([length, body]);
}

/** A session whose client has asked for more than the system can hold, and reads nothing. */
async function stuck() {
  const clock = new ManualClock();
  const state = new ServerState(resolveOptions({ clock }));
  state.tree.setData(state.tree.get('/')!, Buffer.alloc(BIG), 1n, 0);
  const ended: Connection[] = [];
  const listener = createServer();
  toClose.push(listener);
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const client = connect((listener.address() as AddressInfo).port, '127.0.0.1');
  client.on('error', () => undefined);
  client.pause();
  toClose.push(client);
  const [socket] = (await once(listener, 'connection')) as [Socket];
  const faults = new FaultBoard({
    clock,
    maxRequestBytes: BIG,
    log: false,
    logCapacity: 1,
    watchAll: () => undefined,
  });
  const host = {
    state,
    faults,
    membership: null,
    answerWord: () => '',
    ended: (each: Connection) => void ended.push(each),
  };
  const connection = new Connection(host, socket);
  const handshake = new JuteWriter();
  writeConnectRequest(handshake, {
    protocolVersion: 0,
    lastZxidSeen: 0n,
    timeOut: 30_000,
    sessionId: 0n,
    passwd: Buffer.alloc(16),
    readOnly: false,
  });
  client.write(framed(handshake.bytes()));
  for (let xid = 1; xid <= REPLIES; xid++) {
    client.write(framed(requestBytes('getData', { path: '/', watch: false }, xid)));
  }
  // it stops reading when it cannot write any more
  await once(socket, 'pause');
  expect(connection.queuedBytes).toBeGreaterThan(BIG);
  return { clock, state, client, socket, connection, ended };
}

type Stuck = Awaited<ReturnType<typeof stuck>>;

const WAYS: Readonly<Record<string, (on: Stuck) => void>> = {
  'its session expires': ({ state, connection }) => state.expire(connection.session),
  'it is hung up on, as when another attaches to its session': ({ connection }) => connection.hangUp(),
};

describe('a client that never reads', () => {
  it.each(Object.keys(WAYS))('loses its socket a while after %s', async (name) => {
    const on = await stuck();
    const closed = once(on.socket, 'close');
    WAYS[name]!(on);
    expect(on.ended).toEqual([on.connection]);
    on.clock.advance(LINGER_MS - 1);
    expect(on.socket.destroyed).toBe(false);
    on.clock.advance(1);
    await closed;
    expect(on.clock.pendingTimers).toBe(0);
  });

  it('loses its socket a while after it has ended its own side', async () => {
    const on = await stuck();
    const closed = once(on.socket, 'close');
    const over = once(on.socket, 'end');
    on.client.end();
    // as if the backlog had been just short of what stops the reading
    on.socket.resume();
    await over;
    expect(on.ended).toEqual([on.connection]);
    on.clock.advance(LINGER_MS);
    await closed;
    expect(on.clock.pendingTimers).toBe(0);
  });

  it('gets what was written if it reads after all', async () => {
    const on = await stuck();
    const closed = once(on.socket, 'close');
    const { queuedBytes } = on.connection;
    on.connection.hangUp();
    let read = 0;
    on.client.on('data', (chunk: Buffer) => (read += chunk.length));
    on.client.resume();
    await Promise.all([closed, once(on.client, 'end')]);
    expect(read).toBeGreaterThan(queuedBytes);
    // nothing waits for the time that was not needed
    expect(on.clock.pendingTimers).toBe(0);
  });
});
