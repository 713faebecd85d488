/** A server that has lost its quorum and serves read-only clients (Java `ReadOnlyZooKeeperServer`). */
import { InvalidOptionError } from '../../protocol/errors.js';
import { JuteReader, JuteWriter } from '../../protocol/jute.js';
import { operations, type OpName } from '../../protocol/operations.js';
import { readConnectResponse, writeConnectResponse } from '../../protocol/records.js';
import type { ServerState } from '../server-state.js';
import type { Session } from '../session-table.js';
import { cutAction, known, replyAction, rewriteAction, type Action } from './actions.js';
import type { Condition } from './condition.js';
import type { FaultBoard } from './fault-board.js';
import { compileMatch, type FrameMatch } from './frame-match.js';
import type { WireFrame } from './wire-frame.js';

/** How a server without a quorum treats clients that have no session. */
export interface ReadOnlyOptions {
  /**
   * Does the ensemble have `localSessionsEnabled=true`, so that read-only clients get a session? Without it they are
   * refused with `NotReadOnly`, and nobody is served. Default true.
   */
  readonly localSessions?: boolean | undefined;
}

/** The mode while it lasts. */
export interface ReadOnlyMode {
  readonly condition: Condition;
  /** Does it keep this session, or with `null` the nodes that are due, from ending? */
  keeps(session: Session | null): boolean;
}

const REFUSED = Object.values(operations)
  .filter(({ readOnlyOk }) => !readOnlyOk)
  .map(({ name }) => name) as readonly OpName[];

/**
 * @param hangUpOnAll closes all connections
 * @throws {@link InvalidOptionError} on an unknown option, or if `before` has not ended
 */
export function startReadOnly(
  board: FaultBoard,
  { sessions }: ServerState,
  options: ReadOnlyOptions = {},
  before: ReadOnlyMode | null,
  hangUpOnAll: () => void,
): ReadOnlyMode {
  known('readOnly()', options, ['localSessions']);
  const { localSessions = true } = options;
  if (typeof localSessions !== 'boolean') throw new InvalidOptionError('localSessions must be true or false');
  if (before?.condition.standing === true) throw new InvalidOptionError('the server is read-only already');

  const kept = new Set(sessions);
  const condition = board.condition('readOnly', 'readOnly', () => {
    for (const rule of rules) rule.remove();
    hangUpOnAll();
    for (const session of [...sessions]) if (!kept.has(session)) sessions.remove(session);
    // whoever becomes the leader gives everybody the whole time again
    sessions.restart();
  });
  const add = (match: FrameMatch, action: Action, counts = true): ReturnType<FaultBoard['addOwn']> =>
    board.addOwn(compileMatch({ ...match, times: Infinity }), action, () => {
      if (counts) condition.hit();
    });
  const hangUp = cutAction('toServer', 'beforeApplied', { how: 'fin' });
  const isUnwelcome = ({ readOnly, session }: WireFrame): boolean => {
    const old = sessions.get(session);
    return readOnly !== true || (old !== undefined && kept.has(old));
  };
  const rules = [
    add({ handshake: true, where: isUnwelcome }, hangUp),
    add({ op: REFUSED }, replyAction('NotReadOnly')),
    localSessions
      ? add({ handshake: true, direction: 'toClient' }, rewriteAction(asReadOnly), false)
      : add({ handshake: true }, replyAction('NotReadOnly')),
  ];
  hangUpOnAll();
  return {
    condition,
    keeps: (session) => condition.standing && (session === null || kept.has(session)),
  };
}

/** The answer to a handshake, with the word that the server is read-only. A refusal stays as it is. */
function asReadOnly(body: Buffer): Uint8Array {
  const answer = readConnectResponse(new JuteReader(body));
  if (answer.timeOut <= 0 || answer.readOnly === undefined) return body;
  const w = new JuteWriter();
  writeConnectResponse(w, { ...answer, readOnly: true });
  return w.bytes();
}
