/** How values are shown: 64-bit numbers, and text that comes from elsewhere. JSON has no 64-bit integers; zxids and session ids are written the way ZooKeeper's own tools print them. */

/** `0x` and the digits of an unsigned 64-bit number. */
export function hex(value: bigint): string {
  return `0x${BigInt.asUintN(64, value).toString(16)}`;
}

/** A `toJSON` for objects with 64-bit fields. */
export function toReadableJson(this: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(this).map(([key, value]: [string, unknown]) => [
      key,
      typeof value === 'bigint' ? hex(value) : value,
    ]),
  );
}

/** Gives an object, or a prototype, that `toJSON`, unseen by loops and comparisons. */
export function withReadableJson<T extends object>(target: T): T {
  return Object.defineProperty(target, 'toJSON', { value: toReadableJson });
}

/** What would move the cursor, end a line or change colours on a terminal. */
// eslint-disable-next-line no-control-regex -- that is the point of it
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

/** Text of a peer as a line of a log may show it: whatever it holds, it stays one line and plain text. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
