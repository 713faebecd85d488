/**
 * Reads requests as Java does, which takes what a good client never sends: text that is no UTF-8, null where a
 * string must be, and less than no elements. The client's own reader refuses both.
 */
import { isUtf8 } from 'node:buffer';
import { JuteReader } from '../protocol/jute.js';
import { refuse } from './refusal.js';

/**
 * Stands for a null string. It is half a surrogate pair, which no bytes decode to: so it is no valid path, no scheme, and
 * equal to nothing else that was read. Where Java stumbles over a null, that is asked for with {@link present}.
 */
export const NULL_STRING = '\ud800';

/**
 * The text, used in a way that a null cannot be: Java has a NullPointerException there.
 * @throws Refusal Marshalling, which is how any such exception is answered
 */
export function present(text: string): string {
  return text === NULL_STRING ? refuse('Marshalling') : text;
}

/** Half a surrogate pair in UTF-8, cut short or not: one mistake for Java, one per byte for Node. */
const ENCODED_SURROGATE = /\xed[\xa0-\xbf][\x80-\xbf]?/g;

/** Bytes as text, with U+FFFD for what is no UTF-8 (Java `new String(bytes, UTF_8)`). */
export function lenientText(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isUtf8(buffer)) return buffer.toString('utf8');
  const mended = buffer.toString('latin1').replace(ENCODED_SURROGATE, '\xff');
  return Buffer.from(mended, 'latin1').toString('utf8');
}

/** A reader that has no objection to any string that is all there. */
export class ServerReader extends JuteReader {
  protected override decodeBadUtf8(bytes: Buffer): string {
    return lenientText(bytes);
  }

  /** Java counts down from it, and so reads nothing (`BinaryInputArchive.startVector`). */
  protected override absurdCount(): number {
    return 0;
  }

  override ustring(): string {
    return this.ustringOrNull() ?? NULL_STRING;
  }
}
