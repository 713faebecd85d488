/** Which frames went by. */
import type { EventType } from '../../protocol/constants.js';
import { InvalidOptionError, UsageError } from '../../protocol/errors.js';
import type { OpName } from '../../protocol/operations.js';
import { shown, type Action } from './actions.js';
import {
  demandDirection,
  demandKeys,
  isEventType,
  numberTest,
  operationsOf,
  pathTest,
  sessionTest,
} from './frame-tests.js';
import type { WaitOptions, Waiter, Waits } from './waiting.js';
import type { Direction, FrameKind, WireFrame } from './wire-frame.js';

/** A frame in the log. */
export interface LoggedFrame extends WireFrame {
  /** When it came, ms by {@link Clock.now} of the server or proxy. */
  readonly at: number;
  /** What was done to it, such as `drop` or `blackhole`, or `lost` if it came behind a cut; `null` for nothing. */
  readonly fault: string | null;
}

/** Which frames of a log are wanted, as rules have it. All that is given must hold. */
export interface FrameQuery {
  /** One operation, or several. */
  readonly op?: OpName | readonly OpName[] | undefined;
  /** Path of the request or notification, or of one operation of a multi: exactly this one, or what it is like. */
  readonly path?: string | RegExp | ((path: string) => boolean) | undefined;
  readonly direction?: Direction | undefined;
  readonly kind?: FrameKind | undefined;
  readonly event?: EventType | undefined;
  readonly xid?: number | undefined;
  readonly errno?: number | undefined;
  readonly connection?: number | undefined;
  readonly session?: bigint | undefined;
  /** `true` for those that something was done to, `false` for the others, or what was done. */
  readonly fault?: boolean | string | undefined;
}

const KEYS: { readonly [K in keyof Required<FrameQuery>]: true } = {
  op: true,
  path: true,
  direction: true,
  kind: true,
  event: true,
  xid: true,
  errno: true,
  connection: true,
  session: true,
  fault: true,
};

/** What {@link LoggedFrame.fault} can be. */
const LOGGED_FAULTS: { readonly [K in Action['kind'] | 'blackhole' | 'lost']: true } = {
  reply: true,
  drop: true,
  delay: true,
  hold: true,
  duplicate: true,
  swap: true,
  truncate: true,
  garble: true,
  rewrite: true,
  chunk: true,
  cut: true,
  blackhole: true,
  lost: true,
};

/** Frames that a log keeps unless it is told otherwise. */
export const LOG_CAPACITY = 10_000;
/** A log of that many frames takes gigabytes already. */
const MAX_CAPACITY = 10_000_000;

/** @throws {@link InvalidOptionError} */
export function checkCapacity(value: unknown): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MAX_CAPACITY)
    return value;
  const range = `a whole number from 1 to ${MAX_CAPACITY}`;
  throw new InvalidOptionError(`logCapacity must be ${range}, not ${shown(value)}`);
}

/** Keeps the latest frames of all connections, oldest first. */
export class FrameLog {
  /** Most frames that it keeps; older ones are forgotten. */
  readonly capacity: number;
  private isRecording: boolean;
  private kept: LoggedFrame[] = [];
  private gone = 0;
  private readonly writers = new Set<(frame: LoggedFrame) => void>();
  private readonly waiters = new Map<Waiter<LoggedFrame>, Question>();

  /** @param changed called when it begins or ends to record */
  constructor(
    capacity: number,
    recording: boolean,
    private readonly waits: Waits,
    private readonly changed: () => void,
  ) {
    this.capacity = capacity;
    this.isRecording = recording;
  }

  /** Are frames kept that come now? */
  get recording(): boolean {
    return this.isRecording;
  }

  /** Frames that were recorded and are kept no more, because there were more than `capacity`. */
  get forgotten(): number {
    this.trim();
    return this.gone;
  }

  /** Begins to record; harmless if it does. What it has stays. */
  start(): void {
    this.isRecording = true;
    this.changed();
  }

  /** Records no more; harmless if it does not. What it has stays. Whoever waits for a frame gets a `UsageError`. */
  stop(): void {
    this.isRecording = false;
    const error = new UsageError('ZK_LOG_STOPPED', 'the frame log was stopped');
    for (const { reject } of [...this.waiters.keys()]) reject(error);
    this.changed();
  }

  /** Forgets all that it has. */
  clear(): void {
    this.kept = [];
    this.gone = 0;
  }

  /**
   * The frames that were recorded, oldest first.
   * @throws {@link UsageError} if it does not record and has nothing: then none can be found, whatever happened
   * @throws {@link InvalidOptionError} on a key that there is not, or a value that no frame can have
   */
  frames(query: FrameQuery = {}): readonly LoggedFrame[] {
    const isWanted = compile(query);
    if (!this.isRecording && this.kept.length === 0 && this.gone === 0) throw notRecording();
    this.trim();
    return this.kept.filter(isWanted);
  }

  /**
   * Resolves with the next frame that is recorded and wanted; those that were recorded before do not count. Rejects with
   * `UsageError` if the log does not record, or stops, or the server or proxy is closed, before there is one; with
   * `WaitTimeoutError` when the time is up; and with the reason of the signal when that is aborted.
   */
  next(query: FrameQuery = {}, options: WaitOptions = {}): Promise<LoggedFrame> {
    return this.waits.begin<LoggedFrame>(
      () => inWords(query),
      options,
      (waiter) => {
        const isWanted = compile(query);
        if (!this.isRecording) throw notRecording();
        this.waiters.set(waiter, isWanted);
        return () => this.waiters.delete(waiter);
      },
    );
  }

  /** Only for those who write frames down: `write` hears of each one that is recorded from now on, and must not throw. */
  tee(write: (frame: LoggedFrame) => void): void {
    this.writers.add(write);
  }

  /** Only for the one who watches the frames. */
  add(frame: LoggedFrame): void {
    this.kept.push(frame);
    for (const write of this.writers) write(frame);
    // a little more than is promised, so that not every frame moves all the others
    if (this.kept.length >= this.capacity * 2) this.trim();
    for (const [waiter, isWanted] of this.waiters) {
      try {
        if (isWanted(frame)) waiter.resolve(frame);
      } catch (error) {
        // a function of whoever waits has thrown, which is his affair alone
        waiter.reject(error as Error);
      }
    }
  }

  private trim(): void {
    const excess = this.kept.length - this.capacity;
    if (excess <= 0) return;
    this.kept = this.kept.slice(excess);
    this.gone += excess;
  }
}

type Question = (frame: LoggedFrame) => boolean;

const KINDS: readonly unknown[] = [
  'handshake',
  'request',
  'reply',
  'notification',
  'opaque',
] satisfies FrameKind[];

/** @throws {@link InvalidOptionError} as rules do */
function compile(query: FrameQuery): Question {
  demandKeys('a question to the log', query, KEYS);
  const { direction, kind, event, fault } = query;
  demandDirection(direction);
  if (kind !== undefined && !KINDS.includes(kind)) {
    throw new InvalidOptionError(`kind must be ${KINDS.join(', ')}, not ${shown(kind)}`);
  }
  if (event !== undefined && !isEventType(event)) {
    throw new InvalidOptionError(`event must be a type of event, not ${shown(event)}`);
  }
  const ops = operationsOf(query.op);
  const tests = [
    pathTest(query.path),
    numberTest('xid', query.xid),
    numberTest('errno', query.errno),
    numberTest('connection', query.connection),
    sessionTest(query.session),
    faultTest(fault),
  ].filter((test) => test !== null);
  return (frame) =>
    (ops === null || (frame.op !== null && ops.has(frame.op))) &&
    (direction === undefined || frame.direction === direction) &&
    (kind === undefined || frame.kind === kind) &&
    (event === undefined || frame.event === event) &&
    tests.every((test) => test(frame));
}

function faultTest(fault: unknown): Question | null {
  if (fault === undefined) return null;
  if (typeof fault === 'boolean') return (frame) => (frame.fault !== null) === fault;
  if (typeof fault !== 'string' || !Object.hasOwn(LOGGED_FAULTS, fault)) {
    const known = Object.keys(LOGGED_FAULTS).join(', ');
    throw new InvalidOptionError(`fault must be true, false or one of ${known}, not ${shown(fault)}`);
  }
  return (frame) => frame.fault === fault;
}

/** For people: `a frame with op create, path /a`. */
function inWords(query: FrameQuery): string {
  const wanted = Object.entries(query).filter(([, value]) => value !== undefined);
  const all = wanted.map(([key, value]) => `${key} ${String(value)}`).join(', ');
  return all === '' ? 'a frame' : `a frame with ${all}`;
}

function notRecording(): UsageError {
  return new UsageError(
    'ZK_LOG_OFF',
    'the frame log is off: start the server with { log: true }, or call log.start()',
  );
}
