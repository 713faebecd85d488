/** What can be done to a mini-server and to a proxy alike. */
import { InvalidOptionError } from '../../protocol/errors.js';
import { duration, known, shown, type FaultKind } from './actions.js';
import type { Condition, RefuseOptions } from './condition.js';
import type { FaultBoard } from './fault-board.js';
import type { FaultRule } from './fault-rule.js';
import type { FrameLog } from './frame-log.js';
import {
  compileMatch,
  count,
  type FrameMatch,
  type HandshakeAnswerMatch,
  type HandshakeMatch,
  type NotificationMatch,
  type ReplyMatch,
  type RequestMatch,
} from './frame-match.js';
import {
  RuleBuilder,
  type DeliveryActions,
  type HandshakeActions,
  type RequestActions,
} from './rule-builder.js';
import { DIRECTIONS, type Direction } from './wire-frame.js';

/** Rules on frames, conditions, and the log of frames. `MiniServer` and `FaultProxy` are such targets. */
export abstract class FaultTarget {
  protected readonly board: FaultBoard;

  protected constructor(board: FaultBoard) {
    this.board = board;
  }

  /**
   * Chooses frames that come from now on; what follows says what is done to them: `when({ op: 'create' }).drop()`. Of
   * several rules that are due for a frame the oldest takes it on, alone. Without `direction` a rule is about requests, or
   * handshakes, on their way to the server; about notifications it is on their way to the client.
   * @throws {@link InvalidOptionError} on conditions that cannot be, alone or together
   */
  when(match: HandshakeMatch): HandshakeActions;
  when(match: ReplyMatch | NotificationMatch | HandshakeAnswerMatch): DeliveryActions;
  when(match: RequestMatch): RequestActions;
  when(match: FrameMatch): RuleBuilder {
    return new RuleBuilder(compileMatch(match), (compiled, action) => this.board.add(compiled, action));
  }

  /** The rules that stand, oldest first. */
  get rules(): readonly FaultRule[] {
    return this.board.rules;
  }

  /** Removes all rules. Frames that they hold go on their way. */
  clearRules(): void {
    this.board.clearRules();
  }

  /** Nothing moves in this direction, or both, until the condition ends; then all of it comes, in order. */
  pause(direction?: Direction): Condition {
    return this.board.pause(directionsOf(direction));
  }

  /**
   * Connections are accepted, and everything that is sent in this direction, or both, vanishes: frames, and the end of a
   * stream too. What has vanished does not come back when the condition ends, unlike after {@link FaultTarget.pause}.
   */
  blackhole(direction?: Direction): Condition {
    return this.board.blackhole(directionsOf(direction));
  }

  /**
   * Every frame comes that much later in this direction, or in each of both. Several lags add up. What is on its way keeps
   * its delay when the condition ends, and nothing overtakes it.
   * @throws {@link InvalidOptionError} if it is no time
   */
  lag(ms: number, direction?: Direction): Condition {
    return this.board.lag(duration('lag()', ms), directionsOf(direction));
  }

  /**
   * New connections, or the next `times` of them, are reset as soon as they are accepted, on a TLS port when the
   * handshake of TLS is done. Those that there are live on.
   * @throws {@link InvalidOptionError} if `times` is no number from 1 on
   */
  refuse(options: RefuseOptions = {}): Condition {
    known('refuse()', options, ['times']);
    const { times = Infinity } = options;
    return this.board.refuse(times === Infinity ? times : count('times', times));
  }

  /** The conditions that stand, oldest first. */
  get conditions(): readonly Condition[] {
    return this.board.conditions;
  }

  /** Removes all rules and ends all conditions. */
  heal(): void {
    this.board.heal();
  }

  /** How often each kind of fault was made since the start, by rules, conditions and verbs; those that were not are left out. */
  get injected(): Readonly<Partial<Record<FaultKind, number>>> {
    return this.board.injected;
  }

  /**
   * What went wrong and should not have, oldest first, at most the first 100: mistakes of the mini-server's own
   * (`MiniServerError`; the request is answered `SystemError` or loses its connection), and functions of yours that threw
   * in a rule (`UsageError`; the rule is removed). A good line for `afterEach`: `expect(server.errors).toEqual([])`.
   */
  get errors(): readonly Error[] {
    return [...this.board.errors];
  }

  /** The frames that went by. */
  get log(): FrameLog {
    return this.board.log;
  }
}

function directionsOf(direction: Direction | undefined): readonly Direction[] {
  if (direction === undefined) return DIRECTIONS;
  if (!DIRECTIONS.includes(direction)) {
    throw new InvalidOptionError(`direction must be toServer or toClient, not ${shown(direction)}`);
  }
  return [direction];
}
