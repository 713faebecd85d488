/** What frames can be chosen by, in rules and in questions to a log alike: checks, and the tests that they become. */
import { InvalidOptionError } from '../../protocol/errors.js';
import { EventTypeCode, type EventType } from '../../protocol/constants.js';
import { operations } from '../../protocol/operations.js';
import { shown } from './actions.js';
import { DIRECTIONS, type Direction, type WireFrame } from './wire-frame.js';

/** Does it hold for this frame? */
export type Test = (frame: WireFrame) => boolean;

/** @throws {@link InvalidOptionError} on a key that there is not, or what is no object */
export function demandKeys(what: string, given: unknown, keys: object): void {
  if (typeof given !== 'object' || given === null) {
    throw new InvalidOptionError(`${what} takes an object with conditions`);
  }
  for (const key of Object.keys(given)) {
    if (!Object.hasOwn(keys, key)) {
      throw new InvalidOptionError(`unknown condition ${key}; known are ${Object.keys(keys).join(', ')}`);
    }
  }
}

/** @throws {@link InvalidOptionError} */
export function demandDirection(direction: unknown): void {
  if (direction === undefined || DIRECTIONS.includes(direction as Direction)) return;
  throw new InvalidOptionError(`direction must be toServer or toClient, not ${shown(direction)}`);
}

/** Is it a type of event that a notification can have? */
export function isEventType(value: unknown): value is EventType {
  return typeof value === 'string' && Object.hasOwn(EventTypeCode, value) && value !== 'None';
}

/** The operations that are meant; null for all. @throws {@link InvalidOptionError} */
export function operationsOf(op: unknown): ReadonlySet<string> | null {
  if (op === undefined) return null;
  const names: readonly unknown[] = Array.isArray(op) ? op : [op];
  if (names.length === 0) throw new InvalidOptionError('op must name an operation');
  for (const name of names) {
    if (typeof name !== 'string' || !Object.hasOwn(operations, name)) {
      const known = Object.keys(operations).join(', ');
      throw new InvalidOptionError(`unknown operation ${String(name)}; known are ${known}`);
    }
  }
  return new Set(names as readonly string[]);
}

/** @throws {@link InvalidOptionError} */
export function pathTest(path: unknown): Test | null {
  if (path === undefined) return null;
  let fits: (path: string) => boolean;
  if (typeof path === 'string') fits = (each) => each === path;
  else if (path instanceof RegExp) {
    // one that is sticky or global would remember where it stopped
    const stateless = new RegExp(path.source, path.flags.replace(/[gy]/g, ''));
    fits = (each) => stateless.test(each);
  } else if (typeof path === 'function') fits = (each) => (path as (path: string) => boolean)(each);
  else throw new InvalidOptionError('path must be a string, a regular expression or a function');
  return (frame) => frame.paths.some(fits);
}

/** @throws {@link InvalidOptionError} */
export function numberTest(key: 'xid' | 'errno' | 'connection', value: unknown): Test | null {
  if (value === undefined) return null;
  if (!Number.isInteger(value)) {
    throw new InvalidOptionError(`${key} must be a whole number, not ${shown(value)}`);
  }
  return (frame) => frame[key] === value;
}

/** @throws {@link InvalidOptionError} */
export function sessionTest(session: unknown): Test | null {
  if (session === undefined) return null;
  if (typeof session !== 'bigint') {
    throw new InvalidOptionError('session must be a bigint, as conn.sessionId is');
  }
  return (frame) => frame.session === session;
}
