/** Hard limits, where the server enforces them. Each of these was seen on ZooKeeper 3.8.0 and 3.9.3. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect, op, ZkError, type Conn } from '../../../src/index.js';
import { MiniServer } from '../../../src/testing/mini-server.js';

const QUOTA_EXCEEDED = -125;

let server: MiniServer;
let conn: Conn;

beforeEach(async () => {
  server = await MiniServer.start({ enforceQuota: true });
  conn = await connect(server.connectString);
  await conn.create('/q', 'abc');
  await conn.create('/q/x', 'abcd');
});

afterEach(async () => {
  await conn.deleteRecursive('/q');
  await conn.deleteRecursive('/zookeeper/quota/q');
  await conn.close();
  await server.close();
});

async function limit(limits: string, path = '/q'): Promise<void> {
  await conn.ensurePath(`/zookeeper/quota${path}`);
  await conn.create(`/zookeeper/quota${path}/zookeeper_limits`, limits);
  await conn.create(`/zookeeper/quota${path}/zookeeper_stats`, 'count=0,bytes=0');
}

async function errnoOf(promise: Promise<unknown>): Promise<number | undefined> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error === undefined) return 0;
  return ZkError.is(error) ? error.errno : Number.NaN;
}

describe('a hard limit', () => {
  it('of nodes lets so many be and no more', async () => {
    await limit('count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=3');
    expect(await errnoOf(conn.create('/q/y'))).toBe(0);
    expect(await errnoOf(conn.create('/q/z'))).toBe(QUOTA_EXCEEDED);
    expect(await errnoOf(conn.create('/q/s-', null, { mode: 'EPHEMERAL_SEQUENTIAL' }))).toBe(QUOTA_EXCEEDED);
    expect(await errnoOf(conn.set('/q/y', 'as long as it likes'))).toBe(0);
    await conn.delete('/q/y');
    expect(await errnoOf(conn.create('/q/z'))).toBe(0);
  });

  it('of bytes lets so many be and no more', async () => {
    await limit('count=-1,bytes=-1=;byteHardLimit=9;countHardLimit=-1');
    expect(await errnoOf(conn.create('/q/y', '12'))).toBe(0);
    expect(await errnoOf(conn.create('/q/z', '1'))).toBe(QUOTA_EXCEEDED);
    expect(await errnoOf(conn.create('/q/z'))).toBe(0);
    expect(await errnoOf(conn.set('/q', 'abcd'))).toBe(QUOTA_EXCEEDED);
    expect(await errnoOf(conn.set('/q', 'xyz'))).toBe(0);
    expect(await errnoOf(conn.set('/q', ''))).toBe(0);
    expect(await errnoOf(conn.set('/q', 'abc'))).toBe(0);
    expect(await errnoOf(conn.set('/q/x', null))).toBe(0);
  });

  it('that is passed already refuses also what makes it less, but not enough, and nothing that leaves it', async () => {
    await limit('count=-1,bytes=-1=;byteHardLimit=5;countHardLimit=1');
    expect(await errnoOf(conn.set('/q', 'ab'))).toBe(QUOTA_EXCEEDED);
    expect(await errnoOf(conn.set('/q', 'xyz'))).toBe(0);
    expect(await errnoOf(conn.create('/q/y'))).toBe(QUOTA_EXCEEDED);
    expect(await errnoOf(conn.set('/q', 'a'))).toBe(0);
    expect(await errnoOf(conn.delete('/q/x'))).toBe(0);
  });

  it('is held against what was there before a multi, operation by operation', async () => {
    await limit('count=-1,bytes=-1=;byteHardLimit=9;countHardLimit=3');
    const twice = conn.multi([op.create('/q/y', '12'), op.create('/q/z', '12')]);
    expect(await errnoOf(twice)).toBe(0);
    expect(await errnoOf(conn.create('/q/w'))).toBe(QUOTA_EXCEEDED);
    expect(String((await conn.get('/zookeeper/quota/q/zookeeper_stats')).data)).toBe('count=4,bytes=11');
  });

  it('comes before the version, and behind all else', async () => {
    await limit('count=-1,bytes=-1=;byteHardLimit=1;countHardLimit=1');
    expect(await errnoOf(conn.set('/q', 'abcdef', 7))).toBe(QUOTA_EXCEEDED);
    expect(await errnoOf(conn.set('/q/none', 'abcdef'))).toBe(-101);
    expect(await errnoOf(conn.create('/q/x'))).toBe(-110);
    expect(await errnoOf(conn.create('/q/none/x'))).toBe(-101);
  });

  it('holds in a multi, as a whole', async () => {
    await limit('count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=2');
    expect(await errnoOf(conn.multi([op.set('/q', 'new'), op.create('/q/y')]))).toBe(QUOTA_EXCEEDED);
    expect(String((await conn.get('/q')).data)).toBe('abc');
  });

  it('without the usage beside it holds from nothing on', async () => {
    await conn.ensurePath('/zookeeper/quota/q');
    await conn.create(
      '/zookeeper/quota/q/zookeeper_limits',
      'count=-1,bytes=-1=;byteHardLimit=5;countHardLimit=-1',
    );
    expect(await errnoOf(conn.create('/q/y', '12345'))).toBe(0);
  });
});

it('a soft limit is not enforced', async () => {
  await limit('count=1,bytes=1');
  expect(await errnoOf(conn.create('/q/y', 'abcdef'))).toBe(0);
});
