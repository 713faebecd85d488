import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Fifo } from '../../../src/client/fifo.js';
import { check } from '../../support/property.js';

describe('a queue', () => {
  it('is a plain array, whatever is done to it', () => {
    const step = fc.oneof(
      fc.integer({ min: 1, max: 5000 }).map((count) => ({ push: count })),
      fc.integer({ min: 1, max: 5000 }).map((count) => ({ shift: count })),
      fc.constantFrom('clear' as const, 'drain' as const),
    );
    check(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const queue = new Fifo<number>();
        let model: number[] = [];
        let next = 0;
        for (const what of steps) {
          if (what === 'clear') {
            queue.clear();
            model = [];
          } else if (what === 'drain') {
            expect(queue.drain()).toEqual(model);
            model = [];
          } else if ('push' in what) {
            for (let i = 0; i < what.push; i++) {
              queue.push(next);
              model.push(next++);
            }
          } else {
            const taken = model.slice(0, what.shift);
            model = model.slice(what.shift);
            const got = Array.from({ length: what.shift }, () => queue.shift());
            expect(got.filter((item) => item !== undefined)).toEqual(taken);
          }
          expect([queue.length, queue.last]).toEqual([model.length, model.at(-1)]);
        }
      }),
      100,
    );
  });

  // with Array.shift this would take minutes
  it('of a million is emptied one by one', () => {
    const queue = new Fifo<number>();
    for (let i = 0; i < 1_000_000; i++) queue.push(i);
    let sum = 0;
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) sum += item;
    expect(sum).toBe((1_000_000 * 999_999) / 2);
    expect(queue.length).toBe(0);
  });
});
