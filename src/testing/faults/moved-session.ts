/** What a connection is like whose session has gone to another server. */
import { operations, type OpName } from '../../protocol/operations.js';
import { cutAction } from './actions.js';
import type { FaultBoard } from './fault-board.js';
import type { Rule } from './fault-rule.js';
import { compileMatch } from './frame-match.js';

/**
 * What asks the leader who owns the session (Java `PrepRequestProcessor`). The close of a session is not asked about, and
 * a follower answers reads by itself.
 */
const ASKED_ABOUT = [
  'sync',
  ...Object.values(operations)
    .filter(({ mutates, use }) => mutates && use !== 'session')
    .map(({ name }) => name),
] as readonly OpName[];

/** The connection is closed instead of an answer that says SessionMoved (Java `FinalRequestProcessor`). */
export function moveAway(board: FaultBoard, connection: number): Rule {
  const match = compileMatch({ op: ASKED_ABOUT, where: (frame) => frame.connection === connection });
  return board.addOwn(match, cutAction('toServer', 'beforeApplied', { how: 'fin' }), () =>
    board.count('moveSession'),
  );
}
