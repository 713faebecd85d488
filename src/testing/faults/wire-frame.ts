/** What can be said about one frame on its way. */
import type { EventType } from '../../protocol/constants.js';
import type { OpName } from '../../protocol/operations.js';

/** Which way bytes go. */
export type Direction = 'toServer' | 'toClient';

/** Both ways. */
export const DIRECTIONS: readonly Direction[] = ['toServer', 'toClient'];

/**
 * What a frame is. `opaque` stands for bytes that are no frames at all: a four-letter word and its answer, or TLS, which
 * nobody on the way can read.
 */
export type FrameKind = 'handshake' | 'request' | 'reply' | 'notification' | 'opaque';

/** One frame, as rules and logs see it. Credentials and data are not in it. */
export interface WireFrame {
  /** Which connection it travels on; they are numbered from 1, in the order in which they were first seen. */
  readonly connection: number;
  readonly direction: Direction;
  readonly kind: FrameKind;
  /** The operation; a reply has that of its request. `null` if there is none, or it is unknown. */
  readonly op: OpName | null;
  /** `null` where the frame has none. */
  readonly xid: number | null;
  /** The path of the request or the notification; a reply has that of its request. `null` if there is none. */
  readonly path: string | null;
  /** All of them: a multi has one for each of its operations. */
  readonly paths: readonly string[];
  /** Type of a notification. `null` for everything else. */
  readonly event: EventType | null;
  /** Error code in the header of a reply, 0 for none. `null` for everything else. */
  readonly errno: number | null;
  /** zxid in the header of a reply or notification, and the last one that the client saw in its handshake. */
  readonly zxid: bigint | null;
  /** Of a handshake: does the client put up with a read-only server, or has it one? `null` for everything else. */
  readonly readOnly: boolean | null;
  /** The session that the connection is attached to, or asks for in the handshake; 0n for none. */
  readonly session: bigint;
  /** Its size, with the four bytes of its length. */
  readonly bytes: number;
}
