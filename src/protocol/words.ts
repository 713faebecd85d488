/**
 * Four-letter words: one row for each, with the shape of its answer and the way from the text to it. Text only; who asks
 * is `net/probe.ts`. The answers are those of ZooKeeper 3.4 to 3.9 (Java package `server.command`).
 */
import { CommandRefusedError, DecodeError, NotServingError } from './errors.js';

/** A release: `3.9.3-abc, built on 2024-01-01` has the numbers 3, 9 and 3. */
export interface ServerVersion {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
  /** As the server gives it. */
  readonly text: string;
}

/** What a server does in its ensemble. */
export type ServerMode = 'standalone' | 'leader' | 'follower' | 'observer' | 'read-only';

/** Answer to `srvr`. Counters are those since the start, or since `srst`. */
export interface ServerStatus {
  readonly version: ServerVersion;
  /** It has lost its quorum and serves only read-only clients. */
  readonly readOnly: boolean;
  /** How long requests took, ms. */
  readonly latency: { readonly min: number; readonly avg: number; readonly max: number };
  readonly received: number;
  readonly sent: number;
  /** Clients that are connected, the one that asks included. */
  readonly connections: number;
  /** Requests that wait for an answer. */
  readonly outstanding: number;
  readonly zxid: bigint;
  readonly mode: ServerMode;
  readonly nodeCount: number;
  /** Bytes of proposals; a leader's alone. */
  readonly proposalSizes?: { readonly last: number; readonly min: number; readonly max: number };
}

/** A client, as `stat` and `cons` show it. What is missing was not in the line: `stat` has only the counters. */
export interface ClientConnection {
  readonly host: string;
  readonly port: number;
  readonly queued: number;
  readonly received: number;
  readonly sent: number;
  readonly sessionId?: bigint;
  /** Last operation, in the server's own four letters: `GETD`, `PING`, … */
  readonly lastOperation?: string;
  /** When it connected, ms since 1970. */
  readonly establishedMs?: number;
  /** Session timeout, ms. */
  readonly timeoutMs?: number;
  readonly lastCxid?: bigint;
  readonly lastZxid?: bigint;
  /** Latencies, ms. */
  readonly latency?: {
    readonly last: number;
    readonly min: number;
    readonly avg: number;
    readonly max: number;
  };
}

/** Answer to `stat`. */
export interface ServerStatusWithClients extends ServerStatus {
  readonly clients: readonly ClientConnection[];
}

/** Answer to `dump`. Only a leader, or a standalone server, knows all of it. */
export interface SessionDump {
  readonly sessionIds: readonly bigint[];
  readonly ephemerals: readonly SessionPaths[];
}

/** Paths of one session: its watches (`wchc`) or its ephemeral nodes (`dump`). */
export interface SessionPaths {
  readonly sessionId: bigint;
  readonly paths: readonly string[];
}

/** Sessions that watch one path (`wchp`). */
export interface PathSessions {
  readonly path: string;
  readonly sessionIds: readonly bigint[];
}

/** Answer to `wchs`. The servers count data watches alone. */
export interface WatchSummary {
  readonly connections: number;
  readonly paths: number;
  readonly watches: number;
}

/** Numbers and texts by name. */
export type ServerValues = Readonly<Record<string, number | string>>;

/** What each four-letter word is answered with. */
export interface FourLetterWordResults {
  /** Configuration. */
  readonly conf: ServerValues;
  /** Clients that are connected. */
  readonly cons: readonly ClientConnection[];
  /** Resets the counters of all connections; true when done. */
  readonly crst: boolean;
  /** Sizes of the snapshots and of the transaction logs, bytes. */
  readonly dirs: { readonly dataDirSize: number; readonly logDirSize: number };
  /** Sessions and ephemeral nodes. */
  readonly dump: SessionDump;
  /** Environment of the Java process. */
  readonly envi: Readonly<Record<string, string>>;
  /** Trace mask. */
  readonly gtmk: bigint;
  /** The latest digests of the tree; empty unless the server computes them. */
  readonly hash: readonly { readonly zxid: bigint; readonly digest: string }[];
  /** May this server write? null while it serves nobody. */
  readonly isro: 'rw' | 'ro' | null;
  /** Figures for monitoring; all names begin with `zk_`. */
  readonly mntr: ServerValues;
  /** Does the process live? It may serve nobody all the same. */
  readonly ruok: boolean;
  /** Resets the counters of the server; true when done. */
  readonly srst: boolean;
  /** State of the server. */
  readonly srvr: ServerStatus;
  /** State of the server, and its clients. */
  readonly stat: ServerStatusWithClients;
  /** Sets the trace mask; the new one. */
  readonly stmk: bigint;
  /** Watches by session. Expensive on a busy server. */
  readonly wchc: readonly SessionPaths[];
  /** Watches by path. Expensive on a busy server. */
  readonly wchp: readonly PathSessions[];
  /** How many watches there are. */
  readonly wchs: WatchSummary;
}

/** A word that {@link FourLetterWordResults} has. */
export type FourLetterWord = keyof FourLetterWordResults;

/** Turns the text into the answer. What makes no sense throws a text. */
type Parser<T> = (text: string) => T;

const PARSERS: { readonly [W in FourLetterWord]: Parser<FourLetterWordResults[W]> } = {
  conf: (text) => values(text, '='),
  cons: clients,
  crst: (text) => said(text, 'Connection stats reset.'),
  dirs: (text) => ({
    dataDirSize: number(text, /^datadir_size: (-?\d+)$/m),
    logDirSize: number(text, /^logdir_size: (-?\d+)$/m),
  }),
  dump,
  envi: (text) => Object.fromEntries(pairs(text, '=')),
  gtmk: mask,
  hash: (text) =>
    linesOf(text).map((line) => {
      const [, zxid, digest] = match(line, /^(?:0x)?([0-9a-f]+): (\S+)$/i);
      return { zxid: BigInt(`0x${zxid}`), digest: digest as string };
    }),
  isro: (text) => {
    const [word] = match(text.trim(), /^(?:rw|ro|null)$/);
    return word === 'null' ? null : (word as 'rw' | 'ro');
  },
  mntr: (text) => values(text, '\t'),
  ruok: (text) => said(text, 'imok'),
  srst: (text) => said(text, 'Server stats reset.'),
  srvr: status,
  stat: (text) => ({
    ...status(text),
    clients: clients(/^Clients:\n((?: ?[^\n]*\/[^\n]*\n)*)/m.exec(text)?.[1] ?? ''),
  }),
  stmk: mask,
  wchc: (text) => groups(text).map(([head, paths]) => ({ sessionId: hexId(head), paths })),
  wchp: (text) => groups(text).map(([path, ids]) => ({ path, sessionIds: ids.map(hexId) })),
  wchs: (text) => {
    const [, connections, paths] = match(text, /^(\d+) connections watching (\d+) paths$/m);
    const [, watches] = match(text, /^Total watches: ?(\d+)$/m);
    return { connections: Number(connections), paths: Number(paths), watches: Number(watches) };
  },
};

/** All words, in the order of the alphabet. */
export const FOUR_LETTER_WORDS = Object.keys(PARSERS) as readonly FourLetterWord[];

/** Is it a word that {@link parseFourLetterWord} knows? */
export function isFourLetterWord(word: unknown): word is FourLetterWord {
  return typeof word === 'string' && Object.hasOwn(PARSERS, word);
}

/**
 * What a server's answer to a four-letter word says.
 * @throws {@link CommandRefusedError} if the word is not in the server's `4lw.commands.whitelist`
 * @throws {@link NotServingError} if the server says that it serves nobody at the moment
 * @throws {@link DecodeError} if it is not the answer to that word
 */
export function parseFourLetterWord<W extends FourLetterWord>(
  word: W,
  text: string,
): FourLetterWordResults[W] {
  checkAnswered(word, text);
  try {
    return PARSERS[word](text);
  } catch (cause) {
    const hint = hintOf(text);
    throw new DecodeError(`this is no answer to ${word}${hint === '' ? '' : `: ${hint}`}`, {
      op: word,
      cause,
    });
  }
}

/**
 * Throws if a server's text says that it did not do what the word asks for.
 * @throws CommandRefusedError, NotServingError
 */
export function checkAnswered(word: string, text: string): void {
  if (text.startsWith(`${word} is not executed because it is not in the whitelist`)) {
    throw new CommandRefusedError(word, "it is not in the server's 4lw.commands.whitelist");
  }
  if (text.startsWith('This ZooKeeper instance is not currently serving requests')) {
    throw new NotServingError(word);
  }
}

/** What a text that is no answer may be instead. */
function hintOf(text: string): string {
  if (text === '') return 'the server closed the connection without a word';
  if (text.startsWith('HTTP/')) return 'the peer speaks HTTP';
  const first = text.charCodeAt(0);
  return first === TLS_ALERT || first === TLS_HANDSHAKE ? 'the peer speaks TLS' : '';
}

const TLS_ALERT = 0x15;
const TLS_HANDSHAKE = 0x16;

/**
 * The numbers in a server's own words about its version.
 * @throws DecodeError if there are none
 */
export function parseServerVersion(text: string): ServerVersion {
  const found = /^(\d+)\.(\d+)(?:\.(\d+))?/.exec(text);
  if (found === null) throw new DecodeError('a server version without numbers');
  return { major: Number(found[1]), minor: Number(found[2]), patch: Number(found[3] ?? 0), text };
}

/** Is a server of this version or later? @param since such as `3.6` or `3.5.3` */
export function isSince(version: ServerVersion, since: string): boolean {
  const { major, minor, patch } = parseServerVersion(since);
  if (version.major !== major) return version.major > major;
  return version.minor === minor ? version.patch >= patch : version.minor > minor;
}

// ---------------------------------------------------------------- pieces of text

/** The groups of a pattern that has to match. */
function match(text: string, pattern: RegExp): [string, ...string[]] {
  const found = pattern.exec(text);
  if (found === null) throw new DecodeError(`nothing matches ${String(pattern)}`);
  return [...found].map((group) => (group as string | undefined) ?? '') as [string, ...string[]];
}

function number(text: string, pattern: RegExp): number {
  return Number(match(text, pattern)[1]);
}

function said(text: string, expected: string): boolean {
  if (text.trim() !== expected) throw new DecodeError(`not "${expected}"`);
  return true;
}

/** A trace mask; the last line, as `stmk` may be followed by what was said before. */
function mask(text: string): bigint {
  return BigInt(match(text.trim(), /^-?\d+$/)[0]);
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

/** `key=value` in each line; lines without the mark are titles. */
function pairs(text: string, mark: string): [string, string][] {
  const found = linesOf(text).flatMap((line): [string, string][] => {
    const at = line.indexOf(mark);
    return at <= 0 ? [] : [[line.slice(0, at), line.slice(at + 1)]];
  });
  if (found.length === 0) throw new DecodeError(`no line has a name and a value`);
  return found;
}

function values(text: string, mark: string): ServerValues {
  return Object.fromEntries(pairs(text, mark).map(([key, value]) => [key, numberOr(value)]));
}

/** Java's ways to write a number; anything else stays a text. */
function numberOr(value: string): number | string {
  return /^(?:-?\d+(?:\.\d+)?(?:E-?\d+)?|NaN)$/.test(value) ? Number(value) : value;
}

function hexId(text: string): bigint {
  const [, digits] = match(text, /^0x([0-9a-f]{1,16})$/);
  return BigInt.asIntN(64, BigInt(`0x${digits}`));
}

/** Lines, each with the indented ones below it. */
function groups(text: string): [string, string[]][] {
  const all: [string, string[]][] = [];
  for (const line of linesOf(text)) {
    const current = all.at(-1);
    if (!line.startsWith('\t')) all.push([line, []]);
    else if (current === undefined) throw new DecodeError('an indented line comes first');
    else current[1].push(line.slice(1));
  }
  return all;
}

function status(text: string): ServerStatus {
  const [, min, avg, max] = match(text, /^Latency min\/avg\/max: (-?\d+)\/(-?[\d.]+)\/(-?\d+)$/m);
  const proposals = /^Proposal sizes last\/min\/max: (-?\d+)\/(-?\d+)\/(-?\d+)$/m.exec(text);
  return {
    version: parseServerVersion(match(text, /^Zookeeper version: (.+)$/m)[1] as string),
    readOnly: /^READ-ONLY mode/m.test(text),
    latency: { min: Number(min), avg: Number(avg), max: Number(max) },
    received: number(text, /^Received: (-?\d+)$/m),
    sent: number(text, /^Sent: (-?\d+)$/m),
    connections: number(text, /^Connections: (\d+)$/m),
    outstanding: number(text, /^Outstanding: (-?\d+)$/m),
    zxid: hexId(match(text, /^Zxid: (\S+)$/m)[1] as string),
    mode: match(text, /^Mode: (standalone|leader|follower|observer|read-only)$/m)[1] as ServerMode,
    nodeCount: number(text, /^Node count: (\d+)$/m),
    ...(proposals === null
      ? {}
      : {
          proposalSizes: {
            last: Number(proposals[1]),
            min: Number(proposals[2]),
            max: Number(proposals[3]),
          },
        }),
  };
}

/** ` /127.0.0.1:4711[1](queued=0,recved=1,sent=1,…)` in each line. An IPv6 address may have brackets or none. */
const CLIENT_LINE = /^ ?[^/]*\/\[?([^\]]*?)\]?:(\d+)\[[0-9a-f]+\]\((.*)\)$/;

function clients(text: string): ClientConnection[] {
  return linesOf(text).map((line) => {
    const [, host, port, list] = match(line, CLIENT_LINE);
    const field = new Map((list as string).split(',').map((part) => part.split('=') as [string, string]));
    const count = (key: string): number => Number(field.get(key) ?? 0);
    const at = { host: host as string, port: Number(port) };
    const base = { ...at, queued: count('queued'), received: count('recved'), sent: count('sent') };
    const sid = field.get('sid');
    if (sid === undefined) return base;
    const [cxid, zxid, operation] = ['lcxid', 'lzxid', 'lop'].map((key) => field.get(key));
    return {
      ...base,
      sessionId: hexId(sid),
      ...(operation === undefined ? {} : { lastOperation: operation }),
      establishedMs: count('est'),
      timeoutMs: count('to'),
      ...(cxid === undefined ? {} : { lastCxid: hexId(cxid) }),
      ...(zxid === undefined ? {} : { lastZxid: hexId(zxid) }),
      latency: {
        last: count('llat'),
        min: count('minlat'),
        avg: count('avglat'),
        max: count('maxlat'),
      },
    };
  });
}

function dump(text: string): SessionDump {
  const [, sessions, ephemerals] = match(
    text,
    /^SessionTracker dump:\n([\s\S]*?)^ephemeral nodes dump:\n([\s\S]*?)(?:^Connections dump:|$(?![\s\S]))/m,
  );
  // a member of an ensemble writes `0x1\t30000ms`, a standalone server the ids alone
  const ids = [...(sessions as string).matchAll(/^\t?(0x[0-9a-f]+)(?:\t|$)/gm)].map(([, id]) =>
    hexId(id as string),
  );
  const owners = linesOf(ephemerals as string).filter((line) => !line.startsWith('Sessions with Ephemerals'));
  return {
    sessionIds: ids,
    ephemerals: groups(owners.join('\n')).map(([head, paths]) => ({
      sessionId: hexId(head.replace(/:$/, '')),
      paths,
    })),
  };
}
