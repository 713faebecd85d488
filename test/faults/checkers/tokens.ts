/**
 * A lock that gives tokens (the czxid of the holder's node), and a register that takes writes only while the node of their
 * token is there, in one transaction.
 *
 * What it promises to find: a token that two got, or that is not higher than one which was given before it was asked for; an
 * accepted write whose token is lower than that of an earlier one, that nobody held, or that was made behind the release;
 * and, with `leases`, two who believed to hold the lock at the same moment.
 */
import { byBegin, nameOf, type Call } from './history.js';

export interface Grant extends Call {
  /** Of a call that is ok. */
  readonly token?: bigint;
  /** The moment from which its holder no longer believes to have the lock: before it asks for the release, at the latest. */
  readonly until?: number;
  /** The moment at which the server had acknowledged the release. */
  readonly released?: number;
}

export interface FencedWrite extends Call {
  readonly token: bigint;
  /** mzxid, of a write that is ok. */
  readonly zxid?: bigint;
}

export interface TokenHistory {
  readonly grants: readonly Grant[];
  readonly writes: readonly FencedWrite[];
  /** Do sessions end by the clock alone? Then nobody believes for longer than his session lives. */
  readonly leases: boolean;
}

/** @returns what is wrong, in words */
export function checkTokens({ grants, writes, leases }: TokenHistory): readonly string[] {
  const problems: string[] = [];
  const held = new Map<bigint, Grant>();
  for (const grant of grants) {
    if (grant.outcome !== 'ok') continue;
    const other = held.get(grant.token!);
    if (other !== undefined)
      problems.push(`${nameOf(grant)} and ${nameOf(other)} have the token ${grant.token!}`);
    held.set(grant.token!, grant);
  }
  problems.push(...rising([...held.values()]));
  if (leases) problems.push(...overlaps([...held.values()]));

  const accepted = writes.filter(({ outcome }) => outcome === 'ok');
  for (const write of accepted) {
    const grant = held.get(write.token);
    if (grant === undefined)
      problems.push(`${nameOf(write)} was accepted with ${write.token}, which nobody holds`);
    else if (grant.client !== write.client)
      problems.push(`${nameOf(write)} was accepted with the token of ${grant.client}`);
    else if (write.end < grant.begin) problems.push(`${nameOf(write)} was accepted before ${nameOf(grant)}`);
    else if (grant.released !== undefined && write.begin > grant.released)
      problems.push(`${nameOf(write)} was accepted behind the release of ${write.token}`);
  }
  accepted.sort((a, b) => (a.zxid! < b.zxid! ? -1 : 1));
  accepted.forEach((write, i) => {
    const before = accepted[i - 1];
    if (before === undefined) return;
    if (before.zxid === write.zxid) problems.push(`${nameOf(write)} and ${nameOf(before)} have one zxid`);
    if (before.token > write.token)
      problems.push(`${nameOf(write)} was accepted with ${write.token} behind ${before.token}`);
  });
  return problems;
}

/** A token that was asked for when another one was known is higher. */
function rising(grants: readonly Grant[]): readonly string[] {
  const problems: string[] = [];
  const done = [...grants].sort((a, b) => a.end - b.end);
  let highest: Grant | undefined;
  let at = 0;
  for (const grant of byBegin(grants)) {
    for (; at < done.length && done[at]!.end < grant.begin; at++)
      if (highest === undefined || done[at]!.token! > highest.token!) highest = done[at]!;
    if (highest !== undefined && highest.token! > grant.token!)
      problems.push(`${nameOf(grant)} has ${grant.token!}, and ${highest.token!} was given before`);
  }
  return problems;
}

function overlaps(grants: readonly Grant[]): readonly string[] {
  const problems: string[] = [];
  const sorted = [...grants].sort((a, b) => a.end - b.end);
  sorted.forEach((grant, i) => {
    const before = sorted[i - 1];
    if (before !== undefined && (before.until ?? Infinity) > grant.end)
      problems.push(`${nameOf(grant)} held the lock while ${nameOf(before)} still did`);
  });
  return problems;
}
