/**
 * Bugs to be planted in the client, one at a time: what is looked for, where it must be just once, what stands there instead,
 * and the check that must see it. Whoever rewrites such a place moves the bug along.
 */
import type { CheckName } from './checks.js';

export interface Edit {
  /** Below src/. */
  readonly file: string;
  readonly find: string;
  readonly plant: string;
}

export interface PlantedBug {
  readonly bug: string;
  readonly edits: readonly Edit[];
  readonly caughtBy: CheckName;
}

const bug = (text: string, caughtBy: CheckName, file: string, find: string, plant: string): PlantedBug => ({
  bug: text,
  caughtBy,
  edits: [{ file, find, plant }],
});

export const BUGS: readonly PlantedBug[] = [
  bug(
    'a write that was cut off is sent again',
    'a conversation that is cut',
    'session/queue.ts',
    'this.sent.failAll(fate);',
    `const all = [];
     for (let p = this.sent.shift(); p !== undefined; p = this.sent.shift()) all.push(p);
     for (const p of all) {
       if (p.settled) continue;
       if (!p.op.mutates || p.op.name === 'closeSession') { p.fail(fate(p)); continue; }
       p.sent = false;
       this.add(p, true);
     }`,
  ),
  bug(
    'an event is heard of after the data behind it',
    'an event comes before the data behind it',
    'client/watch.ts',
    'if (waiters !== null) for (const { fired, ended } of waiters) this.whenSettled(fired, ended);',
    'if (waiters !== null) setImmediate(() => { for (const { fired, ended } of waiters) this.whenSettled(fired, ended); });',
  ),
  bug(
    'watches are not armed again',
    'a conversation that is cut',
    'session/priming.ts',
    'const batches = rearmingBatches(watches, this.since, queue.maxRequestBytes);',
    'const batches = [][Symbol.iterator]();',
  ),
  bug(
    'child watches are not armed again',
    'a conversation that is cut',
    'session/rearming.ts',
    'childWatches: child,',
    'childWatches: [],',
  ),
  bug(
    'recursive watches are not armed again',
    'what a connection begins with',
    'session/rearming.ts',
    'persistentRecursiveWatches: persistentRecursive,',
    'persistentRecursiveWatches: [],',
  ),
  bug(
    'credentials go out behind the queue',
    'what a connection begins with',
    'session/traffic.ts',
    'this.sender.writeOut(this.priming.begin(this.where.lastZxid), epoch, now);',
    'this.flush(now);\n    this.sender.writeOut(this.priming.begin(this.where.lastZxid), epoch, now);',
  ),
  bug(
    'what waits does not wait for the last of many watches',
    'many watches come before what waits',
    'session/traffic.ts',
    'this.sender.hold(isUnderWay);',
    '',
  ),
  bug(
    'many watches are not armed to the last',
    'many watches come before what waits',
    'session/traffic.ts',
    'if (isUnderWay) this.wantTurn(epoch);\n    else this.flush(now);',
    'this.sender.hold(false);\n    this.flush(now);',
  ),
  bug(
    'the answer to the first of many watches counts for all',
    'many watches come before what waits',
    'session/priming.ts',
    'this.since ??= lastZxid;',
    'this.since = lastZxid;',
  ),
  bug(
    'credentials are presented once',
    'what a connection begins with',
    'session/priming.ts',
    'this.credentials.writeAll(out);',
    '',
  ),
  bug(
    'the xid goes round to 0',
    'xids go round to 1',
    'session/queue.ts',
    'this.lastXid === MAX_XID ? 1 : this.lastXid + 1',
    '(this.lastXid + 1) & MAX_XID',
  ),
  bug(
    'the xid becomes negative',
    'xids go round to 1',
    'session/queue.ts',
    'this.lastXid === MAX_XID ? 1 : this.lastXid + 1',
    '(this.lastXid + 1) | 0',
  ),
  {
    bug: 'what an old socket says is taken',
    caughtBy: 'an old socket is not listened to',
    edits: [
      { file: 'net/driver.ts', find: 'if (this.link === link) run(now);', plant: 'run(now);' },
      {
        file: 'session/core.ts',
        find: "return 'epoch' in this.phase && this.phase.epoch === epoch;",
        plant: "return 'epoch' in this.phase;",
      },
    ],
  },
  bug(
    'what waited in one session is sent in the next',
    'nothing crosses into another session',
    'session/traffic.ts',
    "this.failWaiting(fate('not-sent'));",
    '',
  ),
  bug(
    'a late reply settles its request a second time',
    'a late reply is taken off the stream',
    'session/inbox.ts',
    'if (!pending.settled) this.reply(pending, errno);\n        else if',
    'if (true) this.reply(pending, errno);\n        else if',
  ),
  bug(
    'what was sent and is lost is called not-sent',
    'what may have happened is said',
    'session/traffic.ts',
    "this.queue.failSent(lossFate('unknown', cause));",
    "this.queue.failSent(lossFate('not-sent', cause));",
  ),
  bug(
    'a request that was sent times out as not-sent',
    'what may have happened is said',
    'session/queue.ts',
    "outcome: sent ? 'unknown' : 'not-sent'",
    "outcome: 'not-sent'",
  ),
  bug(
    'what is lost is rejected in another order',
    'a conversation that is cut',
    'session/pending.ts',
    'const all = this.drain();\n    for (const pending of all) if',
    'const all = this.drain().reverse();\n    for (const pending of all) if',
  ),
  bug(
    'a persistent watch does not say what it missed',
    'a persistent watch marks what it missed',
    'session/priming.ts',
    'watches.tellMissed();',
    '',
  ),
  bug(
    'items that are dropped are not counted',
    'a slow reader is told what he missed',
    'client/watch-stream.ts',
    'this.dropped++;\n      return;',
    'return;',
  ),
  bug(
    'events are kept without end',
    'a slow reader is told what he missed',
    'client/watch-stream.ts',
    'if (this.items.length >= this.settings.bufferSize) {',
    'if (false) {',
  ),
  bug(
    'a server that is silent is waited for',
    'a silent server is left',
    'session/liveness.ts',
    'return this.graceUntil !== 0 ? this.graceUntil : this.lastHeard + readTimeoutMs(sessionMs);',
    'return Infinity;',
  ),
  bug(
    'nothing is sent on an idle connection',
    'a silent server is left',
    'session/liveness.ts',
    'const ping = this.pingOut ? Infinity : this.lastSent + pingAfterMs(sessionMs);',
    'const ping = Infinity;',
  ),
  bug(
    'a byte is taken for a sign of life',
    'a drip is no sign of life',
    'session/core.ts',
    'this.receivedAt = now;\n    try {',
    'this.receivedAt = now;\n    this.liveness.heard(now);\n    try {',
  ),
  bug(
    'a handshake may take for ever',
    'a silent handshake is given up',
    'session/core.ts',
    "this.moveTo({ name: 'handshaking', epoch, deadline: this.phase.deadline, resumeId });",
    "this.moveTo({ name: 'handshaking', epoch, deadline: Infinity, resumeId });",
  ),
  bug(
    'the zxid goes back',
    'the zxid only rises, by replies',
    'session/inbox.ts',
    'if (high > this.zxidHigh || (high === this.zxidHigh && low >>> 0 > this.zxidLow >>> 0)) {',
    'if (high >= 0) {',
  ),
  bug(
    'the lower half of the zxid has a sign',
    'the zxid only rises, by replies',
    'session/inbox.ts',
    'low >>> 0 > this.zxidLow >>> 0',
    'low > this.zxidLow',
  ),
  bug(
    'an event raises the zxid that watches count from',
    'the zxid only rises, by replies',
    'session/inbox.ts',
    'const event = new WatchEventRecord(type, path, zxid);',
    'this.sawZxid(zxidHigh, zxidLow);\n    const event = new WatchEventRecord(type, path, zxid);',
  ),
  bug(
    'a log shows the password of the session',
    'no secret is told',
    'net/reporter.ts',
    "const why = error === undefined ? '' : `: ${error.message}`;\n      const what = event",
    "const why = ` ${Buffer.from(core.passwd ?? []).toString('latin1')}`;\n      const what = event",
  ),
  bug(
    'an error shows the credential',
    'no secret is told',
    'client/conn.ts',
    'reject: (error: ZkError) => settled(() => reject(error)),',
    'reject: (error: ZkError) => settled(() => reject(Object.assign(error, { auth }))),',
  ),
  bug(
    'close does not wait for the server',
    'close waits',
    'session/core.ts',
    'this.traffic.queue.add(closeRequest(confirmed), true);\n    this.flush(now);',
    'this.traffic.queue.add(closeRequest(confirmed), true);\n    this.flush(now);\n    this.finish(false);',
  ),
  bug(
    'close does not wait for the socket',
    'close waits',
    'net/remains.ts',
    'if (this.links.size > 0 || !this.mayTell()) return;',
    'if (!this.mayTell()) return;',
  ),
  bug(
    'close waits for ever for a server that is silent',
    'close waits',
    'session/core.ts',
    'deadline: now + this.config.closeTimeoutMs',
    'deadline: now + 3_600_000',
  ),
  bug(
    'a listener stays on the signal of a call',
    'nothing is left behind',
    'client/aborts.ts',
    'if (this.calls.isAlone) this.listenNoMore();',
    '',
  ),
  bug(
    'a timer stays behind close',
    'nothing is left behind',
    'net/alarm.ts',
    'this.timer?.cancel();\n    this.timer = null;',
    'this.timer = null;',
  ),
  {
    bug: 'a request that has timed out times out again',
    caughtBy: 'a late reply is taken off the stream',
    edits: [
      {
        file: 'session/call-deadlines.ts',
        find: 'this.takeFirst();\n      first.ordered = null;\n      if (first.settled) this.settledCount--;\n      else passed.push(first);',
        plant: 'if (passed.includes(first)) break;\n      passed.push(first);',
      },
      { file: 'session/queue.ts', find: 'if (pending.settled) continue;', plant: '' },
    ],
  },
  bug(
    'requests never time out',
    'what may have happened is said',
    'session/traffic.ts',
    'pending.deadline = this.deadlineFrom(now, pending.timeoutMs);',
    '',
  ),
  bug(
    'a reply that is too long costs the connection',
    'a reply that is too long fails alone',
    'session/receiver.ts',
    'this.decoder.headBytes = REPLY_HEADER_BYTES;',
    '',
  ),
  bug(
    'the results of a multi are shifted',
    'a multi has the results of its operations',
    'client/transaction.ts',
    'operation.shape(results[i] as MultiResult, chroot)',
    'operation.shape(results[(i + 1) % results.length] as MultiResult, chroot)',
  ),
  bug(
    'the wrong operation of a multi is blamed',
    'a multi has the results of its operations',
    'client/transaction.ts',
    'const failed = results.findIndex((answer) => answer.errno !== 0);',
    'const failed = results.findLastIndex((answer) => answer.errno !== 0);',
  ),
  bug(
    'an event of a watch has the chroot in its path',
    'a chroot is not seen',
    'client/watch.ts',
    "chroot === '' ? event : new WatchEventRecord(event.type",
    'true ? event : new WatchEventRecord(event.type',
  ),
  bug(
    'an event of a stream has the chroot in its path',
    'a chroot is not seen',
    'client/watch-stream.ts',
    "chroot === '' ? event : new WatchEventRecord(type",
    'true ? event : new WatchEventRecord(type',
  ),
  bug(
    'a created node has the chroot in its path',
    'a chroot is not seen',
    'client/calls.ts',
    "this.creating(path, data, options, 'create', (r: PathResponse) => this.caller.toClient(r.path))",
    "this.creating(path, data, options, 'create', (r: PathResponse) => r.path)",
  ),
  bug(
    'the first server is tried again and again',
    'servers are tried in turn, and then there is a pause',
    'net/host-provider.ts',
    'this.current = (this.current + 1) % this.servers.length;',
    'this.current = 0;',
  ),
  bug(
    'servers are tried in the order of the connect string',
    'servers are shuffled',
    'net/host-provider.ts',
    'this.servers = shuffled(checked(servers), random);',
    'this.servers = checked(servers);',
  ),
  {
    bug: 'there is no pause between rounds',
    caughtBy: 'servers are tried in turn, and then there is a pause',
    edits: [
      {
        file: 'session/core.ts',
        find: 'const epoch = pause ? this.backOff(now) : this.moveToDialing(now);',
        plant: 'const epoch = this.moveToDialing(now);',
      },
      { file: 'session/core.ts', find: 'this.backOff(now);\n    return true;', plant: 'return false;' },
    ],
  },
  bug('pauses do not grow', 'pauses grow', 'session/timeouts.ts', '2 ** Math.min(round, 30)', '1'),
  bug(
    'a connection that is dropped at once counts as a success',
    'pauses grow',
    'session/pacing.ts',
    'if (liveMs >= this.stableMs) {',
    'if (liveMs >= 0) {',
  ),
  bug(
    'another session is taken for ours',
    'another session is the end of ours',
    'session/handshake.ts',
    "return response.sessionId === resumeId ? 'resumed' : 'replaced';",
    "return 'resumed';",
  ),
  bug(
    'a server that refuses a session counts as connected',
    'a refusal is no session',
    'session/handshake.ts',
    "if (response.timeOut <= 0 || response.sessionId === 0n) return resumeId === 0n ? 'refused' : 'expired';",
    '',
  ),
  bug(
    'a server in read-only mode is taken unasked',
    'a refusal is no session',
    'session/handshake.ts',
    'if (response.readOnly === true && !mayBeReadOnly) {',
    'if (false) {',
  ),
  bug(
    'watches do not hear of the end of the session',
    'another session is the end of ours',
    'session/traffic.ts',
    'this.watches.endAll(watchesEndWith);',
    '',
  ),
  bug(
    'without a server the session never ends',
    'a session ends by our own clock',
    'session/deadlines.ts',
    'return sessionId === 0n ? Infinity : liveness.lastHeard + expiryMs(sessionMs);',
    'return Infinity;',
  ),
  bug(
    'replies are taken in any order',
    'a wrong reply costs the connection',
    'session/queue.ts',
    'if (oldest?.xid !== xid) throw new XidMismatchError(xid, oldest?.xid);',
    'if (oldest === undefined) throw new XidMismatchError(xid, 0);',
  ),
  bug(
    'a text that is longer than its message is cut short',
    'a wrong reply costs the connection',
    'protocol/jute.ts',
    'throw new DecodeError(`a ${what} of ${length} bytes where ${this.remaining} are left`);',
    'length = Math.max(0, this.remaining);',
  ),
  bug(
    'bytes that are no text become one',
    'a wrong reply costs the connection',
    'protocol/jute.ts',
    'return this.decodeBadUtf8(bytes);',
    'return text;',
  ),
  bug(
    'data is a view of the buffer of the socket',
    'data is the caller’s own',
    'protocol/jute.ts',
    'if (this.owned && length * 2 > this.buf.length) return this.buf.subarray(start, start + length);',
    'return this.buf.subarray(start, start + length);',
  ),
  bug(
    'what waits lies in a buffer that is read into again',
    'what waits is kept',
    'session/receiver.ts',
    'decoder.keep(this.isUnread);',
    '',
  ),
  bug(
    'a watch that has fired is armed again',
    'a watch fires once',
    'session/watches.ts',
    'table.delete(path);\n    addTo(into, there);',
    'addTo(into, there);',
  ),
  bug(
    'a call that was aborted is sent all the same',
    'a call that is aborted is not sent',
    'session/traffic.ts',
    'this.queue.withdraw(pending);',
    '',
  ),
  bug(
    'the queue has no bound',
    'the queue is bounded',
    'session/queue.ts',
    'if (this.isFull && !unbounded) {',
    'if (false) {',
  ),
  bug(
    'a socket that is full is written to',
    'the queue is bounded',
    'session/sender.ts',
    'if (!this.ports.write(epoch, bytes)) this.blocked = true;',
    'this.ports.write(epoch, bytes);',
  ),
  bug(
    'a refused credential is no end',
    'a refused credential is the end',
    'session/inbox.ts',
    'if (refused !== null) to.authRefused(refused);',
    '',
  ),
  bug(
    'a length that two chunks divide is misread',
    'a stream may be cut anywhere',
    'protocol/frame.ts',
    'this.prefix = (this.prefix << 8) | (this.chunk[this.pos++] as number);',
    'this.prefix = this.chunk[this.pos++] as number;',
  ),
];
