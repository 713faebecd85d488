/** Data that is stored as gzip, as Curator's `compressed()` does. */
import { kMaxLength } from 'node:buffer';
import { constants, gunzipSync, gzipSync } from 'node:zlib';
import { DecodeError, InvalidOptionError } from '../protocol/errors.js';
import { toData, type ZnodeData } from './arguments.js';
import { asObject, refuseUnknownKeys } from './options.js';

/** Options of {@link decompress}. */
export interface DecompressOptions {
  /** Longest result, bytes; a few bytes of gzip can stand for very many. Default: 16 MiB. */
  readonly maxBytes?: number | undefined;
}

const MAX_BYTES = 16 * 1024 * 1024;

/**
 * Makes gzip of data, for any call that writes: `conn.set('/a', compress(text))`. null stays null. It takes some
 * milliseconds for a megabyte, and nothing else runs meanwhile.
 * @throws InvalidArgumentError
 */
export function compress(data: ZnodeData): Buffer | null {
  const bytes = toData(data, 'compress', undefined);
  return bytes === null ? null : gzipSync(bytes, { level: constants.Z_DEFAULT_COMPRESSION });
}

/**
 * What was compressed: `decompress((await conn.get('/a')).data)`. null stays null.
 * @throws DecodeError if it is no gzip, or holds more than `maxBytes`; InvalidArgumentError, InvalidOptionError
 */
export function decompress(data: Uint8Array | null, options?: DecompressOptions): Buffer | null {
  const given = asObject(options ?? {}, 'the options of decompress');
  refuseUnknownKeys(given, ['maxBytes'], 'option of decompress');
  const { maxBytes = MAX_BYTES } = given;
  if (typeof maxBytes !== 'number' || !Number.isSafeInteger(maxBytes) || maxBytes < 1) {
    throw new InvalidOptionError('maxBytes must be a whole number of bytes, 1 or more');
  }
  // no Buffer is longer
  const maxOutputLength = Math.min(maxBytes, kMaxLength);
  const bytes = toData(data, 'decompress', undefined);
  if (bytes === null) return null;
  try {
    return gunzipSync(bytes, { maxOutputLength });
  } catch (cause) {
    const isTooLong = (cause as Partial<NodeJS.ErrnoException>).code === 'ERR_BUFFER_TOO_LARGE';
    const text = isTooLong ? `the data is longer than maxBytes (${maxOutputLength})` : 'the data is no gzip';
    throw new DecodeError(text, { op: 'decompress', cause });
  }
}
