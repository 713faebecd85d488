/** When the core must look at the clock next, from where it stands. */
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

/** When our own clock says that the session is over; never, as long as there is none. */
export function expiryDeadline(sessionId: bigint, liveness: Liveness, sessionMs: number): number {
  return sessionId === 0n ? Infinity : liveness.lastHeard + expiryMs(sessionMs);
}
