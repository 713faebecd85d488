/** What the core tells of operations: which one a server hung up on, and which it has answered. */
import { describe, expect, it } from 'vitest';
import { ReadTimeoutError } from '../../../src/index.js';
import { LinkError, type ZkError } from '../../../src/protocol/errors.js';
import { operations } from '../../../src/protocol/operations.js';
import { CoreWorld, errorOf, type Fate } from '../../support/core-world.js';

const { whoAmI, getEphemerals } = operations;
const hangUp = (): ZkError => new LinkError('a:1', new Error('the server closed the connection'));

/** A session with an operation in flight that not every server knows. */
function inFlight(): { w: CoreWorld; fate: Fate } {
  const w = new CoreWorld();
  w.goLive();
  const fate = w.submit(whoAmI, {});
  w.flush();
  return { w, fate };
}

describe('a connection that ends with an operation in flight', () => {
  it('by the server: it hung up on that', () => {
    const { w, fate } = inFlight();
    w.core.ended(w.epoch, hangUp(), w.now);
    expect(w.hungUpOps).toEqual(['whoAmI silent']);
    expect(errorOf(fate)).toMatchObject({ code: 'ZK_CONNECTION_LOSS', outcome: 'unknown' });
  });

  it('by us: that says nothing of the server, and the next end does', () => {
    const { w, fate } = inFlight();
    w.core.reconnect(hangUp(), w.now);
    expect(w.hungUpOps).toEqual([]);
    expect(errorOf(fate)).toMatchObject({ code: 'ZK_CONNECTION_LOSS', outcome: 'unknown' });
    w.goLive();
    w.submit(whoAmI, {});
    w.flush();
    w.core.ended(w.epoch, hangUp(), w.now);
    expect(w.hungUpOps).toEqual(['whoAmI silent']);
  });

  it('says of a write that it may have been applied, and of a read nothing of the kind', () => {
    const w = new CoreWorld();
    w.goLive();
    const [read, write] = [w.get('/a'), w.set('/a')];
    w.flush();
    w.core.ended(w.epoch, hangUp(), w.now);
    expect(errorOf(read).message).not.toContain('applied');
    expect(errorOf(write).message).toContain('it may have been applied');
  });

  it('by the clock: that was no hang-up', () => {
    const { w, fate } = inFlight();
    w.advance(6000);
    expect(errorOf(fate).cause).toBeInstanceOf(ReadTimeoutError);
    expect(w.hungUpOps).toEqual([]);
  });
});

describe('an operation that is answered', () => {
  it('is told of once a connection, with a result or an error, and not if every server knows it', () => {
    const { w } = inFlight();
    for (const op of [whoAmI, getEphemerals]) w.submit(op, { prefixPath: '/' });
    w.get('/a');
    w.flush();
    const [first, second, third, read] = w.newRequests().map(({ xid }) => xid);
    w.reply(first!, { body: (out) => out.int(0) });
    expect(w.answeredOps).toEqual(['whoAmI']);
    w.reply(second!, { body: (out) => out.int(0) });
    expect(w.answeredOps).toEqual(['whoAmI']);
    w.reply(third!, { err: -102 });
    w.replyData(read!);
    expect(w.answeredOps).toEqual(['whoAmI', 'getEphemerals']);
    w.core.ended(w.epoch, hangUp(), w.now);
    w.goLive();
    w.submit(whoAmI, {});
    w.flush();
    w.reply(w.newRequests()[0]!.xid, { body: (out) => out.int(0) });
    expect(w.answeredOps).toEqual(['whoAmI', 'getEphemerals', 'whoAmI']);
  });
});
