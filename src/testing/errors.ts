/** Errors of the mini-server itself. */
import { ZkError } from '../protocol/errors.js';

/** The mini-server cannot listen: its port is taken, its host is not of this machine, or it was closed for good. */
export class ListenError extends ZkError {
  /** The system's name of the reason, for example `EADDRINUSE`; `undefined` if it is not the system's. */
  readonly reason: string | undefined;

  constructor(text: string, cause?: unknown) {
    super('ZK_LISTEN', text, { outcome: 'not-sent', cause });
    this.reason = (cause as NodeJS.ErrnoException | undefined)?.code;
  }
}
