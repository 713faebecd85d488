/** THE option table: every option of a Conn with its bounds, its default and its check. */
import { InvalidOptionError, ZkError } from '../protocol/errors.js';
import { isWellFormed } from '../protocol/jute.js';
import { normalizeChroot, pathProblem } from '../protocol/paths.js';
import type { Clock } from '../net/clock.js';
import { systemClock } from '../net/clock.js';
import type { HostProvider } from '../net/host-provider.js';
import type { SaslMechanism } from '../net/sasl.js';
import { TLS_KEYS, tlsDialer, type TlsSource } from '../net/tls.js';
import { tcpDialer, type Dialer } from '../net/transport.js';

/** A credential for {@link ConnOptions.auth}. */
export interface AuthInfo {
  /** For example `digest`. */
  readonly scheme: string;
  /** For `digest`: `user:password`. */
  readonly auth: string | Uint8Array;
}

/** Options of `connect` and `new Conn`. An unknown key is an error; `undefined` is the same as absent. */
export interface ConnOptions {
  /** Session timeout to ask for, ms. The server may give another one: `conn.negotiatedTimeoutMs`. */
  readonly sessionTimeoutMs?: number | undefined;
  /** Budget for connecting to one server, handshake included, ms. Default: session timeout / servers, at most a third of it. */
  readonly connectTimeoutMs?: number | undefined;
  /** How long a call waits for its reply, ms; 0 for ever. Default: the negotiated session timeout. */
  readonly requestTimeoutMs?: number | undefined;
  /** How long `close()` waits for the server's word, ms. */
  readonly closeTimeoutMs?: number | undefined;
  /** Prefix of every path, behind the one of the connect string. */
  readonly chroot?: string | undefined;
  /** Credentials that are presented on every connection, before anything else. */
  readonly auth?: readonly AuthInfo[] | undefined;
  /** Authenticates every connection by SASL, before anything else is sent; for example `digestMd5(…)`. */
  readonly sasl?: SaslMechanism | undefined;
  /** Go on with a session that another Conn has let go of: the handle that its `detach()` resolved with. */
  readonly session?: { readonly id: bigint; readonly password: Uint8Array } | undefined;
  /** Also take a server in read-only mode (`readonlymode.enabled`), and look for a writable one meanwhile. */
  readonly readOnly?: boolean | undefined;
  /** After expiry: begin a new session on the same Conn, or end it. */
  readonly sessionExpiry?: 'renew' | 'close' | undefined;
  /** Bounds of what waits while there is no connection; `false`: such calls are rejected at once. */
  readonly offlineQueue?:
    { readonly maxRequests?: number | undefined; readonly maxBytes?: number | undefined } | false | undefined;
  /** Longest request, bytes. The server's `jute.maxbuffer` is 1048575 unless it was changed there. */
  readonly maxRequestBytes?: number | undefined;
  /** Longest message taken from a server, bytes. */
  readonly maxResponseBytes?: number | undefined;
  /** Pause between two rounds over all servers: random, below `baseMs` at first, doubling up to `maxMs`. */
  readonly backoff?:
    { readonly baseMs?: number | undefined; readonly maxMs?: number | undefined } | undefined;
  /**
   * Should watches be armed again on the next connection? With false they end with `ConnectionLossError` when theirs is
   * lost, as with Java's `zookeeper.disableAutoWatchReset`; `watchData` and `watchChildren` go on, for they read again.
   */
  readonly rearmWatches?: boolean | undefined;
  /** Should errors of calls show where the call was made? Costs a stack trace for every call. */
  readonly captureStack?: boolean | undefined;
  /** Longest time that a listener may take, ms; a longer one gives the event `warning`. 0 for no limit. */
  readonly slowHandlerMs?: number | undefined;
  /**
   * How long the event loop may stand still while there is a session, ms; longer gives the event `warning`. 0 for no
   * limit. Default: a tenth of the session timeout.
   */
  readonly loopLagMs?: number | undefined;
  /** Chooses the servers; then the connect string's are not used. */
  readonly hostProvider?: HostProvider | undefined;
  /** Secure connections, to a `secureClientPort`: `true`, options of Node's `tls.connect`, or a function that gives them. */
  readonly tls?: TlsSource | false | undefined;
  /** Makes the connections, for tunnels and tests. */
  readonly dialer?: Dialer | undefined;
  /** The clock, for tests; for example the `VirtualClock` of `zk-conn/testing`. */
  readonly clock?: Clock | undefined;
  /** 0 <= r < 1, for tests. */
  readonly random?: (() => number) | undefined;
}

/** Options with their defaults. */
export interface ResolvedOptions {
  readonly sessionTimeoutMs: number;
  readonly connectTimeoutMs: number | null;
  readonly requestTimeoutMs: number | null;
  readonly closeTimeoutMs: number;
  readonly chroot: string;
  readonly auth: readonly AuthInfo[];
  readonly sasl: SaslMechanism | null;
  readonly session: { readonly id: bigint; readonly passwd: Uint8Array } | null;
  readonly readOnly: boolean;
  readonly sessionExpiry: 'renew' | 'close';
  readonly offlineQueue: {
    readonly enabled: boolean;
    readonly maxRequests: number;
    readonly maxBytes: number;
  };
  readonly maxRequestBytes: number;
  readonly maxResponseBytes: number;
  readonly backoff: { readonly baseMs: number; readonly maxMs: number };
  readonly rearmWatches: boolean;
  readonly captureStack: boolean;
  readonly slowHandlerMs: number;
  readonly loopLagMs: number | null;
  readonly hostProvider: HostProvider | null;
  /** A dialer, so that no secret is kept here. */
  readonly tls: Dialer | null;
  readonly dialer: Dialer;
  readonly clock: Clock;
  readonly random: () => number;
}

/** How one option is checked. `check` throws a text or gives the value that is used. */
export interface OptionRow<T> {
  readonly default: T;
  /** For `docs/options.md`. */
  readonly type: string;
  readonly check: (value: unknown) => T;
}

/** Longest duration: what fits the 32-bit ms of the handshake. */
const MAX_MS = 0x7fffffff;
/** Longest message that makes sense; a length is a signed 32-bit number. */
const MAX_BYTES = 0x7fffffff;

export const OPTION_TABLE: { readonly [K in keyof ResolvedOptions]: OptionRow<ResolvedOptions[K]> } = {
  sessionTimeoutMs: integer(30_000, 1, MAX_MS, 'ms'),
  connectTimeoutMs: orNull(integer(0, 1, MAX_MS, 'ms')),
  requestTimeoutMs: orNull(integer(0, 0, MAX_MS, 'ms')),
  closeTimeoutMs: integer(1000, 0, MAX_MS, 'ms'),
  chroot: { default: '', type: 'path', check: checkChroot },
  auth: { default: [], type: '{ scheme, auth }[]', check: checkAuth },
  sasl: { default: null, type: 'SaslMechanism', check: checkSasl },
  session: { default: null, type: '{ id, password }', check: checkSession },
  readOnly: { default: false, type: 'boolean', check: checkBoolean },
  sessionExpiry: oneOf('renew', 'close'),
  offlineQueue: {
    default: { enabled: true, maxRequests: 100_000, maxBytes: 64 * 1024 * 1024 },
    type: '{ maxRequests, maxBytes } or false',
    check: checkOfflineQueue,
  },
  maxRequestBytes: integer(0xfffff, 64, MAX_BYTES, 'bytes'),
  maxResponseBytes: integer(16 * 1024 * 1024, 1024, MAX_BYTES, 'bytes'),
  backoff: { default: { baseMs: 100, maxMs: 3000 }, type: '{ baseMs, maxMs }', check: checkBackoff },
  rearmWatches: { default: true, type: 'boolean', check: checkBoolean },
  captureStack: { default: false, type: 'boolean', check: checkBoolean },
  slowHandlerMs: integer(100, 0, MAX_MS, 'ms'),
  loopLagMs: orNull(integer(0, 0, MAX_MS, 'ms')),
  hostProvider: { default: null, type: 'HostProvider', check: checkHostProvider },
  tls: { default: null, type: 'TlsSource', check: checkTls },
  dialer: func(tcpDialer, 'Dialer'),
  clock: { default: systemClock, type: 'Clock', check: checkClock },
  random: func(Math.random, '() => number'),
};

/**
 * Checks options and fills in the defaults. The object that was passed is left alone.
 * @throws {@link InvalidOptionError}
 */
export function resolveOptions(options: unknown): ResolvedOptions {
  const given = asObject(options ?? {}, 'the options');
  refuseUnknownKeys(given, Object.keys(OPTION_TABLE), 'option');
  const resolved: Record<string, unknown> = {};
  for (const [key, row] of Object.entries(OPTION_TABLE) as [string, OptionRow<unknown>][]) {
    const value = given[key];
    resolved[key] = value === undefined ? row.default : checked(key, value, row);
  }
  if (resolved['tls'] !== null && given['dialer'] !== undefined) {
    throw new InvalidOptionError(
      'give tls or dialer, not both; tlsDialer(…) is a dialer for those who need one',
    );
  }
  return Object.freeze(resolved) as unknown as ResolvedOptions;
}

/** Checks one option by its row. @throws {@link InvalidOptionError} */
export function checkOption<K extends keyof ResolvedOptions>(key: K, value: unknown): ResolvedOptions[K] {
  return checked(key, value, OPTION_TABLE[key]) as ResolvedOptions[K];
}

function checked(key: string, value: unknown, row: OptionRow<unknown>): unknown {
  try {
    return row.check(value);
  } catch (error) {
    if (ZkError.is(error)) throw error;
    throw new InvalidOptionError(`${key}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Why a value is no good; becomes an InvalidOptionError that names the option. */
class Refused extends Error {}

function refused(what: string, value: unknown): Refused {
  return new Refused(`must be ${what}, not ${show(value)}`);
}

/** Never the content of an object or of a string that may be a secret. */
function show(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint')
    return String(value);
  return value === null ? 'null' : Array.isArray(value) ? 'an array' : `of type ${typeof value}`;
}

// ---------------------------------------------------------------- kinds of rows

function integer(fallback: number, min: number, max: number, unit: string): OptionRow<number> {
  return {
    default: fallback,
    type: unit,
    check: (value) => {
      if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
        throw refused(`a whole number of ${unit} from ${min} to ${max}`, value);
      }
      return value;
    },
  };
}

function orNull(row: OptionRow<number>): OptionRow<number | null> {
  return { ...row, default: null };
}

function oneOf<const T extends string>(first: T, ...others: T[]): OptionRow<T> {
  const all = [first, ...others];
  return {
    default: first,
    type: all.map((v) => `'${v}'`).join(' or '),
    check: (value) => {
      if (!all.includes(value as T)) throw refused(all.map((v) => `'${v}'`).join(' or '), value);
      return value as T;
    },
  };
}

function func<T>(fallback: T, type: string): OptionRow<T> {
  return {
    default: fallback,
    type,
    check: (value) => {
      if (typeof value !== 'function') throw refused('a function', value);
      return value as T;
    },
  };
}

// ---------------------------------------------------------------- single options

function checkBoolean(value: unknown): boolean {
  if (typeof value !== 'boolean') throw refused('true or false', value);
  return value;
}

function checkSession(value: unknown): ResolvedOptions['session'] {
  const { id, password, timeoutMs: _timeoutMs, ...rest } = asObject(value, 'session');
  refuseUnknownKeys(rest, ['id', 'password'], 'key of session');
  if (typeof id !== 'bigint' || id === 0n || BigInt.asIntN(64, id) !== id) {
    throw new Refused('id must be the bigint of a session');
  }
  if (!(password instanceof Uint8Array)) throw new Refused('password must be bytes');
  return { id, passwd: Buffer.from(password) };
}

function checkChroot(value: unknown): string {
  if (typeof value !== 'string') throw refused('a path', value);
  if (value === '') return '';
  const problem = pathProblem(value);
  if (problem !== null) throw new Refused(problem);
  return normalizeChroot(value);
}

function checkAuth(value: unknown): readonly AuthInfo[] {
  if (!Array.isArray(value)) throw refused('an array of { scheme, auth }', value);
  return value.map((entry: unknown) => {
    const { scheme, auth, ...rest } = asObject(entry, 'an entry of auth');
    refuseUnknownKeys(rest, ['scheme', 'auth'], 'key of auth');
    if (typeof scheme !== 'string' || scheme === '')
      throw new Refused('scheme must be a name such as "digest"');
    const ok = auth instanceof Uint8Array || (typeof auth === 'string' && isWellFormed(auth));
    if (!ok) throw new Refused('auth must be well-formed text or bytes');
    return { scheme, auth };
  });
}

function checkSasl(value: unknown): SaslMechanism {
  const { name, start } = asObject(value, 'sasl');
  if (typeof name !== 'string' || name === '' || typeof start !== 'function') {
    throw refused('a SaslMechanism, such as digestMd5({ username, password })', value);
  }
  return value as SaslMechanism;
}

function checkOfflineQueue(value: unknown): ResolvedOptions['offlineQueue'] {
  const fallback = OPTION_TABLE.offlineQueue.default;
  if (value === false) return { ...fallback, enabled: false };
  const given = asObject(value, 'offlineQueue');
  refuseUnknownKeys(given, ['maxRequests', 'maxBytes'], 'key of offlineQueue');
  return {
    enabled: true,
    maxRequests: part(given, 'maxRequests', integer(fallback.maxRequests, 1, 10_000_000, 'requests')),
    maxBytes: part(given, 'maxBytes', integer(fallback.maxBytes, 1, Number.MAX_SAFE_INTEGER, 'bytes')),
  };
}

function checkBackoff(value: unknown): ResolvedOptions['backoff'] {
  const fallback = OPTION_TABLE.backoff.default;
  const given = asObject(value, 'backoff');
  refuseUnknownKeys(given, ['baseMs', 'maxMs'], 'key of backoff');
  const baseMs = part(given, 'baseMs', integer(fallback.baseMs, 1, MAX_MS, 'ms'));
  const maxMs = part(given, 'maxMs', integer(Math.max(baseMs, fallback.maxMs), 1, MAX_MS, 'ms'));
  if (maxMs < baseMs) throw new Refused(`maxMs (${maxMs}) must not be below baseMs (${baseMs})`);
  return { baseMs, maxMs };
}

function checkHostProvider(value: unknown): HostProvider {
  const { next, connected, size } = asObject(value, 'hostProvider');
  if (typeof next !== 'function' || typeof connected !== 'function' || typeof size !== 'number') {
    throw refused('a HostProvider', value);
  }
  return value as HostProvider;
}

function checkTls(value: unknown): Dialer | null {
  if (value === false) return null;
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    refuseUnknownKeys(value, TLS_KEYS, 'key of tls');
  } else if (value !== true && typeof value !== 'function') {
    throw refused('true, TLS options or a function that gives them', value);
  }
  return tlsDialer(value);
}

function checkClock(value: unknown): Clock {
  const { now, setTimer } = asObject(value, 'clock');
  if (typeof now !== 'function' || typeof setTimer !== 'function') throw refused('a Clock', value);
  return value as Clock;
}

function part(given: Record<string, unknown>, key: string, row: OptionRow<number>): number {
  if (given[key] === undefined) return row.default;
  try {
    return row.check(given[key]);
  } catch (error) {
    throw new Refused(`${key} ${error instanceof Error ? error.message : String(error)}`);
  }
}

// ---------------------------------------------------------------- shared with the options of single calls

/** @throws {@link InvalidOptionError} if it is no object */
export function asObject(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InvalidOptionError(`${what} must be an object, not ${show(value)}`);
  }
  return value as Record<string, unknown>;
}

/** Longer than any name there is, mistyped or not. */
const MAX_KEY = 100;

/** @throws {@link InvalidOptionError} that names the nearest known key */
export function refuseUnknownKeys(given: object, known: readonly string[], what: string): void {
  for (const key of Object.keys(given)) {
    if (known.includes(key)) continue;
    const near = nearest(key, known);
    const hint = near === undefined ? '' : `; did you mean '${near}'?`;
    throw new InvalidOptionError(`unknown ${what} '${key}'${hint}`);
  }
}

function nearest(key: string, known: readonly string[]): string | undefined {
  // nothing is near to it, and to find that out letter by letter takes seconds
  if (key.length > MAX_KEY) return undefined;
  const ranked = known
    .map((name) => ({ name, distance: editDistance(key.toLowerCase(), name.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best !== undefined && best.distance <= Math.max(3, best.name.length / 2) ? best.name : undefined;
}

/** How many letters must be added, dropped or changed. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
