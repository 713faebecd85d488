/**
 * Which session carried out what.
 *
 * What it promises to find: a request that went out in another session than the one in which it was called, that went out
 * twice, that went out although its caller was told that it had not, or that was answered and never went out. It reads what
 * servers or proxies have seen, and knows nothing of the client.
 */
import { grouped, nameOf, type Call } from './history.js';

export interface TracedCall extends Call {
  /** Something of the request that can be seen on the wire. No two calls have the same. */
  readonly id: string;
  /** What the server says about whose session did it, of a call that is ok: `ephemeralOwner`. */
  readonly owner?: bigint;
}

/** A request that reached a server. */
export interface Delivery {
  readonly id: string;
  /** Session of the connection on which it came. */
  readonly session: bigint;
}

export interface SessionHistory {
  readonly calls: readonly TracedCall[];
  readonly deliveries: readonly Delivery[];
  /** Do the deliveries hold all that reached a server? Otherwise what is missing there proves nothing. */
  readonly complete: boolean;
}

/** @returns what is wrong, in words */
export function checkSessions({ calls, deliveries, complete }: SessionHistory): readonly string[] {
  const problems: string[] = [];
  const byId = grouped(deliveries, ({ id }) => id);
  for (const call of calls) {
    const seen = byId.get(call.id) ?? [];
    byId.delete(call.id);
    const name = `${call.id}, ${nameOf(call)},`;
    for (const { session } of seen)
      if (call.session !== 0n && session !== call.session)
        problems.push(`${name} was called in ${hex(call.session)} and reached a server in ${hex(session)}`);
    if (seen.length > 1) problems.push(`${name} reached servers ${seen.length} times`);
    if (call.outcome === 'not-sent' && seen.length > 0)
      problems.push(`${name} reached a server, and was called not-sent`);
    if ((call.outcome === 'ok' || call.outcome === 'rejected') && complete && seen.length === 0)
      problems.push(`${name} was answered, and reached no server`);
    if (call.owner !== undefined && call.session !== 0n && call.owner !== call.session)
      problems.push(`${name} was carried out for ${hex(call.owner)}, and called in ${hex(call.session)}`);
  }
  for (const [id] of byId) problems.push(`${id} reached a server, and nobody called it`);
  return problems;
}

function hex(id: bigint): string {
  return `0x${BigInt.asUintN(64, id).toString(16)}`;
}
