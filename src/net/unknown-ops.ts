/**
 * Operations that a server hangs up on because it does not know them. They are not sent to it again: so they cost one
 * connection, or two, and not one for each call.
 */
import type { AnyOp } from '../protocol/op.js';
import { isSince, type ServerVersion } from '../protocol/words.js';
import { formatServer, type ServerAddress } from './connect-string.js';

/** What stood first in flight when a server hung up without a word, and how often in a row. */
interface Suspect {
  readonly op: AnyOp;
  readonly times: number;
}

/** A server that hangs up so often in a row on the same operation does not know it, unless its version says that it does. */
const SUSPICIOUS = 2;
/** So often, it need not be asked: it never lives long enough to answer. One that is restarted twice is no such server. */
const CONVICTED = 5;

export class UnknownOps {
  /** By server. What is known of one holds until a connection to it ends for any other reason: it may be a new release. */
  private readonly unknown = new Map<string, Set<AnyOp>>();
  private readonly suspects = new Map<string, Suspect>();
  /** By server: what it has answered. If it hangs up on that without a word, it is for another reason. */
  private readonly known = new Map<string, Set<AnyOp>>();
  /** The server that has just said that it does not know one, and hangs up for that. */
  private hangingUp: string | null = null;

  /** Is there nothing to ask {@link has} about? As a rule; and it is asked for every call. */
  get isEmpty(): boolean {
    return this.unknown.size === 0;
  }

  /**
   * Is there no use in sending it?
   * @param server that we are connected to; undefined without one
   * @param servers how many there are: without a connection the only one is the next
   */
  has(op: AnyOp, server: string | undefined, servers: number): boolean {
    if (server !== undefined) return this.unknown.get(server)?.has(op) === true;
    return servers === 1 && [...this.unknown.values()].some((ops) => ops.has(op));
  }

  /** @param said it says that it does not know it; else this was the first that waited for its answer */
  hungUp(server: string, op: AnyOp, said: boolean): void {
    if (said) {
      // an older release at the same address, maybe
      this.known.get(server)?.delete(op);
      this.add(server, op);
      this.hangingUp = server;
      return;
    }
    if (this.known.get(server)?.has(op) === true) return;
    const before = this.suspects.get(server);
    this.suspects.set(server, { op, times: before?.op === op ? before.times + 1 : 1 });
  }

  /** A server has answered an operation: it knows it. */
  answered(server: string, op: AnyOp): void {
    const known = this.known.get(server);
    if (known === undefined) this.known.set(server, new Set([op]));
    else known.add(op);
    if (this.suspects.get(server)?.op === op) this.suspects.delete(server);
    this.remove(server, op);
  }

  /** A connection to a server has ended, or an attempt at one. */
  ended(server: string): void {
    if (this.hangingUp !== server) this.unknown.delete(server);
    this.hangingUp = null;
  }

  /** There is a session on a server: does its version clear up what is open? It may be newer than it was. */
  connected(
    address: ServerAddress,
    versionOf: (address: ServerAddress) => Promise<ServerVersion | null | undefined>,
  ): void {
    const server = formatServer(address);
    const suspicious = (this.suspects.get(server)?.times ?? 0) >= SUSPICIOUS;
    if (!suspicious && !this.unknown.has(server)) return;
    // not from within the core
    process.nextTick(async () => {
      this.versionIs(server, await versionOf(address));
    });
  }

  /** @param version null if the server does not say; undefined if the connection has ended, and the question with it */
  private versionIs(server: string, version: ServerVersion | null | undefined): void {
    const suspect = this.suspects.get(server);
    if (suspect !== undefined && suspect.times >= (version === undefined ? CONVICTED : SUSPICIOUS)) {
      this.suspects.delete(server);
      this.add(server, suspect.op);
    }
    const ops = this.unknown.get(server);
    if (ops === undefined || version === null || version === undefined) return;
    for (const op of ops) if (isSince(version, op.since)) this.remove(server, op);
  }

  private remove(server: string, op: AnyOp): void {
    const ops = this.unknown.get(server);
    ops?.delete(op);
    if (ops?.size === 0) this.unknown.delete(server);
  }

  private add(server: string, op: AnyOp): void {
    const ops = this.unknown.get(server);
    if (ops === undefined) this.unknown.set(server, new Set([op]));
    else ops.add(op);
  }
}
