/**
 * What came back, as lines of text that are the same on two servers if the servers are: zxids are counted from the
 * program's first, sessions numbered, times left out, what is in no order sorted.
 */
import { errorName } from '../../src/protocol/error-codes.js';
import { JuteReader } from '../../src/protocol/jute.js';
import type { MultiResult } from '../../src/protocol/multi.js';
import type { AnyOp } from '../../src/protocol/op.js';
import { readWatcherEvent, type Acl, type ConnectResponse } from '../../src/protocol/records.js';
import { decodeReply, type RawReply } from '../support/raw-client.js';
import type { Call, Place } from './program.js';

/** Numbers the sessions of one program and makes lines of frames. */
export class Scribe {
  private readonly sessions = new Map<bigint, string>([[0n, '-']]);

  constructor(private readonly place: Place) {}

  /** A zxid as the distance from the program's first. */
  zxid(zxid: bigint): string {
    if (zxid === 0n || zxid === -1n) return String(zxid);
    return zxid < this.place.base ? 'old' : `+${zxid - this.place.base}`;
  }

  /** The answer to a handshake. */
  greeting(response: ConnectResponse | null): string {
    if (response === null) return 'greeting: hung up';
    const { protocolVersion, timeOut, sessionId, passwd, readOnly } = response;
    const shown = { protocolVersion, timeOut, passwd: passwd?.length ?? null, readOnly };
    if (timeOut > 0) this.open(sessionId);
    return `greeting: ${this.session(sessionId)} ${JSON.stringify(shown)}`;
  }

  /** A reply to a request of `row`; null if nobody knows how to read its body. */
  reply(row: AnyOp | null, frame: Buffer | null, masked: boolean): string {
    if (frame === null) return 'hung up';
    const { xid, zxid, errno, body } = decodeReply(frame);
    const error = errno === 0 ? 'ok' : (errorName(errno) ?? errno);
    return `reply ${xid} ${row?.name ?? 'odd'} at ${this.zxid(zxid)}: ${error}${this.body(row, { errno, body }, masked)}`;
  }

  /** Groups of lines, a head and what is indented below it; neither has an order. */
  word(answer: string): string {
    const section = /^Sessions with Ephemerals[^]*(?=^Connections dump:)/m.exec(answer);
    const groups: string[][] = [];
    for (const line of (section?.[0] ?? answer).split('\n')) {
      const shown = this.text(line).replace(/0x[0-9a-f]+/, (id) => this.session(BigInt(id)));
      const last = groups.at(-1);
      if (line.startsWith('\t') && last !== undefined) last.push(shown);
      else groups.push([shown]);
    }
    return `word ${JSON.stringify(groups.map(([head = '', ...rest]) => [head, ...rest.sort()].join()).sort())}`;
  }

  event(frame: Buffer): string {
    const { zxid, errno, body } = decodeReply(frame);
    const r = new JuteReader(body);
    const { type, state, path } = readWatcherEvent(r);
    return `event ${type} ${this.text(path)} state ${state} err ${errno} at ${this.zxid(zxid)}${this.rest(r)}`;
  }

  /** What follows the header of a reply. */
  body(row: AnyOp | null, { errno, body }: Pick<RawReply, 'errno' | 'body'>, masked = false): string {
    if (body.length === 0 && (errno !== 0 || row === null)) return '';
    const r = new JuteReader(body);
    try {
      const response: unknown = row?.readResponse(r);
      return masked ? ' …' : ` ${this.show(response)}${this.rest(r)}`;
    } catch {
      return ` unreadable ${body.toString('hex')}`;
    }
  }

  private rest(r: JuteReader): string {
    return r.remaining === 0 ? '' : ` and ${r.remaining} bytes`;
  }

  private show(value: unknown): string {
    return value === undefined ? 'nothing' : JSON.stringify(this.masked(value));
  }

  private masked(value: unknown, key = ''): unknown {
    if (typeof value === 'bigint') return key === 'ephemeralOwner' ? this.session(value) : this.zxid(value);
    if (key === 'ctime' || key === 'mtime') return value === 0 ? 0 : 'time';
    if (typeof value === 'string') return this.text(value);
    if (Buffer.isBuffer(value)) return this.text(value.toString('latin1'));
    if (typeof value !== 'object' || value === null) return value;
    if (!Array.isArray(value)) {
      return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, this.masked(each, name)]));
    }
    if (key === 'results') return (value as MultiResult[]).map((each) => this.result(each));
    if (key === 'acl') return aclInOrder(value as Acl[]).map((each) => this.masked(each));
    const all = value.map((each) => this.masked(each));
    return UNORDERED.has(key) ? all.map((each) => JSON.stringify(each)).sort() : all;
  }

  private result({ errno, op, response }: MultiResult): unknown {
    return op === null ? (errorName(errno) ?? errno) : { [op.name]: this.masked(response) };
  }

  private text(text: string): string {
    return text.replaceAll(this.place.root, '$');
  }

  private open(id: bigint): void {
    if (!this.sessions.has(id)) this.sessions.set(id, `session ${this.sessions.size}`);
  }

  private session(id: bigint): string {
    return this.sessions.get(id) ?? 'strange session';
  }
}

/** Lists that a real server keeps in hash sets. */
const UNORDERED: ReadonlySet<string> = new Set(['children', 'ephemerals', 'clientInfo']);

/** Identities that `auth` stands for come from a hash set, next to each other and with the same permissions. */
function aclInOrder(acl: readonly Acl[]): readonly Acl[] {
  const sorted: Acl[] = [];
  for (let from = 0, to = 0; from < acl.length; from = to) {
    const isLike = ({ scheme, perms }: Acl): boolean =>
      scheme === acl[from]?.scheme && perms === acl[from]?.perms;
    while (to < acl.length && isLike(acl[to] as Acl)) to++;
    sorted.push(...acl.slice(from, to).sort((a, b) => (a.id < b.id ? -1 : 1)));
  }
  return sorted;
}

const PUBLIC: ReadonlySet<unknown> = new Set(['/', '', '/zookeeper/quota']);

/** Answers about the root change with what other programs do, and so does the whole of which they are a part. */
export function isMasked({ q }: Call): boolean {
  if (Array.isArray(q['ops'])) return (q['ops'] as Call[]).some(isMasked);
  return PUBLIC.has(q['path']);
}
