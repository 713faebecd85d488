/** Warnings: what makes a Conn do badly, and is not its own doing. The same kind is not told of all the time. */
import { inMs, warningChannel, warningLog } from './diagnostics.js';

/** Payload of the event `warning`, and what the channel `zk-conn:warning` carries. */
export interface ConnWarning {
  /**
   * - `slow-handler`: a listener took longer than `slowHandlerMs`. While it runs, nothing else does.
   * - `loop-lag`: the event loop stood still while there was a session, longer than `loopLagMs`. Nothing was read,
   *   and no ping was sent. A session whose process stands still for the session timeout is lost.
   */
  readonly kind: 'slow-handler' | 'loop-lag';
  /** How long it took, ms. */
  readonly durationMs: number;
  /** What is allowed, ms. */
  readonly thresholdMs: number;
  /** For `slow-handler`: the event that was listened to. */
  readonly event: string | undefined;
  /** For `slow-handler`: the name of the function, if it has one. */
  readonly handler: string | undefined;
  /** Warnings of the same kind that were left out since the last one. */
  readonly suppressed: number;
}

/** So long nothing more is said of the same kind, ms. */
const QUIET_MS = 10_000;

interface Silence {
  until: number;
  suppressed: number;
}

export class Warner {
  private readonly silences: Record<ConnWarning['kind'], Silence> = {
    'slow-handler': { until: -Infinity, suppressed: 0 },
    'loop-lag': { until: -Infinity, suppressed: 0 },
  };

  constructor(
    private readonly clock: { now(): number },
    private readonly tell: (warning: ConnWarning) => void,
  ) {}

  warn(
    kind: ConnWarning['kind'],
    durationMs: number,
    thresholdMs: number,
    { event, handler }: { readonly event?: string; readonly handler?: string } = {},
  ): void {
    const silence = this.silences[kind];
    const now = this.clock.now();
    if (now < silence.until) {
      silence.suppressed++;
      return;
    }
    const { suppressed } = silence;
    silence.until = now + QUIET_MS;
    silence.suppressed = 0;
    const warning: ConnWarning = { kind, durationMs, thresholdMs, event, handler, suppressed };
    if (warningLog.enabled)
      warningLog('%s of %s, more than %s %s', kind, inMs(durationMs), inMs(thresholdMs), event ?? '');
    if (warningChannel.hasSubscribers) warningChannel.publish(warning);
    this.tell(warning);
  }
}
