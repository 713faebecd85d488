/** Four-letter words: what they answer, in the words of real servers (Java package `server.command`). */
import { arch, homedir, hostname, platform, release, tmpdir } from 'node:os';
import { dirname } from 'node:path';
import type { Traits } from '../release.js';
import { NULL_STRING } from '../server-reader.js';
import { CONNECTION_TICK_MS, SESSIONLESS_TIMEOUT_MS } from './connection-expiry.js';
import { javaDate, javaDouble, javaHex } from './java-text.js';
import { mntr } from './monitor.js';
import { lines, modeOf, nodeCount, versionOf, type ConnectionInfo, type WordSource } from './word-source.js';

type Word = (source: WordSource, behind: Buffer) => string | null;

const areOld = ({ state }: WordSource): boolean => state.options.traits.wordsAreOld;

/** The one difference between `srvr` and `stat` of a server without a quorum and of one by itself, besides the mode. */
const readOnlyLine = (s: WordSource): readonly string[] =>
  modeOf(s) === 'read-only' ? ['READ-ONLY mode; serving only read-only clients'] : [];

function summary(s: WordSource): readonly string[] {
  const { latency, received, sent } = s.state.stats;
  const avg = areOld(s) ? Math.floor(latency.avg) : javaDouble(latency.avg);
  return [
    `Latency min/avg/max: ${latency.min}/${avg}/${latency.max}`,
    `Received: ${received}`,
    `Sent: ${sent}`,
    `Connections: ${s.connectionCount}`,
    `Outstanding: ${s.outstanding}`,
    `Zxid: ${javaHex(s.state.lastZxid)}`,
    `Mode: ${modeOf(s)}`,
    `Node count: ${nodeCount(s)}`,
    // it is not the bytes of proposals that go to and fro here
    ...(modeOf(s) === 'leader' ? ['Proposal sizes last/min/max: -1/-1/-1'] : []),
  ];
}

const connectionLine = (c: ConnectionInfo, more = ''): string =>
  ` /${c.remoteAddress}:${c.remotePort}[${c.interestOps}]` +
  `(queued=${c.outstanding},recved=${c.meter.stats.received},sent=${c.meter.stats.sent}${more})`;

function sessionFields({ sessionOrNull, established, meter: { stats } }: ConnectionInfo): string {
  if (sessionOrNull === null) return '';
  const { latency, lastXid } = stats;
  const fields = {
    sid: javaHex(sessionOrNull.id),
    lop: stats.lastOperation,
    est: established,
    to: sessionOrNull.timeoutMs,
    ...(lastXid < 0 ? {} : { lcxid: javaHex(BigInt(lastXid)) }),
    lzxid: javaHex(stats.lastZxid),
    lresp: stats.lastResponseAt,
    llat: stats.lastLatency,
    minlat: latency.min,
    avglat: latency.count === 0 ? 0 : Math.floor(latency.sum / latency.count),
    maxlat: latency.max,
  };
  return Object.entries(fields)
    .map(([key, value]) => `,${key}=${value}`)
    .join('');
}

const settings = (record: Readonly<Record<string, string | number>>): string =>
  lines(Object.entries(record).map(([key, value]) => `${key}=${value}`));

/** Nothing is on a disk here. */
const NO_FOLDER = '/dev/null';

function conf(source: WordSource): string {
  const { ports, state, membership } = source;
  const { options } = state;
  const isNew = !areOld(source);
  const own = settings({
    clientPort: ports.plain,
    ...(isNew && { secureClientPort: ports.secure }),
    dataDir: NO_FOLDER,
    ...(isNew && { dataDirSize: 0 }),
    dataLogDir: NO_FOLDER,
    ...(isNew && { dataLogSize: 0 }),
    tickTime: options.tickTimeMs,
    maxClientCnxns: options.maxClientCnxns,
    minSessionTimeout: options.minSessionTimeoutMs,
    maxSessionTimeout: options.maxSessionTimeoutMs,
    ...(isNew && { clientPortListenBacklog: -1 }),
    serverId: membership?.id ?? 0,
  });
  if (membership === null) return own;
  const members = state.tree.get('/zookeeper/config')?.data?.toString() ?? '';
  const [, quorumPort = 0, electionPort = 0] =
    new RegExp(`^server\\.${membership.id}=.*?:(\\d+):(\\d+):`, 'm').exec(members) ?? [];
  const asMember = settings({
    initLimit: QUORUM_LIMIT,
    syncLimit: QUORUM_LIMIT,
    electionAlg: 3,
    electionPort,
    quorumPort,
    peerType: membership.mode === 'observer' ? 1 : 0,
  });
  return `${own}${asMember}membership: \n${members}`;
}

/** Ticks that a member has to come in touch, and to stay in touch, with its leader. */
const QUORUM_LIMIT = 10;

function envi(source: WordSource): string {
  const { heapUsed, heapTotal } = process.memoryUsage();
  const mega = (bytes: number): string => `${Math.floor(bytes / 1024 / 1024)}MB`;
  // the program that it runs in is no Java, and says so
  const runtime = {
    'zookeeper.version': versionOf(source.state),
    'host.name': hostname(),
    'java.version': process.versions.node,
    'java.vendor': 'Node.js',
    'java.home': dirname(process.execPath),
    'java.class.path': '',
    'java.library.path': '',
    'java.io.tmpdir': tmpdir(),
    'java.compiler': '<NA>',
    'os.name': platform(),
    'os.arch': arch(),
    'os.version': release(),
    'user.name': process.env['USER'] ?? '?',
    'user.home': homedir(),
    'user.dir': process.cwd(),
  };
  const memory = {
    'os.memory.free': mega(heapTotal - heapUsed),
    'os.memory.max': mega(heapTotal),
    'os.memory.total': mega(heapTotal),
  };
  return `Environment:\n${settings(areOld(source) ? runtime : { ...runtime, ...memory })}`;
}

/** What expires at one time, in the order of the times. */
function buckets<T>(all: Iterable<T>, deadlineOf: (each: T) => number): [deadline: number, members: T[]][] {
  const found = new Map<number, T[]>();
  for (const each of all) {
    const deadline = deadlineOf(each);
    const known = found.get(deadline);
    if (known === undefined) found.set(deadline, [each]);
    else known.push(each);
  }
  return [...found].sort(([a], [b]) => a - b);
}

function dump(source: WordSource): string {
  const { tree } = source.state;
  const owners = [...tree.owners()];
  return lines([
    'SessionTracker dump:',
    ...sessionLines(source),
    'ephemeral nodes dump:',
    `Sessions with Ephemerals (${owners.length}):`,
    ...owners.flatMap((owner) => [
      `${javaHex(owner)}:`,
      ...tree.ephemeralsOf(owner).map((path) => `\t${path}`),
    ]),
    ...(areOld(source) ? [] : ['Connections dump:', ...connectionLines(source)]),
  ]);
}

/** Those who let sessions expire know when; the others, how long they live. */
function sessionLines(source: WordSource): readonly string[] {
  const { sessions, clock } = source.state;
  if (!['standalone', 'leader'].includes(modeOf(source))) {
    const sorted = [...sessions].filter(({ isLocal }) => !isLocal).sort((a, b) => (a.id < b.id ? -1 : 1));
    return [
      `Global Sessions(${sorted.length}):`,
      ...sorted.map(({ id, timeoutMs }) => `${javaHex(id)}\t${timeoutMs}ms`),
    ];
  }
  const sets = buckets(sessions, ({ deadline }) => deadline);
  const count = areOld(source) ? `${sets.length}` : `${sets.length})/(${sessions.size}`;
  return [
    `Session Sets (${count}):`,
    ...sets.flatMap(([deadline, members]) => [
      `${members.length} expire at ${javaDate(clock.wallMs() + deadline - clock.now())}:`,
      ...members.map(({ id }) => `\t${javaHex(id)}`),
    ]),
  ];
}

function connectionLines({ connections, state: { clock, options } }: WordSource): readonly string[] {
  // where there is TLS, they are served by another part of a real server, which does not tell
  if (options.tls !== undefined) return [];
  const all = [...connections];
  const sets = buckets(all, ({ meter, sessionOrNull }) => {
    const until = meter.heardAt + (sessionOrNull?.timeoutMs ?? SESSIONLESS_TIMEOUT_MS);
    return (Math.floor(until / CONNECTION_TICK_MS) + 1) * CONNECTION_TICK_MS;
  });
  return [
    `Connections Sets (${sets.length})/(${all.length}):`,
    ...sets.flatMap(([deadline, members]) => [
      `${members.length} expire at ${javaDate(clock.wallMs() + deadline - clock.now())}:`,
      ...members.map(
        (c) => `\tip: /${c.remoteAddress}:${c.remotePort} sessionId: ${javaHex(c.sessionOrNull?.id ?? 0n)}`,
      ),
    ]),
  ];
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
  path: ({ state: { watches } }: WordSource): string =>
    grouped(
      [...watches.data.entries()].map(
        ([path, watchers]) => [shown(path), [...watchers].map(sessionOf)] as const,
      ),
    ),
  connection: ({ state: { watches } }: WordSource): string =>
    grouped(
      [...watches.data.watchers()].map(
        ([watcher, paths]) => [sessionOf(watcher), [...paths].map(shown)] as const,
      ),
    ),
};

/** A null is a path like any other, to watches. */
const shown = (path: string): string => (path === NULL_STRING ? 'null' : path);

/** The session of a watcher, which is a connection. */
const sessionOf = (watcher: unknown): string => javaHex((watcher as ConnectionInfo).sessionOrNull?.id ?? 0n);

/** `stmk` and, behind it, the mask in eight bytes. Without them a real server fails, and hangs up. */
function setTraceMask({ state: { stats } }: WordSource, behind: Buffer): string | null {
  if (behind.length < 8) return null;
  stats.traceMask = behind.readBigInt64BE(0);
  return String(stats.traceMask);
}

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
  ['gtmk', ({ state }) => String(state.stats.traceMask)],
  ['stmk', setTraceMask],
  [
    'srst',
    ({ state }) => {
      state.stats.reset();
      return 'Server stats reset.\n';
    },
  ],
  [
    'crst',
    ({ connections }) => {
      for (const { meter } of connections) meter.stats.reset();
      return 'Connection stats reset.\n';
    },
  ],
]);

/** Words that came after 3.4. */
const YOUNGER: ReadonlySet<string> = new Set(['dirs', 'hash']);

/** Does this server take these four characters for a word, and not for the length of a frame? */
export function isFourLetterWord(word: string, { wordsAreOld }: Traits): boolean {
  return WORDS.has(word) && !(wordsAreOld && YOUNGER.has(word));
}

/**
 * The answer to a word, or why there is none.
 * @param behind what came with the word
 * @returns null if the server hangs up without one
 */
export function answerFourLetterWord(word: string, source: WordSource, behind: Buffer): string | null {
  const { fourLetterWords: allowed } = source.state.options;
  const answer = WORDS.get(word);
  if (answer === undefined || (allowed !== '*' && !allowed.has(word))) {
    return `${word} is not executed because it is not in the whitelist.\n`;
  }
  const { membership } = source;
  // while a member looks for a leader
  if (membership?.mode === null && !ALWAYS.has(word)) return word === 'isro' ? 'null' : NOT_SERVING;
  return answer(source, behind);
}

/** Characters of an answer that a server sends at once, and counts as one packet. */
const PACKET_CHARACTERS = 8192;

/** How many packets an answer is. */
export function packetsOf(answer: string): number {
  return Math.ceil(answer.length / PACKET_CHARACTERS);
}

const ALWAYS: ReadonlySet<string> = new Set(['ruok', 'envi', 'gtmk', 'stmk']);
const NOT_SERVING = 'This ZooKeeper instance is not currently serving requests\n';
