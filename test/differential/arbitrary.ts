/** Random programs. Each is about something, so that what is rare by itself comes together. */
import * as fc from 'fast-check';
import type { Release } from '../support/zookeeper-jars.js';
import { anyRead, callsOf, checks, isQuota, quotas, reconfigs, saslSteps, type Weights } from './calls.js';
import { isAllowed, type Where } from './forbidden.js';
import { CLIENTS, type Call, type Command, type Program } from './program.js';
import { of, OPEN, weighted, type Arb } from './values.js';

/** What a program is about. */
export interface Theme extends Weights {
  /** Identities, among a hundred commands; the next two likewise. */
  readonly auth: number;
  /** Connections that come and go. */
  readonly attach: number;
  readonly close: number;
}

export const GENERAL: Theme = {
  create: 14,
  delete: 7,
  set: 7,
  setAcl: 3,
  read: 14,
  multi: 6,
  multiRead: 1,
  watch: 8,
  openAcl: 20,
  ephemeral: 4,
  auth: 3,
  attach: 2,
  close: 2,
};

const THEMES: readonly (readonly [weight: number, theme: Theme])[] = [
  [4, GENERAL],
  [2, { ...GENERAL, openAcl: 6, setAcl: 8, auth: 12, watch: 4 }],
  [2, { ...GENERAL, watch: 24, read: 18, multi: 2, openAcl: 60 }],
  [1, { ...GENERAL, ephemeral: 30, read: 24, attach: 8, close: 8 }],
  [1, { ...GENERAL, multi: 30, multiRead: 6 }],
];

const by = { by: fc.integer({ min: 0, max: CLIENTS - 1 }) };
const doing = (what: Command['do'], rest: Arb<object>): Arb<Command> =>
  fc.record({ ...by, rest }).map((c) => ({ by: c.by, do: what, ...c.rest }) as unknown as Command);

/** What is no request that a client should make. */
const nonsense: Arb<Command> = weighted(
  [2, doing('odd', fc.record({ type: of(0, 10, 99, 108, 1000, -2, -100), body: of('', '00000000', 'ff') }))],
  [
    1,
    doing(
      'odd',
      fc.record({
        type: of(20),
        body: of('', 'ffffffff', '$', '$/a', '$/a/x', '$/b', '$/e', '$/c', '$/none', '$a'),
      }),
    ),
  ],
  [
    1,
    doing(
      'raw',
      fc.record({ bytes: of('00000000', 'ffffffff', '00100000', '7fffffff', '0000000400000001') }),
    ),
  ],
  [2, doing('call', reconfigs)],
  [2, doing('call', checks)],
  [1, doing('call', saslSteps)],
);

const identities = doing(
  'auth',
  fc.record({
    scheme: weighted<string | null>(
      [14, of('digest')],
      [1, of('ip', 'world', 'none', 'Digest', 'sasl', null)],
    ),
    auth: weighted<string | null>(
      [14, of('u:p', 'v:q')],
      [1, of('super:test', 'super:wrong', 'u', '', null)],
    ),
  }),
);

const attaching = weighted<Command>(
  [
    6,
    doing(
      'attach',
      fc.record({
        cut: fc.boolean(),
        passwd: weighted<'right' | 'wrong' | 'none'>([8, of('right')], [1, of('wrong', 'none')]),
      }),
    ),
  ],
  [1, doing('ghost', of({}))],
);

const closing = weighted<Command>(
  [2, doing('close', of({}))],
  [
    1,
    doing(
      'hello',
      fc.record({
        timeOut: of(10_000, 30_001, 0x7fffffff),
        passwd: of(-1, 0, 16, 17),
        seen: weighted([4, of(-1, 0)], [1, of(1_000_000)]),
      }),
    ),
  ],
);

function commandsOf(theme: Theme): Arb<Command> {
  const calls = callsOf(theme);
  const spoilt: Arb<Call> = fc.oneof(
    fc.record({ call: calls, cut: fc.integer({ min: 0, max: 40 }) }).map((c) => ({ ...c.call, cut: c.cut })),
    calls.map((each) => ({ ...each, more: 3 })),
  );
  const bursts = fc.array(calls, { minLength: 2, maxLength: 6 }).map((each) => ({ calls: each }));
  const together = fc.array(anyRead, { minLength: 1, maxLength: 3 });
  return weighted(
    [80, doing('call', calls)],
    [3, doing('call', spoilt)],
    [4, doing('burst', bursts)],
    [1, together.map((each): Command => ({ do: 'together', calls: each }))],
    [4, nonsense],
    [2, doing('word', fc.record({ word: of('wchs', 'wchp', 'wchc', 'dump') }))],
    [theme.auth, identities],
    [theme.attach, attaching],
    [theme.close, closing],
  );
}

/** Commands that a server of this release bears. */
export const commandsFor = (theme: Theme, release: Release, where?: Where): Arb<Command> =>
  commandsOf(theme).filter((command) => isAllowed(command, release, where));

/** Makes a plain node. */
export const create = (at: string): Command => ({
  by: 0,
  do: 'call',
  op: 'create',
  q: { path: at, data: null, acl: OPEN, flags: 0 },
});

/** What programs begin with: some nodes, or a quota. */
const prelude: Arb<readonly Command[]> = weighted<readonly Command[]>(
  [8, fc.subarray(['$/a', '$/b', '$/a/x']).map((made) => made.map(create))],
  [1, quotas.map((calls) => [{ by: 0, do: 'burst', calls }, create('$/a')])],
);

/** Programs that a server of this release bears. */
export function programs(release: Release): Arb<Program> {
  return weighted(
    ...THEMES.map(([weight, theme]): readonly [number, Arb<Program>] => {
      const rest = fc.array(commandsFor(theme, release), { minLength: 1, maxLength: 57, size: 'max' });
      return [weight, fc.record({ prelude, rest }).map((c) => withoutRaces([...c.prelude, ...c.rest]))];
    }),
  );
}

/** A quota is held against what is applied when a request is looked at, which for requests in a row is a race. */
function withoutRaces(program: Program): Program {
  if (!program.some((command) => 'calls' in command && isQuota(command.calls))) return program;
  return program.filter((command) => command.do !== 'burst' || isQuota(command.calls));
}
