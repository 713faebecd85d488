/** A mini-server, and a client of bytes that talks to it. */
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { OPEN_ACL_UNSAFE } from '../../../src/protocol/acls.js';
import { operations, type OpName, type RequestOf } from '../../../src/protocol/operations.js';
import type { ConnectRequest } from '../../../src/protocol/records.js';
import { MiniServer } from '../../../src/testing/mini-server.js';
import { RawClient } from '../../support/raw-client.js';
import { ManualClock } from './manual-clock.js';

export let server: MiniServer;
export let client: RawClient;
/** Whoever is in here is destroyed after the test. */
export const clients: RawClient[] = [];

/**
 * Gives each test of this file a fresh client, and an empty `/t`, on one server. Its time stands still: a session of one test
 * that expired in the middle of another would take a zxid there.
 */
export function useServer(): void {
  beforeAll(async () => {
    const clock = new ManualClock();
    server = await MiniServer.start({ clock, superDigest: 'super:D/InIHSb7yEEbrWz8b9l71RjZJU=' });
  });
  beforeEach(async () => {
    client = await open();
    await remove('/t');
    await create('/t');
  });
  afterEach(() => {
    for (const each of clients.splice(0)) each.destroy();
  });
  afterAll(() => server.close());
}

export async function open(request: Partial<ConnectRequest> = {}): Promise<RawClient> {
  const opened = await RawClient.open(server, request);
  clients.push(opened);
  return opened;
}

export async function socket(): Promise<RawClient> {
  const opened = await RawClient.connect(server);
  clients.push(opened);
  return opened;
}

/** As superuser, so that no test leaves anything that the next cannot delete. */
async function remove(path: string): Promise<void> {
  const root = await open();
  await root.call('auth', { type: 0, scheme: 'digest', auth: Buffer.from('super:test') });
  const below = server.tree.paths().filter((each) => each === path || each.startsWith(`${path}/`));
  for (const each of below.reverse()) await root.call('delete', { path: each, version: -1 });
}

export const create = (path: string, flags = 0, data: Buffer | null = null, by = client) =>
  by.call('create', { path, data, acl: OPEN_ACL_UNSAFE, flags });

/** Error codes of one request after the other. */
export async function errnos<K extends OpName>(
  name: K,
  requests: readonly RequestOf<K>[],
): Promise<number[]> {
  const codes: number[] = [];
  for (const request of requests) codes.push((await client.call(name, request)).errno);
  return codes;
}

export const multiOf = (...ops: { [K in OpName]: [K, RequestOf<K>] }[OpName][]) => ({
  ops: ops.map(([name, request]) => ({ op: operations[name], request })),
});
