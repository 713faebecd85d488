/** A mini-ensemble per test, with clients of bytes and Conns that are closed behind it. */
import { afterEach, expect } from 'vitest';
import { connect, type Conn, type ConnOptions } from '../../../../src/index.js';
import { OPEN_ACL_UNSAFE } from '../../../../src/protocol/acls.js';
import type { OpName, RequestOf } from '../../../../src/protocol/operations.js';
import type { ConnectRequest } from '../../../../src/protocol/records.js';
import type { EnsembleMember } from '../../../../src/testing/ensemble/ensemble-member.js';
import type { MiniEnsembleOptions } from '../../../../src/testing/ensemble/ensemble-options.js';
import { MiniEnsemble } from '../../../../src/testing/ensemble/mini-ensemble.js';
import { RawClient, requestBytes, type TypedReply } from '../../../support/raw-client.js';

const toClose: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of toClose.splice(0).reverse()) await close();
});

export async function startEnsemble(options?: MiniEnsembleOptions): Promise<MiniEnsemble> {
  const ensemble = await MiniEnsemble.start(options);
  toClose.push(() => ensemble.close());
  return ensemble;
}

export async function raw(member: EnsembleMember, request: Partial<ConnectRequest> = {}): Promise<RawClient> {
  const client = await RawClient.open(member, request);
  toClose.push(() => client.destroy());
  return client;
}

/** A socket without a session. */
export async function socket(member: EnsembleMember): Promise<RawClient> {
  const client = await RawClient.connect(member);
  toClose.push(() => client.destroy());
  return client;
}

export async function conn(connectString: string, options: ConnOptions = {}): Promise<Conn> {
  const opened = await connect(connectString, { sessionTimeoutMs: 30_000, ...options });
  toClose.push(() => opened.close());
  return opened;
}

export const create = (client: RawClient, path: string, flags = 0): Promise<TypedReply<'create'>> =>
  client.call('create', { path, data: null, acl: OPEN_ACL_UNSAFE, flags });

export const set = (client: RawClient, path: string, data: string): Promise<TypedReply<'setData'>> =>
  client.call('setData', { path, data: Buffer.from(data), version: -1 });

/** The data as text; null if there is no node. */
export async function read(client: RawClient, path: string, watch = false): Promise<string | null> {
  const { response } = await client.call('getData', { path, watch });
  return response === null ? null : String(response.data ?? '');
}

/** Sends requests in one piece with a read before them: when the read is answered, the server has them as well. */
export async function sendBehindRead<K extends OpName>(
  client: RawClient,
  name: K,
  ...requests: readonly RequestOf<K>[]
): Promise<void> {
  const bodies = [
    requestBytes('getData', { path: '/', watch: false }, 1001),
    ...requests.map((request, i) => requestBytes(name, request, 1002 + i)),
  ];
  const frames = bodies.flatMap((body) => {
    const length = Buffer.alloc(4);
    length.writeInt32BE(body.length);
    return [length, body];
  });
  client.sendBytes(Buffer.concat(frames));
  expect(await client.reply()).toMatchObject({ xid: 1001 });
}

/** Members that follow. */
export function followersOf({ members }: MiniEnsemble): readonly EnsembleMember[] {
  return members.filter(({ role }) => role === 'follower');
}
