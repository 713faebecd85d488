/** The first message each way: what we ask for, and what the answer means. */
import {
  FrameTooLargeError,
  HandshakeError,
  ProtocolError,
  ZkError,
  keeperError,
} from '../protocol/errors.js';
import { JuteReader, JuteWriter } from '../protocol/jute.js';
import {
  REPLY_HEADER_BYTES,
  readConnectResponse,
  writeConnectRequest,
  type ConnectRequest,
  type ConnectResponse,
} from '../protocol/records.js';
import { Limits } from '../protocol/constants.js';
import type { PhaseName } from './phases.js';

/** What a ConnectResponse means for the session. */
export type Verdict =
  /** A session was made for us. */
  | 'new'
  /** The session that we asked for goes on. */
  | 'resumed'
  /** The session that we asked for is over. */
  | 'expired'
  /** The session that we asked for is over, and the server made another one (ClickHouse Keeper does). */
  | 'replaced'
  /** We asked for a new session and got none: try another server. */
  | 'refused';

const ZERO_PASSWORD = new Uint8Array(Limits.PASSWORD_BYTES);

/** The frame, length included, with which a connection begins. */
export function connectFrame(request: Omit<ConnectRequest, 'protocolVersion'>): Buffer {
  const w = new JuteWriter(64);
  w.int(0);
  writeConnectRequest(w, {
    ...request,
    passwd: request.passwd ?? ZERO_PASSWORD,
    protocolVersion: 0,
  });
  w.intAt(0, w.pos - 4);
  return w.bytes();
}

/**
 * @param mayBeReadOnly did we ask for a server in read-only mode, too?
 * @throws DecodeError, {@link HandshakeError}
 */
export function readHandshake(
  buf: Buffer,
  start: number,
  end: number,
  mayBeReadOnly: boolean,
): ConnectResponse {
  const r = new JuteReader();
  r.reset(buf, start, end, false);
  if (end - start === REPLY_HEADER_BYTES) throw refusalInsteadOf(r);
  const response = readConnectResponse(r);
  if (response.readOnly === true && !mayBeReadOnly) {
    throw new HandshakeError('the server is in read-only mode, which was not asked for');
  }
  return response;
}

/** A server in read-only mode that may make no session of its own (`localSessionsEnabled`) answers as to a request. */
function refusalInsteadOf(r: JuteReader): HandshakeError {
  r.int();
  r.long();
  const cause = keeperError(r.int(), { outcome: 'rejected' });
  return new HandshakeError(`the server makes no session: ${cause.message}`, cause);
}

/** Judges an answer. `resumeId` is the session that was asked for, 0n for a new one. */
export function judge(response: ConnectResponse, resumeId: bigint): Verdict {
  if (response.timeOut <= 0 || response.sessionId === 0n) return resumeId === 0n ? 'refused' : 'expired';
  if (resumeId === 0n) return 'new';
  return response.sessionId === resumeId ? 'resumed' : 'replaced';
}

/** The reason why a connection is given up, from whatever was thrown while its bytes were read. */
export function explain(error: unknown, phase: PhaseName): ZkError {
  if (error instanceof FrameTooLargeError && phase === 'handshaking') return explainFirstFrame(error);
  return ZkError.is(error)
    ? error
    : new ProtocolError('ZK_INTERNAL', 'a message could not be processed', { cause: error });
}

/** A dialer of the user's own may give bytes of which it has not said where they come from. */
export function tooEarly(): HandshakeError {
  return new HandshakeError('the dialer gave bytes before it said that the connection is up');
}

/** A better explanation for a first frame whose "length" is the text of another protocol. */
function explainFirstFrame(error: FrameTooLargeError): HandshakeError {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(error.length);
  if (bytes.toString('latin1') === 'HTTP') {
    return new HandshakeError('the peer speaks HTTP, not ZooKeeper: is this the admin port?', error);
  }
  if (bytes[0] === TLS_ALERT || bytes[0] === TLS_HANDSHAKE) {
    return new HandshakeError('the peer speaks TLS: is this the secureClientPort?', error);
  }
  return new HandshakeError('the peer does not answer as a ZooKeeper server does', error);
}

const TLS_ALERT = 0x15;
const TLS_HANDSHAKE = 0x16;
