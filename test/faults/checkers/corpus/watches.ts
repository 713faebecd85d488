/** Good histories of streams and of watches that fire once, and ways to spoil them. */
import type { EventType } from '../../../../src/index.js';
import { Chance } from '../../chance.js';
import type { Change, OneShot, Sight, StreamHistory } from '../watch-stream.js';
import type { Spoiler } from './spoiler.js';

const PATHS = ['/w', '/w/a', '/w/b'];
const TYPES: readonly EventType[] = ['NodeCreated', 'NodeDataChanged', 'NodeDeleted'];

function choose<T>(chance: Chance, items: readonly T[]): T | undefined {
  return items.length === 0 ? undefined : chance.one(items);
}

function changes(chance: Chance, count: number): Change[] {
  const log: Change[] = [];
  const there = new Set<string>();
  let zxid = 10n;
  while (log.length < count) {
    // a transaction of one or two changes
    zxid += BigInt(1 + chance.below(3));
    for (const path of chance.shuffled(PATHS).slice(0, chance.odds(0.3) ? 2 : 1)) {
      const type = there.has(path) ? chance.one(TYPES.slice(1)) : 'NodeCreated';
      if (type === 'NodeDeleted') there.delete(path);
      else there.add(path);
      log.push({ zxid, type, path });
    }
  }
  return log;
}

/** Everything is told in order, except for what gaps stand for; some servers tell no zxids. */
export function goodStream(seed: number): StreamHistory {
  const chance = new Chance(seed);
  const log = changes(chance, 30);
  const armed = log[chance.below(5)]!.zxid;
  const until = log.at(-1 - chance.below(3))!.zxid;
  const told = chance.odds(0.6);
  const sights: Sight[] = [];
  for (let at = log.findIndex(({ zxid }) => zxid > armed); at < log.length && log[at]!.zxid <= until;) {
    const change = log[at]!;
    if (chance.odds(0.1)) {
      const skipped = log.slice(at, at + chance.below(5)).filter(({ zxid }) => zxid <= until);
      const upTo = skipped.at(-1)?.zxid ?? change.zxid - 1n;
      // a connection ends between two messages, so also within a transaction, but none begins there
      while (at < log.length && log[at]!.zxid <= upTo) at++;
      sights.push({ kind: 'gap', upTo });
      continue;
    }
    sights.push({ kind: 'event', ...change, zxid: told ? change.zxid : undefined });
    at++;
    if (chance.odds(0.3) && log[at]?.zxid !== change.zxid) sights.push({ kind: 'data', zxid: change.zxid });
  }
  return { log, armed, until, sights };
}

type Event = Sight & { readonly kind: 'event' };

const eventsOf = ({ sights }: StreamHistory): readonly Event[] =>
  sights.filter((sight): sight is Event => sight.kind === 'event');

/** Events that no gap of this history can stand for. */
function certain(history: StreamHistory): readonly Event[] {
  const highest = history.sights.reduce(
    (most, sight) => (sight.kind === 'gap' && sight.upTo > most ? sight.upTo : most),
    0n,
  );
  return eventsOf(history).filter(({ zxid }) => zxid !== undefined && zxid > highest);
}

const without = (history: StreamHistory, sight: Sight): readonly Sight[] =>
  history.sights.filter((each) => each !== sight);

function inserted(history: StreamHistory, before: Sight, ...more: Sight[]): StreamHistory {
  return {
    ...history,
    sights: history.sights.flatMap((each) => (each === before ? [...more, each] : [each])),
  };
}

export const STREAM_SPOILERS: Readonly<Record<string, Spoiler<StreamHistory>>> = {
  'an event is lost': (history, chance) => {
    const event = choose(chance, certain(history));
    return (
      event && {
        history: { ...history, sights: without(history, event) },
        reason: `${event.zxid!} is behind every gap, and was not told`,
      }
    );
  },
  'the last event is lost': (history) => {
    const event = certain(history).at(-1);
    return (
      event && {
        history: { ...history, sights: without(history, event) },
        reason: `${event.zxid!} is not told, and the end is at ${history.until}`,
      }
    );
  },
  'an event comes twice': (history, chance) => {
    const event = choose(
      chance,
      eventsOf(history).filter(({ zxid }) => zxid !== undefined),
    );
    return (
      event && {
        history: inserted(history, event, event),
        reason: `there is one change at ${event.zxid!} of ${event.path}`,
      }
    );
  },
  'an event comes again behind a gap': (history, chance) => {
    const event = choose(chance, certain(history));
    return (
      event && {
        history: { ...history, sights: [...history.sights, { kind: 'gap', upTo: history.until }, event] },
        reason: `${event.zxid!} was told before the gap`,
      }
    );
  },
  'two events change places': (history, chance) => {
    const events = eventsOf(history);
    const at = chance.below(Math.max(1, events.length - 1));
    const [first, second] = [events[at], events[at + 1]];
    if (first?.zxid === undefined || second?.zxid === undefined || first.zxid === second.zxid)
      return undefined;
    return {
      history: {
        ...history,
        sights: history.sights.map((each) => (each === first ? second : each === second ? first : each)),
      },
      reason: `${second.zxid} is told before ${first.zxid}`,
    };
  },
  'an event of another path': (history, chance) => {
    const event = choose(chance, eventsOf(history));
    return (
      event && {
        history: {
          ...history,
          sights: history.sights.map((each) => (each === event ? { ...event, path: '/x' } : each)),
        },
        reason: 'nothing of /x is in the log',
      }
    );
  },
  'an event of another type': (history, chance) => {
    const event = choose(chance, certain(history));
    const type = event && chance.one(TYPES.filter((each) => each !== event.type));
    if (event === undefined || type === undefined) return undefined;
    return {
      history: {
        ...history,
        sights: history.sights.map((each) => (each === event ? { ...event, type } : each)),
      },
      reason: `at ${event.zxid!} it was ${event.type}`,
    };
  },
  'an event that never was': (history, chance) => {
    const event = choose(
      chance,
      eventsOf(history).filter(({ zxid }) => zxid !== undefined),
    );
    return (
      event && {
        history: inserted(history, event, { ...event, zxid: 5n }),
        reason: 'nothing is in the log at 5',
      }
    );
  },
  'an event of before the watch': (history, chance) => {
    const old = choose(
      chance,
      history.log.filter(({ zxid }) => zxid <= history.armed),
    );
    const first = history.sights[0];
    if (old === undefined || first === undefined) return undefined;
    return {
      history: inserted(history, first, { kind: 'event', ...old }),
      reason: `${old.zxid} was over when the watch was armed at ${history.armed}`,
    };
  },
  'a gap comes too late': (history, chance) => {
    const at = history.sights.findIndex((each) => each.kind === 'gap' && each.upTo > history.armed);
    const [gap, event] = [history.sights[at], history.sights[at + 1]];
    if (gap?.kind !== 'gap' || event?.kind !== 'event' || event.zxid === undefined) return undefined;
    const before = history.sights
      .slice(0, at)
      .filter((each): each is Event => each.kind === 'event')
      .at(-1);
    const skipped = history.log.filter(
      ({ zxid }) => zxid > (before?.zxid ?? history.armed) && zxid < event.zxid!,
    );
    if (skipped.length === 0) return undefined;
    const sights = [...history.sights];
    sights.splice(at, 2, event, { ...gap, upTo: gap.upTo + BigInt(chance.below(2)) });
    return {
      history: { ...history, sights },
      reason: `${skipped[0]!.zxid} is passed over before the gap is told`,
    };
  },
  'a gap stands for too much': (history) => {
    const event = certain(history)[0];
    if (event === undefined) return undefined;
    return {
      history: inserted(
        { ...history, sights: without(history, event) },
        history.sights.at(-1) === event ? history.sights[0]! : history.sights.at(-1)!,
        {
          kind: 'gap',
          upTo: event.zxid! - 1n,
        },
      ),
      reason: `the gap ends before ${event.zxid!}, which is not told`,
    };
  },
  'data come before their event': (history, chance) => {
    const event = choose(chance, certain(history));
    return (
      event && {
        history: inserted(history, event, { kind: 'data', zxid: event.zxid! }),
        reason: `${event.zxid!} was read before it was told`,
      }
    );
  },
};

// ---------------------------------------------------------------- watches that fire once

export interface OneShotHistory {
  readonly watches: readonly OneShot[];
  readonly log: readonly Change[];
  readonly until: bigint;
}

export function goodOneShots(seed: number): OneShotHistory {
  const chance = new Chance(seed);
  const log = changes(chance, 24);
  const until = log.at(-1)!.zxid;
  const watches = Array.from({ length: 12 }, (): OneShot => {
    const path = chance.one(PATHS);
    const armed = chance.one(log).zxid;
    const first = log.find((change) => change.path === path && change.zxid > armed);
    const over = chance.odds(0.2);
    if (first === undefined || (over && chance.odds(0.5))) return { path, armed, events: [], over };
    // what was missed is told as it is later, without a zxid
    const late = chance.odds(0.3);
    return { path, armed, events: [late ? { type: 'NodeDataChanged', zxid: undefined } : first], over };
  });
  return { watches, log, until };
}

function changed(history: OneShotHistory, old: OneShot, now: Partial<OneShot>): OneShotHistory {
  return {
    ...history,
    watches: history.watches.map((watch) => (watch === old ? { ...watch, ...now } : watch)),
  };
}

export const ONE_SHOT_SPOILERS: Readonly<Record<string, Spoiler<OneShotHistory>>> = {
  'a watch fires twice': (history, chance) => {
    const watch = choose(
      chance,
      history.watches.filter(({ events }) => events.length === 1),
    );
    return (
      watch && {
        history: changed(history, watch, { events: [...watch.events, ...watch.events] }),
        reason: 'a watch fires once',
      }
    );
  },
  'a watch does not fire': (history, chance) => {
    const watch = choose(
      chance,
      history.watches.filter(({ events, over }) => events.length === 1 && !over),
    );
    return (
      watch && {
        history: changed(history, watch, { events: [] }),
        reason: `${watch.path} changed behind ${watch.armed}`,
      }
    );
  },
  'a watch says what did not happen': (history, chance) => {
    const watch = choose(
      chance,
      history.watches.filter(({ events }) => events[0]?.zxid !== undefined),
    );
    const event = watch?.events[0];
    if (watch === undefined || event === undefined) return undefined;
    const type = chance.one(TYPES.filter((other) => other !== event.type));
    return {
      history: changed(history, watch, { events: [{ ...event, type }] }),
      reason: `that of ${String(event.zxid)} was ${event.type}`,
    };
  },
  'a watch fires for nothing': (history, chance) => {
    const path = chance.one(PATHS);
    const watch: OneShot = {
      path,
      armed: history.until,
      events: [{ type: 'NodeDataChanged', zxid: undefined }],
      over: false,
    };
    return {
      history: { ...history, watches: [...history.watches, watch] },
      reason: `${path} did not change any more`,
    };
  },
  'a watch misses the first change': (history, chance) => {
    const late = history.watches.flatMap((watch) => {
      const own = history.log.filter(({ path, zxid }) => path === watch.path && zxid > watch.armed);
      return watch.events.length === 1 && own.length > 1 ? [{ watch, second: own[1]! }] : [];
    });
    const one = choose(chance, late);
    return (
      one && {
        history: changed(history, one.watch, { events: [one.second] }),
        reason: `${one.second.zxid} is not the first change behind ${one.watch.armed}`,
      }
    );
  },
};
