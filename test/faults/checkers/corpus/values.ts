/** Good histories of streams of values, and ways to spoil them. */
import type { EventType } from '../../../../src/index.js';
import { Chance } from '../../chance.js';
import type { ValueHistory } from '../values.js';
import type { Change } from '../watch-stream.js';
import type { Spoiler } from './spoiler.js';

const PATH = '/v';

/** A node that comes, changes and goes, of whose states some are said. */
export function goodValues(seed: number): ValueHistory {
  const chance = new Chance(seed);
  const log: Change[] = [];
  const values: (bigint | null)[] = [];
  const say = (value: bigint | null): void => {
    if (values.at(-1) !== value) values.push(value);
  };
  let state: bigint | null = null;
  if (chance.odds(0.5)) say(state);
  let zxid = 10n;
  for (let i = 0; i < 24; i++) {
    zxid += BigInt(1 + chance.below(3));
    const type: EventType =
      state === null ? 'NodeCreated' : chance.odds(0.3) ? 'NodeDeleted' : 'NodeDataChanged';
    state = type === 'NodeDeleted' ? null : zxid;
    log.push({ zxid, type, path: PATH });
    if (chance.odds(0.4)) say(state);
  }
  const over = chance.odds(0.2);
  if (!over) say(state);
  return { log, path: PATH, values, over };
}

const told = ({ values }: ValueHistory): number[] =>
  [...values.entries()].filter(([, value]) => value !== null).map(([i]) => i);

function spliced({ values }: ValueHistory, at: number, value: bigint | null): readonly (bigint | null)[] {
  return [...values.slice(0, at), value, ...values.slice(at)];
}

export const VALUE_SPOILERS: Readonly<Record<string, Spoiler<ValueHistory>>> = {
  'a state is said twice': (history, chance) => {
    if (history.values.length === 0) return undefined;
    const at = chance.below(history.values.length);
    const values = spliced(history, at, history.values[at]!);
    return { history: { ...history, values }, reason: 'nothing changed between the two' };
  },
  'the last state is not said': (history) => {
    if (history.over || history.values.length === 0) return undefined;
    const values = history.values.slice(0, -1);
    return { history: { ...history, values }, reason: 'the loop still shows what was' };
  },
  'it goes back': (history, chance) => {
    const places = told(history);
    if (places.length < 2) return undefined;
    const from = chance.below(places.length - 1);
    const back = history.values[places[from]!]!;
    const values = spliced(history, places[from + 1]! + 1, back);
    return { history: { ...history, values }, reason: `${back} was passed` };
  },
  'a state is invented': (history, chance) => {
    const places = told(history);
    if (places.length === 0) return undefined;
    const values = [...history.values];
    values[chance.one(places)] = history.log.at(-1)!.zxid + 1n;
    return { history: { ...history, values }, reason: 'no transaction has that zxid' };
  },
  'a node is said to be gone that was there': (history) => {
    const { log, values } = history;
    const gone = log.map(({ type }) => type).lastIndexOf('NodeDeleted');
    const after = values.findIndex((value) => value !== null && value > (log[gone]?.zxid ?? 0n));
    // behind the last deletion, between two states
    if (after < 0 || after === values.length - 1) return undefined;
    return {
      history: { ...history, values: spliced(history, after + 1, null) },
      reason: `nobody deleted it behind ${values[after]!}`,
    };
  },
};
