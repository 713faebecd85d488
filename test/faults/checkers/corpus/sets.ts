/** Good histories of sets and of names, and ways to spoil them. */
import { Chance } from '../../chance.js';
import type { Call, Outcome } from '../history.js';
import type { AddCall, ListCall, NameCall, SetHistory } from '../sets.js';
import type { Spoiler } from './spoiler.js';

const CLIENTS = ['ann', 'bob', 'cat'];
const CALLS_EACH = 12;
const LATER = 10_000;

interface Done<T> {
  readonly call: T;
  /** When it happened; Infinity for never. */
  readonly point: number;
}

/** Calls of several clients, one after the other each, with a point at which each happens. */
function calls(chance: Chance, odds: number): Done<Call>[] {
  const all: Done<Call>[] = [];
  let sessions = 0n;
  let moment = 0;
  for (const client of CLIENTS) {
    let now = 0;
    let session = ++sessions;
    for (let i = 0; i < CALLS_EACH; i++) {
      const begin = now + 1 + chance.below(20) + ++moment / 1000;
      const point = begin + 1 + chance.below(20) + ++moment / 1000;
      const end = point + 1 + chance.below(20) + ++moment / 1000;
      const outcome: Outcome = chance.odds(odds)
        ? chance.one(['unknown', 'not-sent', 'rejected'] as const)
        : 'ok';
      const happens = outcome === 'ok' || (outcome === 'unknown' && chance.odds(0.5));
      all.push({ call: { client, session, begin, end, outcome }, point: happens ? point : Infinity });
      now = end;
      if (outcome === 'unknown' && chance.odds(0.3)) session = ++sessions;
    }
  }
  return all.sort((a, b) => a.point - b.point);
}

export function goodSet(seed: number, freshReads: boolean): SetHistory {
  const chance = new Chance(seed);
  const adds: AddCall[] = [];
  const lists: ListCall[] = [];
  const log: { readonly member: string; readonly at: number }[] = [];
  const passed = new Map<bigint, number>();
  for (const [i, { call, point }] of calls(chance, 0.3).entries()) {
    const isList = chance.odds(0.4);
    if (isList && call.outcome === 'ok') {
      const lag = freshReads ? 0 : chance.below(60);
      const floor = passed.get(call.session) ?? 0;
      const length = Math.max(floor, log.filter(({ at }) => at <= point - lag).length);
      passed.set(call.session, length);
      lists.push({ ...call, members: chance.shuffled(log.slice(0, length).map(({ member }) => member)) });
      continue;
    }
    const add = { ...call, member: `m${i}` };
    adds.push(add);
    if (point === Infinity) continue;
    log.push({ member: add.member, at: point });
    passed.set(call.session, log.length);
  }
  return { adds, lists, final: chance.shuffled(log.map(({ member }) => member)), freshReads };
}

const okAdds = ({ adds }: SetHistory): readonly AddCall[] => adds.filter(({ outcome }) => outcome === 'ok');

function choose<T>(chance: Chance, items: readonly T[]): T | undefined {
  return items.length === 0 ? undefined : chance.one(items);
}

const lateList = (members: readonly string[], call: Partial<Call> = {}): ListCall => ({
  client: 'eve',
  session: 99n,
  begin: LATER,
  end: LATER + 1,
  outcome: 'ok',
  members,
  ...call,
});

export const SET_SPOILERS: Readonly<Record<string, Spoiler<SetHistory>>> = {
  'an acknowledged member is missing': (history, chance) => {
    const add = choose(chance, okAdds(history));
    if (add === undefined) return undefined;
    const without = (members: readonly string[] = []): readonly string[] =>
      members.filter((member) => member !== add.member);
    return {
      history: {
        ...history,
        final: without(history.final),
        lists: history.lists.map((list) => ({ ...list, members: without(list.members) })),
      },
      reason: `${add.member} was acknowledged, and nobody ever sees it`,
    };
  },
  'a refused member is there': (history, chance) => {
    const add = choose(
      chance,
      history.adds.filter(({ outcome }) => outcome === 'rejected' || outcome === 'not-sent'),
    );
    if (add === undefined) return undefined;
    return {
      history: { ...history, final: [...history.final, add.member] },
      reason: `${add.member} was ${add.outcome}`,
    };
  },
  'nobody added a member': (history) => ({
    history: { ...history, final: [...history.final, 'eve'] },
    reason: 'nobody called for eve',
  }),
  'a member is there twice': (history, chance) => {
    const member = choose(chance, history.final);
    if (member === undefined) return undefined;
    return { history: { ...history, final: [...history.final, member] }, reason: `${member} is one name` };
  },
  'a member was seen and is gone': (history, chance) => {
    const add = choose(
      chance,
      history.adds.filter((each) => each.outcome === 'unknown' && !history.final.includes(each.member)),
    );
    if (add === undefined) return undefined;
    return {
      history: { ...history, lists: [...history.lists, lateList([...history.final, add.member])] },
      reason: `nothing is taken off the set, and ${add.member} was in it`,
    };
  },
  'a member is seen before it was added': (history, chance) => {
    const add = choose(
      chance,
      okAdds(history).filter(({ begin }) => begin > 5),
    );
    if (add === undefined) return undefined;
    return {
      history: { ...history, lists: [...history.lists, lateList([add.member], { begin: 0.1, end: 0.2 })] },
      reason: `${add.member} is added later`,
    };
  },
  'a session does not see its own member': (history, chance) => {
    const add = choose(chance, okAdds(history));
    if (add === undefined) return undefined;
    const rest = history.final.filter((member) => member !== add.member);
    return {
      history: {
        ...history,
        lists: [...history.lists, lateList(rest, { client: add.client, session: add.session })],
      },
      reason: `the same session has added ${add.member} before`,
    };
  },
  'a session no longer sees what it saw': (history, chance) => {
    const list = choose(
      chance,
      history.lists.filter(({ members = [] }) => members.length > 0),
    );
    const gone = list && chance.one(list.members!);
    if (list === undefined) return undefined;
    const rest = history.final.filter((member) => member !== gone);
    return {
      history: {
        ...history,
        lists: [...history.lists, lateList(rest, { client: list.client, session: list.session })],
      },
      reason: `the same session has seen ${gone} before`,
    };
  },
  'a stale list': (history, chance) => {
    const add = choose(chance, okAdds(history));
    if (add === undefined || !history.freshReads) return undefined;
    const rest = history.final.filter((member) => member !== add.member);
    return {
      history: { ...history, lists: [...history.lists, lateList(rest)] },
      reason: `${add.member} was acknowledged before the list was asked for`,
    };
  },
};

// ---------------------------------------------------------------- names

export interface NameHistory {
  readonly calls: readonly NameCall[];
  readonly final: readonly number[];
}

export function goodNames(seed: number): NameHistory {
  const chance = new Chance(seed);
  const final: number[] = [];
  let next = 0;
  const made = calls(chance, 0.3).map(({ call, point }): NameCall => {
    if (point === Infinity) return call;
    const number = (next += 1 + chance.below(2));
    final.push(number);
    return call.outcome === 'ok' ? { ...call, number } : call;
  });
  return { calls: made, final };
}

const given = ({ calls: all }: NameHistory): readonly NameCall[] =>
  all.filter(({ outcome }) => outcome === 'ok');

export const NAME_SPOILERS: Readonly<Record<string, Spoiler<NameHistory>>> = {
  'a name is given twice': (history, chance) => {
    const [first, second] = chance.shuffled(given(history));
    if (first === undefined || second === undefined) return undefined;
    return {
      history: {
        ...history,
        calls: history.calls.map((call) => (call === first ? { ...call, number: second.number! } : call)),
      },
      reason: `two have ${second.number!}`,
    };
  },
  'a name is missing': (history, chance) => {
    const call = choose(chance, given(history));
    if (call === undefined) return undefined;
    return {
      history: { ...history, final: history.final.filter((number) => number !== call.number) },
      reason: `${call.number!} was acknowledged`,
    };
  },
  'more names than were asked for': (history) => {
    const lost = history.calls.filter(({ outcome }) => outcome === 'unknown').length;
    const more = Array.from({ length: lost + 1 }, (_, i) => 5000 + i);
    return {
      history: { ...history, final: [...history.final, ...more] },
      reason: `${lost} answers were lost`,
    };
  },
  'a later name is lower': (history, chance) => {
    const call = choose(
      chance,
      given(history).filter(({ number }) => number! > 1),
    );
    if (call === undefined) return undefined;
    const late: NameCall = {
      client: 'eve',
      session: 99n,
      begin: LATER,
      end: LATER + 1,
      outcome: 'ok',
      number: -call.number!,
    };
    return {
      history: { calls: [...history.calls, late], final: [...history.final, -call.number!] },
      reason: `${call.number!} was given before it was asked for`,
    };
  },
};
