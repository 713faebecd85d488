/** What the checkers say of a play, counted for the table of the lane. */
import { checked, requested } from '../../support/tally.js';
import type { RegisterState } from '../checkers/history.js';
import { notLinearizable } from '../checkers/linearizability.js';
import { checkSessions, type Delivery } from '../checkers/sessions.js';
import { checkNames, checkSet } from '../checkers/sets.js';
import { checkTokens } from '../checkers/tokens.js';
import { checkOneShots, checkStream, type Change } from '../checkers/watch-stream.js';
import { checkZxidOrder } from '../checkers/zxid-order.js';
import type { Recorder } from './recorder.js';
import type { Ending } from './stage.js';

export interface Circumstances {
  readonly initial: ReadonlyMap<string, RegisterState>;
  readonly ending: Ending;
  /** Did one server answer everything? */
  readonly freshReads: boolean;
  /** Did sessions end by the clock alone? */
  readonly leases: boolean;
  /** Requests that reached servers, if all of them are known. */
  readonly deliveries: readonly Delivery[] | null;
}

/** @returns what is wrong, in words */
export function judge(record: Recorder, circumstances: Circumstances): readonly string[] {
  const { initial, ending, freshReads, leases, deliveries } = circumstances;
  const problems: string[] = [];
  const look = (what: Parameters<typeof checked>[0], found: readonly string[]): void => {
    checked(what, found.length);
    problems.push(...found);
  };
  requested(record.requests);
  const registers = { initial, calls: record.registers, freshReads, final: ending.registers };
  const present = new Set(record.adds.map(({ member }) => member));
  look('acknowledged writes lost', [
    ...checkZxidOrder(registers),
    ...notLinearizable(registers).map((key) => `${key} is not linearizable`),
    ...checkSet({
      adds: record.adds,
      lists: record.lists,
      // what the stage was set with
      final: [...ending.members.keys()].filter(
        (member) => present.has(member) || !member.startsWith('stage'),
      ),
      freshReads,
    }),
    ...checkNames(record.names, ending.names),
    ...checkTokens({ grants: record.grants, writes: record.fenced, leases }),
  ]);
  look(
    'promises hanging',
    [...record.open].map((call) => `never settled: ${call}`),
  );

  const log = [...ending.members]
    .map(([name, zxid]): Change => ({ zxid, type: 'NodeCreated', path: `/set/${name}` }))
    .sort((a, b) => (a.zxid < b.zxid ? -1 : 1));
  const until = log.at(-1)?.zxid ?? 0n;
  const childLog = log.map(({ zxid }): Change => ({ zxid, type: 'NodeChildrenChanged', path: '/set' }));
  look('watches lost or doubled', [
    ...checkOneShots(record.oneShots, childLog, until),
    ...record.endedWrongly,
  ]);
  look(
    'unmarked gaps',
    record.streams.flatMap(({ armed, sights, over }) =>
      checkStream({ log, armed, until: over ? 0n : until, sights }),
    ),
  );
  look('requests that crossed sessions', [
    ...checkSessions({ calls: record.traced, deliveries: deliveries ?? [], complete: deliveries !== null }),
  ]);
  return problems;
}
