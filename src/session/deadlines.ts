/** When the core must look at the clock next, from where it stands. */
import type { KeeperState } from '../protocol/constants.js';
import type { Liveness } from './liveness.js';
import type { Phase } from './phases.js';
import { expiryMs } from './timeouts.js';

/**
 * @param calls when the first call gives up
 * @param expiry when our own clock says that the session is over
 * @returns ms on the monotonic clock; Infinity for never
 */
export function nextDeadline(
  phase: Phase,
  liveness: Liveness,
  sessionMs: number,
  calls: number,
  expiry: number,
): number {
  switch (phase.name) {
    case 'live':
      return Math.min(liveness.nextDeadline(sessionMs), calls);
    case 'dialing':
    case 'handshaking':
    case 'securing':
      return Math.min(phase.deadline, expiry, calls);
    case 'backoff':
      return Math.min(phase.until, expiry, calls);
    case 'closing':
      return phase.deadline;
    case 'idle':
      return calls;
    default:
      return Infinity;
  }
}

/**
 * Does our own clock say that the session is over, though nobody has looked at it yet? The next look at it will find the
 * same, whatever comes before it.
 */
export function isOutlived(
  {
    phase,
    liveness,
    sessionId,
    timeoutMs,
  }: {
    readonly phase: Phase;
    readonly liveness: Liveness;
    readonly sessionId: bigint;
    readonly timeoutMs: number;
  },
  now: number,
): boolean {
  switch (phase.name) {
    case 'live':
      return liveness.isOutlived(now, timeoutMs);
    case 'dialing':
    case 'handshaking':
    case 'securing':
    case 'backoff':
      return now >= expiryDeadline(sessionId, liveness, timeoutMs);
    default:
      return false;
  }
}

/** The state of a session that is {@link isOutlived}, which nobody has been told yet. */
export function stateBehind(told: KeeperState): KeeperState {
  return told === 'SyncConnected' || told === 'ConnectedReadOnly' ? 'Disconnected' : told;
}

/** When our own clock says that the session is over; never, as long as there is none. */
export function expiryDeadline(sessionId: bigint, liveness: Liveness, sessionMs: number): number {
  return sessionId === 0n ? Infinity : liveness.lastHeard + expiryMs(sessionMs);
}
