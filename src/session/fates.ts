/** The errors for requests that are cut off: what happened, and whether the server can have seen them. */
import {
  AuthFailedError,
  ConnClosedError,
  ConnectionLossError,
  SessionExpiredError,
  type ErrorFields,
  type Outcome,
  type ZkError,
} from '../protocol/errors.js';
import type { Fate } from './pending.js';
import type { Phase } from './phases.js';

/** Makes the fates of those that were sent and of those that were not. */
export type FateOf = (outcome: Outcome) => Fate;

export const lossFate =
  (outcome: Outcome, cause: ZkError): Fate =>
  ({ op, path }) =>
    new ConnectionLossError({ op: op.name, path, outcome, cause }, op.mutates);

export const expiredFate =
  (outcome: Outcome): Fate =>
  ({ op, path }) =>
    new SessionExpiredError({ op: op.name, path, outcome });

export const closedFate =
  (outcome: Outcome): Fate =>
  ({ op, path }) =>
    new ConnClosedError({ op: op.name, path, outcome });

export const authFailedFate =
  (outcome: Outcome, cause: ZkError): Fate =>
  ({ op, path }) =>
    new AuthFailedError({ op: op.name, path, outcome, cause });

/** Why nothing can be asked in this phase, or null if something can. */
export function overError(phase: Phase, fields: ErrorFields): ZkError | null {
  switch (phase.name) {
    case 'closing':
    case 'closed':
      return new ConnClosedError(fields);
    case 'expired':
      return new SessionExpiredError({ ...fields, cause: phase.cause });
    case 'authFailed':
      return new AuthFailedError({ ...fields, cause: phase.cause });
    default:
      return null;
  }
}
