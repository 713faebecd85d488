/**
 * Four-letter words: a question to one server on a socket of its own, never on that of a session. What the answers mean
 * is in `protocol/words.ts`.
 */
import { MAX_INT } from '../protocol/constants.js';
import {
  DecodeError,
  InvalidArgumentError,
  InvalidOptionError,
  LinkError,
  RequestTimeoutError,
  ZkError,
} from '../protocol/errors.js';
import {
  FOUR_LETTER_WORDS,
  isFourLetterWord,
  parseFourLetterWord,
  checkAnswered,
  type FourLetterWord,
  type FourLetterWordResults,
  type ServerVersion,
} from '../protocol/words.js';
import { systemClock, type Clock } from './clock.js';
import { formatServer, parseServerAddress, type ServerAddress } from './connect-string.js';
import { tcpDialer, type Dialer, type Transport } from './transport.js';

/** Options of `fourLetterWord` and `askServer`. */
export interface FourLetterWordOptions {
  /** For the whole of it, connecting included, ms. Default 5000. */
  readonly timeoutMs?: number | undefined;
  /** Gives it up; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Makes the connection; `tlsDialer(…)` for a `secureClientPort`. Default `tcpDialer`. */
  readonly dialer?: Dialer | undefined;
  /** Longest answer that is taken, bytes. Default 16 MiB. */
  readonly maxReplyBytes?: number | undefined;
  /** For `stmk` and only for it: the trace mask to set. */
  readonly traceMask?: bigint | undefined;
}

const DEFAULT_TIMEOUT_MS = 5000;
const DEFAULT_MAX_REPLY_BYTES = 16 * 1024 * 1024;
/** An answer to `isro` has 2 to 4 letters; a text this long is a refusal or nonsense. */
const ISRO_MAX_BYTES = 256;

/**
 * Asks a server a four-letter word and gives its answer as it is. The server must have the word in its
 * `4lw.commands.whitelist`; by default that is `srvr` alone since 3.5.3.
 * @param server `host:port`, or the parts
 * @throws CommandRefusedError if the word is not in the whitelist
 * @throws NotServingError if the server says so; `ruok` and `isro` are answered all the same
 * @throws RequestTimeoutError if time ran out; LinkError, TlsError if there was no connection or it broke
 * @throws DecodeError if the answer is longer than `maxReplyBytes`
 * @throws InvalidArgumentError, InvalidOptionError, InvalidConnectStringError
 */
export async function fourLetterWord(
  server: string | ServerAddress,
  word: FourLetterWord,
  options?: FourLetterWordOptions,
): Promise<string> {
  const text = await exchange(checkQuestion(server, word, options));
  checkAnswered(word, text);
  return text;
}

/**
 * Asks a server a four-letter word and gives what its answer says: `(await askServer('zk1:2181', 'srvr')).mode`.
 * @param server `host:port`, or the parts
 * @throws DecodeError if it is not the answer to that word; else as {@link fourLetterWord}
 */
export async function askServer<W extends FourLetterWord>(
  server: string | ServerAddress,
  word: W,
  options?: FourLetterWordOptions,
): Promise<FourLetterWordResults[W]> {
  return parseFourLetterWord(word, await exchange(checkQuestion(server, word, options)));
}

/**
 * The version of a server, by `srvr`, which is the one word that every server answers by default.
 * @throws as {@link askServer}
 */
export async function serverVersion(
  server: string | ServerAddress,
  options?: FourLetterWordOptions,
): Promise<ServerVersion> {
  return (await askServer(server, 'srvr', options)).version;
}

/**
 * Can this server write? For the search of a session that is on a read-only one.
 * @returns null if it serves nobody, does not answer in time, or not to `isro`; never rejects
 */
export async function probeMode(
  server: ServerAddress,
  dialer: Dialer,
  timeoutMs: number,
  { clock = systemClock, signal }: { readonly clock?: Clock; readonly signal?: AbortSignal } = {},
): Promise<'rw' | 'ro' | null> {
  const bytes = Buffer.from('isro');
  try {
    const maxBytes = ISRO_MAX_BYTES;
    const text = await exchange({ word: 'isro', bytes, server, dialer, clock, timeoutMs, maxBytes, signal });
    return parseFourLetterWord('isro', text);
  } catch {
    return null;
  }
}

/**
 * The version of a server, as {@link serverVersion}, for those with a clock of their own.
 * @throws as {@link askServer}
 */
export async function probeVersion(
  server: ServerAddress,
  dialer: Dialer,
  timeoutMs: number,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<ServerVersion> {
  const bytes = Buffer.from('srvr');
  const maxBytes = DEFAULT_MAX_REPLY_BYTES;
  const text = await exchange({ word: 'srvr', bytes, server, dialer, clock, timeoutMs, maxBytes, signal });
  return parseFourLetterWord('srvr', text).version;
}

// ---------------------------------------------------------------- checks

/** One question, checked. */
interface Question {
  readonly word: FourLetterWord;
  readonly bytes: Buffer;
  readonly server: ServerAddress;
  readonly dialer: Dialer;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly maxBytes: number;
  readonly signal: AbortSignal | undefined;
}

const KNOWN: { readonly [K in keyof Required<FourLetterWordOptions>]: true } = {
  timeoutMs: true,
  signal: true,
  dialer: true,
  maxReplyBytes: true,
  traceMask: true,
};

function checkQuestion(
  server: string | ServerAddress,
  word: unknown,
  options: FourLetterWordOptions = {},
): Question {
  if (!isFourLetterWord(word)) {
    throw new InvalidArgumentError(`a four-letter word is one of ${FOUR_LETTER_WORDS.join(', ')}`);
  }
  for (const key of Object.keys(options)) {
    if (!Object.hasOwn(KNOWN, key))
      throw new InvalidOptionError(`unknown option '${key}' of a four-letter word`);
  }
  const { timeoutMs = DEFAULT_TIMEOUT_MS, maxReplyBytes = DEFAULT_MAX_REPLY_BYTES, traceMask } = options;
  if (!Number.isInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > MAX_INT) {
    throw new InvalidOptionError(`timeoutMs must be a whole number of ms from 1 to ${MAX_INT}`);
  }
  if (!Number.isInteger(maxReplyBytes) || maxReplyBytes < 1) {
    throw new InvalidOptionError('maxReplyBytes must be a whole number of bytes');
  }
  const { dialer = tcpDialer, signal } = options;
  if (typeof dialer !== 'function') throw new InvalidOptionError('dialer must be a function');
  if (signal !== undefined && !((signal as unknown) instanceof AbortSignal)) {
    throw new InvalidOptionError('signal must be an AbortSignal');
  }
  return {
    word,
    bytes: Buffer.concat([Buffer.from(word), maskBytes(word, traceMask)]),
    server: parseServerAddress(server),
    dialer,
    clock: systemClock,
    timeoutMs,
    maxBytes: maxReplyBytes,
    signal,
  };
}

/** `stmk` is followed by the mask, eight bytes. */
function maskBytes(word: FourLetterWord, traceMask: unknown): Buffer {
  if ((word === 'stmk') !== (traceMask !== undefined)) {
    throw new InvalidOptionError("traceMask goes with 'stmk', and 'stmk' with traceMask");
  }
  if (word !== 'stmk') return Buffer.alloc(0);
  if (typeof traceMask !== 'bigint' || traceMask < 0n || traceMask > 0x7fffffffffffffffn) {
    throw new InvalidOptionError('traceMask must be a bigint from 0n to 2^63 - 1');
  }
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(traceMask);
  return bytes;
}

// ---------------------------------------------------------------- the socket

/** Sends some bytes and reads until the server closes. The socket is gone, or on its way, when it settles. */
function exchange(question: Question): Promise<string> {
  const { word, bytes, server, dialer, clock, timeoutMs, maxBytes, signal } = question;
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason as Error);
      return;
    }
    const chunks: Buffer[] = [];
    let length = 0;
    const so: { over: boolean; connected: boolean } = { over: false, connected: false };
    let transport: Transport | undefined;
    const finish = (settle: () => void): void => {
      if (so.over) return;
      so.over = true;
      timer.cancel();
      signal?.removeEventListener('abort', abort);
      if (transport !== undefined) discard(transport);
      settle();
    };
    const fail = (error: unknown): void => finish(() => reject(error));
    const broken = (cause: unknown): void => {
      const error = cause instanceof Error ? cause : new Error(String(cause));
      fail(ZkError.is(error) ? error : new LinkError(formatServer(server), error));
    };
    const done = (): void => finish(() => resolve(Buffer.concat(chunks).toString('utf8')));
    const abort = (): void => fail(signal?.reason);
    const timer = clock.setTimer(
      () => fail(new RequestTimeoutError({ op: word, outcome: 'unknown' })),
      timeoutMs,
    );
    signal?.addEventListener('abort', abort);
    // a dialer of the user's own may report before it has returned
    try {
      const made = dialer(server, {
        onConnect: () => {
          so.connected = true;
          transport?.write(bytes);
        },
        onData: (chunk) => {
          length += chunk.length;
          if (length <= maxBytes) chunks.push(chunk);
          else fail(new DecodeError(`the answer is longer than ${maxBytes} bytes`, { op: word }));
        },
        onDrain: () => undefined,
        onEnd: done,
        onClose: (error) => (error === undefined ? done() : broken(error)),
      });
      transport = made;
      if (so.over) discard(made);
      else if (so.connected) made.write(bytes);
    } catch (error) {
      broken(error);
    }
  });
}

/** The user's own may throw, which is of no account to who has the answer. */
function discard(transport: Transport): void {
  try {
    transport.destroy();
  } catch {
    // it is gone, or the dialer's to see to
  }
}
