/**
 * Registers, checked without zxids: is there any order of the calls, each at one moment between its begin and its end, in
 * which all of them have the results that they had? The search of Wing and Gong, with the memory of Lowe.
 *
 * What it promises: it finds such an order if there is one, and says so if there is none. Reads count as `freshReads` says:
 * those of an ensemble may be stale and are left out. Keys are independent of each other. It is a second opinion on
 * `zxid-order.ts`, made in another way.
 */
import {
  byBegin,
  grouped,
  isWrite,
  type RegisterCall,
  type RegisterHistory,
  type RegisterState,
} from './history.js';

type State = Pick<RegisterState, 'value' | 'version'>;

/** States that a search may visit, of one key. Beyond it the history is too wild to be judged. */
const MAX_STATES = 2_000_000;

/** @returns the keys for which there is no order */
export function notLinearizable(history: RegisterHistory): readonly string[] {
  const keys: string[] = [];
  for (const [key, calls] of grouped(history.calls, ({ key }) => key)) {
    const initial = history.initial.get(key);
    if (initial === undefined) throw new Error(`no initial state of ${key}`);
    const counted = calls.filter((call) => counts(call, history.freshReads));
    if (!hasOrder(initial, byBegin(counted))) keys.push(key);
  }
  return keys;
}

function counts(call: RegisterCall, freshReads: boolean): boolean {
  if (!isWrite(call)) return call.outcome === 'ok' && freshReads;
  // a write that was refused without a version says nothing of the register
  return (
    call.outcome === 'ok' ||
    call.outcome === 'unknown' ||
    (call.outcome === 'rejected' && call.kind === 'cas')
  );
}

/** The state behind a call, or null if it cannot have had its result. */
function after(state: State, call: RegisterCall): State | null {
  if (!isWrite(call))
    return state.version === call.seen!.version && state.value === call.seen!.value ? state : null;
  const fits = call.kind === 'write' || call.expected === state.version;
  if (call.outcome === 'rejected') return fits ? null : state;
  const next = { value: call.value, version: state.version + 1 };
  // an unknown one that does not fit is as good as none
  if (!fits) return null;
  return call.outcome === 'unknown' || call.made!.version === next.version ? next : null;
}

interface Step {
  readonly done: bigint;
  readonly state: State;
}

function hasOrder(initial: State, calls: readonly RegisterCall[]): boolean {
  const ends = calls.map(({ outcome, end }) => (outcome === 'unknown' ? Infinity : end));
  let needed = 0n;
  ends.forEach((end, i) => {
    if (end !== Infinity) needed |= 1n << BigInt(i);
  });
  const seen = new Set<string>();
  const open: Step[] = [{ done: 0n, state: initial }];
  for (let step = open.pop(); step !== undefined; step = open.pop()) {
    const { done, state } = step;
    if ((done & needed) === needed) return true;
    const key = `${done.toString(36)} ${state.version} ${state.value}`;
    if (seen.has(key)) continue;
    seen.add(key);
    if (seen.size > MAX_STATES) throw new Error(`too many calls at the same time: ${calls.length}`);
    const bits = done.toString(2);
    const isDone = (i: number): boolean => bits.charAt(bits.length - 1 - i) === '1';
    let limit = Infinity;
    for (let i = 0; i < calls.length; i++) if (!isDone(i) && ends[i]! < limit) limit = ends[i]!;
    // the latest first, so that the earliest is tried first
    for (let i = calls.length - 1; i >= 0; i--) {
      if (calls[i]!.begin > limit || isDone(i)) continue;
      const next = after(state, calls[i]!);
      if (next !== null) open.push({ done: done | (1n << BigInt(i)), state: next });
    }
  }
  return false;
}
