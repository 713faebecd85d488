/**
 * Registers, checked by the zxids and versions that ZooKeeper itself gives: linear in the length of the history.
 *
 * What it promises: an empty answer means that there is one order of all writes, that of their zxids, in which each
 * acknowledged write happened once, each unknown one once or never and after its begin, each compare-and-set on the version
 * that it expected and no refused one on it; that this order agrees with real time and with the order of each session; and
 * that the state at the `final` is the last one of it; and that each read saw a state of that order, never an older one than its session had seen before, nor, with `freshReads`,
 * than what was acknowledged before it began. What several refusals only prove together it may miss.
 */
import {
  byBegin,
  grouped,
  isWrite,
  maxOf,
  nameOf,
  type ReadCall,
  type RegisterCall,
  type RegisterHistory,
  type RegisterState,
  type WriteCall,
} from './history.js';

/** A state of a register that somebody was shown. */
interface Fact extends RegisterState {
  /** The write that made it; null for the state at the beginning. */
  readonly write: WriteCall | null;
  /** The first moment at which it was known to have happened. */
  known: number;
  /** A moment at which it was the newest. */
  lasted: number;
}

/** @returns what is wrong, in words */
export function checkZxidOrder(history: RegisterHistory): readonly string[] {
  const problems: string[] = [];
  const facts: Fact[] = [];
  const byKey = new Map<string, Fact[]>();
  for (const [key, calls] of grouped(history.calls, ({ key }) => key)) {
    const initial = history.initial.get(key);
    if (initial === undefined) throw new Error(`no initial state of ${key}`);
    const end = history.final?.get(key);
    const register = new Register(
      initial,
      end === undefined ? calls : [...calls, finalRead(key, end)],
      history.freshReads,
    );
    problems.push(...register.check().map((problem) => `${key}: ${problem}`));
    byKey.set(key, register.facts);
    facts.push(...register.facts);
  }
  return [...problems, ...realTime(facts), ...sessionOrder(history.calls, byKey)];
}

/** What was there at the end, as a read that nothing comes behind. */
function finalRead(key: string, seen: RegisterState): ReadCall {
  return {
    client: 'the end',
    session: 0n,
    key,
    kind: 'read',
    begin: Infinity,
    end: Infinity,
    outcome: 'ok',
    seen,
  };
}

interface Range {
  readonly from: number;
  readonly to: number;
}

class Register {
  /** By their versions. */
  readonly facts: Fact[] = [];
  private readonly problems: string[] = [];
  private readonly writes: readonly WriteCall[];
  private readonly reads: readonly ReadCall[];

  constructor(
    initial: RegisterState,
    calls: readonly RegisterCall[],
    private readonly freshReads: boolean,
  ) {
    this.writes = calls.filter(isWrite);
    this.reads = calls.filter((call): call is ReadCall => call.kind === 'read');
    this.facts.push({ ...initial, write: null, known: 0, lasted: 0 });
  }

  check(): readonly string[] {
    for (const write of this.writes)
      if (write.outcome === 'ok') this.learn({ ...write.made!, value: write.value }, write);
    for (const read of this.reads) if (read.outcome === 'ok') this.learn(read.seen!, read);
    this.facts.sort((a, b) => a.version - b.version);
    this.orderOfFacts();
    if (this.problems.length > 0) return this.problems;
    if (this.freshReads) this.lasting();
    this.assignUnknown();
    for (const read of this.reads)
      if (read.outcome === 'ok' && (this.freshReads || read.begin === Infinity)) this.freshness(read);
    return this.problems;
  }

  /** A call showed that state. */
  private learn(state: RegisterState, by: RegisterCall): void {
    const same = this.facts.find((fact) => fact.version === state.version || fact.value === state.value);
    if (same !== undefined) {
      if (same.version !== state.version || same.value !== state.value || same.zxid !== state.zxid)
        this.problems.push(`${nameOf(by)} shows ${text(state)}, and there was ${text(same)}`);
      else if (isWrite(by)) this.problems.push(`${nameOf(by)} and another are one`);
      same.known = Math.min(same.known, by.end);
      return;
    }
    const write = this.writes.find(({ value }) => value === state.value);
    if (write === undefined) this.problems.push(`${nameOf(by)} shows ${text(state)}, which nobody wrote`);
    else if (write.outcome === 'rejected' || write.outcome === 'not-sent')
      this.problems.push(`${nameOf(by)} shows ${text(state)}, which was ${write.outcome}`);
    else {
      if (write.kind === 'cas' && state.version !== write.expected! + 1)
        this.problems.push(`${nameOf(write)} expected version ${write.expected!} and made ${state.version}`);
      this.facts.push({ ...state, write, known: by.end, lasted: 0 });
    }
  }

  private orderOfFacts(): void {
    this.facts.forEach((fact, i) => {
      const before = this.facts[i - 1];
      if (before !== undefined && fact.zxid <= before.zxid)
        this.problems.push(`${text(fact)} has not a higher zxid than ${text(before)}`);
      if (fact.write !== null && fact.write.begin > fact.known)
        this.problems.push(`${text(fact)} was seen before it was written by ${nameOf(fact.write)}`);
      if (before === undefined && fact.write !== null)
        this.problems.push(`${text(fact)} has a lower version than there was at the beginning`);
    });
  }

  /**
   * Versions that nobody was shown, and those that must have ended one on which a cas was refused, are those of unknown
   * writes, each of which happened once at most.
   */
  private assignUnknown(): void {
    const demands = new Map<number, number>();
    for (let i = 1; i < this.facts.length; i++)
      for (let version = this.facts[i - 1]!.version + 1; version < this.facts[i]!.version; version++)
        demands.set(version, Infinity);
    const refused = this.writes.filter(({ kind, outcome }) => kind === 'cas' && outcome === 'rejected');
    // what ended one version must have been there for the next
    for (const write of refused.sort((x, y) => x.expected! - y.expected!)) {
      const known = this.knownFrom(write.expected!, demands);
      if (known > write.begin || !this.mustHaveEnded(write)) continue;
      const version = write.expected! + 1;
      demands.set(version, Math.min(write.end, demands.get(version) ?? Infinity));
    }
    const unseen = this.unseen().map((write) => ({ begin: write.begin, ...this.rangeOf(write) }));
    const takenBy = new Map<number, number>();
    const place = (version: number, tried: Set<number>): boolean =>
      unseen.some(({ begin, from, to }, i) => {
        if (tried.has(i) || version < from || version > to || begin > demands.get(version)!) return false;
        tried.add(i);
        const other = takenBy.get(i);
        if (other !== undefined && !place(other, tried)) return false;
        takenBy.set(i, version);
        return true;
      });
    for (const version of demands.keys())
      if (!place(version, new Set())) this.problems.push(`nobody can have made version ${version} in time`);
  }

  /** When that version had been reached for certain. */
  private knownFrom(version: number, demands: ReadonlyMap<number, number>): number {
    const shown = this.facts.filter((fact) => fact.version >= version).map(({ known }) => known);
    return Math.min(...shown, demands.get(version) ?? Infinity);
  }

  /** Must somebody unknown have ended the version that a refused cas expected? A version that was shown is judged here. */
  private mustHaveEnded({ expected, end, ...refused }: WriteCall): boolean {
    const fact = this.facts.find(({ version }) => version === expected);
    const next = this.facts.find(({ version }) => version === expected! + 1);
    const tooLate = (fact?.lasted ?? 0) > end || (next !== undefined && next.write!.begin > end);
    if (tooLate)
      this.problems.push(
        `${nameOf({ ...refused, end })} was refused, and the version was ${expected!} all the time`,
      );
    return !tooLate && next === undefined;
  }

  /** Unknown writes of which nobody was shown anything. */
  private unseen(): readonly WriteCall[] {
    const shown = new Set(this.facts.map(({ write }) => write));
    return this.writes.filter((write) => write.outcome === 'unknown' && !shown.has(write));
  }

  /** Versions that an unknown write can have made. */
  private rangeOf(write: WriteCall): Range {
    let from = 0;
    let to = Infinity;
    for (const fact of this.facts) {
      if (fact.known < write.begin) from = Math.max(from, fact.version + 1);
      const by = fact.write;
      if (by === null || by.session !== write.session || by.session === 0n) continue;
      if (by.begin > write.begin) to = Math.min(to, fact.version - 1);
      else from = Math.max(from, fact.version + 1);
    }
    if (write.kind === 'cas') {
      from = Math.max(from, write.expected! + 1);
      to = Math.min(to, write.expected! + 1);
    }
    return { from, to };
  }

  /** What a read saw was the newest when it began, or later. */
  private lasting(): void {
    for (const { outcome, seen, begin } of this.reads) {
      const fact = outcome === 'ok' && this.facts.find(({ version }) => version === seen!.version);
      if (fact) fact.lasted = Math.max(fact.lasted, begin);
    }
  }

  private freshness(read: ReadCall): void {
    const newest = this.facts.filter(({ known }) => known < read.begin).at(-1);
    if (newest !== undefined && newest.version > read.seen!.version)
      this.problems.push(`${nameOf(read)} shows ${text(read.seen!)}, and ${text(newest)} was known before`);
  }
}

/** What was known to have happened before a write began has a lower zxid. */
function realTime(facts: readonly Fact[]): readonly string[] {
  const problems: string[] = [];
  const zxids = new Map<bigint, Fact>();
  for (const fact of facts) {
    const other = zxids.get(fact.zxid);
    if (other !== undefined && other.write !== null && fact.write !== null)
      problems.push(`${nameOf(fact.write)} and ${nameOf(other.write)} have one zxid`);
    zxids.set(fact.zxid, fact);
  }
  const known = [...facts].sort((a, b) => a.known - b.known);
  const made = facts.filter(({ write }) => write !== null).sort((a, b) => a.write!.begin - b.write!.begin);
  let highest: Fact | undefined;
  let at = 0;
  for (const fact of made) {
    for (; at < known.length && known[at]!.known < fact.write!.begin; at++)
      if (highest === undefined || known[at]!.zxid > highest.zxid) highest = known[at]!;
    if (highest !== undefined && highest.zxid >= fact.zxid)
      problems.push(`${nameOf(fact.write!)} has zxid ${fact.zxid}, and began when ${highest.zxid} was known`);
  }
  return problems;
}

/** What a session is shown never goes back, and its writes are in its order. */
function sessionOrder(
  calls: readonly RegisterCall[],
  facts: ReadonlyMap<string, readonly Fact[]>,
): readonly string[] {
  const problems: string[] = [];
  for (const [session, own] of grouped(byBegin(calls), ({ session }) => session)) {
    if (session === 0n) continue;
    let floor = 0n;
    for (const call of own) {
      if (call.outcome !== 'ok') continue;
      if (isWrite(call)) {
        if (call.made!.zxid <= floor) problems.push(`${nameOf(call)} is before what its session had seen`);
        floor = maxOf(floor, call.made!.zxid);
        continue;
      }
      const { zxid } = call.seen!;
      const missed = facts.get(call.key)!.find((fact) => fact.zxid > zxid && fact.zxid <= floor);
      if (missed !== undefined)
        problems.push(`${nameOf(call)} shows ${zxid}, and not ${text(missed)} that its session had passed`);
      floor = maxOf(floor, zxid);
    }
  }
  return problems;
}

function text({ value, version, zxid }: RegisterState): string {
  return `${value} (version ${version}, zxid ${zxid})`;
}
