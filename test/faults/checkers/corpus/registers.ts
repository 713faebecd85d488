/** Histories of registers that are good because a simple model made them. */
import { Chance } from '../../chance.js';
import {
  type Outcome,
  type ReadCall,
  type RegisterCall,
  type RegisterHistory,
  type RegisterState,
  type WriteCall,
} from '../history.js';

export const KEYS = ['/a', '/b'];
const CLIENTS = ['ann', 'bob', 'cat'];
export const CALLS_EACH = 14;

interface Plan {
  readonly client: string;
  readonly session: bigint;
  readonly key: string;
  readonly kind: RegisterCall['kind'];
  readonly begin: number;
  readonly end: number;
  /** When it happens; Infinity for never. */
  readonly point: number;
  readonly outcome: Outcome;
  readonly value: string;
  /** How far behind a read looks. */
  readonly lag: number;
}

/** A history that happened: one log of changes, clients that hold to the order of their sessions, reads of the past. */
export function goodRegisters(seed: number, freshReads: boolean): RegisterHistory {
  const chance = new Chance(seed);
  const plans: Plan[] = [];
  let sessions = 0n;
  for (const client of CLIENTS) {
    let session = ++sessions;
    let now = 0;
    for (let i = 0; i < CALLS_EACH; i++) {
      const kind = chance.one(['read', 'read', 'write', 'cas'] as const);
      const lost = kind !== 'read' && chance.odds(0.2);
      const unsent = !lost && chance.odds(0.05);
      const renewed = lost && chance.odds(0.5);
      const begin = now + 1 + chance.random() * 20;
      const happens = begin + chance.random() * 20;
      // what is lost with its session may happen late
      const late = renewed ? chance.random() * 100 : 0;
      const end = happens + chance.random() * 20;
      plans.push({
        client,
        session,
        key: chance.one(KEYS),
        kind,
        begin,
        end,
        point: unsent || (lost && chance.odds(0.4)) ? Infinity : happens + late,
        outcome: unsent ? 'not-sent' : lost ? 'unknown' : 'ok',
        value: `${client}${i}`,
        lag: freshReads ? 0 : chance.below(60),
      });
      now = end;
      if (renewed) session = ++sessions;
    }
  }
  const { calls, final } = run(plans, chance);
  return { ...numbered(calls, freshReads), final };
}

interface Logged extends RegisterState {
  readonly key: string;
  readonly at: number;
}

const INITIAL: ReadonlyMap<string, RegisterState> = new Map(
  KEYS.map((key, i) => [key, { value: `first ${key}`, version: 0, zxid: BigInt(i + 1) }]),
);

function run(
  plans: readonly Plan[],
  chance: Chance,
): { calls: RegisterCall[]; final: ReadonlyMap<string, RegisterState> } {
  const log: Logged[] = [...INITIAL].map(([key, state]) => ({ ...state, key, at: 0 }));
  const passed = new Map<bigint, number>();
  const stateOf = (key: string, length = log.length): Logged =>
    log.filter((entry, i) => i < length && entry.key === key).at(-1)!;
  let zxid = BigInt(log.length);
  const calls: RegisterCall[] = plans
    .filter(({ point }) => point === Infinity)
    .map((plan) => callOf(plan, chance.below(3)));
  for (const plan of plans.filter(({ point }) => point < Infinity).sort((a, b) => a.point - b.point)) {
    const floor = passed.get(plan.session) ?? 0;
    if (plan.kind === 'read') {
      const behind = log.filter(({ at }) => at <= plan.point - plan.lag).length;
      const length = Math.max(floor, behind, INITIAL.size);
      passed.set(plan.session, length);
      const { value, version, zxid: seen } = stateOf(plan.key, length);
      calls.push({ ...callOf(plan, 0), seen: { value, version, zxid: seen } } as ReadCall);
      continue;
    }
    const before = stateOf(plan.key);
    const expected = chance.odds(0.7) ? before.version : Math.max(0, before.version - 1);
    const call = callOf(plan, expected) as WriteCall;
    zxid += BigInt(1 + chance.below(2));
    if (plan.kind === 'cas' && expected !== before.version) {
      calls.push(plan.outcome === 'unknown' ? call : { ...call, outcome: 'rejected' });
      continue;
    }
    const made = { version: before.version + 1, zxid };
    log.push({ ...made, value: plan.value, key: plan.key, at: plan.point });
    passed.set(plan.session, log.length);
    calls.push(plan.outcome === 'ok' ? { ...call, made } : call);
  }
  const final = new Map(KEYS.map((key) => [key, stateOf(key)]));
  return { calls, final };
}

function callOf(
  { client, session, key, kind, begin, end, outcome, value }: Plan,
  expected: number,
): RegisterCall {
  const base = { client, session, key, begin, end, outcome };
  if (kind === 'read') return { ...base, kind };
  return kind === 'cas' ? { ...base, kind, value, expected } : { ...base, kind, value };
}

/** Times become places in one count. */
function numbered(calls: readonly RegisterCall[], freshReads: boolean): RegisterHistory {
  const times = calls.flatMap(({ begin, end }) => [begin, end]).sort((a, b) => a - b);
  const places = new Map(times.map((time, i) => [time, i + 1]));
  return {
    initial: INITIAL,
    freshReads,
    calls: calls
      .map((call) => ({ ...call, begin: places.get(call.begin)!, end: places.get(call.end)! }))
      .sort((a, b) => a.begin - b.begin),
  };
}
