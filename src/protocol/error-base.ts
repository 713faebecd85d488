/** The root of all errors, and what they have in common. */

/**
 * What may have happened to the request on the server.
 * - `rejected`: the server answered with an error; nothing was changed.
 * - `not-sent`: the request was never handed to a socket; nothing was changed.
 * - `unknown`: it was handed to a socket and no reply came; a write may or may not have been applied.
 */
export type Outcome = 'rejected' | 'not-sent' | 'unknown';

/** Context of an error; all optional but the outcome. */
export interface ErrorFields {
  /** The number on the wire. */
  readonly errno?: number | undefined;
  /** Name of the operation in the operation table. */
  readonly op?: string | undefined;
  /** Path as the caller gave it. */
  readonly path?: string | undefined;
  /** What may have happened on the server. */
  readonly outcome: Outcome;
  /** May the same request succeed if it is simply issued again? Default: false. */
  readonly retryable?: boolean;
  /** What led to it. */
  readonly cause?: unknown;
}

const BRAND = Symbol.for('zk-conn/ZkError');

const NAMES = new Map<unknown, string>();

/** The names by which errors of these classes go, whatever a bundler makes of the classes' own. */
export function nameErrors(classes: Readonly<Record<string, unknown>>): void {
  for (const [name, each] of Object.entries(classes)) NAMES.set(each, name);
}

/** Root of all errors that this package creates. */
export class ZkError extends Error {
  /** Stable machine-readable name, for example `ZK_NO_NODE`. */
  readonly code: string;
  /** The number on the wire, or `undefined` where the error has none. */
  readonly errno: number | undefined;
  /** Name of the operation in the operation table, for example `getData`. */
  readonly op: string | undefined;
  /** Path as the caller gave it. */
  readonly path: string | undefined;
  /** What may have happened on the server. */
  readonly outcome: Outcome;
  /** May the same request succeed if it is simply issued again? Ask {@link outcome} before you repeat a write. */
  readonly retryable: boolean;

  constructor(code: string, text: string, fields: ErrorFields) {
    const where =
      fields.op === undefined ? '' : `${fields.op}${fields.path === undefined ? '' : ` ${fields.path}`}: `;
    super(where + text, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.name = NAMES.get(new.target) ?? new.target.name;
    this.code = code;
    this.errno = fields.errno;
    this.op = fields.op;
    this.path = fields.path;
    this.outcome = fields.outcome;
    this.retryable = fields.retryable ?? false;
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** `instanceof` that also holds across two installed copies of this package. */
  static is(value: unknown): value is ZkError {
    return typeof value === 'object' && value !== null && BRAND in value;
  }
}

/**
 * Makes an error where a message of the server, or a timer, is looked at: the frames of its stack would all be our own and
 * Node's, say nothing of the call, and cost several times what the call does.
 */
export function withoutFrames<T extends Error>(make: () => T): T {
  const { stackTraceLimit } = Error;
  limitFrames(0);
  try {
    return make();
  } finally {
    limitFrames(stackTraceLimit);
  }
}

function limitFrames(most: number): void {
  try {
    Error.stackTraceLimit = most;
  } catch {
    // somebody has frozen it
  }
}
