/** Which frames went by. */
import type { EventType } from '../../protocol/constants.js';
import { InvalidOptionError, UsageError } from '../../protocol/errors.js';
import type { OpName } from '../../protocol/operations.js';
import type { WaitOptions, Waiter, Waits } from './waiting.js';
import type { Direction, FrameKind, WireFrame } from './wire-frame.js';

/** A frame in the log. */
export interface LoggedFrame extends WireFrame {
  /** When it came, ms by {@link Clock.now} of the server or proxy. */
  readonly at: number;
  /** What was done to it, such as `drop` or `blackhole`, or `lost` if it came behind a cut; `null` for nothing. */
  readonly fault: string | null;
}

/** Which frames of a log are wanted. All that is given must hold. */
export interface FrameQuery {
  readonly op?: OpName | undefined;
  readonly path?: string | undefined;
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

/** Frames that a log keeps unless it is told otherwise. */
export const LOG_CAPACITY = 10_000;

/** Keeps the latest frames of all connections, oldest first. */
export class FrameLog {
  /** Most frames that it keeps; older ones are forgotten. */
  readonly capacity: number;
  private isRecording: boolean;
  private kept: LoggedFrame[] = [];
  private gone = 0;
  private readonly waiters = new Map<Waiter<LoggedFrame>, FrameQuery>();

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
   * @throws {@link InvalidOptionError} on a key that there is not
   */
  frames(query: FrameQuery = {}): readonly LoggedFrame[] {
    check(query);
    if (!this.isRecording && this.kept.length === 0 && this.gone === 0) throw notRecording();
    this.trim();
    return this.kept.filter((frame) => answers(query, frame));
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
        check(query);
        if (!this.isRecording) throw notRecording();
        this.waiters.set(waiter, query);
        return () => this.waiters.delete(waiter);
      },
    );
  }

  /** Only for the one who watches the frames. */
  add(frame: LoggedFrame): void {
    this.kept.push(frame);
    // a little more than is promised, so that not every frame moves all the others
    if (this.kept.length >= this.capacity * 2) this.trim();
    for (const [waiter, query] of this.waiters) if (answers(query, frame)) waiter.resolve(frame);
  }

  private trim(): void {
    const excess = this.kept.length - this.capacity;
    if (excess <= 0) return;
    this.kept = this.kept.slice(excess);
    this.gone += excess;
  }
}

function check(query: FrameQuery): void {
  const wrong = Object.keys(query).find((key) => !(key in KEYS));
  if (wrong === undefined) return;
  throw new InvalidOptionError(
    `frames cannot be asked for by ${wrong}, but by ${Object.keys(KEYS).join(', ')}`,
  );
}

function answers(query: FrameQuery, frame: LoggedFrame): boolean {
  for (const [key, wanted] of Object.entries(query) as [keyof FrameQuery, unknown][]) {
    if (wanted === undefined) continue;
    if (key === 'path') {
      if (!frame.paths.includes(wanted as string)) return false;
    } else if (key === 'fault' && typeof wanted === 'boolean') {
      if ((frame.fault !== null) !== wanted) return false;
    } else if (frame[key] !== wanted) return false;
  }
  return true;
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
