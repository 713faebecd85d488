/** Which of several errors a request gets that deserves more than one. */
import { describe, expect, it } from 'vitest';
import { OPEN_ACL_UNSAFE, digestAcl } from '../../../src/index.js';
import { operations, type RequestOf } from '../../../src/protocol/operations.js';
import type { RawClient } from '../../support/raw-client.js';
import type { ContractTarget } from '../target.js';

const [BAD_ARGUMENTS, NO_NODE, NO_AUTH, BAD_VERSION] = [-8, -101, -102, -103] as const;
const [NO_CHILDREN, NODE_EXISTS, NOT_EMPTY, INVALID_ACL] = [-108, -110, -111, -114] as const;

/** Nodes: `/locked` and `/locked/child`, which permit nothing; `/parent` and `/parent/child`; `/ephemeral`. */
type At = (path: string) => string;

type CreateRow = readonly [string, number, (at: At) => Partial<RequestOf<'create'>>];

const CREATES: readonly CreateRow[] = [
  ['flags before the path', BAD_ARGUMENTS, (at) => ({ flags: 7, path: at('/none/x') })],
  ['negative flags', BAD_ARGUMENTS, () => ({ flags: -1 })],
  ['the flags of a TTL node', BAD_ARGUMENTS, () => ({ flags: 5 })],
  ['a path without a slash before its ACL', BAD_ARGUMENTS, () => ({ path: 'abc', acl: [] })],
  ['an empty path', BAD_ARGUMENTS, () => ({ path: '' })],
  ['a path with NUL before its ACL', BAD_ARGUMENTS, (at) => ({ path: at('/a\0'), acl: [] })],
  ['the ACL before the parent', INVALID_ACL, (at) => ({ path: at('/none/x'), acl: [] })],
  ['the ACL before a bad path', INVALID_ACL, (at) => ({ path: at('/.'), acl: [] })],
  ['the parent before a bad path: /none/', NO_NODE, (at) => ({ path: at('/none/') })],
  ['the parent before a bad path: //', NO_NODE, (at) => ({ path: at('/parent//x') })],
  ['CREATE before a bad path', NO_AUTH, (at) => ({ path: at('/locked/..') })],
  ['CREATE before NodeExists', NO_AUTH, (at) => ({ path: at('/locked/child') })],
  ['a bad path: a slash at the end', BAD_ARGUMENTS, (at) => ({ path: at('/parent/') })],
  ['a bad path: one dot', BAD_ARGUMENTS, (at) => ({ path: at('/.') })],
  ['NodeExists', NODE_EXISTS, (at) => ({ path: at('/parent/child') })],
  ['a bad path before the ephemeral parent', BAD_ARGUMENTS, (at) => ({ path: at('/ephemeral/.') })],
  ['an ephemeral parent', NO_CHILDREN, (at) => ({ path: at('/ephemeral/x') })],
  ['the root node', NODE_EXISTS, () => ({ path: '/' })],
];

type DeleteRow = readonly [string, number, (at: At) => RequestOf<'delete'>];

const DELETES: readonly DeleteRow[] = [
  ['the root', BAD_ARGUMENTS, () => ({ path: '/', version: 7 })],
  ['a path without a slash', BAD_ARGUMENTS, () => ({ path: 'abc', version: -1 })],
  ['an empty path', BAD_ARGUMENTS, () => ({ path: '', version: -1 })],
  ['a path with NUL', BAD_ARGUMENTS, (at) => ({ path: at('/a\0'), version: -1 })],
  ['the parent is missing', NO_NODE, (at) => ({ path: at('/none/x'), version: 7 })],
  ['a slash at the end', NO_NODE, (at) => ({ path: at('/parent/'), version: -1 })],
  ['DELETE before the node', NO_AUTH, (at) => ({ path: at('/locked/none'), version: -1 })],
  ['DELETE before the version', NO_AUTH, (at) => ({ path: at('/locked/child'), version: 7 })],
  ['the node before the version', NO_NODE, (at) => ({ path: at('/none'), version: 7 })],
  ['the version before the children', BAD_VERSION, (at) => ({ path: at('/parent'), version: 7 })],
  ['version -2 is not any', BAD_VERSION, (at) => ({ path: at('/parent/child'), version: -2 })],
  ['children', NOT_EMPTY, (at) => ({ path: at('/parent'), version: 0 })],
];

const READS = ['exists', 'getData', 'getChildren', 'getChildren2'] as const;

export function precedence(target: ContractTarget): void {
  const at: At = (path) => target.at(path);

  async function prepared(): Promise<RawClient> {
    const { admin } = target;
    await admin.create(at('/locked'));
    await admin.create(at('/locked/child'));
    for (const path of ['/locked', '/locked/child']) await admin.setAcl(at(path), [digestAcl(31, 'a:b')]);
    await admin.create(at('/parent'));
    await admin.create(at('/parent/child'));
    const client = await target.raw();
    const ephemeral = { path: at('/ephemeral'), data: null, acl: OPEN_ACL_UNSAFE, flags: 1 };
    await client.call('create', ephemeral);
    return client;
  }

  describe('which error comes first', () => {
    it.each(CREATES)('create: %s', async (_name, errno, make) => {
      const client = await prepared();
      const request = { path: at('/new'), data: null, acl: OPEN_ACL_UNSAFE, flags: 0, ...make(at) };
      expect((await client.call('create', request)).errno).toBe(errno);
      expect((await client.call('create2', request)).errno).toBe(errno);
    });

    it('create with the sequential flag checks the name with its number', async () => {
      const client = await prepared();
      const node = { data: null, acl: OPEN_ACL_UNSAFE, flags: 2 };
      const create = async (path: string) => (await client.call('create', { ...node, path })).response?.path;
      expect(await create(at('/parent/'))).toBe(at('/parent/0000000001'));
      expect(await create(at('/parent/..'))).toBe(at('/parent/..0000000002'));
      expect((await client.call('create', { ...node, path: at('/parent//') })).errno).toBe(NO_NODE);
    });

    it('create takes the flag of a container, and makes a plain node', async () => {
      const client = await prepared();
      const node = { path: at('/four'), data: null, acl: OPEN_ACL_UNSAFE, flags: 4 };
      expect((await client.call('create', node)).errno).toBe(0);
      expect((await client.call('create2', { ...node, path: at('/four-2') })).errno).toBe(0);
    });

    it.each([0, -1, 0x100_0000_0000])('createTTL with a time to live of %i is BadArguments', async (ttl) => {
      const client = await prepared();
      const node = { path: at('/t'), data: null, acl: OPEN_ACL_UNSAFE, flags: 5, ttl };
      expect((await client.call('createTTL', node)).errno).toBe(BAD_ARGUMENTS);
    });

    it.each(DELETES)('delete: %s', async (_name, errno, make) => {
      const client = await prepared();
      expect((await client.call('delete', make(at))).errno).toBe(errno);
    });

    it.each([
      ['a bad path', BAD_ARGUMENTS, '/none/', 7],
      ['the node before the version', NO_NODE, '/none', 7],
      ['WRITE before the version', NO_AUTH, '/locked', 7],
      ['the version', BAD_VERSION, '/parent', 7],
      ['version -2 is not any', BAD_VERSION, '/parent', -2],
    ] as const)('setData: %s', async (_name, errno, path, version) => {
      const client = await prepared();
      expect((await client.call('setData', { path: at(path), data: null, version })).errno).toBe(errno);
    });

    it.each([
      ['a bad path before the ACL', BAD_ARGUMENTS, '/none/', [], 7],
      ['the ACL before the node', INVALID_ACL, '/none', [], 7],
      ['the node before the version', NO_NODE, '/none', OPEN_ACL_UNSAFE, 7],
      ['ADMIN before the version', NO_AUTH, '/locked', OPEN_ACL_UNSAFE, 7],
      ['the version', BAD_VERSION, '/parent', OPEN_ACL_UNSAFE, 7],
      ['version -2 is not any', BAD_VERSION, '/parent', OPEN_ACL_UNSAFE, -2],
    ] as const)('setACL: %s', async (_name, errno, path, acl, version) => {
      const client = await prepared();
      expect((await client.call('setACL', { path: at(path), acl, version })).errno).toBe(errno);
    });

    it.each([
      ['a bad path', BAD_ARGUMENTS, '/none/', 7],
      ['the node before the version', NO_NODE, '/none', 7],
      ['READ before the version', NO_AUTH, '/locked', 7],
      ['the version', BAD_VERSION, '/parent', 7],
      ['version -2 is not any', BAD_VERSION, '/parent', -2],
    ] as const)('check: %s', async (_name, errno, path, version) => {
      const client = await prepared();
      const reply = await client.call('multi', {
        ops: [{ op: operations.check, request: { path: at(path), version } }],
      });
      expect(reply.response?.results.map((result) => result.errno)).toEqual([errno]);
    });
  });

  describe('reads of bad paths', () => {
    it.each(['abc', '/a/', '/a//b', '/.', '/..', '/\u0001', '/\u{1f600}'])('%j is NoNode', async (path) => {
      const client = await prepared();
      for (const name of READS) {
        expect((await client.call(name as 'exists', { path, watch: false })).errno).toBe(NO_NODE);
      }
      expect((await client.call('getACL', { path })).errno).toBe(NO_NODE);
    });

    it('an empty path is the root', async () => {
      const client = await prepared();
      const root = await client.call('exists', { path: '/', watch: false });
      const empty = await client.call('exists', { path: '', watch: false });
      expect(empty.response?.stat.czxid).toBe(root.response?.stat.czxid);
      expect((await client.call('getChildren', { path: '', watch: false })).response?.children).toContain(
        'zookeeper',
      );
    });

    it('exists alone refuses a NUL', async () => {
      const client = await prepared();
      const request = { path: at('/a\0'), watch: false };
      expect((await client.call('exists', request)).errno).toBe(BAD_ARGUMENTS);
      expect((await client.call('getData', request)).errno).toBe(NO_NODE);
    });

    it('sync gives any path back', async () => {
      const client = await prepared();
      for (const path of ['', 'abc', '/a//b', '/\0']) {
        expect((await client.call('sync', { path })).response?.path).toBe(path);
      }
    });
  });
}
