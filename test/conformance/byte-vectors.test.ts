/** Whole frames, byte by byte, as they are seen between Java's client and server. */
import { describe, expect, it } from 'vitest';
import { OPEN_ACL_UNSAFE } from '../../src/protocol/acls.js';
import { Xid } from '../../src/protocol/constants.js';
import { FrameDecoder } from '../../src/protocol/frame.js';
import { JuteReader, JuteWriter } from '../../src/protocol/jute.js';
import type { AnyOp } from '../../src/protocol/op.js';
import { operations } from '../../src/protocol/operations.js';
import {
  readConnectRequest,
  readConnectResponse,
  readWatcherEvent,
  writeConnectRequest,
  writeConnectResponse,
  writeReplyHeader,
  writeWatcherEvent,
} from '../../src/protocol/records.js';

/** Bytes from hex with blanks; `pq*n` is n times the byte pq. */
function hex(text: string): Buffer {
  const plain = text.replace(/([0-9a-f]{2})\*(\d+)/g, (_all, byte: string, n: string) =>
    byte.repeat(Number(n)),
  );
  const digits = plain.replace(/[\s|]/g, '');
  expect(digits).toMatch(/^([0-9a-f]{2})+$/);
  return Buffer.from(digits, 'hex');
}

function frame(write: (w: JuteWriter) => void): Buffer {
  const w = new JuteWriter(4);
  w.int(0);
  write(w);
  w.intAt(0, w.pos - 4);
  return w.bytes();
}

function request(xid: number, op: AnyOp, q: unknown): Buffer {
  return frame((w) => {
    w.int(xid);
    w.int(op.code);
    op.writeRequest(w, q);
  });
}

function reply(xid: number, zxid: bigint, op: AnyOp, p: unknown): Buffer {
  return frame((w) => {
    writeReplyHeader(w, xid, zxid, 0);
    op.writeResponse(w, p);
  });
}

/** A reader on the one frame that the bytes hold. */
function open(bytes: Buffer): JuteReader {
  const decoder = new FrameDecoder(1024);
  decoder.push(bytes);
  expect(decoder.next()).toBe(true);
  const r = new JuteReader();
  r.reset(decoder.buf, decoder.start, decoder.end, decoder.owned);
  expect(r.end).toBe(bytes.length);
  return r;
}

const ZEROS = Buffer.alloc(16);

describe('handshake', () => {
  const newSession = {
    protocolVersion: 0,
    lastZxidSeen: 0n,
    timeOut: 30000,
    sessionId: 0n,
    passwd: ZEROS,
    readOnly: false,
  };
  const body = '00000000 0000000000000000 00007530 0000000000000000 00000010 00*16';

  it('ConnectRequest of a new session', () => {
    const bytes = hex(`0000002d ${body} 00`);
    expect(frame((w) => writeConnectRequest(w, newSession))).toEqual(bytes);
    expect(readConnectRequest(open(bytes))).toEqual(newSession);
  });

  it('ConnectRequest of a client up to 3.3', () => {
    const bytes = hex(`0000002c ${body}`);
    const old = { ...newSession, readOnly: undefined };
    expect(frame((w) => writeConnectRequest(w, old))).toEqual(bytes);
    expect(readConnectRequest(open(bytes))).toEqual(old);
  });

  it('ConnectResponse of an accepted session', () => {
    const bytes = hex('00000025 00000000 00007530 1000000000000001 00000010 ab*16 00');
    const accepted = {
      protocolVersion: 0,
      timeOut: 30000,
      sessionId: 0x1000000000000001n,
      passwd: Buffer.alloc(16, 0xab),
      readOnly: false,
    };
    expect(frame((w) => writeConnectResponse(w, accepted))).toEqual(bytes);
    expect(readConnectResponse(open(bytes))).toEqual(accepted);
  });

  it('ConnectResponse that says that the session has expired', () => {
    const bytes = hex('00000025 00000000 00000000 0000000000000000 00000010 00*16 00');
    const expired = { protocolVersion: 0, timeOut: 0, sessionId: 0n, passwd: ZEROS, readOnly: false };
    expect(frame((w) => writeConnectResponse(w, expired))).toEqual(bytes);
    expect(readConnectResponse(open(bytes))).toEqual(expired);
  });
});

describe('requests and replies', () => {
  it('ping', () => {
    expect(request(Xid.PING, operations.ping, {})).toEqual(hex('00000008 fffffffe 0000000b'));
    expect(reply(Xid.PING, 0x1234n, operations.ping, {})).toEqual(
      hex('00000010 fffffffe 0000000000001234 00000000'),
    );
  });

  it('closeSession', () => {
    expect(request(9, operations.closeSession, {})).toEqual(hex('00000008 00000009 fffffff5'));
    expect(reply(9, 0x1234n, operations.closeSession, {})).toEqual(
      hex('00000010 00000009 0000000000001234 00000000'),
    );
  });

  it('create', () => {
    const q = { path: '/a', data: Buffer.from('x'), acl: OPEN_ACL_UNSAFE, flags: 0 };
    const bytes = hex(
      '00000032 00000001 00000001 00000002 2f61 00000001 78 00000001 0000001f 00000005 776f726c64' +
        '00000006 616e796f6e65 00000000',
    );
    expect(request(1, operations.create, q)).toEqual(bytes);
    const r = open(bytes);
    expect([r.int(), r.int()]).toEqual([1, 1]);
    expect(operations.create.readRequest(r)).toEqual(q);
    expect(reply(1, 7n, operations.create, { path: '/a' })).toEqual(
      hex('00000016 00000001 0000000000000007 00000000 00000002 2f61'),
    );
  });

  it('exists without a node', () => {
    expect(frame((w) => writeReplyHeader(w, 3, 7n, -101))).toEqual(
      hex('00000010 00000003 0000000000000007 ffffff9b'),
    );
  });

  it('a notification', () => {
    const bytes = hex('0000001e ffffffff 0000000000000005 00000000 00000003 00000003 00000002 2f61');
    const event = { type: 3, state: 3, path: '/a' };
    const written = frame((w) => {
      writeReplyHeader(w, Xid.NOTIFICATION, 5n, 0);
      writeWatcherEvent(w, event);
    });
    expect(written).toEqual(bytes);
    const r = open(bytes);
    expect([r.int(), r.long(), r.int()]).toEqual([-1, 5n, 0]);
    expect(readWatcherEvent(r)).toEqual(event);
  });

  it('auth', () => {
    const q = { type: 0, scheme: 'digest', auth: Buffer.from('u:p') };
    expect(request(Xid.AUTH, operations.auth, q)).toEqual(
      hex('0000001d fffffffc 00000064 00000000 00000006 646967657374 00000003 753a70'),
    );
  });
});

describe('multi', () => {
  it('check and delete', () => {
    const q = {
      ops: [
        { op: operations.check, request: { path: '/a', version: 0 } },
        { op: operations.delete, request: { path: '/a', version: -1 } },
      ],
    };
    const bytes = hex(
      '00000037 00000002 0000000e | 0000000d 00 ffffffff | 00000002 2f61 00000000 |' +
        '00000002 00 ffffffff | 00000002 2f61 ffffffff | ffffffff 01 ffffffff',
    );
    expect(request(2, operations.multi, q)).toEqual(bytes);
    const r = open(bytes);
    expect([r.int(), r.int()]).toEqual([2, 14]);
    expect(operations.multi.readRequest(r)).toEqual(q);
  });

  it('the results of one that failed', () => {
    const p = {
      results: [
        { errno: 0, op: null, response: null },
        { errno: -101, op: null, response: null },
      ],
    };
    const bytes = hex('ffffffff 00 00000000 00000000 | ffffffff 00 ffffff9b ffffff9b | ffffffff 01 ffffffff');
    const w = new JuteWriter();
    operations.multi.writeResponse(w, p);
    expect(w.bytes()).toEqual(bytes);
    expect(operations.multi.readResponse(new JuteReader(bytes))).toEqual(p);
  });
});
