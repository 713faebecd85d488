/**
 * What a standalone 3.9.3 answers to requests that the contract must leave out, because an ensemble does not survive
 * them: a null path in a multi (3.8.0), a create without a list of ACLs in a multi (3.9.3).
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { OPEN_ACL_UNSAFE } from '../../../src/protocol/acls.js';
import { Errno } from '../../../src/protocol/error-codes.js';
import { operations } from '../../../src/protocol/operations.js';
import { MiniServer } from '../../../src/testing/mini-server.js';
import { RawClient } from '../../support/raw-client.js';

/** What the wire can carry and the records cannot. */
const NULL = null as unknown as string;

const plain = { path: '/a', data: null, acl: OPEN_ACL_UNSAFE, flags: 0 };

let server: MiniServer;
let client: RawClient;

beforeAll(async () => {
  server = await MiniServer.start();
});
beforeEach(async () => {
  client = await RawClient.open(server);
});
afterEach(() => client.destroy());
afterAll(() => server.close());

/** Behind an operation that is fine, and would leave a node; and before one that is not. */
async function inMulti(name: keyof typeof operations, request: unknown) {
  const reply = await client.call('multi', {
    ops: [
      { op: operations.create, request: { ...plain, path: '/first' } },
      { op: operations[name], request },
      { op: operations.check, request: { path: '/none', version: -1 } },
    ],
  });
  expect(server.tree.get('/first')).toBeUndefined();
  return reply;
}

describe('a multi is unreadable as a whole', () => {
  it.each([
    ['create', { ...plain, path: NULL }],
    ['create2', { ...plain, path: NULL }],
    ['createContainer', { ...plain, path: NULL, flags: 4 }],
    ['createTTL', { ...plain, path: NULL, flags: 5, ttl: 100 }],
    ['delete', { path: NULL, version: -1 }],
    ['setData', { path: NULL, data: null, version: -1 }],
    ['check', { path: NULL, version: -1 }],
  ] as const)('with a null path in %s', async (name, request) => {
    const reply = await inMulti(name, request);
    expect([reply.errno, reply.body.length]).toEqual([Errno.Marshalling, 0]);
  });

  it('with a null path behind an operation that fails', async () => {
    const reply = await client.call('multi', {
      ops: [
        { op: operations.check, request: { path: '/none', version: -1 } },
        { op: operations.delete, request: { path: NULL, version: -1 } },
      ],
    });
    expect(reply.errno).toBe(Errno.Marshalling);
  });

  it.each([
    ['create', {}],
    ['create', { flags: 77 }],
    ['create2', {}],
    ['createContainer', { flags: 4 }],
  ] as const)('with no list of ACLs in %s with %j', async (name, wrong) => {
    const reply = await inMulti(name, { ...plain, acl: null, ...wrong });
    expect([reply.errno, reply.body.length]).toEqual([Errno.Marshalling, 0]);
  });

  it.each([
    [0, 0n],
    [5, 0n],
    [6, 0n],
    [77, 1n],
  ])('which takes a zxid only where the flags (%i) are of no mode: %i', async (flags, taken) => {
    const { zxid: before } = await client.call('exists', { path: '/', watch: false });
    const reply = await inMulti('create', { ...plain, acl: null, flags });
    expect([reply.errno, reply.zxid - before]).toEqual([Errno.Marshalling, taken]);
  });
});
