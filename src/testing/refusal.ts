/** How a handler says no: an error that carries a code of `protocol/error-codes.ts`. */
import { Errno, type ErrorName } from '../protocol/error-codes.js';

/** A request is answered with `errno`, and nothing of it is applied. */
export class Refusal extends Error {
  /** The number in the reply header, or in a multi the result. */
  readonly errno: number;

  constructor(name: ErrorName) {
    super(name);
    this.name = 'Refusal';
    this.errno = Errno[name];
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
