/**
 * What no program asks of a real server, because that server does not survive it, or answers by chance. The mini-server
 * survives all of it; what it answers instead is in the unit tests.
 */
import { isEphemeral, isTtl } from '../../src/protocol/constants.js';
import { operations, type OpName } from '../../src/protocol/operations.js';
import type { Release } from '../support/zookeeper-jars.js';
import type { Call, Command, Fields } from './program.js';

interface Forbidden {
  readonly what: string;
  readonly why: string;
  readonly releases: readonly Release[];
  readonly call?: (call: Call) => boolean;
  /** Of one request in a row of them. */
  readonly inBurst?: (call: Call) => boolean;
  readonly odd?: (type: number) => boolean;
  readonly command?: (command: Command) => boolean;
  /** Only with this setting. */
  readonly where?: Where;
}

/** Settings in which more is forbidden. */
export type Where = 'tls' | 'demanded' | 'wrap';

const BOTH: readonly Release[] = ['3.8.0', '3.9.3'];
const OF_WATCHES: ReadonlySet<OpName> = new Set<OpName>(['addWatch', 'checkWatches', 'removeWatches']);

export const FORBIDDEN: readonly Forbidden[] = [
  {
    what: 'createTTL with the flags of a node without a TTL and a negative ttl',
    why: 'passes all checks, is logged and ends the server; it dies again at every start on that data',
    releases: BOTH,
    call: (call) => inMulti(call).some(({ op, q }) => op === 'createTTL' && isImmortal(q)),
  },
  {
    what: 'createSession (-10)',
    why: 'is obeyed, and answered with a second greeting instead of a reply',
    releases: BOTH,
    odd: (type) => type === -10,
  },
  {
    what: 'a null path of addWatch, checkWatches, removeWatches or setWatches2',
    why: 'the server never ends that connection and hangs with it (before ZOOKEEPER-4466)',
    releases: ['3.8.0'],
    call: ({ op, q }) => (OF_WATCHES.has(op) && q['path'] === null) || (op === 'setWatches2' && hasNull(q)),
  },
  {
    what: 'data of a `zookeeper_stats` that is no usage',
    why: 'the next change below its quota is logged, and cannot be applied',
    releases: BOTH,
    call: (call) =>
      inMulti(call).some(
        ({ op, q }) => op === 'setData' && q['path'] === STATS && !String(q['data']).startsWith('count='),
      ),
  },
  {
    what: 'a setACL with requests right behind it',
    why: 'until it is applied they are judged by the old ACL, or not: the record of the change that is on its way has none',
    releases: BOTH,
    inBurst: ({ op }) => op === 'setACL',
  },
  {
    what: 'a createContainer with the flags of an ephemeral node, with requests right behind it',
    why: 'until it is applied it counts as ephemeral, and may have no children: afterwards it is a container like others',
    releases: BOTH,
    inBurst: ({ op, q }) => op === 'createContainer' && isEphemeral(Number(q['flags'])),
  },
  {
    what: 'a multi with a create of a kind that only createTTL may make, with requests right behind it',
    why: 'it fails half way, and what it did until then is taken back only when its error is applied: until then requests see it',
    releases: ['3.8.0'],
    inBurst: ({ op, q }) => op === 'multi' && opsOf(q).some((each) => isPlainTtl(each)),
  },
  {
    what: 'a change of a node above or beside that of the program',
    why: 'is no danger, but the next programs would see it',
    releases: BOTH,
    call: (call) => inMulti(call).some(({ op, q }) => changesShared(op, q)),
  },
  {
    what: 'over TLS, a frame of no bytes',
    why: 'TLS is served by another transport (`NettyServerCnxnFactory`), which waits for what comes behind it',
    releases: BOTH,
    command: (command) => command.do === 'raw' && command.bytes === '00000000',
    where: 'tls',
  },
  {
    what: 'over TLS, a `check` outside of a multi',
    why: 'that transport hangs up on everybody',
    releases: ['3.8.0'],
    call: ({ op }) => op === 'check',
    where: 'tls',
  },
  {
    what: 'where an identity is demanded, requests right behind one that may be refused',
    why: 'a server that hangs up with bytes unread resets the connection, and its last reply may be lost',
    releases: BOTH,
    command: (command) => 'calls' in command,
    where: 'demanded',
  },
  {
    what: 'at the highest sequence number, requests right behind a create',
    why: 'until it is applied the number after it is taken; afterwards it is forgotten',
    releases: BOTH,
    command: (command) => 'calls' in command,
    where: 'wrap',
  },
];

const STATS = '/zookeeper/quota$/a/zookeeper_stats';
const CREATES: ReadonlySet<OpName> = new Set<OpName>(['create', 'create2', 'createContainer', 'createTTL']);

/** A create of what is there is harmless. */
function changesShared(op: OpName, { path, flags }: Fields): boolean {
  if (CREATES.has(op)) return path === '/none' || (SHARED.has(path as string) && flags !== 0);
  return (op === 'setData' || op === 'setACL') && SHARED.has(path as string);
}

const SHARED: ReadonlySet<string> = new Set([
  '/',
  '',
  '/none',
  '/zookeeper',
  '/zookeeper/config',
  '/zookeeper/quota',
]);

function isPlainTtl({ op, q }: Call): boolean {
  return CREATES.has(op) && op !== 'createTTL' && isTtl(Number(q['flags']));
}

function isImmortal(q: Fields): boolean {
  return !isTtl(Number(q['flags'])) && Number(q['ttl']) < 0;
}

function hasNull(q: Fields): boolean {
  return Object.values(q).some((list) => Array.isArray(list) && list.includes(null));
}

/** The call, and the operations in it. */
function inMulti(call: Call): readonly Call[] {
  return [call, ...opsOf(call.q)];
}

function opsOf({ ops }: Fields): readonly Call[] {
  return Array.isArray(ops) ? (ops as Call[]) : [];
}

/** May a program for this release have this command? */
export function isAllowed(command: Command, release: Release, here?: Where): boolean {
  const rows = FORBIDDEN.filter(
    ({ releases, where }) => releases.includes(release) && (where === undefined || where === here),
  );
  if (rows.some((row) => row.command?.(command) === true)) return false;
  if (command.do === 'odd') {
    const isKnown = Object.values(operations).some(({ code }) => code === command.type);
    return !isKnown && !rows.some(({ odd }) => odd?.(command.type) === true);
  }
  const calls = command.do === 'call' ? [command] : 'calls' in command ? command.calls : [];
  return !calls.some((each) =>
    rows.some(
      ({ call, inBurst }) => call?.(each) === true || (command.do === 'burst' && inBurst?.(each) === true),
    ),
  );
}
