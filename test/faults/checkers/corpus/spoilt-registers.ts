/** Ways to spoil a history of registers, each for a stated reason. */
import type { Chance } from '../../chance.js';
import {
  isWrite,
  type ReadCall,
  type RegisterCall,
  type RegisterHistory,
  type RegisterState,
  type WriteCall,
} from '../history.js';
import { CALLS_EACH, KEYS } from './registers.js';
import type { Spoiler } from './spoiler.js';

type Ok<T> = T & { readonly made: { readonly version: number; readonly zxid: bigint } };

const okWrites = ({ calls }: RegisterHistory): Ok<WriteCall>[] =>
  calls.filter((call): call is Ok<WriteCall> => isWrite(call) && call.outcome === 'ok');
const okReads = ({ calls }: RegisterHistory): (ReadCall & { seen: RegisterState })[] =>
  calls.filter(
    (call): call is ReadCall & { seen: RegisterState } => call.kind === 'read' && call.outcome === 'ok',
  );

function withCalls(
  { initial, freshReads }: RegisterHistory,
  calls: readonly RegisterCall[],
): RegisterHistory {
  return { initial, freshReads, calls };
}

function replaced(history: RegisterHistory, old: RegisterCall, now: RegisterCall): RegisterHistory {
  return withCalls(
    history,
    history.calls.map((call) => (call === old ? now : call)),
  );
}

function choose<T>(chance: Chance, items: readonly T[]): T | undefined {
  return items.length === 0 ? undefined : chance.one(items);
}

const LATER = 10_000;

/** A read by a client of its own behind everything else. */
function lateRead(key: string, seen: RegisterState, begin = LATER): ReadCall {
  return { client: 'eve', session: 99n, key, kind: 'read', begin, end: begin + 1, outcome: 'ok', seen };
}

/** Acknowledged writes that no read shows, with their neighbours known on both sides. */
function unread(history: RegisterHistory): Ok<WriteCall>[] {
  const shown = new Set(okReads(history).map(({ seen }) => seen.value));
  const writes = okWrites(history);
  return writes.filter(
    (write) =>
      !shown.has(write.value) &&
      writes.some((next) => next.key === write.key && next.made.version === write.made.version + 1),
  );
}

const lostOf = (history: RegisterHistory, key: string): RegisterCall[] =>
  history.calls.filter((call) => call.key === key && call.outcome === 'unknown');

/** Without those of unknown outcome on this key whose effect nobody saw; undefined if somebody did. */
function withoutUnknown(history: RegisterHistory, key: string): RegisterHistory | undefined {
  const lost = new Set<RegisterCall>(lostOf(history, key));
  const kept = withCalls(
    history,
    history.calls.filter((call) => !lost.has(call)),
  );
  const known = new Set(
    okWrites(kept)
      .filter((call) => call.key === key)
      .map(({ made }) => made.version),
  );
  const shown = okReads(kept)
    .filter((call) => call.key === key)
    .map(({ seen }) => seen.version);
  const highest = Math.max(0, ...known);
  for (let version = 1; version <= highest; version++) if (!known.has(version)) return undefined;
  return shown.every((version) => version <= highest) ? kept : undefined;
}

/** Those whose badness needs no zxid to be seen. */
export const PLAIN_SPOILERS: Readonly<Record<string, Spoiler<RegisterHistory>>> = {
  'an acknowledged write is gone': (history, chance) => {
    const write = choose(chance, okWrites(history));
    if (write === undefined) return undefined;
    const { key, made } = write;
    const shown = history.calls
      .filter(
        (call) =>
          call !== write &&
          (call.kind !== 'read' || call.key !== key || (call.seen?.version ?? 0) < made.version),
      )
      .map((call): RegisterCall => {
        if (!isWrite(call) || call.key !== key || call.made === undefined || call.made.version < made.version)
          return call;
        const { expected: _expected, ...rest } = call;
        return { ...rest, kind: 'write', made: { ...call.made, version: call.made.version - 1 } };
      });
    const next = shown.find(
      (call) => isWrite(call) && call.key === key && call.made?.version === made.version,
    );
    if (next === undefined) return undefined;
    return {
      history: withCalls(history, [...shown, write]),
      reason: `two acknowledged writes made version ${write.made.version} of ${write.key}`,
    };
  },
  'a write is there twice': (history, chance) => {
    const write = choose(chance, okWrites(history));
    if (write === undefined) return undefined;
    const top = Math.max(...okWrites(history).map(({ made }) => made.version)) + CALLS_EACH * 3;
    return {
      history: withCalls(history, [
        ...history.calls,
        lateRead(write.key, { value: write.value, version: top, zxid: 10_000n }),
      ]),
      reason: `${write.value} made version ${write.made.version} and ${top}`,
    };
  },
  'what was not sent is read': (history, chance) => {
    const write = choose(
      chance,
      history.calls.filter(isWrite).filter(({ outcome }) => outcome === 'not-sent'),
    );
    if (write === undefined) return undefined;
    const version = okWrites(history).filter(({ key }) => key === write.key).length + 50;
    return {
      history: withCalls(history, [
        ...history.calls,
        lateRead(write.key, { value: write.value, version, zxid: 10_000n }),
      ]),
      reason: `${write.value} was never sent`,
    };
  },
  'what was refused is read': (history, chance) => {
    const write = choose(
      chance,
      history.calls.filter(isWrite).filter(({ outcome }) => outcome === 'rejected'),
    );
    if (write === undefined) return undefined;
    return {
      history: withCalls(history, [
        ...history.calls,
        lateRead(write.key, { value: write.value, version: write.expected! + 1, zxid: 10_000n }),
      ]),
      reason: `${write.value} was refused`,
    };
  },
  'what nobody wrote is read': (history, chance) => {
    const read = choose(chance, okReads(history));
    if (read === undefined) return undefined;
    return {
      history: replaced(history, read, { ...read, seen: { ...read.seen, value: 'nobody' } }),
      reason: 'the value was never written',
    };
  },
  'a read sees what is written later': (history, chance) => {
    const write = choose(
      chance,
      okWrites(history).filter(({ begin }) => begin > 10),
    );
    if (write === undefined) return undefined;
    return {
      history: withCalls(history, [
        ...history.calls,
        lateRead(write.key, { value: write.value, ...write.made }, write.begin - 2.5),
      ]),
      reason: `${write.value} was read before it was written`,
    };
  },
  'a compare-and-set on another version': (history, chance) => {
    const write = choose(
      chance,
      okWrites(history).filter(({ kind }) => kind === 'cas'),
    );
    if (write === undefined) return undefined;
    const expected = write.expected! + chance.one([-1, 1, 2]);
    return {
      history: replaced(history, write, { ...write, expected }),
      reason: `it expected ${expected} and made ${write.made.version}`,
    };
  },
  'a compare-and-set is refused on the right version': (history, chance) => {
    const key = chance.one(KEYS);
    const kept = withoutUnknown(history, key);
    const last =
      kept &&
      okWrites(kept)
        .filter((call) => call.key === key)
        .sort((a, b) => a.made.version - b.made.version)
        .at(-1);
    if (kept === undefined || last === undefined) return undefined;
    const refused: WriteCall = {
      client: 'eve',
      session: 99n,
      key,
      kind: 'cas',
      value: 'eve',
      expected: last.made.version,
      begin: LATER,
      end: LATER + 1,
      outcome: 'rejected',
    };
    return {
      history: withCalls(kept, [...kept.calls, refused]),
      reason: `version ${last.made.version} was the last one, and stayed`,
    };
  },
  'a version is missing that nobody can have made': (history, chance) => {
    const write = choose(chance, unread(history));
    const kept = write && withoutUnknown(history, write.key);
    if (write === undefined || kept === undefined) return undefined;
    return {
      history: withCalls(
        kept,
        kept.calls.filter((call) => call !== write),
      ),
      reason: `nobody made version ${write.made.version} of ${write.key}`,
    };
  },
  'a version is missing that one who was refused must have made': (history, chance) => {
    const write = choose(chance, unread(history));
    const kept = write && withoutUnknown(history, write.key);
    if (write === undefined || kept === undefined) return undefined;
    const outcome = chance.one(['rejected', 'not-sent'] as const);
    const { made, ...call } = write;
    return {
      history: replaced(kept, write, { ...call, kind: 'write', outcome }),
      reason: `version ${made.version} can only be that of a write that was ${outcome}`,
    };
  },
  'a version is missing that an unknown write must have made before it began': (history, chance) => {
    const write = choose(chance, unread(history));
    const kept = write && withoutUnknown(history, write.key);
    if (write === undefined || kept === undefined) return undefined;
    const { made, ...call } = write;
    return {
      history: replaced(kept, write, {
        ...call,
        kind: 'write',
        client: 'eve',
        session: 99n,
        begin: LATER,
        end: LATER + 1,
        outcome: 'unknown',
      }),
      reason: `version ${made.version} was passed before its only writer began`,
    };
  },
  'two versions are missing, and there is one unknown write': (history, chance) => {
    const key = chance.one(KEYS);
    const kept = withoutUnknown(history, key);
    const gone = kept && chance.shuffled(unread(kept).filter((call) => call.key === key)).slice(0, 2);
    if (kept === undefined || gone?.length !== 2) return undefined;
    const [first, second] = gone as [Ok<WriteCall>, Ok<WriteCall>];
    const { made: _made, ...call } = first;
    return {
      history: withCalls(
        kept,
        kept.calls
          .filter((each) => each !== second)
          .map((each) =>
            each === first ? { ...call, kind: 'write' as const, outcome: 'unknown' as const } : each,
          ),
      ),
      reason: `versions ${first.made.version} and ${second.made.version} have one writer`,
    };
  },
  'a read goes back in time': (history, chance) => {
    if (!history.freshReads) return undefined;
    const write = choose(
      chance,
      okWrites(history).filter(({ made }) => made.version > 1),
    );
    const older =
      write &&
      okWrites(history).filter(({ key, made }) => key === write.key && made.version < write.made.version);
    const old = older && choose(chance, older);
    if (write === undefined || old === undefined) return undefined;
    return {
      history: withCalls(history, [...history.calls, lateRead(write.key, { value: old.value, ...old.made })]),
      reason: `${write.value} had replaced ${old.value} before the read began`,
    };
  },
  'a version has two values': (history, chance) => {
    const read = choose(
      chance,
      okReads(history).filter(({ seen }) => seen.version > 0),
    );
    const other =
      read &&
      choose(
        chance,
        okWrites(history).filter(({ key, value }) => key === read.key && value !== read.seen.value),
      );
    if (read === undefined || other === undefined) return undefined;
    return {
      history: withCalls(history, [
        ...history.calls,
        lateRead(read.key, { ...read.seen, value: other.value }),
      ]),
      reason: `version ${read.seen.version} is ${read.seen.value} and ${other.value}`,
    };
  },
};

/** Those that only the zxids show. */
export const ZXID_SPOILERS: Readonly<Record<string, Spoiler<RegisterHistory>>> = {
  'an acknowledged write is not there at the end': (history, chance) => {
    const write = choose(chance, okWrites(history));
    if (write === undefined) return undefined;
    const before = okWrites(history).filter(
      ({ key, made }) => key === write.key && made.zxid < write.made.zxid,
    );
    const old = choose(chance, before);
    const state = old === undefined ? history.initial.get(write.key)! : { value: old.value, ...old.made };
    return {
      history: endingWith(history, write.key, state),
      reason: `${write.value} was acknowledged, and ${state.value} is the end`,
    };
  },
  'two writes change places': (history, chance) => {
    const pairs = okWrites(history).flatMap((first) =>
      okWrites(history)
        .filter((second) => second.key !== first.key && first.end < second.begin)
        .map((second) => [first, second] as const),
    );
    const pair = choose(
      chance,
      pairs.filter((each) => each.every((call) => !isShown(history, call.value))),
    );
    if (pair === undefined) return undefined;
    const [first, second] = pair;
    const swapped = replaced(history, first, { ...first, made: { ...first.made, zxid: second.made.zxid } });
    return {
      history: replaced(swapped, second, { ...second, made: { ...second.made, zxid: first.made.zxid } }),
      reason: `${first.value} ended before ${second.value} began, and has the higher zxid`,
    };
  },
  'two writes have one zxid': (history, chance) => {
    const write = choose(
      chance,
      okWrites(history).filter(({ value }) => !isShown(history, value)),
    );
    const other =
      write &&
      choose(
        chance,
        okWrites(history).filter((each) => each !== write),
      );
    if (write === undefined || other === undefined) return undefined;
    return {
      history: replaced(history, write, { ...write, made: { ...write.made, zxid: other.made.zxid } }),
      reason: `${write.value} and ${other.value} have the zxid ${other.made.zxid}`,
    };
  },
  'one state has two zxids': (history, chance) => {
    const read = choose(chance, okReads(history));
    if (read === undefined) return undefined;
    return {
      history: withCalls(history, [...history.calls, lateRead(read.key, { ...read.seen, zxid: 10_000n })]),
      reason: `version ${read.seen.version} has the zxids ${read.seen.zxid} and 10000`,
    };
  },
  'a session does not see what it has written': (history, chance) => {
    const write = choose(
      chance,
      okWrites(history).filter(({ made }) => made.version > 0),
    );
    const old = write && history.initial.get(write.key);
    if (write === undefined || old === undefined) return undefined;
    return {
      history: withCalls(history, [
        ...history.calls,
        { ...lateRead(write.key, old), client: write.client, session: write.session },
      ]),
      reason: `its own session wrote ${write.value} before it read ${old.value}`,
    };
  },
  'a session goes back behind another register': (history, chance) => {
    const read = choose(
      chance,
      okReads(history).filter(({ seen }) => seen.zxid > 2n),
    );
    const older =
      read && okWrites(history).filter(({ key, made }) => key !== read.key && made.zxid < read.seen.zxid);
    const passed = older && choose(chance, older);
    if (read === undefined || passed === undefined) return undefined;
    return {
      history: withCalls(history, [
        ...history.calls,
        {
          ...lateRead(passed.key, history.initial.get(passed.key)!),
          client: read.client,
          session: read.session,
        },
      ]),
      reason: `its session had seen ${read.seen.zxid}, behind ${passed.value}`,
    };
  },
  'a session writes behind its own back': (history, chance) => {
    const write = choose(
      chance,
      okWrites(history).filter(({ value }) => !isShown(history, value)),
    );
    const earlier =
      write &&
      okReads(history).filter(
        ({ session, end, seen }) => session === write.session && end < write.begin && seen.zxid > 2n,
      );
    const read = earlier && choose(chance, earlier);
    if (write === undefined || read === undefined) return undefined;
    return {
      history: replaced(history, write, { ...write, made: { ...write.made, zxid: 0n } }),
      reason: `its session had seen ${read.seen.zxid} before, and it has zxid 0`,
    };
  },
};

/** The end, with another state of one register. */
function endingWith(history: RegisterHistory, key: string, state: RegisterState): RegisterHistory {
  return { ...history, final: new Map([...history.final!, [key, state]]) };
}

function isShown(history: RegisterHistory, value: string): boolean {
  return okReads(history).some(({ seen }) => seen.value === value);
}
