/** All that is wrong with one server or proxy at a time: rules, conditions, and the log; and whom it concerns. */
import type { Clock } from '../clock.js';
import type { Action, FaultKind } from './actions.js';
import { StandingCondition } from './condition.js';
import { Rule, type RuleKeeper } from './fault-rule.js';
import { FrameLog } from './frame-log.js';
import type { CompiledMatch } from './frame-match.js';
import { Waits } from './waiting.js';
import { DIRECTIONS, type Direction, type WireFrame } from './wire-frame.js';

/** A connection that is watched, as the board sees it. */
export interface Watched {
  /** Moves what may move now, because something has ended. */
  conditionsChanged(): void;
  /** Nobody wants anything of it any more: it may stop watching. */
  leaveIfIdle(): void;
}

/** What a board is made for. */
export interface BoardOptions {
  readonly clock: Clock;
  /** Longest frame that is taken for one, on its way to the server. */
  readonly maxRequestBytes: number;
  readonly log: boolean;
  readonly logCapacity: number;
  /** Everything is to be watched from now on. */
  readonly watchAll: () => void;
}

/** Errors that are kept: the first say more than those that follow from them. */
const MAX_ERRORS = 100;

/** One per server or proxy. */
export class FaultBoard implements RuleKeeper {
  readonly clock: Clock;
  readonly maxRequestBytes: number;
  readonly log: FrameLog;
  /** Who waits for a frame. */
  readonly waits: Waits;
  /** What went wrong and should not have; the first of them. */
  readonly errors: Error[] = [];
  /** Connections that are watched. */
  readonly watched = new Set<Watched>();
  /** Must frames be looked at? */
  active = false;

  private readonly options: BoardOptions;
  private readonly userRules = new Set<Rule>();
  private readonly standing = new Set<StandingCondition>();
  private readonly pauses: Record<Direction, Set<StandingCondition>> = both();
  private readonly holes: Record<Direction, Set<StandingCondition>> = both();
  private readonly lags: Record<Direction, Map<StandingCondition, number>> = {
    toServer: new Map(),
    toClient: new Map(),
  };
  private readonly refusals = new Map<StandingCondition, number>();
  private readonly tally = new Map<FaultKind, number>();
  private connections = 0;

  constructor(options: BoardOptions) {
    this.options = options;
    this.clock = options.clock;
    this.maxRequestBytes = options.maxRequestBytes;
    this.waits = new Waits(options.clock);
    this.log = new FrameLog(options.logCapacity, options.log, this.waits, () => this.changed());
    this.active = options.log;
  }

  /** The number of a connection that was not known before. */
  nextConnection(): number {
    return ++this.connections;
  }

  /** What was done since the start, by kind. */
  get injected(): Readonly<Partial<Record<FaultKind, number>>> {
    return Object.fromEntries(this.tally);
  }

  /** Something was done. */
  count(kind: FaultKind, times = 1): void {
    if (times > 0) this.tally.set(kind, (this.tally.get(kind) ?? 0) + times);
  }

  /** Something went wrong that should not have. */
  report(error: Error): void {
    if (this.errors.length < MAX_ERRORS) this.errors.push(error);
  }

  // ---- rules

  get rules(): readonly Rule[] {
    return [...this.userRules];
  }

  add(match: CompiledMatch, action: Action): Rule {
    const rule = new Rule(this, match, action, () => this.count(action.kind));
    this.userRules.add(rule);
    this.changed();
    return rule;
  }

  over(rule: Rule): void {
    this.userRules.delete(rule);
    this.changed();
  }

  /** Who takes this frame on, if anybody: of those that are due the oldest. @param swapping it completes a swap */
  judge(frame: WireFrame, swapping: boolean): Rule | null {
    let taker: Rule | null = null;
    for (const rule of this.userRules) {
      if (swapping && rule.action.kind === 'swap') continue;
      if (rule.offer(frame, taker === null)) taker = rule;
    }
    return taker;
  }

  // ---- conditions

  get conditions(): readonly StandingCondition[] {
    return [...this.standing];
  }

  pause(directions: readonly Direction[]): StandingCondition {
    return this.addTo(this.pauses, directions, 'pause');
  }

  blackhole(directions: readonly Direction[]): StandingCondition {
    return this.addTo(this.holes, directions, 'blackhole');
  }

  lag(ms: number, directions: readonly Direction[]): StandingCondition {
    const condition = this.condition('lag', `lag(${ms}) ${ways(directions)}`, () => {
      for (const direction of directions) this.lags[direction].delete(condition);
    });
    for (const direction of directions) this.lags[direction].set(condition, ms);
    return condition;
  }

  /** @param times after so many connections it ends */
  refuse(times: number): StandingCondition {
    const text = times === Infinity ? 'refuse' : `refuse, ${times} times`;
    const condition = this.condition('refuse', text, () => void this.refusals.delete(condition));
    this.refusals.set(condition, times);
    return condition;
  }

  /** @param undo what ends it, besides taking it off the list */
  condition(kind: FaultKind, text: string, undo: () => void): StandingCondition {
    const end = (): void => {
      this.standing.delete(condition);
      undo();
      this.changed();
      for (const each of [...this.watched]) each.conditionsChanged();
    };
    const condition = new StandingCondition(text, () => this.count(kind), end);
    this.standing.add(condition);
    this.changed();
    return condition;
  }

  isPaused(direction: Direction): boolean {
    return this.pauses[direction].size > 0;
  }

  /** Is the whole server stopped, both ways, by one condition? Then its own time stands still too. */
  get isStopped(): boolean {
    for (const condition of this.pauses.toServer) if (this.pauses.toClient.has(condition)) return true;
    return false;
  }

  /** @returns true if it vanishes, which is counted */
  swallows(direction: Direction): boolean {
    return hit(this.holes[direction]);
  }

  /** @returns true if a connection is not to be accepted, which is counted */
  refuses(): boolean {
    const refused = hit(this.refusals.keys());
    for (const [condition, times] of [...this.refusals]) if (condition.count >= times) condition.end();
    return refused;
  }

  /** How much later a frame comes, ms; it is counted. */
  lagOf(direction: Direction): number {
    let sum = 0;
    for (const [condition, ms] of this.lags[direction]) {
      condition.hit();
      sum += ms;
    }
    return sum;
  }

  /** A frame came while it could not go on. */
  countPaused(direction: Direction): void {
    hit(this.pauses[direction]);
  }

  // ---- all of it

  clearRules(): void {
    for (const rule of [...this.userRules]) rule.remove();
  }

  heal(): void {
    this.clearRules();
    for (const condition of [...this.standing]) condition.end();
  }

  private addTo(
    sets: Record<Direction, Set<StandingCondition>>,
    directions: readonly Direction[],
    kind: 'pause' | 'blackhole',
  ): StandingCondition {
    const condition = this.condition(kind, `${kind} ${ways(directions)}`, () => {
      for (const direction of directions) sets[direction].delete(condition);
    });
    for (const direction of directions) sets[direction].add(condition);
    return condition;
  }

  private changed(): void {
    const { log, userRules, standing } = this;
    const before = this.active;
    this.active = log.recording || userRules.size > 0 || standing.size > 0;
    if (this.active && !before) this.options.watchAll();
    if (!this.active) for (const each of [...this.watched]) each.leaveIfIdle();
  }
}

function both(): Record<Direction, Set<StandingCondition>> {
  return { toServer: new Set(), toClient: new Set() };
}

function hit(conditions: Iterable<StandingCondition>): boolean {
  let any = false;
  for (const condition of conditions) {
    condition.hit();
    any = true;
  }
  return any;
}

function ways(directions: readonly Direction[]): string {
  return directions.length === DIRECTIONS.length ? 'both ways' : String(directions[0]);
}
