/**
 * Events of a Conn through eventemitter3, in two vocabularies: `state` for experts (KeeperState) and `connection` for
 * everybody (after Curator's ConnectionState). What a listener throws is the listener's: the others still hear the event,
 * the connection goes on, and the error surfaces as an uncaught exception of the process.
 */
import { EventEmitter } from 'eventemitter3';
import type { KeeperState } from '../protocol/constants.js';
import { InvalidArgumentError, type ZkError } from '../protocol/errors.js';
import type { ConnWarning, Warner } from '../net/warner.js';
import type { WatchEvent } from '../session/watches.js';

/**
 * What the connection means to an application.
 * - `CONNECTED`: a session has begun; the first one, or a new one after `LOST`.
 * - `SUSPENDED`: the connection is gone, the session may still live. Doubt whatever the session stood for.
 * - `RECONNECTED`: the same session goes on.
 * - `LOST`: the session is over. Its ephemeral nodes are gone, its watches have ended.
 */
export type ConnectionState = 'CONNECTED' | 'SUSPENDED' | 'RECONNECTED' | 'LOST';

/** Payload of `state`. */
export interface StateEvent {
  readonly state: KeeperState;
  /** `host:port`, while there is a session on a connection. */
  readonly server: string | undefined;
  readonly sessionId: bigint;
  readonly sessionEpoch: number;
  /** Why, if it is for the worse. */
  readonly cause: ZkError | undefined;
}

/** Payload of `session`. */
export interface SessionChange {
  readonly what: 'new' | 'resumed' | 'expired';
  readonly sessionId: bigint;
  readonly sessionEpoch: number;
}

/** Payload of `connectError`: one attempt that failed. */
export interface ConnectErrorEvent {
  /** `host:port`. */
  readonly server: string | undefined;
  /** Attempts that failed in a row, counting this one. */
  readonly attempt: number;
  readonly error: ZkError;
}

/** Events of a Conn. */
export interface ConnEvents {
  /** The state changed; never twice the same in a row. */
  state: StateEvent;
  /** What the change means for the session. */
  connection: ConnectionState;
  /** A session began, goes on, or is over. */
  session: SessionChange;
  /** Any watch event of this session, before whoever waits for it hears of it through a promise. */
  watch: WatchEvent;
  /** A server could not be reached, or refused us. */
  connectError: ConnectErrorEvent;
  /** Something makes this Conn do badly: a slow listener, an event loop that stands still. */
  warning: ConnWarning;
}

const EVENT_NAMES: Readonly<Record<keyof ConnEvents, true>> = {
  state: true,
  connection: true,
  session: true,
  watch: true,
  connectError: true,
  warning: true,
};

function checkName(event: string): void {
  if (Object.hasOwn(EVENT_NAMES, event)) return;
  throw new InvalidArgumentError(`there is no event '${event}', only ${Object.keys(EVENT_NAMES).join(', ')}`);
}

type Listener = (payload: unknown) => void;

/** Looks at how long listeners take. */
export interface Watchdog {
  readonly clock: { now(): number };
  readonly thresholdMs: number;
  readonly warner: Warner;
}

/** eventemitter3 whose listeners cannot disturb each other, nor whoever emits. */
export class EventSource {
  private readonly emitter = new EventEmitter<keyof ConnEvents>();
  /** Each listener's guarded form, by which it is found again. */
  private readonly guards = new WeakMap<Listener, Listener>();
  /** The event that listeners are hearing of. */
  private current: keyof ConnEvents = 'state';

  constructor(private readonly watchdog: Watchdog | null = null) {}

  on<E extends keyof ConnEvents>(event: E, listener: (payload: ConnEvents[E]) => void): void {
    checkName(event);
    this.emitter.on(event, this.guard(listener as Listener));
  }

  once<E extends keyof ConnEvents>(event: E, listener: (payload: ConnEvents[E]) => void): void {
    checkName(event);
    this.emitter.once(event, this.guard(listener as Listener));
  }

  off<E extends keyof ConnEvents>(event: E, listener: (payload: ConnEvents[E]) => void): void {
    this.emitter.off(event, this.guard(listener as Listener));
  }

  emit<E extends keyof ConnEvents>(event: E, payload: ConnEvents[E]): void {
    const before = this.current;
    this.current = event;
    this.emitter.emit(event, payload);
    this.current = before;
  }

  private ran(watchdog: Watchdog, ms: number, event: keyof ConnEvents, listener: Listener): void {
    const { thresholdMs, warner } = watchdog;
    // who is slow to hear a warning would get another one for that
    if (ms <= thresholdMs || event === 'warning') return;
    warner.warn('slow-handler', ms, thresholdMs, { event, handler: listener.name });
  }

  private guard(listener: Listener): Listener {
    if (typeof listener !== 'function') throw new InvalidArgumentError('a listener must be a function');
    let guard = this.guards.get(listener);
    if (guard === undefined) {
      guard = (payload) => {
        const { watchdog, current } = this;
        const startedAt = watchdog === null ? 0 : watchdog.clock.now();
        try {
          listener(payload);
        } catch (error) {
          process.nextTick(() => {
            throw error;
          });
        }
        if (watchdog !== null) this.ran(watchdog, watchdog.clock.now() - startedAt, current, listener);
      };
      this.guards.set(listener, guard);
    }
    return guard;
  }
}

/** The `connection` event that a change of the session core amounts to, or null. */
export function connectionStateOf(
  change: KeeperState | 'new' | 'resumed' | 'expired',
  before: ConnectionState | null,
): ConnectionState | null {
  switch (change) {
    case 'new':
      return 'CONNECTED';
    case 'resumed':
      return 'RECONNECTED';
    case 'Disconnected':
      return 'SUSPENDED';
    case 'expired':
    case 'AuthFailed':
    case 'Closed':
      // nothing can be lost that never was, or twice
      return before === null || before === 'LOST' ? null : 'LOST';
    default:
      return null;
  }
}
