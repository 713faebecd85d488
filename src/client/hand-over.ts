/** What a session is handed over with, and with what a Conn comes back. */
import type { SaslMechanism } from '../net/sasl.js';
import { hex } from '../protocol/readable.js';
import type { CallOptions } from './arguments.js';
import { checkOption, type AuthInfo } from './options.js';

/**
 * A session, to go on with on another Conn: `connect(servers, { session })`. To store it, take `id` and `password`
 * yourself: JSON and `console.log` show the id alone.
 */
export class SessionHandle {
  readonly id: bigint;
  /** Session timeout that the server granted, ms: so long the session lives without a connection. */
  readonly timeoutMs: number;
  readonly #password: Uint8Array;

  /** @internal */
  constructor(id: bigint, password: Uint8Array, timeoutMs: number) {
    this.id = id;
    this.timeoutMs = timeoutMs;
    this.#password = password;
  }

  /** As good as the session itself: whoever has it can take the session over. */
  get password(): Buffer {
    return Buffer.from(this.#password);
  }

  /** Without the password. */
  toJSON(): { readonly id: string; readonly timeoutMs: number } {
    return { id: hex(this.id), timeoutMs: this.timeoutMs };
  }
}

/** Options of `reconnect`. */
export interface ReconnectOptions extends CallOptions {
  /** Further credentials, for this and every later connection. */
  readonly auth?: readonly AuthInfo[] | undefined;
  /** The mechanism from now on; null for none. */
  readonly sasl?: SaslMechanism | null | undefined;
}

/** @throws InvalidOptionError */
export function checkReconnect(options: ReconnectOptions = {}): {
  readonly auth: readonly AuthInfo[];
  readonly sasl: SaslMechanism | null | undefined;
} {
  const { auth, sasl } = options;
  return {
    auth: auth === undefined ? [] : checkOption('auth', auth),
    sasl: sasl === undefined || sasl === null ? sasl : checkOption('sasl', sasl),
  };
}
