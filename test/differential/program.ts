/**
 * Programs that are played on two servers. Plain data, so that they can be printed, shrunk and kept in a file. In every
 * string `$` stands for the program's own node; `null` may stand wherever the wire has room for it.
 */
import { JuteWriter } from '../../src/protocol/jute.js';
import { operations, type OpName } from '../../src/protocol/operations.js';
import type { AnyOp } from '../../src/protocol/op.js';
import type { SaslToken } from './sasl.js';

/** Any request, as it stands in the record of its operation; bytes are strings, zxids counted from {@link Place.base}. */
export type Fields = Readonly<Record<string, unknown>>;

/** One request on the wire. */
export interface Call {
  readonly op: OpName;
  readonly q: Fields;
  /** So many bytes of the body are sent, if it is longer. */
  readonly cut?: number;
  /** So many bytes follow the body. */
  readonly more?: number;
}

/** Which client it is that does something. */
interface By {
  readonly by: number;
}

export type Command =
  | (By & { readonly do: 'call' } & Call)
  /** Several requests before the first reply is read. */
  | (By & { readonly do: 'burst'; readonly calls: readonly Call[] })
  /** A type that is not in the client's table; the body is a path if it begins with `$`, else hexadecimal. */
  | (By & { readonly do: 'odd'; readonly type: number; readonly body: string })
  | (By & { readonly do: 'auth'; readonly scheme: string | null; readonly auth: string | null })
  /** A step of SASL. */
  | (By & { readonly do: 'sasl'; readonly token: SaslToken })
  /** Attaches to its own session with a new connection; the old one may be cut before. */
  | (By & { readonly do: 'attach'; readonly cut: boolean; readonly passwd: 'right' | 'wrong' | 'none' })
  /** Ends the session; the next command opens another one. */
  | (By & { readonly do: 'close' })
  /** Opens a session in words of its own, in place of the one before, which is closed. */
  | (By & {
      readonly do: 'hello';
      readonly timeOut: number;
      /** Length of the password, -1 for none. */
      readonly passwd: number;
      /** Last zxid that was seen, counted from {@link Place.base}. */
      readonly seen: number;
    })
  /** Tries to attach to the session that it closed last. */
  | (By & { readonly do: 'ghost' })
  /** A four-letter word, on a socket of its own. */
  | (By & { readonly do: 'word'; readonly word: string })
  /** Bytes that are no frame, in hexadecimal. */
  | (By & { readonly do: 'raw'; readonly bytes: string })
  /**
   * The sessions of some expire, one after the other: they attach once more, with the shortest timeouts, and are silent.
   * Who is cut hangs up himself.
   */
  | { readonly do: 'expire'; readonly who: readonly { readonly by: number; readonly cut: boolean }[] }
  /** The same read by everybody at once. */
  | { readonly do: 'together'; readonly calls: readonly Call[] };

export type Program = readonly Command[];

/** Clients that a program may have. */
export const CLIENTS = 3;

/** What the strings and zxids of a program mean on one server. */
export interface Place {
  /** Path of the program's own node. */
  readonly root: string;
  /** zxid of its creation. */
  readonly base: bigint;
}

const BYTES: ReadonlySet<string> = new Set(['data', 'auth', 'token']);

/** The record that a codec takes. */
export function expand(value: unknown, place: Place, key = ''): unknown {
  if (typeof value === 'string') {
    return BYTES.has(key) ? Buffer.from(value, 'latin1') : value.replace('$', place.root);
  }
  if (key === 'relativeZxid' || key === 'curConfigId') return place.base + BigInt(value as number);
  if (Array.isArray(value)) return value.map((each) => expand(each, place));
  if (typeof value !== 'object' || value === null) return value;
  const fields = value as Fields;
  if (typeof fields['op'] === 'string') {
    return { op: operations[fields['op'] as OpName], request: expand(fields['q'], place) };
  }
  return Object.fromEntries(Object.entries(fields).map(([name, each]) => [name, expand(each, place, name)]));
}

/** A frame without its length. */
export function frameOf(call: Call, xid: number, place: Place): Buffer {
  const row: AnyOp = operations[call.op];
  const w = new JuteWriter();
  row.writeRequest(w, expand(call.q, place));
  const body = w.bytes();
  return framed(xid, row.code, [
    call.cut === undefined ? body : body.subarray(0, call.cut),
    Buffer.alloc(call.more ?? 0, 1),
  ]);
}

/** Body of a request that has no row. */
export function oddBody(body: string, { root }: Place): Buffer {
  if (!body.startsWith('$')) return Buffer.from(body, 'hex');
  const w = new JuteWriter();
  w.ustring(body.replace('$', root));
  return w.bytes();
}

/** Header and body. */
export function framed(xid: number, type: number, body: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(8);
  head.writeInt32BE(xid, 0);
  head.writeInt32BE(type, 4);
  return Buffer.concat([head, ...body]);
}

/** How many requests and handshakes it has. */
export function sizeOf(program: Program): number {
  return program.reduce((sum, command) => sum + ('calls' in command ? command.calls.length : 1), 0);
}

/** One command a line. */
export function printed(program: Program): string {
  return program.map((command, i) => `${String(i).padStart(3)}  ${JSON.stringify(command)}`).join('\n');
}
