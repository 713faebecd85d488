/** Four-letter words: what they answer, in the words of a ZooKeeper 3.9.3 (Java package `server.command`). */
import { arch, hostname, platform, release } from 'node:os';
import type { Membership } from './membership.js';
import type { ServerOptions } from './options.js';
import { NULL_STRING } from './server-reader.js';
import type { ServerState } from './server-state.js';
import type { Session } from './session-table.js';

/** A version that every client can parse: kazoo the numbers, go-zk the date. */
const versionOf = ({ options }: ServerState): string =>
  `${options.version}-zk-conn, built on 01/31/2024 00:00 GMT`;

/** A connection as the words show it. */
export interface ConnectionInfo {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly established: number;
  readonly received: number;
  readonly sent: number;
  readonly sessionOrNull: Session | null;
}

/** What the words tell about. */
export interface WordSource {
  readonly state: ServerState;
  /** The ensemble that it is a server of; null for a server by itself. */
  readonly membership: Membership | null;
  readonly port: number;
  readonly connections: Iterable<ConnectionInfo>;
  readonly connectionCount: number;
  /** Has it lost its quorum? */
  readonly readOnly: boolean;
  /** Frames since the start, of closed connections too. */
  readonly received: number;
  readonly sent: number;
}

type Word = (source: WordSource) => string;

const hex = (n: bigint): string => `0x${BigInt.asUintN(64, n).toString(16)}`;

/** The root is counted twice, once by its second name, the empty path (Java `DataTree`). */
const nodeCount = ({ state }: WordSource): number => state.tree.size + 1;

const lines = (all: readonly string[]): string => all.map((line) => `${line}\n`).join('');

/** Nobody asks a member that has no mode. */
const modeOf = ({ membership, readOnly }: WordSource): string =>
  membership?.mode ?? (readOnly ? 'read-only' : 'standalone');

/** The one difference between `srvr` and `stat` of a server without a quorum and of one by itself, besides the mode. */
const readOnlyLine = (s: WordSource): readonly string[] =>
  modeOf(s) === 'read-only' ? ['READ-ONLY mode; serving only read-only clients'] : [];

const summary = (s: WordSource): readonly string[] => [
  'Latency min/avg/max: 0/0.0/0',
  `Received: ${s.received}`,
  `Sent: ${s.sent}`,
  `Connections: ${s.connectionCount}`,
  'Outstanding: 0',
  `Zxid: ${hex(s.state.lastZxid)}`,
  `Mode: ${modeOf(s)}`,
  `Node count: ${nodeCount(s)}`,
  // it is not the bytes of proposals that go to and fro here
  ...(modeOf(s) === 'leader' ? ['Proposal sizes last/min/max: -1/-1/-1'] : []),
];

const connectionLine = (c: ConnectionInfo, more = ''): string =>
  ` /${c.remoteAddress}:${c.remotePort}[${c.sessionOrNull === null ? 0 : 1}]` +
  `(queued=0,recved=${c.received},sent=${c.sent}${more})`;

const sessionFields = (c: ConnectionInfo): string =>
  c.sessionOrNull === null
    ? ''
    : `,sid=${hex(c.sessionOrNull.id)},est=${c.established},to=${c.sessionOrNull.timeoutMs}`;

const entries = (record: Readonly<Record<string, string | number>>, mark: string): string =>
  lines(Object.entries(record).map(([key, value]) => `${key}${mark}${value}`));

function conf({ port, state, membership }: WordSource): string {
  const { options } = state;
  const own = entries(
    {
      clientPort: port,
      secureClientPort: -1,
      tickTime: options.tickTimeMs,
      maxClientCnxns: options.maxClientCnxns,
      minSessionTimeout: options.minSessionTimeoutMs,
      maxSessionTimeout: options.maxSessionTimeoutMs,
      clientPortListenBacklog: -1,
      serverId: membership?.id ?? 0,
    },
    '=',
  );
  if (membership === null) return own;
  const members = state.tree.get('/zookeeper/config')?.data?.toString() ?? '';
  return `${own}peerType=${membership.mode === 'observer' ? 1 : 0}\nmembership: \n${members}`;
}

function envi({ state }: WordSource): string {
  const runtime = {
    'zookeeper.version': versionOf(state),
    'host.name': hostname(),
    'node.version': process.version,
    'os.name': platform(),
    'os.arch': arch(),
    'os.version': release(),
    'user.dir': process.cwd(),
  };
  return `Environment:\n${entries(runtime, '=')}`;
}

function mntr(s: WordSource): string {
  const { tree, sessions, watches } = s.state;
  let ephemerals = 0;
  for (const owner of tree.owners()) ephemerals += tree.ephemeralsOf(owner).length;
  let bytes = 0;
  for (const path of tree.paths()) bytes += path.length + (tree.get(path)?.dataLength ?? 0);
  return entries(
    {
      zk_version: versionOf(s.state),
      zk_server_state: modeOf(s),
      zk_ephemerals_count: ephemerals,
      zk_num_alive_connections: s.connectionCount,
      zk_avg_latency: '0.0',
      zk_outstanding_requests: 0,
      zk_znode_count: nodeCount(s),
      zk_global_sessions: sessions.size,
      zk_packets_sent: s.sent,
      zk_packets_received: s.received,
      zk_watch_count: watches.entryCount,
      zk_min_latency: 0,
      zk_approximate_data_size: bytes,
      zk_local_sessions: 0,
      zk_max_latency: 0,
    },
    '\t',
  );
}

function dump({ state: { sessions, tree }, connections }: WordSource): string {
  const owners = [...tree.owners()];
  const attached = [...connections];
  return lines([
    'SessionTracker dump:',
    `Session Sets (${sessions.size})/(${sessions.size}):`,
    ...[...sessions].map((session) => `\t${hex(session.id)}`),
    'ephemeral nodes dump:',
    `Sessions with Ephemerals (${owners.length}):`,
    ...owners.flatMap((owner) => [`${hex(owner)}:`, ...tree.ephemeralsOf(owner).map((path) => `\t${path}`)]),
    'Connections dump:',
    `Connections Sets (${attached.length})/(${attached.length}):`,
    ...attached.map(
      (c) => `\tip: /${c.remoteAddress}:${c.remotePort} sessionId: ${hex(c.sessionOrNull?.id ?? 0n)}`,
    ),
  ]);
}

/** The table of data watches alone, as the original. */
function wchs({ state: { watches } }: WordSource): string {
  const { watcherCount, pathCount } = watches.data;
  return lines([
    `${watcherCount} connections watching ${pathCount} paths`,
    `Total watches:${watches.data.count()}`,
  ]);
}

/** Lines of heads, each with what belongs to it, and an empty one at the end. */
const grouped = (groups: readonly (readonly [string, readonly string[]])[]): string =>
  lines([...groups.flatMap(([head, members]) => [head, ...members.map((each) => `\t${each}`)]), '']);

/** Who watches what, of the table of data watches alone. */
const watchesBy = {
  path: ({ state: { watches }, connections }: WordSource): string => {
    const sessions = sessionsOf(connections);
    return grouped(
      [...watches.data.entries()].map(
        ([path, watchers]) => [shown(path), [...watchers].map(sessions)] as const,
      ),
    );
  },
  connection: ({ state: { watches }, connections }: WordSource): string => {
    const sessions = sessionsOf(connections);
    return grouped(
      [...watches.data.watchers()].map(
        ([watcher, paths]) => [sessions(watcher), [...paths].map(shown)] as const,
      ),
    );
  },
};

/** A null is a path like any other, to watches. */
const shown = (path: string): string => (path === NULL_STRING ? 'null' : path);

/** The session of a watcher, which is a connection. */
function sessionsOf(connections: Iterable<ConnectionInfo>): (watcher: unknown) => string {
  const sessions = new Map<unknown, Session | null>();
  for (const each of connections) sessions.set(each, each.sessionOrNull);
  return (watcher) => hex(sessions.get(watcher)?.id ?? 0n);
}

/** The mask that a server starts with (Java `ZooTrace`). */
const TRACE_MASK = '306';

const WORDS: ReadonlyMap<string, Word> = new Map<string, Word>([
  ['ruok', () => 'imok'],
  ['isro', (s) => (modeOf(s) === 'read-only' ? 'ro' : 'rw')],
  ['srvr', (s) => lines([`Zookeeper version: ${versionOf(s.state)}`, ...readOnlyLine(s), ...summary(s)])],
  [
    'stat',
    (s) =>
      lines([
        `Zookeeper version: ${versionOf(s.state)}`,
        ...readOnlyLine(s),
        'Clients:',
        ...[...s.connections].map((c) => connectionLine(c)),
        '',
        ...summary(s),
      ]),
  ],
  ['cons', (s) => lines([...[...s.connections].map((c) => connectionLine(c, sessionFields(c))), ''])],
  ['conf', conf],
  ['envi', envi],
  ['mntr', mntr],
  ['dump', dump],
  ['wchs', wchs],
  ['wchp', watchesBy.path],
  ['wchc', watchesBy.connection],
  ['dirs', () => lines(['datadir_size: 0', 'logdir_size: 0'])],
  // a server that does not compute digests says nothing
  ['hash', () => ''],
  ['gtmk', () => TRACE_MASK],
]);

/** Words that a real server knows and this one does not answer. */
const UNANSWERED: ReadonlySet<string> = new Set(['crst', 'srst', 'stmk']);

/** Do these four characters stand for a command, and not for the length of a frame? */
export function isFourLetterWord(word: string): boolean {
  return WORDS.has(word) || UNANSWERED.has(word);
}

/** The answer to a word, or why there is none. */
export function answerFourLetterWord(word: string, source: WordSource): string {
  const allowed: ServerOptions['fourLetterWords'] = source.state.options.fourLetterWords;
  const answer = WORDS.get(word);
  if (answer === undefined || (allowed !== '*' && !allowed.has(word))) {
    return `${word} is not executed because it is not in the whitelist.\n`;
  }
  const { membership } = source;
  // while a member looks for a leader
  if (membership?.mode === null && !ALWAYS.has(word)) return word === 'isro' ? 'null' : NOT_SERVING;
  return answer(source);
}

const ALWAYS: ReadonlySet<string> = new Set(['ruok', 'envi', 'gtmk']);
const NOT_SERVING = 'This ZooKeeper instance is not currently serving requests\n';
