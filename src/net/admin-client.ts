/** Commands of a server's admin server, which speaks HTTP (Java package `server.admin`). */
import { MAX_INT } from '../protocol/constants.js';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import {
  CommandRefusedError,
  DecodeError,
  InvalidArgumentError,
  InvalidOptionError,
  LinkError,
  NotServingError,
  RequestTimeoutError,
  TlsError,
} from '../protocol/errors.js';
import { systemClock } from './clock.js';

/** A value in an answer. Ids and zxids, and numbers that a `number` cannot hold, are `bigint`. */
export type AdminValue =
  string | number | bigint | boolean | null | readonly AdminValue[] | { readonly [key: string]: AdminValue };

/** What every answer is: the server's JSON, with its own keys. */
export type AdminResult = Readonly<Record<string, AdminValue>>;

/** A client in the answers of `connections` and `stats`. */
export interface AdminConnection {
  readonly remote_socket_address: string;
  readonly interest_ops: number;
  readonly outstanding_requests: number;
  readonly packets_received: number;
  readonly packets_sent: number;
  readonly session_id?: bigint;
}

/** Figures of the server in the answers of `server_stats` and `stats`. */
export interface AdminServerStats {
  readonly server_state: string;
  readonly last_processed_zxid: bigint;
  readonly packets_received: number;
  readonly packets_sent: number;
  readonly outstanding_requests: number;
  readonly num_alive_client_connections: number;
  readonly avg_latency: number;
  readonly min_latency: number;
  readonly max_latency: number;
  readonly uptime: number;
}

/** Answer to `server_stats`. */
export interface AdminStatus {
  readonly version: string;
  readonly read_only: boolean;
  readonly server_stats: AdminServerStats;
  readonly node_count: number;
}

/** Answer to `connections`. */
export interface AdminConnections {
  readonly connections: readonly AdminConnection[];
  readonly secure_connections: readonly AdminConnection[];
}

/** The common commands whose answers have a type; what a release adds stands beside it. */
export interface AdminResults {
  readonly configuration: {
    readonly client_port: number;
    readonly tick_time: number;
    readonly server_id: number;
  };
  readonly connections: AdminConnections;
  readonly dirs: { readonly datadir_size: number; readonly logdir_size: number };
  readonly environment: Readonly<Record<string, string>>;
  readonly get_trace_mask: { readonly tracemask: number };
  readonly is_read_only: { readonly read_only: boolean };
  readonly leader: { readonly is_leader: boolean; readonly leader_id: number; readonly leader_ip: string };
  readonly monitor: { readonly version: string; readonly server_state: string; readonly znode_count: number };
  readonly ruok: object;
  readonly server_stats: AdminStatus;
  readonly stats: AdminStatus & AdminConnections;
  readonly watch_summary: {
    readonly num_connections: number;
    readonly num_paths: number;
    readonly num_total_watches: number;
  };
  readonly watches: { readonly session_id_to_watched_paths: Readonly<Record<string, readonly string[]>> };
  readonly watches_by_path: { readonly path_to_session_ids: Readonly<Record<string, readonly bigint[]>> };
}

/** Answer to a command: with a type of its own if it is a common one. */
export type AdminResultOf<C extends string> = AdminResult &
  (C extends keyof AdminResults ? AdminResults[C] : unknown);

/** Options of `adminCommand`. */
export interface AdminCommandOptions {
  /** Parameters of the command, such as `{ streaming: 'true' }` of `snapshot`. */
  readonly params?: Readonly<Record<string, string>> | undefined;
  /** Value of the header `Authorization`: `digest super:password`. `snapshot` and `restore` demand it. */
  readonly auth?: string | undefined;
  /** For the whole of it, ms. Default 5000. */
  readonly timeoutMs?: number | undefined;
  /** Gives it up; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Longest answer that is taken, bytes. Default 16 MiB. */
  readonly maxReplyBytes?: number | undefined;
  /** CAs to trust for `https:`, PEM. Default: those that Node knows. */
  readonly ca?: string | Uint8Array | undefined;
}

const KNOWN: { readonly [K in keyof Required<AdminCommandOptions>]: true } = {
  params: true,
  auth: true,
  timeoutMs: true,
  signal: true,
  maxReplyBytes: true,
  ca: true,
};

const DEFAULT_TIMEOUT_MS = 5000;
const DEFAULT_MAX_REPLY_BYTES = 16 * 1024 * 1024;

/**
 * Asks a server's admin server: `await adminCommand('http://zk1:8080', 'monitor')`. It has to be enabled there
 * (`admin.enableServer`, by default so before 3.10).
 * @param url of the admin server; `/commands` is the path unless it has another one
 * @param command as in `/commands/<command>`
 * @throws CommandRefusedError if the server does not know the command, or refuses it; `status` is that of the HTTP answer
 * @throws NotServingError if it answers 503, as it does while it serves nobody
 * @throws RequestTimeoutError if time ran out; LinkError, TlsError if there was no connection or it broke
 * @throws DecodeError if the answer is no JSON, or longer than `maxReplyBytes`
 * @throws InvalidArgumentError, InvalidOptionError
 */
export async function adminCommand<C extends keyof AdminResults | (string & {})>(
  url: string | URL,
  command: C,
  options: AdminCommandOptions = {},
): Promise<AdminResultOf<C>> {
  const target = checkTarget(url, command, options);
  const { status, text } = await get(target, command, options);
  return judge(command, status, text) as AdminResultOf<C>;
}

function checkTarget(url: string | URL, command: unknown, options: AdminCommandOptions): URL {
  for (const key of Object.keys(options)) {
    if (!Object.hasOwn(KNOWN, key))
      throw new InvalidOptionError(`unknown option '${key}' of an admin command`);
  }
  const { timeoutMs = 1, maxReplyBytes = 1, auth = '', params = {}, signal } = options;
  if (!Number.isInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > MAX_INT) {
    throw new InvalidOptionError(`timeoutMs must be a whole number of ms from 1 to ${MAX_INT}`);
  }
  if (!Number.isInteger(maxReplyBytes) || maxReplyBytes < 1) {
    throw new InvalidOptionError('maxReplyBytes must be a whole number of bytes');
  }
  if (typeof (auth as unknown) !== 'string' || /[^\t\x20-\x7e\x80-\xff]/.test(auth)) {
    throw new InvalidOptionError('auth must be the text of a header');
  }
  if (signal !== undefined && !((signal as unknown) instanceof AbortSignal)) {
    throw new InvalidOptionError('signal must be an AbortSignal');
  }
  if (typeof command !== 'string' || !/^\w+$/.test(command)) {
    throw new InvalidArgumentError('an admin command is a name such as "monitor"');
  }
  let target: URL;
  try {
    target = new URL(url);
  } catch {
    throw new InvalidArgumentError('an admin server is a URL such as "http://host:8080"');
  }
  if (!/^https?:$/.test(target.protocol)) {
    throw new InvalidArgumentError(`an admin server speaks http or https, not ${target.protocol}`);
  }
  target.pathname = `${target.pathname === '/' ? '/commands' : target.pathname.replace(/\/$/, '')}/${command}`;
  for (const [key, value] of Object.entries(params)) target.searchParams.set(key, value);
  return target;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

function get(target: URL, command: string, options: AdminCommandOptions): Promise<Answer> {
  const { auth, ca, timeoutMs = DEFAULT_TIMEOUT_MS, signal } = options;
  const { maxReplyBytes = DEFAULT_MAX_REPLY_BYTES } = options;
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason as Error);
      return;
    }
    const headers = auth === undefined ? {} : { authorization: auth };
    // a socket of its own, which is gone afterwards
    const how = { agent: false, headers, rejectUnauthorized: true, ...(ca === undefined ? {} : { ca }) };
    const request = (target.protocol === 'https:' ? httpsRequest : httpRequest)(target, how as object);
    const finish = (settle: () => void): void => {
      timer.cancel();
      signal?.removeEventListener('abort', abort);
      request.destroy();
      settle();
    };
    const fail = (error: unknown): void => finish(() => reject(error));
    const abort = (): void => fail(signal?.reason);
    const late = (): void => fail(new RequestTimeoutError({ op: command, outcome: 'unknown' }));
    const timer = systemClock.setTimer(late, timeoutMs);
    signal?.addEventListener('abort', abort);
    request.on('error', (error) => fail(linkError(target, error)));
    request.on('response', (response: IncomingMessage) => {
      const chunks: Buffer[] = [];
      let length = 0;
      response.on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length <= maxReplyBytes) chunks.push(chunk);
        else fail(new DecodeError(`the answer is longer than ${maxReplyBytes} bytes`, { op: command }));
      });
      response.on('error', (error) => fail(linkError(target, error)));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        finish(() => resolve({ status: response.statusCode ?? 0, text }));
      });
    });
    request.end();
  });
}

function linkError(target: URL, error: NodeJS.ErrnoException): LinkError | TlsError {
  const { code = '', message } = error;
  // CERT_HAS_EXPIRED, DEPTH_ZERO_SELF_SIGNED_CERT, UNABLE_TO_VERIFY_LEAF_SIGNATURE, …
  const isTls = /^ERR_(?:TLS|SSL)_|^EPROTO$|CERT|VERIFY/.test(code);
  return isTls ? new TlsError(target.host, message, error) : new LinkError(target.host, error);
}

function judge(command: string, status: number, text: string): AdminResult {
  let answer: unknown;
  let cause: unknown;
  try {
    answer = parseJson(text);
  } catch (error) {
    cause = error;
  }
  const isObject = typeof answer === 'object' && answer !== null && !Array.isArray(answer);
  const error = isObject ? (answer as { error?: unknown }).error : undefined;
  const why = typeof error === 'string' ? error : `the admin server answered ${status}`;
  if (status === 503 || why === NOT_SERVING) throw new NotServingError(command);
  if (typeof error === 'string' || status < 200 || status > 299) {
    throw new CommandRefusedError(command, why, status);
  }
  if (!isObject) throw new DecodeError('the answer is no JSON object', { op: command, cause });
  return answer as AdminResult;
}

/** What a command says that needs a server which serves (Java `Commands.runGetCommand`). */
const NOT_SERVING = 'This ZooKeeper instance is not currently serving requests';

/** A text, or a number that stands alone. */
const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/g;
/** Keys whose values are ids or zxids; those in lists are long enough to be seen by their digits. */
const WIDE = /(?:^|_)(?:session_id|zxid|lzxid|lcxid|cxid)$/;
const MARK = 'zk-conn bigint ';

/** JSON whose long numbers keep all their digits. */
function parseJson(text: string): unknown {
  const marked = text.replace(TOKENS, (token) =>
    /^-?\d+$/.test(token) && !Number.isSafeInteger(Number(token)) ? `"${MARK}${token}"` : token,
  );
  return JSON.parse(marked, function (this: unknown, key: string, value: unknown): unknown {
    if (typeof value === 'string' && value.startsWith(MARK)) return BigInt(value.slice(MARK.length));
    return WIDE.test(key) ? widened(value) : value;
  });
}

function widened(value: unknown): unknown {
  return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value;
}
