import * as fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { FrameTooLargeError } from '../../../src/protocol/errors.js';
import { Receiver, type Verdict } from '../../../src/session/receiver.js';
import { check } from '../../support/property.js';

/** The longest first message. */
const HANDSHAKE = 1024;

const frame = (text: string): Buffer => {
  const body = Buffer.from(text);
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length);
  return Buffer.concat([length, body]);
};
const frames = (...texts: string[]): Buffer => Buffer.concat(texts.map(frame));

let seen: string[];
/** What is said behind a message; 'next' unless the test has another idea. */
let verdict: (text: string) => Verdict;
let receiver: Receiver;
/** How often it wanted one. */
let rests: number;

beforeEach(() => {
  seen = [];
  verdict = () => 'next';
  rests = 0;
  receiver = new Receiver(
    ({ buf, start, end }) => {
      const text = buf.toString('utf8', start, end);
      seen.push(text);
      return verdict(text);
    },
    () => rests++,
  );
});

const pauseBehind = (...texts: string[]): void => {
  verdict = (text) => (texts.includes(text) ? 'pause' : 'next');
};

describe('messages', () => {
  it('are read as they come', () => {
    receiver.push(frames('a', 'bc', ''));
    receiver.push(frame('d'));
    expect([seen, receiver.isPaused]).toEqual([['a', 'bc', '', 'd'], false]);
  });

  it('may come byte by byte', () => {
    for (const byte of frames('abc', '', 'd')) receiver.push(Buffer.of(byte));
    expect(seen).toEqual(['abc', '', 'd']);
  });

  it('may be as long as the limit says, from the next one on', () => {
    verdict = () => {
      receiver.limit(5000);
      return 'next';
    };
    const long = 'x'.repeat(5000);
    receiver.push(frames('y'.repeat(HANDSHAKE), long));
    expect(seen.map(({ length }) => length)).toEqual([HANDSHAKE, 5000]);
    // of a longer one there is the header of a reply, and the stream goes on
    receiver.push(frames(`0123456789abcdef${long}`, 'z'));
    expect(seen.slice(2)).toEqual(['0123456789abcdef', 'z']);
    expect(() => receiver.push(Buffer.from([0xff, 0xff, 0xff, 0xff]))).toThrow(FrameTooLargeError);
    expect(seen).toHaveLength(4);
  });

  it('have the limit of a handshake at first', () => {
    expect(() => receiver.push(frame('x'.repeat(HANDSHAKE + 1)))).toThrow(FrameTooLargeError);
    expect(seen).toEqual([]);
  });

  it('are not read any more behind one that ended the connection', () => {
    verdict = () => 'stop';
    receiver.push(frames('a', 'b'));
    expect([seen, receiver.isPaused]).toEqual([['a'], false]);
  });

  it('that cannot be read throw out of push', () => {
    verdict = (text) => {
      if (text === 'b') throw new Error('no b');
      return 'next';
    };
    expect(() => receiver.push(frames('a', 'b', 'c'))).toThrow('no b');
    expect(seen).toEqual(['a', 'b']);
  });
});

describe('a pause', () => {
  it('comes between two messages of a chunk, and ends when it is resumed', () => {
    pauseBehind('a');
    receiver.push(frames('a', 'b', 'c'));
    expect([seen, receiver.isPaused]).toEqual([['a'], true]);
    receiver.resume();
    expect([seen, receiver.isPaused]).toEqual([['a', 'b', 'c'], false]);
  });

  it('keeps what comes meanwhile, behind what was there', () => {
    pauseBehind('a');
    receiver.push(frames('a', 'b'));
    receiver.push(frames('c', 'd'));
    receiver.push(frames('e'));
    expect(seen).toEqual(['a']);
    receiver.resume();
    expect([seen, receiver.isPaused]).toEqual([['a', 'b', 'c', 'd', 'e'], false]);
    receiver.push(frame('f'));
    expect(seen.at(-1)).toBe('f');
  });

  it('behind the last message of a chunk keeps the next chunk all the same', () => {
    pauseBehind('a');
    receiver.push(frame('a'));
    expect(receiver.isPaused).toBe(true);
    receiver.push(frame('b'));
    expect(seen).toEqual(['a']);
    receiver.resume();
    expect(seen).toEqual(['a', 'b']);
  });

  it('keeps messages whole that are cut by chunks', () => {
    pauseBehind('a');
    const bytes = frames('a', 'second', 'third');
    for (const [from, to] of [
      [0, 7],
      [7, 9],
      [9, 17],
      [17, bytes.length],
    ] as const) {
      receiver.push(bytes.subarray(from, to));
    }
    expect(seen).toEqual(['a']);
    receiver.resume();
    expect(seen).toEqual(['a', 'second', 'third']);
  });

  it('may follow a pause, in the rest of the chunk and in what came meanwhile', () => {
    verdict = () => 'pause';
    receiver.push(frames('a', 'b'));
    receiver.push(frames('c', 'd'));
    receiver.push(frame('e'));
    for (const expected of ['a', 'ab', 'abc', 'abcd', 'abcde']) {
      expect([seen.join(''), receiver.isPaused]).toEqual([expected, true]);
      receiver.resume();
    }
    expect([seen.join(''), receiver.isPaused]).toEqual(['abcde', false]);
  });

  it('that follows a pause keeps the order with what comes in between', () => {
    verdict = (text) => (text < 'f' ? 'pause' : 'next');
    receiver.push(frames('a', 'b'));
    receiver.push(frames('c', 'd'));
    receiver.resume();
    receiver.push(frames('e', 'f'));
    receiver.resume();
    receiver.push(frame('g'));
    for (let i = 0; i < 10; i++) receiver.resume();
    expect([seen.join(''), receiver.isPaused]).toEqual(['abcdefg', false]);
  });

  it('that is not there cannot be resumed', () => {
    receiver.resume();
    receiver.push(frame('abc').subarray(0, 5));
    receiver.resume();
    expect([seen, receiver.isPaused]).toEqual([[], false]);
    receiver.push(frame('abc').subarray(5));
    expect(seen).toEqual(['abc']);
  });

  it('is over when what waited ends the connection, and nothing more is read', () => {
    verdict = (text) => ({ a: 'pause', b: 'stop' })[text] as Verdict;
    receiver.push(frames('a', 'b', 'c'));
    receiver.resume();
    expect(seen).toEqual(['a', 'b']);
  });

  it('gives what is thrown behind it to whoever resumes', () => {
    verdict = (text) => {
      if (text === 'b') throw new Error('no b');
      return 'pause';
    };
    receiver.push(frame('a'));
    receiver.push(frame('b'));
    expect(() => receiver.resume()).toThrow('no b');
  });

  it('does not switch the limit off: what waited may be too long', () => {
    pauseBehind('a');
    receiver.push(frame('a'));
    receiver.push(frame('x'.repeat(HANDSHAKE + 1)));
    expect(() => receiver.resume()).toThrow(FrameTooLargeError);
  });
});

describe('a reset', () => {
  it('forgets the beginning of a message', () => {
    receiver.push(frames('a', 'long one').subarray(0, 12));
    receiver.reset();
    receiver.push(frame('new'));
    expect(seen).toEqual(['a', 'new']);
  });

  it('forgets a part of a length', () => {
    receiver.push(Buffer.from([0, 0]));
    receiver.reset();
    receiver.push(frame('new'));
    expect(seen).toEqual(['new']);
  });

  it('ends a pause, and forgets what came in it', () => {
    pauseBehind('a');
    receiver.push(frames('a', 'b'));
    receiver.push(frames('c'));
    receiver.reset();
    expect(receiver.isPaused).toBe(false);
    receiver.resume();
    receiver.push(frame('new'));
    expect(seen).toEqual(['a', 'new']);
  });

  it('brings back the limit of a handshake', () => {
    receiver.limit(100_000);
    receiver.push(frame('x'.repeat(50_000)));
    receiver.reset();
    expect(() => receiver.push(frame('x'.repeat(HANDSHAKE + 1)))).toThrow(FrameTooLargeError);
    expect(seen).toHaveLength(1);
  });

  /** As the core does when a message ends its connection. */
  const resetBehind = (last: string): void => {
    verdict = (text) => {
      if (text !== last) return text === 'a' ? 'pause' : 'next';
      receiver.reset();
      return 'stop';
    };
  };

  it('by a message of a chunk leaves the rest of it alone', () => {
    resetBehind('b');
    receiver.push(frames('b', 'c', 'd'));
    receiver.push(frame('new'));
    expect(seen).toEqual(['b', 'new']);
  });

  it.each([
    ['the rest of the chunk', [frames('a', 'b', 'c'), frames('d'), frames('e')]],
    ['the first chunk that waited', [frames('a'), frames('b', 'c'), frames('d')]],
    ['a later chunk that waited', [frames('a'), frames('x'), frames('b', 'c'), frames('d')]],
    ['a message cut by chunks', [frames('a'), frames('b', 'c').subarray(0, 3), frames('b', 'c').subarray(3)]],
  ])('while it goes on does not pass the rest on to the next connection: %s', (_, chunks) => {
    resetBehind('b');
    for (const chunk of chunks) receiver.push(chunk);
    expect(seen).toEqual(['a']);
    receiver.resume();
    expect(seen.at(-1)).toBe('b');
    expect(receiver.isPaused).toBe(false);
    const before = seen.length;
    receiver.resume();
    receiver.push(frames('new', 'newer'));
    expect(seen.slice(before)).toEqual(['new', 'newer']);
  });

  it('by a message that then asks for a pause does not pause the new stream', () => {
    verdict = () => {
      receiver.reset();
      return 'pause';
    };
    receiver.push(frame('a'));
    expect(receiver.isPaused).toBe(false);
  });

  it('while it goes on leaves what the next connection brought at once where it belongs', () => {
    verdict = (text) => {
      if (text !== 'b') return text === 'a' || text === 'new' ? 'pause' : 'next';
      receiver.reset();
      receiver.push(frames('new', 'newer'));
      return 'stop';
    };
    receiver.push(frame('a'));
    receiver.push(frames('b'));
    receiver.push(frames('old'));
    receiver.resume();
    expect([seen, receiver.isPaused]).toEqual([['a', 'b', 'new'], true]);
    receiver.resume();
    expect([seen, receiver.isPaused]).toEqual([['a', 'b', 'new', 'newer'], false]);
  });
});

describe('a rest', () => {
  const many = (count: number): string[] =>
    Array.from({ length: count }, (_, i) => `message ${String(i)}`.padEnd(20));

  it('comes behind 32 messages if as many are left, and what lies behind it is kept', () => {
    const texts = many(100);
    const chunk = frames(...texts);
    receiver.push(chunk, true);
    // it was only lent
    chunk.fill(0);
    expect([seen.length, rests, receiver.isPaused]).toEqual([32, 1, true]);
    receiver.resume(true);
    expect([seen.length, rests, receiver.isPaused]).toEqual([64, 2, true]);
    receiver.push(frames('behind'));
    receiver.resume(true);
    expect([seen, rests, receiver.isPaused]).toEqual([[...texts, 'behind'], 2, false]);
  });

  it.each([1, 32, 63])('does not come for %i messages', (count) => {
    receiver.push(frames(...many(count)), true);
    expect([seen.length, rests, receiver.isPaused]).toEqual([count, 0, false]);
  });

  it('does not come where it is of no use', () => {
    receiver.push(frames(...many(100)));
    expect([seen.length, rests]).toEqual([100, 0]);
  });

  it('does not end a pause that a message has made', () => {
    pauseBehind('message 40'.padEnd(20));
    receiver.push(frames(...many(100)), true);
    receiver.resume(true);
    expect(seen.length).toBe(41);
    receiver.resume(true);
    expect([seen.length, receiver.isPaused]).toEqual([41, true]);
    receiver.resume();
    expect([seen.length, rests]).toEqual([100, 1]);
  });

  it('is over with its stream', () => {
    receiver.push(frames(...many(100)), true);
    receiver.reset();
    receiver.resume(true);
    receiver.push(frames('new'));
    expect([seen.length, seen.at(-1), receiver.isPaused]).toEqual([33, 'new', false]);
  });
});

it('however a stream is cut and paused, the same messages come in the same order', () => {
  const stream = fc.array(fc.record({ text: fc.string({ maxLength: 30 }), pause: fc.boolean() }), {
    maxLength: 120,
    size: 'max',
  });
  check(
    fc.property(stream, fc.array(fc.nat({ max: 40 })), fc.array(fc.boolean()), (messages, cuts, resumes) => {
      const got: string[] = [];
      let isResting = false as boolean;
      const each = new Receiver(
        ({ buf, start, end }) => {
          got.push(buf.toString('utf8', start, end));
          return messages[got.length - 1]?.pause === true ? 'pause' : 'next';
        },
        () => {
          isResting = true;
        },
      );
      let rest = frames(...messages.map(({ text }) => text));
      for (let i = 0; rest.length > 0; i++) {
        const length = cuts[i] ?? rest.length;
        each.push(rest.subarray(0, length), resumes[i + 2]);
        rest = rest.subarray(length);
        if (resumes[i] === true) each.resume();
        if (!isResting && each.isPaused) expect(messages[got.length - 1]?.pause).toBe(true);
        if (isResting && resumes[i + 1] === true) each.resume(true);
        isResting = false;
      }
      for (let i = 0; i <= messages.length; i++) each.resume();
      expect(got).toEqual(messages.map(({ text }) => Buffer.from(text).toString()));
      expect(each.isPaused).toBe(false);
    }),
  );
});
