/** The subject of a certificate as Java writes it (`X500Principal.getName`, RFC 2253): the id of the scheme `x509`. */

/** Of the types of attributes those that have a name in RFC 2253; others are written as numbers. */
const KEYWORDS: ReadonlyMap<string, string> = new Map([
  ['2.5.4.3', 'CN'],
  ['2.5.4.6', 'C'],
  ['2.5.4.7', 'L'],
  ['2.5.4.8', 'ST'],
  ['2.5.4.9', 'STREET'],
  ['2.5.4.10', 'O'],
  ['2.5.4.11', 'OU'],
  ['0.9.2342.19200300.100.1.1', 'UID'],
  ['0.9.2342.19200300.100.1.25', 'DC'],
]);

/** Tags of values that are written as text: UTF8, Printable, T61, IA5, General, Universal and BMP strings. */
const TEXTS: ReadonlySet<number> = new Set([0x0c, 0x13, 0x14, 0x16, 0x1b, 0x1c, 0x1e]);

const EXPLICIT_VERSION = 0xa0;

/** One element of DER: its tag, and where its content is. */
interface Element {
  readonly tag: number;
  readonly at: number;
  readonly start: number;
  readonly end: number;
}

/**
 * @param der a certificate that was found to be one
 * @returns its parts from the last to the first, as `CN=me,OU=tests,O=zk-conn`
 */
export function subjectName(der: Uint8Array): string {
  const bytes = Buffer.from(der.buffer, der.byteOffset, der.byteLength);
  const [certificate] = elements(bytes, 0, bytes.length);
  const [body] = inside(bytes, certificate);
  const fields = inside(bytes, body);
  // version, serial number, algorithm, issuer, validity, subject; the first may be left out
  const subject = fields[fields[0]?.tag === EXPLICIT_VERSION ? 5 : 4];
  return inside(bytes, subject)
    .map((part) =>
      inside(bytes, part)
        .map((pair) => attribute(bytes, pair))
        .join('+'),
    )
    .reverse()
    .join(',');
}

function attribute(bytes: Buffer, pair: Element): string {
  const [type, value] = inside(bytes, pair) as [Element, Element];
  const oid = oidOf(bytes.subarray(type.start, type.end));
  const keyword = KEYWORDS.get(oid);
  if (keyword === undefined || !TEXTS.has(value.tag)) {
    return `${keyword ?? oid}=#${bytes.toString('hex', value.at, value.end)}`;
  }
  // whatever its type says, its bytes are taken for UTF-8
  return `${keyword}=${escaped(bytes.toString('utf8', value.start, value.end))}`;
}

function escaped(text: string): string {
  const blanksBefore = /^[ \r]*/.exec(text)?.[0].length ?? 0;
  const blanksBehind = /[ \r]*$/.exec(text)?.[0].length ?? 0;
  let name = '';
  for (let i = 0; i < text.length; i++) {
    const isAtAnEnd = i < blanksBefore || i >= text.length - blanksBehind;
    const char = text.charAt(i);
    if (char === '\0') name += '\\00';
    else name += isAtAnEnd || ',=+<>#;"\\'.includes(char) ? `\\${char}` : char;
  }
  return name;
}

/** `1.2.840.113549.1.9.1`; its numbers may have any size. */
function oidOf(bytes: Uint8Array): string {
  const numbers: bigint[] = [];
  let number = 0n;
  for (const byte of bytes) {
    number = (number << 7n) | BigInt(byte & 0x7f);
    if (byte < 0x80) {
      numbers.push(number);
      number = 0n;
    }
  }
  // the first two are one
  const [first = 0n, ...rest] = numbers;
  const root = first < 80n ? first / 40n : 2n;
  return [root, first - root * 40n, ...rest].join('.');
}

function inside(bytes: Buffer, element: Element | undefined): readonly Element[] {
  return element === undefined ? [] : elements(bytes, element.start, element.end);
}

function elements(bytes: Buffer, from: number, to: number): readonly Element[] {
  const found: Element[] = [];
  for (let at = from; at < to;) {
    const length = bytes.readUInt8(at + 1);
    // above 0x80 the length is in so many bytes behind it
    const more = length > 0x80 ? length - 0x80 : 0;
    const start = at + 2 + more;
    const end = start + (more === 0 ? length : bytes.readUIntBE(at + 2, more));
    found.push({ tag: bytes.readUInt8(at), at, start, end });
    at = end;
  }
  return found;
}
