/**
 * Any interleaving of events, gaps, next, return, close, abort and the end, held against a plain queue; and what of it can
 * be seen from outside: nothing doubled, nothing out of order, every loss marked and counted.
 */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { WatchItem } from '../../../src/index.js';
import { WatchStream } from '../../../src/client/watch-stream.js';
import { ConnClosedError, SessionExpiredError } from '../../../src/protocol/errors.js';
import { WatchRegistry } from '../../../src/session/watches.js';
import { checkAsync } from '../../support/property.js';
import { SCALE, checked } from '../../support/tally.js';

type Step =
  | { readonly do: 'push'; readonly count: number }
  | { readonly do: 'next'; readonly count: number }
  | { readonly do: 'gap' | 'suspend' | 'return' | 'close' | 'abort' | 'expire' | 'end' | 'turn' };

const REASON = new Error('enough');
const EXPIRED = new SessionExpiredError({ outcome: 'not-sent' });
const CLOSED = new ConnClosedError({ outcome: 'not-sent' });

/** What a `next()` comes to, in a word. */
type Word = string;
const DONE: Word = 'done';
const wordOf = (item: WatchItem): Word =>
  item.type === 'overflow' ? `overflow ${item.dropped}` : 'path' in item ? item.path : item.type;

/** A queue as one would write it on paper. */
class Paper {
  readonly given: Word[] = [];
  private queue: Word[] = [];
  private dropped = 0;
  private owesGap = false;
  private waiting = 0;
  private over = false;
  private error: Word | null = null;
  /** The most that ever lay in it. */
  most = 0;

  constructor(private readonly size: number) {}

  push(word: Word): void {
    if (this.over) return;
    if (this.waiting > 0) {
      this.waiting--;
      this.given.push(word);
    } else if (this.queue.length >= this.size) {
      // only events are missed
      if (word === 'gap') this.owesGap = true;
      else if (word !== 'suspended') this.dropped++;
    } else {
      this.mark();
      if (word !== 'gap' || this.queue.at(-1) !== 'gap') this.queue.push(word);
      this.most = Math.max(this.most, this.queue.length);
    }
  }

  /** A gap behind a gap says nothing new. */
  gap(): void {
    if (this.queue.at(-1) !== 'gap') this.push('gap');
  }

  next(): void {
    if (this.queue.length === 0) this.mark();
    const word = this.queue.shift();
    if (word !== undefined) this.given.push(word);
    else if (this.over) this.given.push(this.ending());
    else this.waiting++;
  }

  end(error: Word | null, keep: boolean): void {
    if (this.over) return;
    this.over = true;
    this.error = error;
    if (!keep) {
      this.queue = [];
      this.dropped = 0;
      this.owesGap = false;
    }
    for (; this.waiting > 0; this.waiting--) this.given.push(this.ending());
  }

  forgive(): void {
    this.error = null;
  }

  private mark(): void {
    if (this.dropped > 0) this.queue.push(`overflow ${this.dropped}`);
    else if (this.owesGap) this.queue.push('gap');
    this.dropped = 0;
    this.owesGap = false;
  }

  private ending(): Word {
    const { error } = this;
    this.error = null;
    return error ?? DONE;
  }
}

interface Played {
  readonly settled: readonly Word[];
  readonly expected: readonly Word[];
  readonly pushed: readonly string[];
  readonly hanging: number;
}

async function play(size: number, steps: readonly Step[]): Promise<Played> {
  const controller = new AbortController();
  const { signal } = controller;
  const stream = new WatchStream('/a', new WatchRegistry(), {
    serverPath: '/a',
    chroot: '',
    signal,
    bufferSize: size,
    suspensions: true,
  });
  const { watcher } = stream;
  watcher.armed('persistent', '/a');
  const paper = new Paper(size);
  const settled: Word[] = [];
  const pushed: string[] = [];
  let asked = 0;
  const next = (): void => {
    asked++;
    stream.next().then(
      ({ done, value }) => void settled.push(done === true ? DONE : wordOf(value)),
      (error: unknown) => void settled.push(String(error)),
    );
    paper.next();
  };
  for (const step of steps) {
    switch (step.do) {
      case 'push':
        for (let i = 0; i < step.count; i++) {
          const path = `/a/${pushed.length}`;
          pushed.push(path);
          watcher.fired({ type: 'NodeCreated', path, zxid: undefined });
          paper.push(path);
        }
        break;
      case 'next':
        for (let i = 0; i < step.count; i++) next();
        break;
      case 'gap':
        watcher.missed();
        paper.gap();
        break;
      case 'suspend':
        watcher.suspended();
        paper.push('suspended');
        break;
      case 'return':
        expect(await stream.return()).toEqual({ done: true, value: undefined });
        paper.end(null, false);
        paper.forgive();
        break;
      case 'close':
        stream.close();
        paper.end(null, false);
        break;
      case 'abort':
        controller.abort(REASON);
        paper.end(String(REASON), false);
        break;
      case 'expire':
        watcher.ended(EXPIRED);
        paper.end(String(EXPIRED), true);
        break;
      case 'end':
        watcher.ended(CLOSED);
        paper.end(null, true);
        break;
      case 'turn':
        await new Promise(setImmediate);
    }
  }
  stream.close();
  paper.end(null, false);
  await new Promise(setImmediate);
  expect(paper.most).toBeLessThanOrEqual(size + 1);
  return { settled, expected: paper.given, pushed, hanging: asked - settled.length };
}

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('push' as const), count: fc.integer({ min: 1, max: 6 }) }),
  },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('next' as const), count: fc.integer({ min: 1, max: 4 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom('gap' as const, 'suspend' as const, 'turn' as const) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'return' as const,
        'close' as const,
        'abort' as const,
        'expire' as const,
        'end' as const,
      ),
    }),
  },
);

describe('a stream of events', () => {
  it('does what a plain queue does, in any interleaving', async () => {
    let hanging = 0;
    await checkAsync(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5 }),
        fc.array(step, { maxLength: 40 }),
        async (size, steps) => {
          const played = await play(size, steps);
          hanging += played.hanging;
          expect(played.settled).toEqual(played.expected);
        },
      ),
      500 * SCALE,
    );
    checked('promises hanging', hanging);
    expect(hanging).toBe(0);
  });

  it('marks and counts whatever it leaves out, in any interleaving', async () => {
    let unmarked = 0;
    await checkAsync(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5 }),
        fc.array(step, { maxLength: 40 }),
        async (size, steps) => {
          // to its end: nothing is dropped by leaving
          const open = steps.filter(({ do: what }) => ['push', 'next', 'turn'].includes(what));
          const { settled, pushed } = await play(size, [
            ...open,
            { do: 'push', count: 1 },
            { do: 'next', count: 200 },
          ]);
          let at = 0;
          for (const word of settled.filter((each) => each !== DONE)) {
            const [, dropped] = /^overflow (\d+)$/.exec(word) ?? [];
            if (dropped !== undefined) at += Number(dropped);
            else if (word !== pushed[at++]) unmarked++;
          }
          if (at !== pushed.length) unmarked++;
          expect([unmarked, at]).toEqual([0, pushed.length]);
        },
      ),
      500 * SCALE,
    );
    checked('unmarked gaps', unmarked);
  });

  it('gives several who ask at once their events in the order in which they asked; behind its end all are done', async () => {
    const played = await play(10, [
      { do: 'next', count: 3 },
      { do: 'push', count: 2 },
      { do: 'turn' },
      { do: 'expire' },
      { do: 'next', count: 2 },
    ]);
    expect(played.settled).toEqual(['/a/0', '/a/1', String(EXPIRED), DONE, DONE]);
  });

  it('hands out what lay in it when the Conn was closed, and then it is done', async () => {
    const steps: Step[] = [
      { do: 'push', count: 3 },
      { do: 'end' },
      { do: 'push', count: 1 },
      { do: 'next', count: 5 },
    ];
    expect((await play(2, steps)).settled).toEqual(['/a/0', '/a/1', 'overflow 1', DONE, DONE]);
  });

  it('is shared by two loops: each event goes to one of them, and none is lost', async () => {
    const stream = new WatchStream('/a', new WatchRegistry(), {
      serverPath: '/a',
      chroot: '',
      signal: undefined,
      bufferSize: 10,
      suspensions: false,
    });
    const heard: string[][] = [[], []];
    const loops = heard.map(async (mine) => {
      for await (const item of stream) mine.push(wordOf(item));
    });
    const all = Array.from({ length: 50 }, (_, i) => `/a/${i}`);
    for (const path of all) {
      stream.watcher.fired({ type: 'NodeCreated', path, zxid: undefined });
      await new Promise(setImmediate);
    }
    // whoever leaves ends it for both
    stream.close();
    await Promise.all(loops);
    expect(heard.map(({ length }) => length)).toEqual([25, 25]);
    expect(new Set(heard.flat())).toEqual(new Set(all));
  });
});
