/** What the clients of a history write down, and the checkers read. Nothing here knows of the client under test. */

/**
 * What became of a call: `ok` it was answered; `rejected` the server refused it; `not-sent` no server has seen it;
 * `unknown` it happened once, or never, at any time after its begin.
 */
export type Outcome = 'ok' | 'rejected' | 'not-sent' | 'unknown';

export interface Call {
  /** Who called. */
  readonly client: string;
  /** Session in which it was called, 0n if there was none. Calls of one session are carried out in the order of their begins. */
  readonly session: bigint;
  /** Moments are places in one count of all begins and ends of the history. */
  readonly begin: number;
  /** When it settled. */
  readonly end: number;
  readonly outcome: Outcome;
}

/** Counts the moments of a history. */
export class Moments {
  private last = 0;

  next(): number {
    return ++this.last;
  }
}

/** State of a register: its value, and version and mzxid of the Stat that came with it. */
export interface RegisterState {
  readonly value: string;
  readonly version: number;
  readonly zxid: bigint;
}

interface RegisterCallBase extends Call {
  readonly key: string;
}

export interface ReadCall extends RegisterCallBase {
  readonly kind: 'read';
  /** Of a read that is ok. */
  readonly seen?: RegisterState;
}

/** `write` sets in any case, `cas` if the version is the expected one. */
export interface WriteCall extends RegisterCallBase {
  readonly kind: 'write' | 'cas';
  /** No two writes of a history have the same. */
  readonly value: string;
  /** Of a cas. */
  readonly expected?: number;
  /** Version and zxid of a write that is ok. */
  readonly made?: { readonly version: number; readonly zxid: bigint };
}

export type RegisterCall = ReadCall | WriteCall;

export interface RegisterHistory {
  /** What was there before the first call. */
  readonly initial: ReadonlyMap<string, RegisterState>;
  readonly calls: readonly RegisterCall[];
  /** Does a read see all that was acknowledged before it? On a single server it does, on a member of an ensemble not. */
  readonly freshReads: boolean;
  /** What was there at the end, seen by somebody who was up to date when all calls had settled. */
  readonly final?: ReadonlyMap<string, RegisterState>;
}

export function isWrite(call: RegisterCall): call is WriteCall {
  return call.kind !== 'read';
}

/** How a call is called in words. */
export function nameOf(call: Call): string {
  const { kind, key, value } = call as Partial<WriteCall>;
  return [kind, key, value, `of ${call.client} [${call.begin}, ${call.end}]`].filter(Boolean).join(' ');
}

export function byBegin<T extends Call>(calls: readonly T[]): T[] {
  return [...calls].sort((a, b) => a.begin - b.begin);
}

export function maxOf(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

/** Items by a key, in their order. */
export function grouped<T, K>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}
