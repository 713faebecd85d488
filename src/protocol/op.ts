/**
 * The shape of a row of the operation table. One class, every field assigned in the constructor, so that all rows
 * share one hidden class and a call costs one indirect call per direction.
 */
import { withoutFrames } from './error-base.js';
import { Errno, type ErrorName } from './error-codes.js';
import { UnsupportedError, keeperError, type ZkError } from './errors.js';
import type { JuteReader, JuteWriter } from './jute.js';
import type { PathRule } from './paths.js';

/** The five tables of watches. `persistent` and `persistentRecursive` are filled by addWatch alone. */
export type WatchKind = 'data' | 'exist' | 'child' | 'persistent' | 'persistentRecursive';

/** Names of the fields of `T` that hold a string. */
export type StringField<T> = { [K in keyof T]-?: T[K] extends string ? K : never }[keyof T] & string;

/** Names of the fields of `T` that hold a list of strings. */
export type ListField<T> = { [K in keyof T]-?: T[K] extends readonly string[] ? K : never }[keyof T] & string;

/** What a row says about its operation. */
export interface OpSpec<Q, P, Use extends OpUse> {
  /** Number on the wire (Java `ZooDefs.OpCode`). */
  readonly code: number;
  /** First server version that knows it. */
  readonly since: string;
  /** What a server of that version may still lack, so that it answers Unimplemented. */
  readonly needs?: string;
  /** Who issues it. */
  readonly use: Use;
  /** May a request without a reply have changed something? */
  readonly mutates: boolean;
  /** Is it served by a server in read-only mode? */
  readonly readOnlyOk: boolean;
  /** May it stand in a multi (`write`) or a multiRead (`read`)? */
  readonly inMulti?: 'write' | 'read';
  /** Type of its result in a multi, where that is not its own code. */
  readonly multiResultCode?: number;
  /** `control`: answered out of band, found by its special xid; everything else is answered in order. */
  readonly lane?: 'fifo' | 'control';
  readonly writeRequest: (w: JuteWriter, q: Q) => void;
  readonly readRequest: (r: JuteReader) => Q;
  readonly writeResponse: (w: JuteWriter, p: P) => void;
  readonly readResponse: (r: JuteReader) => P;
  /** Field of the request that holds a path, and how that is checked. */
  readonly path?: { readonly field: StringField<Q>; readonly rule: (q: Q) => PathRule };
  /** Field of the response that holds a path. */
  readonly responsePath?: StringField<P>;
  /** Field of the response that holds a list of whole paths. */
  readonly responsePaths?: ListField<P>;
  /** Table in which this reply arms a watch, or null. Called while the reply is processed. */
  readonly arms?: (q: Q, errno: number) => WatchKind | null;
  /** Errors that the server is documented to answer. */
  readonly throws: readonly ErrorName[];
}

/**
 * Who issues an operation.
 * - `call`: an application, by its record.
 * - `method`: an application, through a method that makes the record, because that holds rows of its own.
 * - `multi`: an application, but only inside a multi.
 * - `session`: the session itself.
 */
export type OpUse = 'call' | 'method' | 'multi' | 'session';

/** A row of the operation table. */
export class Op<Name extends string = string, Q = unknown, P = unknown, Use extends OpUse = OpUse> {
  readonly name: Name;
  readonly code: number;
  readonly since: string;
  readonly needs: string | null;
  readonly use: Use;
  readonly mutates: boolean;
  readonly readOnlyOk: boolean;
  readonly inMulti: 'write' | 'read' | null;
  readonly multiResultCode: number;
  readonly lane: 'fifo' | 'control';
  readonly writeRequest: (w: JuteWriter, q: Q) => void;
  readonly readRequest: (r: JuteReader) => Q;
  readonly writeResponse: (w: JuteWriter, p: P) => void;
  readonly readResponse: (r: JuteReader) => P;
  readonly pathField: StringField<Q> | null;
  readonly pathRule: ((q: Q) => PathRule) | null;
  readonly responsePath: StringField<P> | null;
  readonly responsePaths: ListField<P> | null;
  readonly arms: ((q: Q, errno: number) => WatchKind | null) | null;
  readonly throws: readonly ErrorName[];

  constructor(name: Name, spec: OpSpec<Q, P, Use>) {
    this.name = name;
    this.code = spec.code;
    this.since = spec.since;
    this.needs = spec.needs ?? null;
    this.use = spec.use;
    this.mutates = spec.mutates;
    this.readOnlyOk = spec.readOnlyOk;
    this.inMulti = spec.inMulti ?? null;
    this.multiResultCode = spec.multiResultCode ?? spec.code;
    this.lane = spec.lane ?? 'fifo';
    this.writeRequest = spec.writeRequest;
    this.readRequest = spec.readRequest;
    this.writeResponse = spec.writeResponse;
    this.readResponse = spec.readResponse;
    this.pathField = spec.path?.field ?? null;
    this.pathRule = spec.path?.rule ?? null;
    this.responsePath = spec.responsePath ?? null;
    this.responsePaths = spec.responsePaths ?? null;
    this.arms = spec.arms ?? null;
    this.throws = spec.throws;
  }
}

/**
 * A row whose record types do not matter to the holder. `any` is what lets rows of different records stand in one
 * table; the typed rows are reached by name through `operations`.
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- see above
export type AnyOp = Op<string, any, any>;

/** Starts a row: `op('getData', { … })`. */
export function op<Name extends string, Q, P, const Use extends OpUse>(
  name: Name,
  spec: OpSpec<Q, P, Use>,
): Op<Name, Q, P, Use> {
  return new Op(name, spec);
}

/** The path in a request, or `undefined` if its operation has none. */
export function requestPath(row: AnyOp, request: unknown): string | undefined {
  if (row.pathField === null) return undefined;
  const value = (request as Record<string, unknown>)[row.pathField];
  return typeof value === 'string' ? value : undefined;
}

/** Every server that there is knows an operation of this version. */
export const EVERYWHERE = '3.4';

/** The error that a reply with this code stands for. */
export function refusalOf(row: AnyOp, errno: number, path: string | undefined): ZkError {
  const fields = { op: row.name, path, outcome: 'rejected' } as const;
  const isUnsupported = errno === Errno.Unimplemented && row.since !== EVERYWHERE;
  return withoutFrames(() =>
    isUnsupported ? new UnsupportedError(row, fields) : keeperError(errno, fields),
  );
}
