/**
 * Bodies of multi (Java `MultiOperationRecord`, `MultiResponse`), built only from rows.
 *
 * ```text
 * request  := { header(type, false, -1) request-of-that-row }* header(-1, true, -1)
 * response := { header(type, false, 0)  response-of-that-row
 *             | header(-1, false, err)  int err }*            header(-1, true, -1)
 * header   := int type, boolean done, int err
 * ```
 */
import { DecodeError } from './errors.js';
import type { JuteReader, JuteWriter } from './jute.js';
import type { AnyOp } from './op.js';

/** One operation of a multi. */
export interface MultiOp {
  readonly op: AnyOp;
  readonly request: unknown;
}

/** One result: the response of its row, or an error. After a failure every result is an error, 0 before the culprit. */
export type MultiResult =
  | { readonly errno: 0; readonly op: AnyOp; readonly response: unknown }
  | { readonly errno: number; readonly op: null; readonly response: null };

export interface MultiRequest {
  readonly ops: readonly MultiOp[];
}

export interface MultiResponse {
  readonly results: readonly MultiResult[];
}

/** Finds a row by its code. */
export type RowOf = (code: number) => AnyOp | undefined;

const END_TYPE = -1;
const ERROR_TYPE = -1;

function writeHeader(w: JuteWriter, type: number, done: boolean, err: number): void {
  w.int(type);
  w.bool(done);
  w.int(err);
}

export function writeMultiRequest(w: JuteWriter, q: MultiRequest): void {
  for (const { op, request } of q.ops) {
    writeHeader(w, op.code, false, -1);
    op.writeRequest(w, request);
  }
  writeHeader(w, END_TYPE, true, -1);
}

/** @throws {@link DecodeError} on an operation that may not stand in this kind of multi */
export function readMultiRequest(r: JuteReader, kind: 'write' | 'read', rowOf: RowOf): MultiRequest {
  const ops: MultiOp[] = [];
  for (;;) {
    const type = r.int();
    const done = r.bool();
    r.int();
    if (done) return { ops };
    const row = rowOf(type);
    if (row === undefined || row.inMulti !== kind)
      throw new DecodeError(`operation ${type} in a multi (${kind})`);
    ops.push({ op: row, request: row.readRequest(r) });
  }
}

export function writeMultiResponse(w: JuteWriter, p: MultiResponse): void {
  for (const result of p.results) {
    if (result.op === null) {
      writeHeader(w, ERROR_TYPE, false, result.errno);
      w.int(result.errno);
    } else {
      writeHeader(w, result.op.multiResultCode, false, 0);
      result.op.writeResponse(w, result.response);
    }
  }
  writeHeader(w, END_TYPE, true, -1);
}

export function readMultiResponse(r: JuteReader, rowOf: RowOf): MultiResponse {
  const results: MultiResult[] = [];
  for (;;) {
    const type = r.int();
    const done = r.bool();
    r.int();
    if (done) return { results };
    if (type === ERROR_TYPE) {
      results.push({ errno: r.int(), op: null, response: null });
      continue;
    }
    const row = rowOf(type);
    if (row === undefined || row.inMulti === null)
      throw new DecodeError(`a result of type ${type} in a multi`);
    results.push({ errno: 0, op: row, response: row.readResponse(r) });
  }
}
