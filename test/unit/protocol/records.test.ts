import { describe, expect, it } from 'vitest';
import { JuteReader, JuteWriter } from '../../../src/protocol/jute.js';
import {
  ACL_MIN_BYTES,
  readConnectResponse,
  readStat,
  REPLY_HEADER_BYTES,
  STAT_BYTES,
  writeAcl,
  writeReplyHeader,
  writeStat,
} from '../../../src/protocol/records.js';

const STAT = {
  czxid: 1n,
  mzxid: 2n,
  ctime: 3,
  mtime: 4,
  version: 5,
  cversion: 6,
  aversion: 7,
  ephemeralOwner: -8n,
  dataLength: 9,
  numChildren: 10,
  pzxid: 11n,
};

function size(write: (w: JuteWriter) => void): number {
  const w = new JuteWriter();
  write(w);
  return w.pos;
}

describe('sizes that others count on', () => {
  it('are those that are written', () => {
    expect(size((w) => writeStat(w, STAT))).toBe(STAT_BYTES);
    expect(size((w) => writeReplyHeader(w, 1, 2n, 3))).toBe(REPLY_HEADER_BYTES);
    expect(size((w) => writeAcl(w, { perms: 31, scheme: '', id: '' }))).toBe(ACL_MIN_BYTES);
  });
});

describe('Stat', () => {
  it('has its fields in the order of the wire', () => {
    const w = new JuteWriter();
    writeStat(w, STAT);
    const stat = readStat(new JuteReader(w.bytes()));
    expect(stat).toEqual(STAT);
    expect(Object.keys(stat)).toEqual(Object.keys(STAT));
  });

  it('keeps an owner whose top bit is set', () => {
    const owner = -(2n ** 63n) + 1n;
    const w = new JuteWriter();
    writeStat(w, { ...STAT, ephemeralOwner: owner });
    expect(readStat(new JuteReader(w.bytes())).ephemeralOwner).toBe(owner);
  });
});

describe('ConnectResponse', () => {
  it('of an old server has no read-only byte, which is not the same as false', () => {
    const old = Buffer.from(`0000000000007530${'00'.repeat(8)}00000000`, 'hex');
    expect(readConnectResponse(new JuteReader(old)).readOnly).toBeUndefined();
    expect(readConnectResponse(new JuteReader(Buffer.concat([old, Buffer.of(0)]))).readOnly).toBe(false);
    expect(readConnectResponse(new JuteReader(Buffer.concat([old, Buffer.of(1)]))).readOnly).toBe(true);
  });
});
