/** What can be set on an ensemble, with its defaults and bounds. */
import { MAX_INT } from '../../protocol/constants.js';
import { InvalidOptionError } from '../../protocol/errors.js';
import { resolveOptions, type MiniServerOptions, type ServerOptions } from '../options.js';
import type { ReadOnlyRules } from '../read-only-service.js';
import type { QuorumTimes } from './quorum.js';

/** Options of `MiniEnsemble.start`: those of its members, besides `port`, and its own. */
export interface MiniEnsembleOptions extends Omit<MiniServerOptions, 'port'> {
  /** Members that vote, 1 to 9. Default 3. */
  readonly members?: number | undefined;
  /** Members that follow and do not vote; they come after the others. Default 0. */
  readonly observers?: number | undefined;
  /** Ports to listen on, one for each member and observer. Default free ones. */
  readonly ports?: readonly number[] | undefined;
  /**
   * Does a member without a quorum serve clients that only read (`readonlymode.enabled`)? With `localSessions: false` it
   * lets in nobody who has no session, as real servers do without `localSessionsEnabled`. Default false; `true` is
   * `{ localSessions: true }`.
   */
  readonly readOnlyMode?: boolean | { readonly localSessions?: boolean | undefined } | undefined;
  /** May superusers change the configuration (`reconfigEnabled`)? Default true, unlike a real server's. */
  readonly reconfigEnabled?: boolean | undefined;
  /**
   * Ms until a member notices that it cannot reach its leader, or a leader its quorum (`syncLimit`). Until then it goes on:
   * it answers reads, and holds writes. Default 0: it notices at once, within the call of `partition`.
   */
  readonly syncLimitMs?: number | undefined;
  /** Ms that an election takes. Default 0: it is over within the call that makes it necessary. */
  readonly electionMs?: number | undefined;
  /** Ms that a member looks for a leader before it serves those who only read; 2000 on real servers. Default 0. */
  readonly readOnlyAfterMs?: number | undefined;
}

/** Options with every default filled in. */
export interface EnsembleSettings {
  /** Of each member, in order. */
  readonly servers: readonly ServerOptions[];
  readonly voters: number;
  readonly readOnly: ReadOnlyRules | null;
  readonly reconfigEnabled: boolean;
  readonly times: QuorumTimes;
}

const MAX_MEMBERS = 9;

/** @throws {@link InvalidOptionError} on an unknown key, or a value of the wrong type or out of range */
export function resolveEnsemble(options: MiniEnsembleOptions = {}): EnsembleSettings {
  const {
    members,
    observers,
    ports,
    readOnlyMode,
    reconfigEnabled,
    syncLimitMs,
    electionMs,
    readOnlyAfterMs,
    ...common
  } = options;
  if ('port' in common) throw new InvalidOptionError('an ensemble has no option port; it has ports');
  const voters = whole('members', members ?? 3, 1, MAX_MEMBERS);
  const size = voters + whole('observers', observers ?? 0, 0, MAX_MEMBERS);
  const listenOn = portsOf(ports, size);
  if (reconfigEnabled !== undefined && typeof (reconfigEnabled as unknown) !== 'boolean') {
    throw new InvalidOptionError('reconfigEnabled must be true or false');
  }
  return {
    // all begin with the same nodes, down to the time: those of the first
    servers: listenOn.map((port, i) =>
      resolveOptions({ ...common, port, ...(i > 0 ? { snapshot: undefined } : {}) }),
    ),
    voters,
    readOnly: readOnlyRules(readOnlyMode ?? false),
    reconfigEnabled: reconfigEnabled ?? true,
    times: {
      syncLimitMs: whole('syncLimitMs', syncLimitMs ?? 0, 0, MAX_INT),
      electionMs: whole('electionMs', electionMs ?? 0, 0, MAX_INT),
      readOnlyAfterMs: whole('readOnlyAfterMs', readOnlyAfterMs ?? 0, 0, MAX_INT),
    },
  };
}

/** @throws {@link InvalidOptionError} */
export function whole(key: string, value: unknown, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
    throw new InvalidOptionError(`${key} must be a whole number from ${min} to ${max}, not ${String(value)}`);
  }
  return value;
}

function portsOf(given: unknown, size: number): readonly number[] {
  if (given === undefined) return Array.from({ length: size }, () => 0);
  if (!Array.isArray(given) || given.length !== size) {
    throw new InvalidOptionError(`ports must be an array of ${size}, one for each member and observer`);
  }
  return given as number[];
}

function readOnlyRules(given: unknown): ReadOnlyRules | null {
  if (given === false) return null;
  if (given === true) return { localSessions: true };
  const { localSessions = true, ...rest } = (given ?? {}) as { readonly localSessions?: unknown };
  if (typeof given !== 'object' || typeof localSessions !== 'boolean' || Object.keys(rest).length > 0) {
    throw new InvalidOptionError('readOnlyMode must be true, false or { localSessions: true or false }');
  }
  return { localSessions };
}
