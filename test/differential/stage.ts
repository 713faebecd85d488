/** Where a program is played, and what can be done there that is no part of it. */
import type { Address } from '../support/raw-client.js';
import type { Place } from './program.js';

/** How a client gets past a server that demands an identity before anything else. */
export type Admission = 'digest' | 'sasl';

export interface Stage extends Place {
  readonly admission: Admission | undefined;
  /** Where a client of the program connects to. */
  readonly addressOf: (client: number) => Address;
  /** A good `check` by itself is not answered (3.8). */
  readonly silentCheck: boolean;
  /** A server that says nothing for so long has hung up in all but name. */
  readonly patienceMs: number;
  /** zxid of the last change, as somebody sees it who is not in the program. */
  lastZxid(): Promise<bigint>;
  /** Uses a zxid up and returns it: the next one follows. It does not where a write was lost before it was logged. */
  useZxid(): Promise<bigint>;
  /** Waits until this is so; on a server whose clock is ours, time passes meanwhile. It gives up where that is in vain. */
  until(isSo: () => Promise<boolean>): Promise<void>;
  /** Waits until the server has nothing to delete by itself. */
  settled(): Promise<void>;
}
