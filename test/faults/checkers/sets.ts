/**
 * Sets of nodes below a parent, and names that the server gives.
 *
 * What they promise: {@link checkSet} finds each acknowledged member that is missing at the end, each that was refused or
 * never sent and is there, each that nobody added, and each list that lacks what its session had seen or added before, or,
 * with `freshReads`, what was acknowledged before it began. {@link checkNames} finds each name that was given twice, that is
 * missing, that nobody can have asked for, and each that is lower than one that was given before its call.
 */
import { byBegin, grouped, nameOf, type Call } from './history.js';

export interface AddCall extends Call {
  /** No two calls add the same. */
  readonly member: string;
}

export interface ListCall extends Call {
  /** Of a call that is ok. */
  readonly members?: readonly string[];
}

export interface SetHistory {
  readonly adds: readonly AddCall[];
  readonly lists: readonly ListCall[];
  /** What is there at the end, when all calls have settled. */
  readonly final: readonly string[];
  /** See `RegisterHistory`. */
  readonly freshReads: boolean;
}

/** @returns what is wrong, in words */
export function checkSet({ adds, lists, final, freshReads }: SetHistory): readonly string[] {
  const problems: string[] = [];
  const byMember = new Map(adds.map((add) => [add.member, add]));
  const present = new Set(final);
  if (present.size < final.length) problems.push('the list at the end has a member twice');
  for (const add of adds) {
    if (add.outcome === 'ok' && !present.has(add.member)) problems.push(`lost: ${nameOf(add)} ${add.member}`);
    if ((add.outcome === 'rejected' || add.outcome === 'not-sent') && present.has(add.member))
      problems.push(`${add.outcome} and there: ${nameOf(add)} ${add.member}`);
  }
  for (const member of present) if (!byMember.has(member)) problems.push(`nobody added ${member}`);

  for (const list of lists) {
    if (list.outcome !== 'ok') continue;
    const seen = new Set(list.members);
    if (seen.size < list.members!.length) problems.push(`${nameOf(list)} has a member twice`);
    for (const member of seen) {
      const add = byMember.get(member);
      if (add === undefined) problems.push(`${nameOf(list)} has ${member}, which nobody added`);
      else if (add.begin > list.end) problems.push(`${nameOf(list)} has ${member}, which was added later`);
      if (!present.has(member)) problems.push(`${nameOf(list)} has ${member}, which is gone at the end`);
    }
    if (freshReads)
      for (const add of adds)
        if (add.outcome === 'ok' && add.end < list.begin && !seen.has(add.member))
          problems.push(`${nameOf(list)} lacks ${add.member}, which was acknowledged before`);
  }
  return [...problems, ...sessionOrder(adds, lists)];
}

/** What a session has added or seen stays in its lists. */
function sessionOrder(adds: readonly AddCall[], lists: readonly ListCall[]): readonly string[] {
  const problems: string[] = [];
  const calls: (AddCall | ListCall)[] = [...adds, ...lists];
  for (const [session, own] of grouped(byBegin(calls), ({ session }) => session)) {
    if (session === 0n) continue;
    const floor = new Set<string>();
    for (const call of own) {
      if (call.outcome !== 'ok') continue;
      if ('member' in call) {
        floor.add(call.member);
        continue;
      }
      const { members = [] } = call;
      const seen = new Set(members);
      for (const member of floor)
        if (!seen.has(member)) problems.push(`${nameOf(call)} lacks ${member}, which its session knew`);
      for (const member of seen) floor.add(member);
    }
  }
  return problems;
}

/** A create with a sequential mode. */
export interface NameCall extends Call {
  /** Number of the name that was given, of a call that is ok. */
  readonly number?: number;
}

/** @param final numbers of the names that are there at the end @returns what is wrong, in words */
export function checkNames(calls: readonly NameCall[], final: readonly number[]): readonly string[] {
  const problems: string[] = [];
  const given = new Map<number, NameCall>();
  const present = new Set(final);
  for (const call of calls) {
    if (call.outcome !== 'ok') continue;
    const other = given.get(call.number!);
    if (other !== undefined)
      problems.push(`${call.number!} was given to ${nameOf(other)} and ${nameOf(call)}`);
    if (!present.has(call.number!)) problems.push(`lost: ${call.number!} of ${nameOf(call)}`);
    given.set(call.number!, call);
  }
  const foreign = final.filter((number) => !given.has(number)).length;
  const unknown = calls.filter(({ outcome }) => outcome === 'unknown').length;
  if (foreign > unknown)
    problems.push(`${foreign} names were given to nobody, and ${unknown} answers were lost`);
  const done = [...given.values()].sort((a, b) => a.end - b.end);
  let highest: NameCall | undefined;
  let at = 0;
  for (const call of byBegin([...given.values()])) {
    for (; at < done.length && done[at]!.end < call.begin; at++)
      if (highest === undefined || done[at]!.number! > highest.number!) highest = done[at]!;
    if (highest !== undefined && highest.number! > call.number!)
      problems.push(`${nameOf(call)} was given ${call.number!}, and ${highest.number!} was given before`);
  }
  return problems;
}
