import { inspect } from 'node:util';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Errno } from '../../../src/protocol/error-codes.js';
import { AuthFailedError, XidMismatchError, type ZkError } from '../../../src/protocol/errors.js';
import { JuteReader } from '../../../src/protocol/jute.js';
import { operations } from '../../../src/protocol/operations.js';
import { Credential, Credentials, type AuthWaiter } from '../../../src/session/credentials.js';
import { closedFate } from '../../../src/session/fates.js';
import { Outbox } from '../../../src/session/outbox.js';

/** Keeps what it is told. */
class Waiter implements AuthWaiter {
  readonly heard: ('ok' | ZkError)[] = [];

  resolve(): void {
    this.heard.push('ok');
  }

  reject(error: ZkError): void {
    this.heard.push(error);
  }

  /** In short: the code and the outcome of an error. */
  get news(): string[] {
    return this.heard.map((each) => (each === 'ok' ? each : `${each.code} ${each.outcome}`));
  }
}

let credentials: Credentials;
let out: Outbox;

beforeEach(() => {
  credentials = new Credentials();
  out = new Outbox();
});

function add(text: string, deadline = Infinity, scheme = 'digest'): { write: () => void; waiter: Waiter } {
  const waiter = new Waiter();
  const credential = credentials.add(scheme, Buffer.from(text), waiter, deadline);
  return { waiter, write: () => credentials.write(credential, out) };
}

/** What was written since the last call. */
function sent(): string[] {
  const seen: string[] = [];
  for (let chunk = out.shift(); chunk !== null; chunk = out.shift()) {
    const { bytes } = chunk;
    for (let at = 0; at < bytes.length;) {
      const next = at + 4 + bytes.readInt32BE(at);
      const r = new JuteReader(bytes.subarray(at + 4, next));
      expect([r.int(), r.int()]).toEqual([-4, operations.auth.code]);
      const { type, scheme, auth } = operations.auth.readRequest(r);
      expect([type, r.remaining]).toEqual([0, 0]);
      seen.push(`${scheme} ${String(auth)}`);
      at = next;
    }
  }
  return seen;
}

describe('credentials', () => {
  it('are presented on each connection, in the order in which they were given', () => {
    credentials.writeAll(out);
    expect(sent()).toEqual([]);
    add('a');
    add('b', Infinity, 'x509');
    add('c');
    for (let i = 0; i < 3; i++) {
      credentials.writeAll(out);
      expect(sent()).toEqual(['digest a', 'x509 b', 'digest c']);
      // answered or not
      if (i === 1) for (let n = 0; n < 3; n++) credentials.replied(0);
      credentials.connectionLost();
    }
  });

  it('may be given without anybody who waits', () => {
    credentials.add('digest', Buffer.from('a'), null, 5);
    expect(credentials.earliest).toBe(Infinity);
    credentials.writeAll(out);
    expect(sent()).toEqual(['digest a']);
    expect(credentials.replied(0)).toBeNull();
  });

  it('given twice are kept once, and both who gave them are told', () => {
    const [first, second] = [add('a'), add('a')];
    credentials.writeAll(out);
    expect(sent()).toEqual(['digest a']);
    expect(credentials.replied(0)).toBeNull();
    expect([first.waiter.news, second.waiter.news]).toEqual([['ok'], ['ok']]);
  });

  it('are others if one word of them is', () => {
    add('a');
    add('b');
    add('a', Infinity, 'x509');
    add('');
    credentials.writeAll(out);
    expect(sent()).toEqual(['digest a', 'digest b', 'x509 a', 'digest ']);
  });

  it('given while they are on their way are not sent again', () => {
    const first = add('a');
    first.write();
    const second = add('a');
    second.write();
    expect(sent()).toEqual(['digest a']);
    credentials.replied(0);
    expect([first.waiter.news, second.waiter.news]).toEqual([['ok'], ['ok']]);
    expect(() => credentials.replied(0)).toThrow(XidMismatchError);
  });

  it('given again when they were answered are sent again', () => {
    add('a').write();
    credentials.replied(0);
    const again = add('a');
    again.write();
    expect(sent()).toEqual(['digest a', 'digest a']);
    expect(again.waiter.news).toEqual([]);
    credentials.replied(0);
    expect(again.waiter.news).toEqual(['ok']);
  });

  it('show up nowhere', () => {
    add('user:s3cret').write();
    expect(inspect(credentials, { depth: 20, showHidden: true })).not.toContain('s3cret');
    expect(JSON.stringify(credentials)).not.toContain('s3cret');
    expect(inspect(credentials, { depth: 20 })).not.toContain(
      inspect(Buffer.from('user:s3cret')).slice(8, 30),
    );
  });
});

describe('a thousand credentials', () => {
  const COUNT = 1000;

  it('are not compared with one another, and when the first gives up is known', () => {
    const compared = vi.spyOn(Credential.prototype, 'is');
    const looked = vi.spyOn(Math, 'min');
    const all = Array.from({ length: COUNT }, (_, i) => add(`user${String(i)}`, 1000 + i));
    for (const { write } of all) {
      write();
      expect(credentials.earliest).toBe(1000);
    }
    expect(add('user7').waiter.news).toEqual([]);
    expect(compared.mock.calls.length).toBeLessThan(COUNT / 10);
    expect(looked.mock.calls.length).toBeLessThan(2 * COUNT);
    vi.restoreAllMocks();
  });

  it('are answered in their order, whatever was answered before', () => {
    const all = Array.from({ length: COUNT }, (_, i) => add(`user${String(i)}`));
    for (const [i, { write }] of all.entries()) {
      write();
      // some are answered while others are sent
      if (i % 3 === 2) credentials.replied(0);
    }
    const answered = (): number => all.filter(({ waiter }) => waiter.news[0] === 'ok').length;
    for (let i = Math.floor(COUNT / 3); i < COUNT; i++) {
      expect([answered(), all[i]!.waiter.news]).toEqual([i, []]);
      credentials.replied(0);
    }
    expect([answered(), credentials.isAwaited]).toEqual([COUNT, false]);
    expect(() => credentials.replied(0)).toThrow(XidMismatchError);
  });

  it('that one caller gave up on leave the others as they were, and are looked at no more', () => {
    const all = Array.from({ length: COUNT }, (_, i) => add('a', i < COUNT / 2 ? 300 : 400));
    credentials.sweep(300);
    expect(all.filter(({ waiter }) => waiter.news.length === 1)).toHaveLength(COUNT / 2);
    const looked = vi.spyOn(Credential.prototype, 'fail');
    credentials.sweep(350);
    expect(looked).not.toHaveBeenCalled();
    credentials.sweep(400);
    credentials.sweep(500);
    expect(looked).toHaveBeenCalledTimes(1);
    expect(all.map(({ waiter }) => waiter.news)).toEqual(all.map(() => ['ZK_REQUEST_TIMEOUT not-sent']));
    vi.restoreAllMocks();
  });

  it('that are like one another in their hash are told apart', () => {
    const [one, two, again] = [add('Aa'), add('BB'), add('Aa')];
    credentials.writeAll(out);
    expect(sent()).toEqual(['digest Aa', 'digest BB']);
    credentials.replied(Errno.AuthFailed);
    expect([one.waiter.news, two.waiter.news, again.waiter.news].map(({ length }) => length)).toEqual([
      1, 0, 1,
    ]);
    credentials.replied(0);
    add('BB').write();
    add('Aa').write();
    expect(sent()).toEqual(['digest BB', 'digest Aa']);
  });
});

describe('an answer', () => {
  it('is that of the oldest which was sent', () => {
    const all = ['a', 'b', 'c'].map((text) => add(text));
    credentials.writeAll(out);
    for (let i = 0; i < 3; i++) {
      expect(all.map(({ waiter }) => waiter.news.length)).toEqual([0, 1, 2].map((n) => (n < i ? 1 : 0)));
      expect(credentials.replied(0)).toBeNull();
    }
    expect(all.map(({ waiter }) => waiter.news)).toEqual([['ok'], ['ok'], ['ok']]);
  });

  it('to nothing makes no sense', () => {
    expect(() => credentials.replied(0)).toThrow(XidMismatchError);
    add('a');
    expect(() => credentials.replied(0)).toThrow(XidMismatchError);
    add('a').write();
    credentials.connectionLost();
    expect(() => credentials.replied(Errno.AuthFailed)).toThrow(XidMismatchError);
  });

  it('that refuses one is told to all who wait for it, and it is forgotten', () => {
    const [good, bad, also, last] = [add('good'), add('bad'), add('bad'), add('last')];
    credentials.writeAll(out);
    credentials.replied(0);
    const error = credentials.replied(Errno.AuthFailed);
    expect(error).toBeInstanceOf(AuthFailedError);
    expect(error).toMatchObject({ op: 'auth', outcome: 'rejected', errno: Errno.AuthFailed });
    for (const { waiter } of [bad, also]) {
      expect(waiter.news).toEqual(['ZK_AUTH_FAILED rejected']);
      expect(waiter.heard[0]).toBeInstanceOf(AuthFailedError);
    }
    expect([good.waiter.news, last.waiter.news]).toEqual([['ok'], []]);
    credentials.replied(0);
    expect(last.waiter.news).toEqual(['ok']);
    sent();
    credentials.connectionLost();
    credentials.writeAll(out);
    expect(sent()).toEqual(['digest good', 'digest last']);
  });

  it('that refuses one for another reason is an AuthFailedError all the same, with the reason', () => {
    const { waiter, write } = add('a');
    write();
    const error = credentials.replied(Errno.NoAuth);
    expect(error).toBeInstanceOf(AuthFailedError);
    expect(error).toMatchObject({ outcome: 'rejected', cause: { code: 'ZK_NO_AUTH' } });
    expect(waiter.heard[0]).toMatchObject({ code: 'ZK_AUTH_FAILED', cause: { code: 'ZK_NO_AUTH' } });
  });

  it('is awaited on the next connection, where the first one was lost', () => {
    const [a, b] = [add('a'), add('b')];
    credentials.writeAll(out);
    credentials.replied(0);
    credentials.connectionLost();
    expect([a.waiter.news, b.waiter.news]).toEqual([['ok'], []]);
    sent();
    credentials.writeAll(out);
    expect(sent()).toEqual(['digest a', 'digest b']);
    credentials.replied(0);
    expect(b.waiter.news).toEqual([]);
    credentials.replied(0);
    expect([a.waiter.news, b.waiter.news]).toEqual([['ok'], ['ok']]);
  });
});

describe('patience', () => {
  it('ends first for whoever has the least', () => {
    expect(credentials.earliest).toBe(Infinity);
    add('a', 500);
    add('a', 300);
    add('b', 400);
    add('c');
    expect(credentials.earliest).toBe(300);
    credentials.sweep(300);
    expect(credentials.earliest).toBe(400);
    credentials.sweep(450);
    expect(credentials.earliest).toBe(500);
    credentials.sweep(500);
    expect(credentials.earliest).toBe(Infinity);
  });

  it('is not asked for any more of who was told', () => {
    add('a', 300).write();
    credentials.replied(0);
    expect(credentials.earliest).toBe(Infinity);
  });

  it('ends to the moment, once, and says that nothing was sent', () => {
    const { waiter } = add('a', 300);
    credentials.sweep(299.9);
    expect(waiter.news).toEqual([]);
    credentials.sweep(300);
    credentials.sweep(301);
    expect(waiter.news).toEqual(['ZK_REQUEST_TIMEOUT not-sent']);
    expect(waiter.heard[0]).toMatchObject({ op: 'auth' });
  });

  it('that ends does not take the credential along: it is presented, and answered to nobody', () => {
    const { waiter } = add('a', 300);
    credentials.sweep(300);
    credentials.writeAll(out);
    expect(sent()).toEqual(['digest a']);
    expect(credentials.replied(0)).toBeNull();
    expect(waiter.news).toHaveLength(1);
  });

  it('of one is not that of another', () => {
    const [short, long] = [add('a', 300), add('a', 400)];
    credentials.writeAll(out);
    credentials.sweep(300);
    expect([short.waiter.news, long.waiter.news]).toEqual([['ZK_REQUEST_TIMEOUT unknown'], []]);
    credentials.replied(0);
    expect(long.waiter.news).toEqual(['ok']);
  });
});

/** Whoever gives up, or is given up, learns whether the server can have seen it since he asked. */
describe('an end without an answer is', () => {
  const CASES: readonly (readonly [string, 'not-sent' | 'unknown', () => Waiter])[] = [
    ['before anything was sent', 'not-sent', () => add('a', 300).waiter],
    [
      'on its way',
      'unknown',
      () => {
        const { waiter, write } = add('a', 300);
        write();
        return waiter;
      },
    ],
    [
      'for who joined one that was on its way',
      'unknown',
      () => {
        add('a', 900).write();
        return add('a', 300).waiter;
      },
    ],
    [
      'sent, and the connection lost',
      'unknown',
      () => {
        const { waiter, write } = add('a', 300);
        write();
        credentials.connectionLost();
        return waiter;
      },
    ],
    [
      'asked for after a connection was lost',
      'not-sent',
      () => {
        add('a', 900).write();
        credentials.connectionLost();
        return add('a', 300).waiter;
      },
    ],
    [
      'asked for again after an answer',
      'not-sent',
      () => {
        add('a', 900).write();
        credentials.replied(0);
        return add('a', 300).waiter;
      },
    ],
    [
      'another one is on its way',
      'not-sent',
      () => {
        add('b', 900).write();
        return add('a', 300).waiter;
      },
    ],
  ];

  it.each(CASES)('%s: %s, by the clock', (_, outcome, make) => {
    const waiter = make();
    credentials.sweep(300);
    expect(waiter.news).toEqual([`ZK_REQUEST_TIMEOUT ${outcome}`]);
  });

  it.each(CASES)('%s: %s, by the end of it all', (_, outcome, make) => {
    const waiter = make();
    credentials.failAll(closedFate);
    expect(waiter.news).toEqual([`ZK_CLOSED ${outcome}`]);
    expect(waiter.heard[0]).toMatchObject({ op: 'auth' });
  });

  it('told to everybody, once, and nothing is on its way any more', () => {
    const all = ['a', 'b', 'a', 'c'].map((text) => add(text, 300));
    credentials.writeAll(out);
    credentials.failAll(closedFate);
    credentials.failAll(closedFate);
    credentials.sweep(1000);
    expect(all.map(({ waiter }) => waiter.news)).toEqual(all.map(() => ['ZK_CLOSED unknown']));
    expect(credentials.earliest).toBe(Infinity);
    expect(() => credentials.replied(0)).toThrow(XidMismatchError);
  });
});
