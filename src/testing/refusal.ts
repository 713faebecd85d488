/** How a handler says no: an error that carries a code of `protocol/error-codes.ts`. */
import { Errno, type ErrorName } from '../protocol/error-codes.js';

/**
 * What becomes of the zxid of a write that fails: it is `logged` and the last one from now on, `lost` where the write
 * fails before that, or the next write's where it was never `taken`.
 */
export type ZxidOfFailure = 'logged' | 'lost' | 'not taken';

interface RefusalDetails {
  readonly partial?: unknown;
  readonly zxid?: ZxidOfFailure;
}

/** A request is answered with `errno`, and nothing of it is applied. */
export class Refusal extends Error {
  /** The number in the reply header, or in a multi the result. */
  readonly errno: number;

  /** Response that follows the error, where there is one. */
  readonly partial: unknown;
  readonly zxid: ZxidOfFailure;

  constructor(name: ErrorName, { partial, zxid = 'logged' }: RefusalDetails = {}) {
    super(name);
    this.name = 'Refusal';
    this.errno = Errno[name];
    this.partial = partial;
    this.zxid = zxid;
  }
}

/** One object per code: a refusal is everyday business, and making an error with its stack is not cheap. */
const refusals = new Map<ErrorName, Refusal>();

/** @throws {@link Refusal} with the code of that name, always */
export function refuse(name: ErrorName): never {
  let refusal = refusals.get(name);
  if (refusal === undefined) {
    refusal = new Refusal(name);
    refusals.set(name, refusal);
  }
  throw refusal;
}
