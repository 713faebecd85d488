/** One direction of a connection: what was put in comes out in the same order, when it may. */
import { MAX_INT } from '../../protocol/constants.js';
import { defer, type Clock, type ClockTimer } from '../clock.js';

/** What travels as one. */
export class Parcel {
  /** It does not move, and nothing behind it does. Change it with {@link Lane.release}. */
  held = false;

  /**
   * @param parts handed over one after the other, each in its own turn of the event loop
   * @param dueAt not before this time, by {@link Clock.now}
   */
  constructor(
    public parts: readonly Buffer[],
    public dueAt: number,
    private readonly steps: {
      /** When its turn has come, before its bytes. */
      readonly before?: (() => void) | undefined;
      /** When its last byte is out of this process. It is the end of the lane: nothing goes behind it. */
      readonly last?: (() => void) | undefined;
    } = {},
  ) {}

  get bytes(): number {
    let sum = 0;
    for (const part of this.parts) sum += part.length;
    return sum;
  }

  begin(): void {
    this.steps.before?.();
  }

  get last(): (() => void) | undefined {
    return this.steps.last;
  }
}

/** Where the parcels of a lane go. */
export interface LaneEnd {
  /**
   * Hands bytes on.
   * @param done called when they are out of this process
   * @returns false if no more are wanted before {@link Lane.unblock}
   */
  deliver(bytes: Buffer, done?: () => void): boolean;
  /** May anything move now? */
  flowing(): boolean;
  /** Called when what can move has moved. */
  moved(): void;
}

/** First in, first out. */
export class Lane {
  /** Bytes that wait. */
  queuedBytes = 0;
  private readonly queue: Parcel[] = [];
  /** Parts of the first parcel that were handed over. */
  private handed = 0;
  private begun = false;
  private blocked = false;
  private running = false;
  /** The next part of a parcel waits for a turn of its own. */
  private turning = false;
  /** The last parcel that may go has gone. */
  private ended = false;
  private swapping: Parcel | null = null;
  private timer: ClockTimer | null = null;

  constructor(
    private readonly clock: Clock,
    private readonly end: LaneEnd,
  ) {}

  /** Is nothing in it? */
  get empty(): boolean {
    return this.queue.length === 0;
  }

  /** Is there a parcel that lets the next one go first? */
  get isSwapping(): boolean {
    return this.swapping !== null;
  }

  push(parcel: Parcel): void {
    this.queuedBytes += parcel.bytes;
    const waiting = this.swapping;
    if (waiting === null) {
      this.queue.push(parcel);
    } else {
      this.queue.splice(this.queue.indexOf(waiting), 0, parcel);
      this.endSwap();
    }
    this.run();
  }

  /** Puts it in so that the next one goes first. */
  pushSwapped(parcel: Parcel): void {
    parcel.held = true;
    this.push(parcel);
    this.swapping = parcel;
  }

  /** Whoever lets the next one go first waits no longer. */
  endSwap(): void {
    const waiting = this.swapping;
    if (waiting === null) return;
    this.swapping = null;
    this.release(waiting);
  }

  /** Lets a parcel go. */
  release(parcel: Parcel): void {
    parcel.held = false;
    this.run();
  }

  /** More is wanted again. */
  unblock(): void {
    this.blocked = false;
    this.run();
  }

  /** Throws away what is in it. */
  close(): void {
    this.timer?.cancel();
    this.queue.length = 0;
    this.queuedBytes = 0;
    this.swapping = null;
  }

  /** Hands on whatever may go. */
  run(): void {
    // what is handed on may call back, and finds the loop at work
    if (this.running) return;
    this.running = true;
    try {
      while (this.step());
    } finally {
      this.running = false;
    }
    this.end.moved();
  }

  /** @returns false if nothing more can go now */
  private step(): boolean {
    const parcel = this.queue[0];
    if (
      parcel === undefined ||
      parcel.held ||
      this.blocked ||
      this.ended ||
      this.turning ||
      !this.end.flowing()
    )
      return false;
    const wait = parcel.dueAt - this.clock.now();
    if (wait > 0 && !this.begun) {
      this.wakeIn(wait);
      return false;
    }
    if (!this.begun) {
      this.begun = true;
      parcel.begin();
      // that may have been the end of everything
      if (this.queue[0] !== parcel) return false;
    }
    this.handOver(parcel);
    return true;
  }

  private handOver(parcel: Parcel): void {
    const part = parcel.parts[this.handed];
    const isLast = this.handed >= parcel.parts.length - 1;
    if (isLast) {
      this.queue.shift();
      this.handed = 0;
      this.begun = false;
    } else {
      this.handed++;
      this.turning = true;
      // the receiver polls its sockets between the two
      inLaterTurn(this.clock, () => this.nextTurn());
    }
    const done = isLast ? parcel.last : undefined;
    if (done !== undefined) this.ended = true;
    if (part === undefined || part.length === 0) {
      done?.();
      return;
    }
    this.queuedBytes -= part.length;
    if (!this.end.deliver(part, done)) this.blocked = true;
  }

  private nextTurn(): void {
    this.turning = false;
    this.run();
  }

  private wakeIn(ms: number): void {
    this.timer?.cancel();
    // lags add up to more than a timer can bear; whoever wakes early finds that it is not time yet
    this.timer = this.clock.setTimeout(() => this.run(), Math.min(Math.ceil(ms), MAX_INT));
  }
}

/** When sockets have been polled meanwhile. */
export function inLaterTurn(clock: Clock, work: () => void): void {
  defer(clock, () => defer(clock, work));
}
