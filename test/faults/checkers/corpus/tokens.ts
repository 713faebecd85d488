/** Good histories of a lock with tokens and of calls in sessions, and ways to spoil them. */
import { Chance } from '../../chance.js';
import type { Call } from '../history.js';
import type { Delivery, SessionHistory, TracedCall } from '../sessions.js';
import type { FencedWrite, Grant, TokenHistory } from '../tokens.js';
import type { Spoiler } from './spoiler.js';

const CLIENTS = ['ann', 'bob', 'cat', 'dan'];
const LATER = 10_000;

function choose<T>(chance: Chance, items: readonly T[]): T | undefined {
  return items.length === 0 ? undefined : chance.one(items);
}

/** Holders one after the other; each writes a few times, some answers are lost, some holders lose the lock unawares. */
export function goodTokens(seed: number): TokenHistory {
  const chance = new Chance(seed);
  const grants: Grant[] = [];
  const writes: FencedWrite[] = [];
  const leases = chance.odds(0.5);
  let now = 0;
  let zxid = 0n;
  let sessions = 0n;
  for (let i = 0; i < 12; i++) {
    const client = chance.one(CLIENTS);
    const session = ++sessions;
    const token = (zxid += BigInt(1 + chance.below(3)));
    const wait = chance.below(15);
    const begin = Math.max(0, now - wait) + i / 100;
    const end = ++now;
    const call = (outcome: Call['outcome']): Call => ({ client, session, begin: ++now, end: ++now, outcome });
    for (let n = chance.below(5); n > 0; n--) {
      const lost = chance.odds(0.2);
      zxid += 1n;
      writes.push(lost ? { ...call('unknown'), token } : { ...call('ok'), token, zxid });
    }
    const until = ++now;
    const expired = chance.odds(0.3);
    const released = expired ? undefined : ++now;
    if (expired) writes.push({ ...call('rejected'), token });
    const grant: Grant = {
      client,
      session,
      begin,
      end,
      outcome: 'ok',
      token,
      until: expired && !leases ? now + 30 : until,
    };
    grants.push(released === undefined ? grant : { ...grant, released });
    zxid += 1n;
  }
  grants.push({ client: 'eve', session: 90n, begin: 1, end: now, outcome: 'unknown' });
  return { grants, writes, leases };
}

const accepted = ({ writes }: TokenHistory): readonly FencedWrite[] =>
  writes.filter(({ outcome }) => outcome === 'ok');
const held = ({ grants }: TokenHistory): readonly Grant[] => grants.filter(({ outcome }) => outcome === 'ok');

function write(grant: Grant, part: Partial<FencedWrite>): FencedWrite {
  const { client, session, token } = grant;
  return {
    client,
    session,
    token: token!,
    begin: LATER,
    end: LATER + 1,
    outcome: 'ok',
    zxid: 9999n,
    ...part,
  };
}

export const TOKEN_SPOILERS: Readonly<Record<string, Spoiler<TokenHistory>>> = {
  'two have one token': (history, chance) => {
    const [first, second] = chance.shuffled(held(history));
    if (first === undefined || second === undefined) return undefined;
    return {
      history: {
        ...history,
        grants: history.grants.map((grant) => (grant === first ? { ...grant, token: second.token! } : grant)),
      },
      reason: `${second.token!} is that of two nodes`,
    };
  },
  'a later token is lower': (history, chance) => {
    const grant = choose(chance, held(history));
    if (grant === undefined) return undefined;
    const late: Grant = {
      client: 'eve',
      session: 99n,
      begin: LATER,
      end: LATER + 1,
      outcome: 'ok',
      token: -grant.token!,
    };
    return {
      history: { ...history, grants: [...history.grants, late] },
      reason: `${grant.token!} was given before`,
    };
  },
  'an old token is accepted': (history, chance) => {
    const old = choose(chance, held(history).slice(0, -1));
    if (old === undefined) return undefined;
    const last = accepted(history).some(({ token }) => token > old.token!);
    if (!last) return undefined;
    return {
      history: { ...history, writes: [...history.writes, write(old, { begin: old.end + 0.1, end: LATER })] },
      reason: `${old.token!} writes behind a higher token`,
    };
  },
  'a released lock writes': (history, chance) => {
    const last = held(history).at(-1)!;
    if (last.released === undefined) return undefined;
    return {
      history: {
        ...history,
        writes: [...history.writes, write(last, { zxid: 9000n + BigInt(chance.below(900)) })],
      },
      reason: `the node of ${last.token!} was gone when the write began`,
    };
  },
  'nobody holds the token': (history, chance) => {
    const zxid = 9000n + BigInt(chance.below(900));
    return {
      history: {
        ...history,
        writes: [...history.writes, { ...write(held(history)[0]!, { zxid }), token: 8888n }],
      },
      reason: 'no lock was given with 8888',
    };
  },
  'the token of another': (history, chance) => {
    const one = choose(chance, accepted(history));
    if (one === undefined) return undefined;
    return {
      history: {
        ...history,
        writes: history.writes.map((each) => (each === one ? { ...each, client: 'eve' } : each)),
      },
      reason: `${one.token} was given to ${one.client}`,
    };
  },
  'a write before the lock': (history, chance) => {
    const grant = choose(
      chance,
      held(history).filter(({ begin }) => begin > 2),
    );
    if (grant === undefined) return undefined;
    return {
      history: { ...history, writes: [...history.writes, write(grant, { begin: 0.1, end: 0.2 })] },
      reason: `${grant.token!} was asked for later`,
    };
  },
  'two writes with one zxid': (history, chance) => {
    const [first, second] = chance.shuffled(accepted(history));
    if (first === undefined || second === undefined) return undefined;
    return {
      history: {
        ...history,
        writes: history.writes.map((each) => (each === first ? { ...each, zxid: second.zxid! } : each)),
      },
      reason: `${second.zxid!} is one change`,
    };
  },
  'two believe to hold it': (history, chance) => {
    const sorted = [...held(history)].sort((a, b) => a.end - b.end);
    const at = chance.below(sorted.length - 1);
    const [grant, next] = [sorted[at]!, sorted[at + 1]!];
    return {
      history: {
        ...history,
        leases: true,
        grants: history.grants.map((each) => (each === grant ? { ...each, until: next.end + 0.5 } : each)),
      },
      reason: `${grant.token!} and ${next.token!} were both held at ${next.end}`,
    };
  },
};

// ---------------------------------------------------------------- sessions

/** Clients whose sessions follow one another; what reached a server, and in which. */
export function goodSessions(seed: number): SessionHistory {
  const chance = new Chance(seed);
  const calls: TracedCall[] = [];
  const deliveries: Delivery[] = [];
  let moment = 0;
  let id = 0x8000_0000_0000_0000n;
  for (const client of CLIENTS) {
    let session = 0n;
    for (let i = 0; i < 12; i++) {
      if (i === 2 || chance.odds(0.15)) session = chance.odds(0.3) ? 0n : ++id;
      const outcome = chance.one(['ok', 'ok', 'ok', 'rejected', 'unknown', 'not-sent'] as const);
      const call = { client, session, begin: ++moment, end: ++moment, outcome, id: `${client}${i}` };
      const later = session === 0n ? ++id : session;
      const reached = outcome === 'unknown' ? chance.odds(0.5) : outcome !== 'not-sent';
      if (reached) deliveries.push({ id: call.id, session: later });
      calls.push(outcome === 'ok' && chance.odds(0.5) ? { ...call, owner: later } : call);
      if (session === 0n) session = later;
    }
  }
  return { calls, deliveries, complete: true };
}

const inSession = ({ calls, deliveries }: SessionHistory): readonly TracedCall[] =>
  calls.filter(({ session, id }) => session !== 0n && deliveries.some((each) => each.id === id));

export const SESSION_SPOILERS: Readonly<Record<string, Spoiler<SessionHistory>>> = {
  'a request goes out in the next session': (history, chance) => {
    const call = choose(chance, inSession(history));
    if (call === undefined) return undefined;
    const session = call.session + 1n;
    return {
      history: {
        ...history,
        deliveries: history.deliveries.map((each) => (each.id === call.id ? { ...each, session } : each)),
      },
      reason: `${call.id} was called in the session before`,
    };
  },
  'a request is repeated in the next session': (history, chance) => {
    const call = choose(chance, inSession(history));
    if (call === undefined) return undefined;
    return {
      history: {
        ...history,
        deliveries: [...history.deliveries, { id: call.id, session: call.session + 1n }],
      },
      reason: `${call.id} was called once, in the session before`,
    };
  },
  'a request is repeated in its session': (history, chance) => {
    const delivery = choose(chance, history.deliveries);
    return (
      delivery && {
        history: { ...history, deliveries: [...history.deliveries, delivery] },
        reason: `${delivery.id} was called once`,
      }
    );
  },
  'what was not sent went out': (history, chance) => {
    const call = choose(
      chance,
      history.calls.filter(({ outcome }) => outcome === 'not-sent'),
    );
    return (
      call && {
        history: { ...history, deliveries: [...history.deliveries, { id: call.id, session: call.session }] },
        reason: `${call.id} was called not-sent`,
      }
    );
  },
  'what was answered never went out': (history, chance) => {
    const call = choose(
      chance,
      history.calls.filter(({ outcome }) => outcome === 'ok' || outcome === 'rejected'),
    );
    return (
      call && {
        history: { ...history, deliveries: history.deliveries.filter(({ id }) => id !== call.id) },
        reason: `${call.id} was ${call.outcome}`,
      }
    );
  },
  'what nobody called went out': (history, chance) => ({
    history: {
      ...history,
      deliveries: [...history.deliveries, { id: `eve${chance.below(1000)}`, session: 1n }],
    },
    reason: 'nobody called it',
  }),
  'it was done for another session': (history, chance) => {
    const call = choose(
      chance,
      inSession(history).filter(({ outcome }) => outcome === 'ok'),
    );
    return (
      call && {
        history: {
          ...history,
          calls: history.calls.map((each) => (each === call ? { ...each, owner: call.session + 1n } : each)),
        },
        reason: `${call.id} was called in the session before`,
      }
    );
  },
};
