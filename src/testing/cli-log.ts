/** The flag `--log frames`: a line for each frame. */
import { errorName } from '../protocol/error-codes.js';
import { hex, printable } from '../protocol/readable.js';
import type { FrameLog, LoggedFrame } from './faults/frame-log.js';

/** Writes each frame that is recorded from now on, at once: however many come in one turn, none is lost. */
export function writeFrames(log: FrameLog, write: (text: string) => void): void {
  let startedAt: number | null = null;
  log.tee((frame) => {
    startedAt ??= frame.at;
    write(`${frameLine(frame, startedAt)}\n`);
  });
}

/** A frame in one line: seconds since the first one, connection, direction, what it is. */
export function frameLine(frame: LoggedFrame, startedAt: number): string {
  const { connection, direction, kind, op, path, event, xid, errno, zxid, session, bytes, fault } = frame;
  const words = [
    ((frame.at - startedAt) / 1000).toFixed(3),
    `#${connection}`,
    direction === 'toServer' ? '>' : '<',
    kind,
    op ?? event,
    path,
    xid === null || kind === 'notification' ? null : `xid ${xid}`,
    zxid === null ? null : `zxid ${hex(zxid)}`,
    errno === null || errno === 0 ? null : (errorName(errno) ?? `error ${errno}`),
    kind === 'handshake' ? `session ${hex(session)}` : null,
    `${bytes} bytes`,
    fault === null ? null : `(${fault})`,
  ];
  return printable(words.filter((word) => word !== null).join(' '));
}
