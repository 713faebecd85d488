/**
 * Conversations whose bytes are kept: one of each kind, told for readers. They are held one after the other on a server
 * that is new, so that every zxid in them is what it is. Nothing in them comes from a hash set of more than one.
 */
import { digestId } from '../../src/protocol/acls.js';
import type { OpName } from '../../src/protocol/operations.js';
import type { Fields } from './program.js';

/** One thing that a client does, on one of its connections. */
export type Step = { readonly on: number } & (
  | { readonly do: 'connect'; readonly as?: 'new' | 'short' | 'ahead' | 'again' | 'thief' | 'stranger' }
  | {
      readonly do: 'call';
      readonly op: OpName;
      readonly q: Fields;
      readonly cut?: number;
      readonly more?: number;
    }
  /** A whole frame without its length, in hexadecimal. */
  | { readonly do: 'frame'; readonly bytes: string }
  /** Waits for the server to hang up. */
  | { readonly do: 'end' }
);

export interface Conversation {
  readonly name: string;
  readonly steps: readonly Step[];
}

const OPEN = [{ perms: 31, scheme: 'world', id: 'anyone' }];
const NONE_WATCHED = { relativeZxid: 0, dataWatches: [], existWatches: [], childWatches: [] };

const connect = (on = 0): Step => ({ on, do: 'connect' });
const call = (op: OpName, q: Fields = {}, on = 0): Step => ({ on, do: 'call', op, q });
const create = (path: string, flags = 0, on = 0): Step =>
  call('create', { path, data: 'x', acl: OPEN, flags }, on);
const set = (path: string, version = -1, on = 0): Step => call('setData', { path, data: 'y', version }, on);
const remove = (path: string, version = -1, on = 0): Step => call('delete', { path, version }, on);
const read = (op: OpName, path: string | null, watch = false, on = 0): Step => call(op, { path, watch }, on);
const bye = (on = 0): readonly Step[] => [call('closeSession', {}, on), { on, do: 'end' }];
const op = (name: OpName, q: Fields): Fields => ({ op: name, q });

export const CONVERSATIONS: readonly Conversation[] = [
  {
    name: 'handshakes',
    steps: [
      connect(),
      call('ping'),
      { on: 1, do: 'connect', as: 'short' },
      ...bye(1),
      { on: 2, do: 'connect', as: 'ahead' },
      { on: 2, do: 'end' },
      { on: 3, do: 'connect', as: 'stranger' },
      { on: 3, do: 'end' },
      { on: 4, do: 'connect', as: 'again' },
      { on: 0, do: 'end' },
      call('sync', { path: '/' }, 4),
      { on: 5, do: 'connect', as: 'thief' },
      { on: 5, do: 'end' },
      { on: 4, do: 'end' },
      { on: 6, do: 'connect', as: 'again' },
      ...bye(6),
    ],
  },
  {
    name: 'creates',
    steps: [
      connect(),
      create('/c'),
      create('/c'),
      create('/c/e', 1),
      create('/c/e/x'),
      create('/c/s-', 2),
      create('/c/s-', 3),
      remove('/c/s-0000000001'),
      create('/c/', 2),
      create('/c/none/x'),
      create('/c/..'),
      create('/c/a//b'),
      create('abc'),
      create('/c/k', 4),
      create('/c/k2', 7),
      call('create2', { path: '/c/2', data: null, acl: OPEN, flags: 0 }),
      call('create2', { path: '/c/2', data: '', acl: OPEN, flags: 0 }),
      call('create2', { path: '/c/3', data: '', acl: [], flags: 0 }),
      call('createContainer', { path: '/c/box', data: null, acl: OPEN, flags: 4 }),
      call('createTTL', { path: '/c/ttl', data: null, acl: OPEN, flags: 5, ttl: 1e9 }),
      call('createTTL', { path: '/c/ttl-', data: null, acl: OPEN, flags: 6, ttl: 1e9 }),
      call('createTTL', { path: '/c/ttl0', data: null, acl: OPEN, flags: 5, ttl: 0 }),
      read('exists', '/c'),
      ...bye(),
    ],
  },
  {
    name: 'reads',
    steps: [
      connect(),
      create('/r'),
      create('/r/a'),
      read('exists', '/r'),
      read('exists', '/r/none'),
      read('getData', '/r'),
      read('getData', '/r/none'),
      read('getChildren', '/r'),
      read('getChildren', '/r/a'),
      read('getChildren2', '/r'),
      call('getACL', { path: '/r' }),
      call('getAllChildrenNumber', { path: '/r' }),
      call('getAllChildrenNumber', { path: '/none' }),
      create('/r/e', 1),
      call('getEphemerals', { prefixPath: '/' }),
      call('getEphemerals', { prefixPath: '/x' }),
      call('whoAmI'),
      call('sync', { path: '/r' }),
      call('ping'),
      read('getData', '/zookeeper/config'),
      call('getACL', { path: '/zookeeper/config' }),
      ...bye(),
    ],
  },
  {
    name: 'writes',
    steps: [
      connect(),
      create('/w'),
      set('/w'),
      set('/w', 1),
      set('/w', 1),
      set('/w/none'),
      call('setData', { path: '/w', data: null, version: -1 }),
      read('getData', '/w'),
      call('setACL', { path: '/w', acl: OPEN, version: 0 }),
      call('setACL', { path: '/w', acl: OPEN, version: 0 }),
      create('/w/a'),
      remove('/w'),
      remove('/w/a', 3),
      remove('/w/a', 0),
      remove('/w/a'),
      remove('/'),
      remove('/zookeeper/config'),
      read('exists', '/w'),
      remove('/w'),
      ...bye(),
    ],
  },
  {
    name: 'multi',
    steps: [
      connect(),
      create('/m'),
      call('multi', { ops: [] }),
      call('multi', {
        ops: [
          op('create', { path: '/m/a', data: null, acl: OPEN, flags: 0 }),
          op('create2', { path: '/m/b-', data: null, acl: OPEN, flags: 2 }),
          op('setData', { path: '/m/a', data: 'x', version: 0 }),
          op('check', { path: '/m/a', version: 1 }),
          op('delete', { path: '/m/a', version: 1 }),
        ],
      }),
      ...[0, 1, 2].map((failing) =>
        call('multi', {
          ops: [0, 1, 2].map((i) => op('check', { path: i === failing ? '/none' : '/m', version: -1 })),
        }),
      ),
      call('multi', {
        ops: [
          op('create', { path: '/m/a', data: null, acl: OPEN, flags: 0 }),
          op('delete', { path: '/m', version: -1 }),
        ],
      }),
      call('multi', { ops: [op('getData', { path: '/m', watch: false })] }),
      call('multi', { ops: [op('create', { path: '/m/a', data: null, acl: OPEN, flags: 7 })] }),
      call('multi', {
        ops: [op('createContainer', { path: '/m/k', data: null, acl: OPEN, flags: 4 })],
      }),
      call('multiRead', { ops: [] }),
      call('multiRead', {
        ops: [
          op('getData', { path: '/m', watch: false }),
          op('getData', { path: '/none', watch: false }),
          op('getChildren', { path: '/m/k', watch: true }),
        ],
      }),
      call('multiRead', { ops: [op('exists', { path: '/m', watch: false })] }),
      call('multiRead', {
        ops: [op('getData', { path: '/m', watch: false }), op('getData', { path: null, watch: false })],
      }),
      read('exists', '/m'),
      ...bye(),
    ],
  },
  {
    name: 'watches',
    steps: [
      connect(),
      connect(1),
      create('/v'),
      read('getData', '/v', true),
      read('getChildren', '/v', true),
      read('exists', '/v/a', true),
      read('getChildren2', '/v', true, 1),
      call('addWatch', { path: '/v', mode: 1 }, 1),
      create('/v/a'),
      call('ping', {}, 1),
      set('/v', -1, 1),
      call('ping'),
      read('getData', '/v/a', true),
      read('getChildren', '/v/a', true),
      remove('/v/a', -1, 1),
      call('ping'),
      call('checkWatches', { path: '/v', type: 2 }, 1),
      call('checkWatches', { path: '/v', type: 3 }, 1),
      call('checkWatches', { path: '/v', type: 5 }, 1),
      call('checkWatches', { path: '/v', type: 9 }, 1),
      call('removeWatches', { path: '/v', type: 3 }, 1),
      call('removeWatches', { path: '/v', type: 3 }, 1),
      call('addWatch', { path: '/v', mode: 0 }),
      call('addWatch', { path: '/v', mode: 5 }),
      set('/v'),
      create('/v/e', 1),
      read('exists', '/v/e', true),
      ...bye(),
      call('ping', {}, 1),
      ...bye(1),
    ],
  },
  {
    name: 'watches set again',
    steps: [
      connect(),
      create('/again'),
      call('setWatches', NONE_WATCHED),
      call('setWatches', {
        relativeZxid: 0,
        dataWatches: ['/again', '/none'],
        existWatches: ['/again', '/none'],
        childWatches: ['/again', '/none'],
      }),
      call('setWatches2', {
        relativeZxid: 1_000_000,
        dataWatches: ['/again'],
        existWatches: ['/again/x'],
        childWatches: ['/again'],
        persistentWatches: ['/again/y'],
        persistentRecursiveWatches: ['/again/z'],
      }),
      create('/again/x'),
      create('/again/y'),
      create('/again/z'),
      set('/again'),
      ...bye(),
    ],
  },
  {
    name: 'identities and ACLs',
    steps: [
      connect(),
      connect(1),
      call('auth', { type: 0, scheme: 'digest', auth: 'u:p' }),
      call('create', { path: '/acl', data: null, acl: [{ perms: 31, scheme: 'auth', id: '' }], flags: 0 }),
      call('getACL', { path: '/acl' }),
      read('getData', '/acl', false, 1),
      create('/acl/x', 0, 1),
      set('/acl', -1, 1),
      call('getACL', { path: '/acl' }, 1),
      call('setACL', {
        path: '/acl',
        acl: [
          { perms: 1, scheme: 'world', id: 'anyone' },
          { perms: 30, scheme: 'digest', id: digestId('u:p') },
        ],
        version: 0,
      }),
      call('getACL', { path: '/acl' }, 1),
      read('exists', '/acl', false, 1),
      call('setACL', { path: '/acl', acl: [{ perms: 31, scheme: 'none', id: 'x' }], version: -1 }),
      ...bye(1),
      call('auth', { type: 0, scheme: 'none', auth: 'x' }),
      { on: 0, do: 'end' },
      { on: 2, do: 'connect', as: 'again' },
      ...bye(2),
    ],
  },
  {
    name: 'what no good client sends',
    steps: [
      connect(),
      create('/odd'),
      { ...call('getData', { path: '/odd', watch: false }), cut: 3 } as Step,
      { ...call('create', { path: '/odd/a', data: null, acl: OPEN, flags: 0 }), cut: 9 } as Step,
      { ...call('exists', { path: '/odd', watch: false }), more: 4 } as Step,
      read('getData', null),
      read('exists', null),
      remove('/odd/\u0000'),
      call('setData', { path: null, data: null, version: -1 }),
      call('create', { path: '/odd/a', data: null, acl: null, flags: 0 }),
      call('sync', { path: null }),
      call('reconfig', { joiningServers: null, leavingServers: null, newMembers: null, curConfigId: 0 }),
      { on: 0, do: 'frame', bytes: '0000002a0000000a' },
      { on: 0, do: 'end' },
      { on: 1, do: 'connect', as: 'again' },
      { on: 1, do: 'frame', bytes: '00000001' },
      { on: 1, do: 'end' },
      { on: 2, do: 'connect', as: 'again' },
      ...bye(2),
    ],
  },
];
