/** Bytes that no honest server sends, made at random from a seed. */
import { JuteWriter } from '../../../src/protocol/jute.js';
import { framed, notification, replyFrame } from '../../support/core-world.js';
import { GOLDEN, HANDSHAKES, type Golden } from './golden.js';

/** Some frames in a row. */
export interface Burst {
  readonly kind: string;
  readonly bytes: Buffer;
  readonly frames: number;
  /** They come before there is a session. */
  readonly handshake: boolean;
}

const XIDS = [-1, -2, -4, -8, -9, -100, 0, 1, 2, 3, 4, 5, 77, 0x7fffffff, -0x80000000] as const;
const NUMBERS = [
  -1, -2, 0, 1, 2, 4, 13, 15, 16, 100, 0xffff, 0x10000, 0x7fffffff, -0x80000000, 0x01010101,
] as const;
const LENGTHS = [-1, -2, -0x80000000, 0, 1, 3, 15, 16, 17, 0xfffff, 0x100000, 0x100001, 0x7fffffff] as const;
/** What other servers begin with. */
export const STRANGERS: readonly (readonly [string, Buffer])[] = [
  ['HTTP', Buffer.from('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')],
  ['TLS alert', Buffer.from([0x15, 3, 3, 0, 2, 2, 40])],
  ['TLS handshake', Buffer.from([0x16, 3, 3, 0, 74, 2, 0, 0, 70, 3, 3])],
  ['SSH', Buffer.from('SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n')],
  ['Redis', Buffer.from("-ERR unknown command '\0\0\0'\r\n")],
  ['SMTP', Buffer.from('220 mail.example.org ESMTP Postfix\r\n')],
  ['a word', Buffer.from('This ZooKeeper instance is not currently serving requests\n')],
];

const BAD_TEXT = [
  [0xff],
  [0xc0, 0xaf],
  [0xe2, 0x82],
  [0xf0, 0x28, 0x8c, 0xbc],
  [0xed, 0xa0, 0x80],
  [0x2f, 0x80],
  [0x2f, 0xc3],
].map((bytes) => Buffer.from(bytes));

export class Noise {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** mulberry32 */
  private next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  }

  below(n: number): number {
    return Math.floor(this.next() * n);
  }

  coin(): boolean {
    return this.next() < 0.5;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  golden(): Golden {
    return this.pick(GOLDEN);
  }

  private bytes(most: number): Buffer {
    const bytes = Buffer.alloc(this.below(most + 1));
    for (let i = 0; i < bytes.length; i++) bytes[i] = this.below(256);
    return bytes;
  }

  burst(): Burst {
    const make = this.pick(this.makers);
    return make();
  }

  private several(kind: string, make: () => Buffer, handshake = false): Burst {
    const list = Array.from({ length: 1 + this.below(6) }, make);
    return { kind, bytes: Buffer.concat(list), frames: list.length, handshake };
  }

  private readonly makers: readonly (() => Burst)[] = [
    () => this.several('random bytes', () => this.frame(this.bytes(80))),
    () => this.several('random reply', () => this.reply()),
    () => this.several('wrong xid', () => this.withXid(this.golden().bytes, this.pick(XIDS))),
    () => this.several('number replaced', () => this.replaced(this.golden().bytes)),
    () => this.several('out of order', () => this.golden().bytes),
    () => this.several('absurd length', () => this.absurd()),
    () => this.several('absurd count', () => this.counted()),
    () => this.several('bad text', () => this.badText()),
    () => this.flood(),
    () => {
      const [, bytes] = this.pick(STRANGERS);
      return { kind: 'another protocol', bytes, frames: 1, handshake: this.coin() };
    },
    () => this.several('random handshake', () => this.frame(this.bytes(60)), true),
    () => this.several('handshake replaced', () => this.replaced(this.pick(HANDSHAKES).bytes), true),
  ];

  private frame(body: Buffer): Buffer {
    const w = new JuteWriter();
    for (const byte of body) w.bool(byte === 1);
    const frame = framed(w);
    body.copy(frame, 4);
    return frame;
  }

  private reply(): Buffer {
    const body = Buffer.concat(
      Array.from({ length: this.below(12) }, () => (this.coin() ? this.number() : this.bytes(9))),
    );
    const zxid = BigInt(this.pick(NUMBERS)) * (this.coin() ? 1n : 0x1_0000_0000n);
    const head = replyFrame(this.pick(XIDS), {
      zxid,
      err: this.coin() ? 0 : this.pick([-101, -4, -122, 5, -115]),
    });
    return this.frame(Buffer.concat([head.subarray(4), body]));
  }

  private number(): Buffer {
    const four = Buffer.alloc(4);
    four.writeInt32BE(this.pick(NUMBERS));
    return four;
  }

  private withXid(bytes: Buffer, xid: number): Buffer {
    const other = Buffer.from(bytes);
    other.writeInt32BE(xid, 4);
    return other;
  }

  /** Another number in the place of any, but the length stays true. */
  private replaced(bytes: Buffer): Buffer {
    const other = Buffer.from(bytes);
    for (let i = 0; i <= this.below(2); i++)
      other.writeInt32BE(this.pick(NUMBERS), 4 + this.below(other.length - 7));
    return other;
  }

  private absurd(): Buffer {
    const frame = Buffer.concat([this.number(), this.golden().bytes.subarray(4)]);
    frame.writeInt32BE(this.pick(LENGTHS));
    return frame;
  }

  private counted(): Buffer {
    const body = Buffer.concat([this.number(), this.number(), this.bytes(40)]);
    return this.frame(Buffer.concat([replyFrame(this.pick([2, 3])).subarray(4), body]));
  }

  private badText(): Buffer {
    const text = this.pick(BAD_TEXT);
    const body = Buffer.concat([Buffer.from([0, 0, 0, text.length]), text, this.bytes(70)]);
    const head = replyFrame(this.pick([2, 3]), {}).subarray(4);
    if (this.coin()) return this.frame(Buffer.concat([head, body]));
    const event = Buffer.concat([Buffer.from([0, 0, 0, 1, 0, 0, 0, 3]), body]);
    return this.frame(Buffer.concat([replyFrame(-1).subarray(4), event]));
  }

  private flood(): Burst {
    const count = 20 + this.below(40);
    const one = this.coin() ? notification(1 + this.below(4), '/before') : replyFrame(-2);
    return {
      kind: 'flood',
      bytes: Buffer.concat(Array<Buffer>(count).fill(one)),
      frames: count,
      handshake: false,
    };
  }

  /** The same bytes, as a socket may give them. */
  *chunks(bytes: Buffer): Generator<Buffer> {
    const size = this.pick([1, 3, 16, 100, 1 << 20]);
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }
}
