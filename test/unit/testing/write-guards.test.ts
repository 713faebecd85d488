/** Where nothing may be written, nothing is: whatever number stands in the header, those without a method included. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OPEN_ACL_UNSAFE } from '../../../src/protocol/acls.js';
import { MiniServer } from '../../../src/testing/mini-server.js';
import { RawClient } from '../../support/raw-client.js';

/** Every operation that there is or may come to be, and those of sessions. */
const CODES = [-11, -10, -1, ...Array.from({ length: 120 }, (_, code) => code)];
const DELETE_CONTAINER = 20;
/** A path and then zeros, which most requests can be read from. */
const BODY = Buffer.concat([Buffer.from([0, 0, 0, 2]), Buffer.from('/t'), Buffer.alloc(64)]);

describe.each(['3.4', '3.8', '3.9', 'keeper'] as const)('%s', (emulate) => {
  let server: MiniServer;
  const clients: RawClient[] = [];

  beforeEach(async () => {
    server = await MiniServer.start({ emulate });
    const client = await open();
    await client.call('create', { path: '/t', data: null, acl: OPEN_ACL_UNSAFE, flags: 0 });
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await server.close();
  });

  const open = async (readOnly = false): Promise<RawClient> => {
    const client = await RawClient.open(server, { readOnly });
    clients.push(client);
    return client;
  };
  /** Sends a request, and waits until it is done: whatever came of it, the ping behind it is answered or the line is dead. */
  const send = async (client: RawClient, code: number): Promise<void> => {
    const header = Buffer.alloc(8);
    header.writeInt32BE(9);
    header.writeInt32BE(code, 4);
    client.sendFrame(Buffer.concat([header, BODY]));
    await client.drainEvents();
  };
  const nodes = (): readonly unknown[] =>
    server.tree.paths().map((path) => [path, server.tree.get(path)!.stat]);

  it('in read-only mode', async () => {
    const mode = server.readOnly();
    const before = [server.lastZxid, nodes()];
    for (const code of CODES) await send(await open(true), code);
    expect([server.lastZxid, nodes()]).toEqual(before);
    expect(mode.count).toBeGreaterThan(5);
  });

  it('on a connection whose session has moved, but what servers ask each other for', async () => {
    const before = nodes();
    for (const code of CODES.filter((each) => each !== DELETE_CONTAINER)) {
      const client = await open();
      server.moveSession(client.session!.sessionId);
      await send(client, code);
      expect(nodes(), String(code)).toEqual(before);
    }
  });
});
