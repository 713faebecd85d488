/** What follows `when(…)`: the actions, each of which makes a rule. */
import type { ErrorName } from '../../protocol/error-codes.js';
import { InvalidOptionError } from '../../protocol/errors.js';
import {
  chunkAction,
  cutAction,
  delayAction,
  garbleAction,
  replyAction,
  rewriteAction,
  truncateAction,
  type Action,
  type CutOptions,
  type DeliveryCut,
  type GarbleOptions,
  type RequestCut,
} from './actions.js';
import type { FaultRule, HoldRule } from './fault-rule.js';
import type { CompiledMatch } from './frame-match.js';

/** What can be done to any frame. Each call makes one rule, which stands from then on. */
export interface FrameActions {
  /** The frame vanishes, and the connection lives on. */
  drop(): FaultRule;
  /** The frame, and so all behind it, comes that much later, by the clock of the server or proxy. */
  delay(ms: number): FaultRule;
  /** The frame, and so all behind it, waits until `release()`. */
  hold(): HoldRule;
  /** The frame comes twice, one right behind the other. */
  duplicate(): FaultRule;
  /** The frame and the next one of its direction change places. It waits until there is a next one. */
  swap(): FaultRule;
  /** Of the frame come the first bytes alone, with a length that says so. A frame that is no longer is left alone. */
  truncate(bytes: number): FaultRule;
  /** Some of its bits are flipped, by chance with a seed. */
  garble(options?: GarbleOptions): FaultRule;
  /** Other bytes come in place of those of the frame; the length is put before them. The function must not throw. */
  rewrite(rewrite: (body: Buffer) => Uint8Array): FaultRule;
  /** The frame comes in pieces of these sizes in bytes; the last one goes for the rest. Its length counts. */
  chunk(sizes: number | readonly number[]): FaultRule;
}

/** What can be done to a request. */
export interface RequestActions extends FrameActions {
  /**
   * The client gets this error as its answer, in its turn, and the server never hears of the request. It is the error in
   * the header, also of a multi.
   * @param error name, such as `NoAuth`, or number
   */
  reply(error: ErrorName | number): FaultRule;
  /**
   * The connection ends: `beforeApplied` the server has the request, with what was sent before done and answered;
   * `beforeAnswered`, when it is done and the client does not know; or `afterAnswered`.
   */
  cut(point: RequestCut, options?: CutOptions): FaultRule;
}

/** What can be done to the first message of a client. */
export interface HandshakeActions extends FrameActions {
  /**
   * The client is refused in the server's place, and hung up on: `SessionExpired` as a server does that does not know the
   * session, `NotReadOnly` as one that has lost its quorum does to a client that has no session.
   */
  reply(error: 'SessionExpired' | 'NotReadOnly'): FaultRule;
  /** The connection ends; `beforeAnswered` there is a session of which the client does not know. */
  cut(point: RequestCut, options?: CutOptions): FaultRule;
}

/** What can be done to a frame on its way to the client. */
export interface DeliveryActions extends FrameActions {
  /** The connection ends, `beforeDelivered` or `afterDelivered`. What was sent before has reached the client. */
  cut(point: DeliveryCut, options?: CutOptions): FaultRule;
}

/** One class for all of them: types, and the checks behind them, say what each may do. */
export class RuleBuilder implements FrameActions {
  constructor(
    private readonly match: CompiledMatch,
    private readonly add: (match: CompiledMatch, action: Action) => HoldRule,
  ) {}

  reply(error: ErrorName | number): FaultRule {
    const { about } = this.match;
    if (this.match.direction === 'toClient') {
      throw new InvalidOptionError(`reply() answers requests: a rule about a ${about} cannot have it`);
    }
    if (about === 'handshake' && error !== 'SessionExpired' && error !== 'NotReadOnly') {
      throw new InvalidOptionError(
        `a handshake can be refused with SessionExpired or NotReadOnly, not ${String(error)}`,
      );
    }
    return this.make(replyAction(error));
  }

  drop(): FaultRule {
    return this.make({ kind: 'drop' });
  }

  delay(ms: number): FaultRule {
    return this.make(delayAction(ms));
  }

  hold(): HoldRule {
    return this.make({ kind: 'hold' });
  }

  duplicate(): FaultRule {
    return this.make({ kind: 'duplicate' });
  }

  swap(): FaultRule {
    return this.make({ kind: 'swap' });
  }

  truncate(bytes: number): FaultRule {
    return this.make(truncateAction(bytes));
  }

  garble(options?: GarbleOptions): FaultRule {
    return this.make(garbleAction(options));
  }

  rewrite(rewrite: (body: Buffer) => Uint8Array): FaultRule {
    return this.make(rewriteAction(rewrite));
  }

  chunk(sizes: number | readonly number[]): FaultRule {
    return this.make(chunkAction(sizes));
  }

  cut(point: RequestCut | DeliveryCut, options?: CutOptions): FaultRule {
    return this.make(cutAction(this.match.direction, point, options));
  }

  private make(action: Action): HoldRule {
    return this.add(this.match, action);
  }
}
