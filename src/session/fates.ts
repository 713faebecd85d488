/** The errors for requests that are cut off: what happened, and whether the server can have seen them. */
import {
  AuthFailedError,
  ConnClosedError,
  ConnectionLossError,
  SessionExpiredError,
  type Outcome,
  type ZkError,
} from '../protocol/errors.js';
import type { Fate } from './pending.js';

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
