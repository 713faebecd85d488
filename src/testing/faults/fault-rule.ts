/** A rule that stands, and what can be asked of it. */
import { UsageError } from '../../protocol/errors.js';
import { actionText, type Action } from './actions.js';
import type { CompiledMatch } from './frame-match.js';
import type { WaitOptions, Waiter, Waits } from './waiting.js';
import type { WireFrame } from './wire-frame.js';

/** A rule. It stands until it is used up (`times`) and holds nothing any more, is removed, or all are cleared. */
export interface FaultRule extends Disposable {
  /** For people: `request create /a: drop`. */
  readonly text: string;
  /** How often it has done what it says. */
  readonly count: number;
  /** May it still act? */
  readonly standing: boolean;
  /**
   * Resolves with the first frame that it acts on, also if that was earlier. Rejects with `UsageError` if the rule is
   * removed, or the server or proxy closed, before there was one, or if a function of the rule throws, which removes it.
   */
  readonly reached: Promise<WireFrame>;
  /**
   * {@link FaultRule.reached} for those who do not wait for ever: rejects with `WaitTimeoutError` when the time is up, and
   * with the reason of the signal when that is aborted.
   */
  untilReached(options?: WaitOptions): Promise<WireFrame>;
  /** Takes it back. Frames that it holds go on their way; what has happened has happened. Harmless if it is over. */
  remove(): void;
}

/** A rule that holds frames back. What comes behind a frame that is held, in its direction, waits with it. */
export interface HoldRule extends FaultRule {
  /** Frames that it holds now. */
  readonly holding: number;
  /** Lets go what it holds, and ends the rule. Harmless if it is over. */
  release(): void;
}

/** What is known of a rule by those who keep them. */
export interface RuleKeeper {
  readonly waits: Waits;
  /** It may not act any more. */
  over(rule: Rule): void;
  /** A function of the user's has thrown. */
  report(error: Error): void;
}

/** Both interfaces in one. */
export class Rule implements HoldRule {
  readonly text: string;
  count = 0;
  /** Frames for which its conditions held. */
  private seen = 0;
  /** Frames that it has taken on. */
  private taken = 0;
  /** It takes on no more frames. */
  private spent = false;
  /** Its keeper has heard that it is over. */
  private isOver = false;
  /** It was taken back. */
  removed = false;
  private readonly held = new Set<() => void>();
  private first: WireFrame | null = null;
  private failure: UsageError | null = null;
  private readonly waiters = new Set<Waiter<WireFrame>>();
  private patience: Promise<WireFrame> | null = null;

  constructor(
    private readonly keeper: RuleKeeper,
    readonly match: CompiledMatch,
    readonly action: Action,
    /** Told when it has acted. */
    private readonly onActed: () => void,
  ) {
    this.text = `${match.text}: ${actionText(action)}`;
  }

  get standing(): boolean {
    return !this.isOver;
  }

  get holding(): number {
    return this.held.size;
  }

  get reached(): Promise<WireFrame> {
    return (this.patience ??= this.untilReached());
  }

  untilReached(options: WaitOptions = {}): Promise<WireFrame> {
    const what = (): string => `a frame for the rule "${this.text}"`;
    return this.keeper.waits.begin<WireFrame>(what, options, (waiter) => {
      if (this.first !== null) waiter.resolve(this.first);
      else if (this.removed) waiter.reject(this.removedError());
      else this.waiters.add(waiter);
      return () => this.waiters.delete(waiter);
    });
  }

  remove(): void {
    if (this.removed) return;
    this.removed = true;
    this.spent = true;
    for (const release of [...this.held]) release();
    this.held.clear();
    this.settle();
    for (const { reject } of [...this.waiters]) reject(this.removedError());
  }

  release(): void {
    this.remove();
  }

  [Symbol.dispose](): void {
    this.remove();
  }

  /**
   * A frame came for which the conditions may hold.
   * @param free nobody else has taken it on
   * @returns true if this rule takes it on
   */
  offer(frame: WireFrame, free: boolean): boolean {
    if (this.spent || this.attempt(() => this.match.fits(frame)) !== true) return false;
    if ('minBytes' in this.action && frame.bytes <= this.action.minBytes) return false;
    this.seen++;
    if (!free || this.seen < this.match.nth) return false;
    this.taken++;
    this.spent = this.taken >= this.match.times;
    return true;
  }

  /** What it makes of the bytes of a frame; `null` if it throws, which removes it. */
  change(by: (bytes: Buffer) => Buffer, bytes: Buffer): Buffer | null {
    return this.attempt(() => by(bytes));
  }

  /** It has done what it says to this frame. */
  acted(frame: WireFrame): void {
    this.count++;
    this.first ??= frame;
    for (const { resolve } of [...this.waiters]) resolve(this.first);
    this.onActed();
  }

  /** Remembers how a frame that it holds is let go. */
  hold(release: () => void): void {
    this.held.add(release);
  }

  /** A frame that it held goes on its way, or has no connection any more. */
  forget(release: () => void): void {
    this.held.delete(release);
    this.settle();
  }

  /** It is over as soon as it takes on no more and holds nothing. */
  settle(): void {
    if (this.isOver || !this.spent || this.held.size > 0) return;
    this.isOver = true;
    this.keeper.over(this);
  }

  /** Runs a function of the user's: if that throws, all goes on as if the rule had been taken back before. */
  private attempt<T>(run: () => T): T | null {
    try {
      return run();
    } catch (cause) {
      const text = `a function of the rule threw, so the rule was removed: ${this.text}: ${String(cause)}`;
      this.failure = new UsageError('ZK_RULE_THREW', text, { cause });
      this.keeper.report(this.failure);
      this.remove();
      return null;
    }
  }

  private removedError(): UsageError {
    if (this.failure !== null) return this.failure;
    return new UsageError('ZK_RULE_REMOVED', `the rule was removed before it acted: ${this.text}`);
  }
}
