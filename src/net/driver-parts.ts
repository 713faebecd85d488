/** What a driver is made of. */
import type { CoreConfig, SessionEvent } from '../session/ports.js';
import type { Clock } from './clock.js';
import type { HostProvider } from './host-provider.js';
import type { SaslMechanism } from './sasl.js';
import type { Dialer } from './transport.js';
import type { Warner } from './warner.js';

export interface DriverParts {
  readonly config: CoreConfig;
  readonly hostProvider: HostProvider;
  readonly dialer: Dialer;
  readonly sasl?: SaslMechanism | null;
  readonly clock: Clock;
  readonly random: () => number;
  readonly warner?: Warner | null;
  /** A tick that comes later than this is a stall, ms; null for a tenth of the session timeout, 0 for never. */
  readonly loopLagMs?: number | null;
  /** Gets every event of the session, in order, while it happens. Must not throw. */
  readonly onEvent: (event: SessionEvent) => void;
}
