/** Which frames a rule is about. */
import type { EventType } from '../../protocol/constants.js';
import { InvalidOptionError } from '../../protocol/errors.js';
import type { OpName } from '../../protocol/operations.js';
import { shown } from './actions.js';
import {
  demandDirection,
  demandKeys,
  isEventType,
  numberTest,
  operationsOf,
  pathTest,
  sessionTest,
  type Test,
} from './frame-tests.js';
import type { Direction, WireFrame } from './wire-frame.js';

/** Conditions that every rule can have. All of them must hold. */
export interface FrameConditions {
  /** Path of the request or notification, or of one operation of a multi: exactly this one, or what it is like. */
  readonly path?: string | RegExp | ((path: string) => boolean) | undefined;
  /** Frames of the connection of this session alone. */
  readonly session?: bigint | undefined;
  /** Whatever else a frame can be chosen by. It must not throw. */
  readonly where?: ((frame: WireFrame) => boolean) | undefined;
  /** Begins with the nth frame for which all else holds. Default 1. */
  readonly nth?: number | undefined;
  /** How many frames it acts on before it is used up; `Infinity` for all that come. Default 1. */
  readonly times?: number | undefined;
}

/** Requests. Pings are meant only if `op` says so. */
export interface RequestMatch extends FrameConditions {
  /** One operation, or several. Default all. */
  readonly op?: OpName | readonly OpName[] | undefined;
  readonly xid?: number | undefined;
  readonly direction?: 'toServer' | undefined;
  readonly handshake?: undefined;
  readonly notification?: undefined;
}

/** Replies, by the request that they answer; without `op` and `xid` notifications too. Pings only if `op` says so. */
export interface ReplyMatch extends FrameConditions {
  /** One operation, or several. Default all, and notifications. */
  readonly op?: OpName | readonly OpName[] | undefined;
  readonly xid?: number | undefined;
  readonly direction: 'toClient';
  readonly handshake?: undefined;
  readonly notification?: undefined;
}

/** Notifications: events of watches. */
export interface NotificationMatch extends FrameConditions {
  /** `true` for all of them, or those of one type. */
  readonly notification: true | EventType;
  readonly direction?: 'toClient' | undefined;
  readonly op?: undefined;
  readonly xid?: undefined;
  readonly handshake?: undefined;
}

/** What a client begins a connection with. */
export interface HandshakeMatch extends Omit<FrameConditions, 'path'> {
  readonly handshake: true;
  readonly direction?: 'toServer' | undefined;
  readonly path?: undefined;
  readonly op?: undefined;
  readonly xid?: undefined;
  readonly notification?: undefined;
}

/** What a server answers to that. */
export interface HandshakeAnswerMatch extends Omit<FrameConditions, 'path'> {
  readonly handshake: true;
  readonly direction: 'toClient';
  readonly path?: undefined;
  readonly op?: undefined;
  readonly xid?: undefined;
  readonly notification?: undefined;
}

/** Which frames a rule is about. */
export type FrameMatch =
  RequestMatch | ReplyMatch | NotificationMatch | HandshakeMatch | HandshakeAnswerMatch;

/** What {@link compileMatch} makes of it. */
export interface CompiledMatch {
  readonly direction: Direction;
  readonly about: 'request' | 'reply' | 'notification' | 'handshake';
  readonly nth: number;
  readonly times: number;
  /** For people: `create /a, from the 2nd, once`. */
  readonly text: string;
  fits(frame: WireFrame): boolean;
}

const KEYS: { readonly [K in keyof Required<RequestMatch>]: true } = {
  op: true,
  path: true,
  xid: true,
  session: true,
  where: true,
  nth: true,
  times: true,
  direction: true,
  notification: true,
  handshake: true,
};

/** @throws {@link InvalidOptionError} on a condition that cannot be, alone or with another */
export function compileMatch(match: FrameMatch): CompiledMatch {
  demandKeys('when()', match, KEYS);
  const about = aboutOf(match);
  const direction = directionOf(match, about);
  const nth = count('nth', match.nth ?? 1);
  const times = match.times === Infinity ? Infinity : count('times', match.times ?? 1);
  const ops = operationsOf(match.op);
  const tests = [
    kindTest(about, direction, ops, match),
    pathTest(match.path),
    numberTest('xid', match.xid),
    sessionTest(match.session),
    whereTest(match.where),
  ].filter((test) => test !== null);
  return {
    direction,
    about,
    nth,
    times,
    text: textOf(match, about, direction, ops, nth, times),
    fits: (frame) => tests.every((test) => test(frame)),
  };
}

function aboutOf({ handshake, notification, direction, op, xid, path }: FrameMatch): CompiledMatch['about'] {
  const alone = (what: string, keys: Record<string, unknown>): void => {
    const [wrong] = Object.entries(keys).find(([, value]) => value !== undefined) ?? [];
    if (wrong !== undefined) throw new InvalidOptionError(`a rule about ${what} cannot have ${wrong}`);
  };
  if (handshake !== undefined) {
    if ((handshake as unknown) !== true)
      throw new InvalidOptionError('handshake must be true, or be left out');
    alone('handshakes', { notification, op, xid, path });
    return 'handshake';
  }
  if (notification !== undefined) {
    alone('notifications', { op, xid });
    if (notification !== true && !isEventType(notification)) {
      throw new InvalidOptionError(
        `notification must be true or a type of event, not ${shown(notification)}`,
      );
    }
    return 'notification';
  }
  return direction === 'toClient' ? 'reply' : 'request';
}

function directionOf({ direction }: FrameMatch, about: CompiledMatch['about']): Direction {
  demandDirection(direction);
  if (about === 'notification') {
    if (direction === 'toServer') {
      throw new InvalidOptionError('notifications go to the client: their direction cannot be toServer');
    }
    return 'toClient';
  }
  return direction ?? 'toServer';
}

function kindTest(
  about: CompiledMatch['about'],
  direction: Direction,
  ops: ReadonlySet<string> | null,
  { notification, xid }: FrameMatch,
): Test {
  if (about === 'handshake') return (frame) => frame.kind === 'handshake' && frame.direction === direction;
  if (about === 'notification') {
    return (frame) =>
      frame.kind === 'notification' && (notification === true || frame.event === notification);
  }
  const isWanted = (op: string | null): boolean =>
    ops === null ? op !== 'ping' : op !== null && ops.has(op);
  if (about === 'request') return (frame) => frame.kind === 'request' && isWanted(frame.op);
  const withEvents = ops === null && xid === undefined;
  return (frame) =>
    frame.kind === 'reply' ? isWanted(frame.op) : withEvents && frame.kind === 'notification';
}

function whereTest(where: unknown): Test | null {
  if (where === undefined) return null;
  if (typeof where !== 'function') throw new InvalidOptionError('where must be a function');
  return where as Test;
}

/** @throws {@link InvalidOptionError} */
export function count(key: string, value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1) {
    throw new InvalidOptionError(`${key} must be a whole number from 1 on, not ${String(value)}`);
  }
  return value;
}

function textOf(
  match: FrameMatch,
  about: CompiledMatch['about'],
  direction: Direction,
  ops: ReadonlySet<string> | null,
  nth: number,
  times: number,
): string {
  const kind = about === 'handshake' && direction === 'toClient' ? 'answer to a handshake' : about;
  const event = typeof match.notification === 'string' ? ` ${match.notification}` : '';
  const { path } = match;
  return [
    `${kind}${event}`,
    ops === null ? '' : ` ${[...ops].join('|')}`,
    path === undefined ? '' : ` ${typeof path === 'function' ? '(path)' : String(path)}`,
    match.xid === undefined ? '' : ` xid ${match.xid}`,
    match.session === undefined ? '' : ` of session 0x${BigInt.asUintN(64, match.session).toString(16)}`,
    match.where === undefined ? '' : ' (where)',
    nth === 1 ? '' : `, from number ${nth}`,
    times === 1 ? '' : times === Infinity ? ', always' : `, ${times} times`,
  ].join('');
}
