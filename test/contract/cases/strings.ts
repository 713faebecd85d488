/** Strings that no good client sends: null, and bytes that are no UTF-8. All through bare sockets. */
import { describe, expect, it } from 'vitest';
import { OPEN_ACL_UNSAFE, digestId, type Acl } from '../../../src/index.js';
import type { AnyOp } from '../../../src/protocol/op.js';
import { operations, type OpName, type RequestOf } from '../../../src/protocol/operations.js';
import { decodeResponse, requestBytes, type RawClient, type RawReply } from '../../support/raw-client.js';
import type { ContractTarget } from '../target.js';
import type { VersionFacts } from '../versions.js';

const [MARSHALLING, BAD_ARGUMENTS, NO_NODE, INVALID_ACL, AUTH_FAILED, NO_WATCHER] = [
  -5, -8, -101, -114, -115, -121,
] as const;

/** What the wire can carry and the records cannot. */
const NULL = null as unknown as string;
/** Sent as a byte 0xff, which is part of no character. */
const SPOILT = '~';
const NO_UTF8 = `/${SPOILT}${SPOILT}`;
/** What a server makes of {@link NO_UTF8}. */
const REPLACED = '/\ufffd\ufffd';

interface PathCase {
  readonly request: (path: string) => unknown;
  /** Not in a multi: a null path there is more than an ensemble of 3.8.0 can bear. */
  readonly ofNull: number | ((facts: VersionFacts) => number | null);
  readonly ofNoUtf8: number;
}

const node = (path: string) => ({ path, data: null, acl: OPEN_ACL_UNSAFE, flags: 0 });
const read = (path: string) => ({ path, watch: true });

/** Not to be sent. */
const UNBEARABLE = null;

const ofType: PathCase = {
  request: (path) => ({ path, type: 3 }),
  ofNull: (facts) => (facts.watchesOfNullAreFine ? NO_WATCHER : UNBEARABLE),
  ofNoUtf8: NO_WATCHER,
};

/** A null is mostly stumbled over, and only sometimes looked for. */
const PATHS: Readonly<Record<string, PathCase>> = {
  create: { request: node, ofNull: MARSHALLING, ofNoUtf8: BAD_ARGUMENTS },
  create2: { request: node, ofNull: MARSHALLING, ofNoUtf8: BAD_ARGUMENTS },
  createContainer: {
    request: (path) => ({ ...node(path), flags: 4 }),
    ofNull: MARSHALLING,
    ofNoUtf8: BAD_ARGUMENTS,
  },
  createTTL: {
    request: (path) => ({ ...node(path), flags: 5, ttl: 100_000 }),
    ofNull: MARSHALLING,
    ofNoUtf8: BAD_ARGUMENTS,
  },
  delete: { request: (path) => ({ path, version: -1 }), ofNull: MARSHALLING, ofNoUtf8: NO_NODE },
  setData: {
    request: (path) => ({ path, data: null, version: -1 }),
    ofNull: BAD_ARGUMENTS,
    ofNoUtf8: BAD_ARGUMENTS,
  },
  setACL: {
    request: (path) => ({ path, acl: [], version: -1 }),
    ofNull: BAD_ARGUMENTS,
    ofNoUtf8: BAD_ARGUMENTS,
  },
  check: { request: (path) => ({ path, version: -1 }), ofNull: MARSHALLING, ofNoUtf8: BAD_ARGUMENTS },
  exists: { request: read, ofNull: MARSHALLING, ofNoUtf8: NO_NODE },
  getData: { request: read, ofNull: MARSHALLING, ofNoUtf8: NO_NODE },
  getChildren: { request: read, ofNull: MARSHALLING, ofNoUtf8: NO_NODE },
  getChildren2: { request: read, ofNull: MARSHALLING, ofNoUtf8: NO_NODE },
  getACL: { request: (path) => ({ path }), ofNull: MARSHALLING, ofNoUtf8: NO_NODE },
  sync: { request: (path) => ({ path }), ofNull: 0, ofNoUtf8: 0 },
  getAllChildrenNumber: { request: (path) => ({ path }), ofNull: MARSHALLING, ofNoUtf8: NO_NODE },
  getEphemerals: { request: (path) => ({ prefixPath: path }), ofNull: 0, ofNoUtf8: 0 },
  addWatch: {
    request: (path) => ({ path, mode: 0 }),
    ofNull: (facts) => (facts.watchesOfNullAreFine ? 0 : UNBEARABLE),
    ofNoUtf8: 0,
  },
  checkWatches: ofType,
  removeWatches: ofType,
};

const WITH_PATH = Object.values(operations as Readonly<Record<string, AnyOp>>).filter(
  (row) => row.pathField !== null,
);
const ALONE = WITH_PATH.filter((row) => row.use !== 'multi').map((row) => row.name);
const IN_MULTI = WITH_PATH.filter((row) => row.inMulti === 'write').map((row) => row.name);

/** Bytes that are no UTF-8, and how many U+FFFD stand for them. `00` stands for itself. */
const BROKEN: readonly (readonly [string, string])[] = [
  ['80', '?'],
  ['c3', '?'],
  ['c300', '?0'],
  ['c080', '??'],
  ['e2', '?'],
  ['e282', '?'],
  ['e28200', '?0'],
  ['e08080', '???'],
  ['f09f98', '?'],
  ['f09000b0', '?0?'],
  ['f08f8080', '????'],
  ['f4908080', '????'],
  ['f8888080', '????'],
  ['fffe', '??'],
  // halves of surrogate pairs
  ['eda080', '?'],
  ['edbfbf00', '?0'],
  ['eda080edb080', '??'],
  ['eda0', '?'],
  ['eda000', '?0'],
  ['eda080c3', '??'],
  ['f0eda080', '??'],
];

/** A perfectly good request, but for its bytes. */
function spoilt(name: OpName, request: unknown, xid: number): Buffer {
  const frame = requestBytes(name, request as RequestOf<OpName>, xid);
  return frame.map((byte) => (byte === SPOILT.charCodeAt(0) ? 0xff : byte)) as Buffer;
}

async function answer(client: RawClient, name: OpName, request: unknown, xid = 7): Promise<RawReply> {
  client.sendFrame(spoilt(name, request, xid));
  const reply = await client.reply();
  if (reply === null) throw new Error(`${name}: the server hung up`);
  expect(reply.xid).toBe(xid);
  return reply;
}

/** The results of a multi of these operations behind one that is fine, or the error of the whole. */
async function inMulti(client: RawClient, name: string, request: unknown): Promise<number | number[]> {
  const check = { op: operations.check, request: { path: '/', version: -1 } };
  const { errno, body } = await answer(client, 'multi', {
    ops: [check, { op: operations[name as OpName], request }],
  });
  return errno !== 0 ? errno : decodeResponse('multi', body).results.map((result) => result.errno);
}

export function strings(target: ContractTarget): void {
  /** The connection has survived. */
  async function works(client: RawClient): Promise<void> {
    expect((await client.call('exists', { path: '/', watch: false })).errno).toBe(0);
  }

  describe('a null path', () => {
    it.each(ALONE)('in %s', async (name) => {
      const client = await target.raw();
      const { request, ofNull } = PATHS[name]!;
      const wanted = typeof ofNull === 'number' ? ofNull : ofNull(target.facts);
      if (wanted === UNBEARABLE) return;
      const { errno, body } = await answer(client, name as OpName, request(NULL));
      expect(errno).toBe(wanted);
      if (name === 'sync') expect(body.toString('hex')).toBe('ffffffff');
      await works(client);
    });

    it('in a create comes after its flags, and before its ACL', async () => {
      const client = await target.raw();
      const create = (wrong: object) => answer(client, 'create', { ...node(NULL), ...wrong });
      expect((await create({ flags: 7 })).errno).toBe(BAD_ARGUMENTS);
      expect((await create({ acl: [] })).errno).toBe(MARSHALLING);
    });

    it('uses up a zxid in a write', async () => {
      const client = await target.raw();
      const good = await client.call('sync', { path: '/' });
      for (const name of ['create', 'delete', 'setData', 'setACL'] as const) {
        expect((await answer(client, name, PATHS[name]!.request(NULL))).zxid > good.zxid, name).toBe(true);
      }
    });

    it.each(['dataWatches', 'existWatches', 'childWatches'])('among the %s of setWatches', async (list) => {
      const client = await target.raw();
      const none = { relativeZxid: 0x7fff_ffffn, dataWatches: [], existWatches: [], childWatches: [] };
      expect((await answer(client, 'setWatches', { ...none, [list]: [NULL] }, -8)).errno).toBe(MARSHALLING);
      expect((await answer(client, 'setWatches', { ...none, [list]: NULL }, -8)).errno).toBe(MARSHALLING);
      await works(client);
    });
  });

  describe('a path that is no UTF-8', () => {
    it.each(ALONE)('in %s', async (name) => {
      const client = await target.raw();
      const { request, ofNoUtf8 } = PATHS[name]!;
      const { errno, body } = await answer(client, name as OpName, request(NO_UTF8));
      expect(errno).toBe(ofNoUtf8);
      if (name === 'sync') expect(decodeResponse('sync', body).path).toBe(REPLACED);
      await works(client);
    });

    it.each(IN_MULTI)('in a multi with %s', async (name) => {
      const client = await target.raw();
      const { request, ofNoUtf8 } = PATHS[name]!;
      expect(await inMulti(client, name, request(NO_UTF8))).toEqual([0, ofNoUtf8]);
    });

    it('among the paths of setWatches', async () => {
      const client = await target.raw();
      const paths = [NO_UTF8];
      const request = {
        relativeZxid: 0x7fff_ffffn,
        dataWatches: paths,
        existWatches: paths,
        childWatches: paths,
      };
      expect((await answer(client, 'setWatches', request, -8)).errno).toBe(0);
      expect(client.events.splice(0)).toEqual([
        { zxid: -1n, type: 2, path: REPLACED },
        { zxid: -1n, type: 2, path: REPLACED },
      ]);
    });

    it.each(BROKEN)('comes back with replacements: %s', async (hex, shown) => {
      const client = await target.raw();
      const bytes = Buffer.from(hex, 'hex');
      const frame = requestBytes('sync', { path: SPOILT.repeat(bytes.length) }, 7);
      frame.set(bytes, frame.length - bytes.length);
      client.sendFrame(frame);
      const { path } = decodeResponse('sync', (await client.reply())!.body);
      expect(path).toBe(shown.replaceAll('?', '\ufffd').replaceAll('0', '\0'));
    });
  });

  describe('an ACL', () => {
    const entry = (scheme: string, id: string): Acl => ({ perms: 31, scheme, id });

    it.each([
      ['a null scheme', INVALID_ACL, entry(NULL, 'anyone')],
      ['nulls', INVALID_ACL, entry(NULL, NULL)],
      ['a null id of world', MARSHALLING, entry('world', NULL)],
      ['a null id of digest', MARSHALLING, entry('digest', NULL)],
      ['a null id of ip', MARSHALLING, entry('ip', NULL)],
      ['a null id of auth, but no identity', INVALID_ACL, entry('auth', NULL)],
      ['a null id of an unknown scheme', INVALID_ACL, entry('nonsense', NULL)],
      ['a scheme that is no UTF-8', INVALID_ACL, entry(NO_UTF8, 'anyone')],
      ['an id of world that is no UTF-8', INVALID_ACL, entry('world', NO_UTF8)],
      ['an id of ip that is no UTF-8', INVALID_ACL, entry('ip', NO_UTF8)],
    ])('with %s', async (_name, errno, wrong) => {
      const client = await target.raw();
      const create = { ...node(target.at('/a')), acl: [wrong] };
      expect((await answer(client, 'create', create)).errno).toBe(errno);
      const set = { path: target.root, acl: [wrong], version: -1 };
      expect((await answer(client, 'setACL', set)).errno).toBe(errno);
      // as everywhere, a marshalling error is one of the whole
      expect(await inMulti(client, 'create', create)).toEqual(errno === MARSHALLING ? errno : [0, errno]);
      expect((await client.call('exists', { path: create.path, watch: false })).errno).toBe(NO_NODE);
    });

    it('keeps an id of digest with replacements', async () => {
      const client = await target.raw();
      const acl = [...OPEN_ACL_UNSAFE, entry('digest', `u:${SPOILT}`)];
      expect((await answer(client, 'create', { ...node(target.at('/a')), acl })).errno).toBe(0);
      const { response } = await client.call('getACL', { path: target.at('/a') });
      expect(response?.acl).toEqual([...OPEN_ACL_UNSAFE, entry('digest', 'u:\ufffd')]);
    });

    it('of auth does not mind a null id if there is an identity', async () => {
      const client = await target.raw();
      await client.call('auth', { type: 0, scheme: 'digest', auth: Buffer.from('u:p') }, -4);
      const acl = [entry('auth', NULL)];
      expect((await answer(client, 'create', { ...node(target.at('/a')), acl })).errno).toBe(0);
      const { response } = await client.call('getACL', { path: target.at('/a') });
      expect(response?.acl).toEqual([entry('digest', digestId('u:p'))]);
    });
  });

  describe('credentials', () => {
    it.each([
      ['a null scheme', { scheme: NULL, auth: Buffer.from('u:p') }],
      ['a scheme that is no UTF-8', { scheme: NO_UTF8, auth: Buffer.from('u:p') }],
      ['no bytes', { scheme: 'digest', auth: null }],
    ])('with %s fail, and the server hangs up', async (_name, wrong) => {
      const client = await target.raw();
      const reply = await answer(client, 'auth', { type: 0, ...wrong }, -4);
      expect([reply.errno, reply.zxid]).toEqual([AUTH_FAILED, 0n]);
      expect(await client.reply()).toBeNull();
    });

    it('that are no UTF-8 are those of the text with replacements', async () => {
      const client = await target.raw();
      const auth = Buffer.from(`u${SPOILT}:p`);
      expect((await answer(client, 'auth', { type: 0, scheme: 'digest', auth }, -4)).errno).toBe(0);
      const acl = [{ perms: 31, scheme: 'auth', id: '' }];
      expect((await client.call('create', { ...node(target.at('/a')), acl })).errno).toBe(0);
      const { response } = await client.call('getACL', { path: target.at('/a') });
      expect(response?.acl).toEqual([{ perms: 31, scheme: 'digest', id: digestId('u\ufffd:p') }]);
    });
  });
}
