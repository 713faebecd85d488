/** Errors of the mini-server itself, and of what comes with it. */
import { nameErrors } from '../protocol/error-base.js';
import '../protocol/error-names.js';
import { UsageError, ZkError } from '../protocol/errors.js';

/** The mini-server cannot listen: its port is taken, its host is not of this machine, or it was closed for good. */
export class ListenError extends ZkError {
  /** The system's name of the reason, for example `EADDRINUSE`; `undefined` if it is not the system's. */
  readonly reason: string | undefined;

  constructor(text: string, cause?: unknown) {
    super('ZK_LISTEN', text, { outcome: 'not-sent', cause });
    this.reason = (cause as NodeJS.ErrnoException | undefined)?.code;
  }
}

/** Virtual time cannot go on, or what it was to go on for has not come: see `VirtualClock`. */
export class VirtualTimeError extends ZkError {
  constructor(text: string) {
    super('ZK_VIRTUAL_TIME', text, { outcome: 'not-sent' });
  }
}

/** A frame that was waited for did not come in time: see `WaitOptions`. */
export class WaitTimeoutError extends ZkError {
  constructor(text: string) {
    super('ZK_WAIT_TIMEOUT', text, { outcome: 'not-sent' });
  }
}

/** Where somebody began to wait: by the time that there is an error, nothing of it is on the stack any more. */
export class CallSite {
  private readonly stack: string = '';

  /** @param inner so many callers from here on are not whom errors are about */
  constructor(private readonly inner: number) {
    Error.captureStackTrace(this, CallSite);
  }

  /** Lets the stack of an error be that of whoever waits. @returns the error */
  blame<E extends Error>(error: E): E {
    const frames = this.stack.split('\n').slice(1 + this.inner);
    error.stack = [`${error.name}: ${error.message}`, ...frames].join('\n');
    return error;
  }
}

/** A mistake of the mini-server's own, found on a request; see `errors` of the server. `cause` is what was thrown. */
export class MiniServerError extends ZkError {
  constructor(doing: string, cause: unknown) {
    super('ZK_MINI_SERVER', `a mistake of the mini-server in ${doing}: ${String(cause)}`, {
      outcome: 'unknown',
      cause,
    });
  }
}

/** Why one cannot listen there. */
export function listenError(host: string, port: number, error: NodeJS.ErrnoException): ListenError {
  const where = `${host}:${port}`;
  const text =
    error.code === 'EADDRINUSE'
      ? `cannot listen on ${where}: the port is in use`
      : `cannot listen on ${where}: ${error.message}`;
  return new ListenError(text, error);
}

/** What was to be restored is no snapshot, or one that does not fit together; the message names the place. */
export class SnapshotError extends UsageError {
  constructor(text: string) {
    super('ZK_SNAPSHOT', `the snapshot cannot be used: ${text}`);
  }
}

/** A tree is larger than `importTree` was told to take. */
export class ImportError extends ZkError {
  constructor(text: string) {
    super('ZK_IMPORT', text, { outcome: 'rejected' });
  }
}

nameErrors({ ListenError, VirtualTimeError, WaitTimeoutError, MiniServerError, SnapshotError, ImportError });
