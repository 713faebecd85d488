/** Requests without a caller: they keep what became of them. */
import { operations } from '../../src/protocol/operations.js';
import type { AnyOp } from '../../src/protocol/op.js';
import { PendingRequest } from '../../src/session/pending.js';

export class RecordedRequest extends PendingRequest {
  /** What it was settled with; null while it is open. */
  outcome: { readonly value: unknown } | { readonly error: Error } | null = null;

  constructor(
    readonly name: string,
    op: AnyOp,
    request: unknown,
    settled: (name: string) => void = () => undefined,
  ) {
    super(
      op,
      request,
      name,
      (value: unknown) => {
        this.outcome = { value };
        settled(name);
      },
      (error) => {
        this.outcome = { error };
        settled(name);
      },
      null,
      null,
      0,
    );
  }

  /** The error it was rejected with. */
  get error(): Error | undefined {
    return this.outcome !== null && 'error' in this.outcome ? this.outcome.error : undefined;
  }
}

/** A setData of `bytes` bytes, by a path that is its name. */
export function recorded(name: string, bytes = 0, settled?: (name: string) => void): RecordedRequest {
  const data = Buffer.alloc(bytes, name);
  return new RecordedRequest(name, operations.setData, { path: name, data, version: -1 }, settled);
}
