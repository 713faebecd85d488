/** What four-letter words tell about. */
import type { Membership } from '../membership.js';
import type { ServerState } from '../server-state.js';
import type { Session } from '../session-table.js';
import type { ConnectionStats } from './server-stats.js';

/** What was counted on a connection. */
interface ConnectionMeterInfo {
  readonly stats: ConnectionStats;
  /** When something came from it last, by the clock's `now()`. */
  readonly heardAt: number;
}

/** A connection as the words show it. */
export interface ConnectionInfo {
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** When it was accepted, ms since 1970. */
  readonly established: number;
  readonly sessionOrNull: Session | null;
  readonly meter: ConnectionMeterInfo;
  /** Requests that wait for their answers. */
  readonly outstanding: number;
  /** Does it read (1), is there something to write (4)? 0 while it answers a word. */
  readonly interestOps: number;
}

/** A server, for its words. */
export interface WordSource {
  readonly state: ServerState;
  /** The ensemble that it is a server of; null for a server by itself. */
  readonly membership: Membership | null;
  /** -1 for one that there is not. */
  readonly ports: { readonly plain: number; readonly secure: number };
  /** Connections on the port that was asked. */
  readonly connections: Iterable<ConnectionInfo>;
  /** Those on all ports. */
  readonly connectionCount: number;
  /** Requests that wait for their answers. */
  readonly outstanding: number;
  /** Has it lost its quorum? */
  readonly readOnly: boolean;
}

/** What it says that it is. Nobody asks a member that has no mode. */
export const modeOf = ({ membership, readOnly }: WordSource): string =>
  membership?.mode ?? (readOnly ? 'read-only' : 'standalone');

/** A version that every client can parse: kazoo the numbers, go-zk the date. */
export const versionOf = ({ options }: ServerState): string =>
  `${options.version}-zk-conn, built on 01/31/2024 00:00 GMT`;

/** The root is counted twice, once by its second name, the empty path (Java `DataTree`). */
export const nodeCount = ({ state }: WordSource): number => state.tree.size + 1;

/** Lines with an end each. */
export const lines = (all: readonly string[]): string => all.map((line) => `${line}\n`).join('');
