/**
 * Streams of values against the log of what really changed: they may leave out states, but must not invent one, go back, say
 * one twice in a row, or end with another one than the last.
 */
import type { Change } from './watch-stream.js';

export interface ValueHistory {
  /** What changed the state, in order. `NodeDeleted` of its path makes it null, all else a new one. */
  readonly log: readonly Change[];
  readonly path: string;
  /** What the stream gave: the zxid of each state, null for a node that was not there. It begins before all of the log. */
  readonly values: readonly (bigint | null)[];
  /** Was the stream given up before the end, or its session? Then the last value need not be the final one. */
  readonly over: boolean;
}

/** @returns what is wrong, in words: the first thing */
export function checkValues({ log, path, values, over }: ValueHistory): readonly string[] {
  const states: (bigint | null)[] = [null];
  for (const change of log)
    states.push(change.type === 'NodeDeleted' && change.path === path ? null : change.zxid);
  let at = 0;
  for (const [i, value] of values.entries()) {
    if (i > 0 && value === values[i - 1]) return [`${i}: the state of ${value} was said twice`];
    while (at < states.length && states[at] !== value) at++;
    if (at === states.length) {
      const known = states.includes(value);
      return [`${i}: the state of ${value} ${known ? 'was passed already' : 'never was'}`];
    }
  }
  const last = states.at(-1);
  if (!over && values.at(-1) !== last) return [`the last state is that of ${last}, and was not said`];
  return [];
}
