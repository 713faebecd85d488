/**
 * What there is when a call begins. It is asked ahead of the call's own request and in the same turn, without waiting: a
 * server answers the requests of a session in their order, so this answer is from before that request was carried out.
 */
import { operations, type StatResponse } from '../protocol/operations.js';
import type { Stat } from '../protocol/records.js';
import type { CallOptions } from './arguments.js';
import type { Caller } from './caller.js';
import { existsRow } from './calls.js';

/** What is known of the time before a call; more of it when its answers come. */
export interface Mark {
  /** Highest zxid that was seen before; there may have been higher ones. 0n: none in this session. */
  readonly before: bigint;
  /** Zxid that the server had come to; null while, or because, no answer came. */
  readonly zxid: bigint | null;
  /** The node; null: there was none; undefined: nobody said so. */
  readonly stat: Stat | null | undefined;
}

/** @param path checked */
export function markAt(caller: Caller, path: string, options: CallOptions): Mark {
  const mark: { -readonly [K in keyof Mark]: Mark[K] } = {
    before: caller.lastZxid,
    zxid: null,
    stat: undefined,
  };
  const serverPath = caller.toServer(path, 'node', 'exists');
  const ask = (call: Parameters<Caller['issue']>[0]): void => {
    // what has to wait would be asked too late; what is refused says nothing, and the call itself goes on
    if (!caller.isUnknown(call.row)) caller.issue(call).catch(() => undefined);
  };
  // the server may be behind what others were told; this alone has to do where the node may not be looked at
  ask({
    row: operations.sync,
    path,
    request: { path: serverPath },
    shape: () => void (mark.zxid = caller.lastZxid),
    options,
  });
  ask({
    row: existsRow,
    path,
    request: { path: serverPath, watch: false },
    // when this reply is handled, and no later one yet
    shape: (response) => {
      mark.zxid = caller.lastZxid;
      mark.stat = (response as StatResponse | null)?.stat ?? null;
    },
    absentOk: true,
    options,
  });
  return mark;
}
