/** What a rule does to a frame. */
import { ERROR_CODES, Errno, type ErrorName } from '../../protocol/error-codes.js';
import { InvalidOptionError } from '../../protocol/errors.js';
import { PREFIX_BYTES } from './frame-slicer.js';

/**
 * Where in the life of a request the connection is cut: before the server has it; after the server has done it and before
 * the client hears of it; or right after the client got the answer.
 */
export type RequestCut = 'beforeApplied' | 'beforeAnswered' | 'afterAnswered';

/** Where the connection is cut on the way to the client: before the frame, or right behind it. */
export type DeliveryCut = 'beforeDelivered' | 'afterDelivered';

/**
 * How a connection ends: by a reset, by the orderly end of the stream, or in `silence`, as when a cable is pulled: both
 * ends still have their socket, and nothing gets through any more.
 */
export type CutKind = 'reset' | 'fin' | 'silence';

/** More about a cut. */
export interface CutOptions {
  /** Default `reset`. */
  readonly how?: CutKind | undefined;
  /**
   * So many bytes of the frame, its length included, still get through; for a cut before it is applied, answered or
   * delivered. Default 0.
   */
  readonly afterBytes?: number | undefined;
}

/** How `garble` does it. */
export interface GarbleOptions {
  /** How many bits are flipped, each another one. Default 1. */
  readonly bits?: number | undefined;
  /** The same seed flips the same bits of the same frames. Default 1. */
  readonly seed?: number | undefined;
  /** Which bytes: those of the `frame` itself, or its four bytes of `length`. Default `frame`. */
  readonly part?: 'frame' | 'length' | undefined;
}

/** Everything that can be done to a connection or a server, as it is counted. */
export type FaultKind =
  | Action['kind']
  | 'pause'
  | 'blackhole'
  | 'lag'
  | 'refuse'
  | 'readOnly'
  | 'expireSession'
  | 'moveSession'
  | 'wipe'
  | 'jumpZxid'
  | 'dropConnections';

/** One action, checked. */
export type Action =
  | { readonly kind: 'reply'; readonly errno: number }
  | { readonly kind: 'drop' | 'hold' | 'duplicate' | 'swap' }
  | { readonly kind: 'delay'; readonly ms: number }
  | { readonly kind: 'chunk'; readonly sizes: readonly number[] }
  | {
      readonly kind: 'truncate' | 'garble' | 'rewrite';
      /** The frame as it shall be, length included. */
      readonly by: (frame: Buffer) => Buffer;
      /** A frame that is no longer than this, length included, is left alone. */
      readonly minBytes: number;
    }
  | {
      readonly kind: 'cut';
      readonly point: RequestCut | DeliveryCut;
      readonly how: CutKind;
      readonly afterBytes: number;
    };

/** @throws {@link InvalidOptionError} */
export function replyAction(error: ErrorName | number): Action {
  if (typeof error === 'number') {
    if (!Number.isInteger(error) || error === 0 || (error | 0) !== error) {
      throw new InvalidOptionError(`reply() takes the number of an error, not ${error}`);
    }
    return { kind: 'reply', errno: error };
  }
  if (typeof error !== 'string' || !Object.hasOwn(Errno, error)) {
    const known = Object.keys(ERROR_CODES).join(', ');
    throw new InvalidOptionError(`unknown error ${shown(error)}; known are ${known}`);
  }
  return { kind: 'reply', errno: Errno[error] };
}

/** @throws {@link InvalidOptionError} */
export function delayAction(ms: number): Action {
  return { kind: 'delay', ms: duration('delay()', ms) };
}

/** @throws {@link InvalidOptionError} */
export function duration(what: string, ms: unknown): number {
  if (typeof ms !== 'number' || !(ms >= 0) || ms > MAX_MS) {
    throw new InvalidOptionError(`${what} takes a number of ms from 0 to ${MAX_MS}, not ${String(ms)}`);
  }
  return ms;
}

/** @throws {@link InvalidOptionError} */
export function chunkAction(sizes: number | readonly number[]): Action {
  const list: readonly number[] = typeof sizes === 'number' ? [sizes] : sizes;
  if (!isList(list) || list.length === 0) throw new InvalidOptionError('chunk() takes sizes in bytes');
  for (const size of list) whole('chunk()', size, 1);
  return { kind: 'chunk', sizes: list.slice() };
}

/** Cuts bytes up; the last size goes for the rest. An empty part at each end keeps them apart from what is around. */
export function chunksOf(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const parts: Buffer[] = [Buffer.alloc(0)];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[Math.min(i, sizes.length - 1)] as number;
    parts.push(bytes.subarray(at, at + size));
    at += size;
  }
  parts.push(Buffer.alloc(0));
  return parts;
}

/** @throws {@link InvalidOptionError} */
export function truncateAction(bytes: number): Action {
  whole('truncate()', bytes, 0);
  return {
    kind: 'truncate',
    minBytes: PREFIX_BYTES + bytes,
    by: (frame) => framed(frame.subarray(PREFIX_BYTES, PREFIX_BYTES + bytes)),
  };
}

/** @throws {@link InvalidOptionError} */
export function rewriteAction(rewrite: (body: Buffer) => Uint8Array): Action {
  if (typeof rewrite !== 'function') throw new InvalidOptionError('rewrite() takes a function');
  const by = (frame: Buffer): Buffer => framed(rewrite(Buffer.from(frame.subarray(PREFIX_BYTES))));
  return { kind: 'rewrite', minBytes: 0, by };
}

/** @throws {@link InvalidOptionError} */
export function garbleAction(options: GarbleOptions = {}): Action {
  known('garble()', options, ['bits', 'seed', 'part']);
  const { bits = 1, seed = 1, part = 'frame' } = options;
  whole('garble({ bits })', bits, 1);
  whole('garble({ seed })', seed, 0);
  if ((part as string) !== 'frame' && (part as string) !== 'length') {
    throw new InvalidOptionError(`part must be frame or length, not ${shown(part)}`);
  }
  const random = randomOf(seed);
  return {
    kind: 'garble',
    minBytes: part === 'length' ? 0 : PREFIX_BYTES,
    by: (frame) => {
      const from = part === 'length' ? 0 : PREFIX_BYTES;
      const size = (part === 'length' ? PREFIX_BYTES : frame.length - PREFIX_BYTES) * 8;
      const flips = new Set<number>();
      while (flips.size < Math.min(bits, size)) flips.add(Math.floor(random() * size));
      const garbled = Buffer.from(frame);
      for (const bit of flips) {
        const at = from + (bit >> 3);
        garbled[at] = (garbled[at] as number) ^ (1 << (bit & 7));
      }
      return garbled;
    },
  };
}

const CUT_POINTS = {
  toServer: ['beforeApplied', 'beforeAnswered', 'afterAnswered'],
  toClient: ['beforeDelivered', 'afterDelivered'],
} as const;

const CUT_KINDS: readonly string[] = ['reset', 'fin', 'silence'];

/** @throws {@link InvalidOptionError} */
export function cutAction(
  direction: 'toServer' | 'toClient',
  point: RequestCut | DeliveryCut,
  options: CutOptions = {},
): Action {
  known('cut()', options, ['how', 'afterBytes']);
  const points: readonly string[] = CUT_POINTS[direction];
  if (!points.includes(point)) {
    throw new InvalidOptionError(`cut() takes ${points.join(', ')} here, not ${shown(point)}`);
  }
  const { how = 'reset', afterBytes = 0 } = options;
  if (!CUT_KINDS.includes(how)) {
    throw new InvalidOptionError(`how must be ${CUT_KINDS.join(', ')}, not ${shown(how)}`);
  }
  whole('cut({ afterBytes })', afterBytes, 0);
  if (afterBytes > 0 && point.startsWith('after')) {
    throw new InvalidOptionError(`cut('${point}') lets the whole frame through: it has no afterBytes`);
  }
  return { kind: 'cut', point, how, afterBytes };
}

/** For people: `delay(10)`. */
export function actionText(action: Action): string {
  switch (action.kind) {
    case 'reply':
      return `reply(${action.errno})`;
    case 'delay':
      return `delay(${action.ms})`;
    case 'chunk':
      return `chunk(${action.sizes.join(', ')})`;
    case 'cut': {
      const bytes = action.afterBytes === 0 ? '' : ` after ${action.afterBytes} bytes`;
      return `cut(${action.point}, ${action.how}${bytes})`;
    }
    default:
      return action.kind;
  }
}

/** A body with its length before it. */
export function framed(body: Uint8Array): Buffer {
  const frame = Buffer.alloc(PREFIX_BYTES + body.length);
  frame.writeInt32BE(body.length);
  frame.set(body, PREFIX_BYTES);
  return frame;
}

/** Longest delay that a Node timer can have. */
const MAX_MS = 0x7fffffff;

/** A value of whatever type, in the text of an error. */
export function shown(value: unknown): string {
  return String(value);
}

function isList(value: unknown): boolean {
  return Array.isArray(value);
}

function whole(what: string, value: unknown, min: number): void {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min) {
    throw new InvalidOptionError(`${what} takes whole numbers from ${min} on, not ${String(value)}`);
  }
}

/** @throws {@link InvalidOptionError} on an option that there is not */
export function known(what: string, options: object, keys: readonly string[]): void {
  if (typeof options !== 'object' || (options as unknown) === null) {
    throw new InvalidOptionError(`${what} takes an object with options`);
  }
  const wrong = Object.keys(options).find((key) => !keys.includes(key));
  if (wrong !== undefined) {
    throw new InvalidOptionError(`${what} does not know ${wrong}; known are ${keys.join(', ')}`);
  }
}

/** Numbers from 0 up to 1 that follow from the seed alone: a linear congruential generator, good enough to choose bits. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 0x1_0000_0000;
  };
}
