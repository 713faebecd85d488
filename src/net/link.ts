/** One socket of a driver, from the attempt to its end. */
import type { PhaseName } from '../session/phases.js';
import { formatServer, type ServerAddress } from './connect-string.js';
import { connectionLog } from './diagnostics.js';
import type { Transport } from './transport.js';
import { asError } from './users-parts.js';

/** Where a link passes on what its transport says. */
export interface LinkOwner {
  /** Is the core in the middle of something? */
  isBusy(): boolean;
  enter(run: (now: number) => void): void;
}

export class Link {
  transport: Transport | null = null;
  /** What it said while the core was not to be disturbed. */
  private readonly reports: ((now: number) => void)[] = [];

  constructor(
    readonly epoch: number,
    readonly server: ServerAddress,
    private readonly owner: LinkOwner,
  ) {}

  /** Must what the transport says wait? A chunk that has to is kept as a copy, since it is only borrowed. */
  get mustWait(): boolean {
    return this.transport === null || this.owner.isBusy() || this.reports.length > 0;
  }

  /**
   * Passes on what the transport says. A dialer of the user's own may say it before it has returned, or while the core
   * writes to it or drops it: then it has to wait until the core is done, and what comes behind it as well.
   */
  report(run: (now: number) => void): void {
    const { owner, reports } = this;
    if (!this.mustWait) {
      owner.enter(run);
      return;
    }
    if (reports.push(run) > 1) return;
    process.nextTick(() => {
      for (let next = reports[0]; next !== undefined; next = reports[0]) {
        owner.enter(next);
        reports.shift();
      }
    });
  }

  /** @returns false if that failed: nobody waits for its end any more */
  destroy(): boolean {
    try {
      this.transport?.destroy();
      return true;
    } catch (error) {
      // a dialer of the user's own
      const { message } = asError(error);
      if (connectionLog.enabled) connectionLog('%s: destroy failed: %s', formatServer(this.server), message);
      return false;
    }
  }

  hold(holds: boolean): void {
    try {
      if (holds) this.transport?.ref?.();
      else this.transport?.unref?.();
    } catch {
      // a dialer of the user's own: the connection works all the same
    }
  }
}

/** What a server means that closes the connection without a word: it has several reasons, and says none. */
export function whyEnded(phase: PhaseName): string {
  const closed = 'the server closed the connection';
  if (phase !== 'handshaking') return closed;
  return `${closed} without an answer: it may have no quorum (or be in read-only mode), be behind us, or expect TLS on this port`;
}
