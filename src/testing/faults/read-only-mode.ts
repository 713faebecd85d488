/** A server by itself that behaves as if it had lost its quorum, until that ends. */
import { InvalidOptionError } from '../../protocol/errors.js';
import type { Membership } from '../membership.js';
import { ReadOnlyService } from '../read-only-service.js';
import type { ServerState } from '../server-state.js';
import type { Session } from '../session-table.js';
import { known } from './actions.js';
import type { Condition } from './condition.js';
import type { FaultBoard } from './fault-board.js';

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
  /** Whom the server asks instead of itself. */
  readonly membership: Membership;
  /** Does it keep this session, or with `null` the nodes that are due, from ending? */
  keeps(session: Session | null): boolean;
}

/**
 * @param hangUpOnAll closes all connections
 * @throws {@link InvalidOptionError} on an unknown option, or if `before` has not ended
 */
export function startReadOnly(
  board: FaultBoard,
  state: ServerState,
  options: ReadOnlyOptions = {},
  before: ReadOnlyMode | null,
  hangUpOnAll: () => void,
): ReadOnlyMode {
  known('readOnly()', options, ['localSessions']);
  const { localSessions = true } = options;
  if (typeof localSessions !== 'boolean') throw new InvalidOptionError('localSessions must be true or false');
  if (before?.condition.standing === true) throw new InvalidOptionError('the server is read-only already');

  const condition = board.condition('readOnly', 'readOnly', () => {
    hangUpOnAll();
    service.end();
    // whoever becomes the leader gives everybody the whole time again
    state.sessions.restart();
  });
  const service = new ReadOnlyService(state, { localSessions }, () => condition.hit());
  hangUpOnAll();
  return {
    condition,
    membership: {
      id: 1,
      mode: 'read-only',
      mayRead: () => true,
      submit: (request, done) => done(service.submit(request)),
      attach: (request, done) => done(service.attach(request)),
    },
    keeps: (session) => condition.standing && service.keeps(session),
  };
}
