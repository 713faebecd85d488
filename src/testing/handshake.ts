/** What a server answers to a connect request (Java `ZooKeeperServer.processConnectRequest`, `finishSessionInit`). */
import { Limits } from '../protocol/constants.js';
import { writeConnectResponse, type ConnectRequest } from '../protocol/records.js';
import type { FrameWriter } from './frame-writer.js';
import type { Welcome } from './membership.js';
import type { ServerState } from './server-state.js';
import type { Session } from './session-table.js';

const NO_SESSION_PASSWD = Buffer.alloc(Limits.PASSWORD_BYTES);

/** The answer of a server by itself. */
export function attachAlone(state: ServerState, q: ConnectRequest): Welcome {
  // this server lacks what the client has seen: it must find one that does not
  if (q.lastZxidSeen > state.lastZxid) return null;
  const session = q.sessionId === 0n ? state.openSession(q.timeOut) : reattach(state, q);
  return { session, readOnly: false };
}

function reattach(state: ServerState, q: ConnectRequest): Session | null {
  const session = state.sessions.get(q.sessionId);
  if (session === undefined) {
    return state.options.traits.strangersGetSessions ? state.openSession(q.timeOut) : null;
  }
  return takeUp(state, session, q);
}

/**
 * The other connection of the session is closed first, even if the password then turns out to be wrong.
 * @returns null if it is
 */
export function takeUp(state: ServerState, session: Session, q: ConnectRequest): Session | null {
  session.link?.hangUp();
  if (session.closing || q.passwd === null || !session.passwd.equals(q.passwd)) return null;
  session.timeoutMs = state.negotiate(q.timeOut);
  state.sessions.touch(session);
  return session;
}

/** @returns the session that the client has now, if any; without one, this frame is the last */
export function writeWelcome(
  out: FrameWriter,
  q: ConnectRequest,
  welcome: Exclude<Welcome, null>,
): Session | null {
  if ('errno' in welcome) {
    out.beginReply(0, welcome.zxid, welcome.errno);
    out.endFrame();
    return null;
  }
  const { session, readOnly } = welcome;
  out.beginFrame();
  writeConnectResponse(out, {
    protocolVersion: 0,
    timeOut: session?.timeoutMs ?? 0,
    sessionId: session?.id ?? 0n,
    passwd: session?.passwd ?? NO_SESSION_PASSWD,
    readOnly: q.readOnly === undefined ? undefined : readOnly,
  });
  out.endFrame();
  return session;
}
