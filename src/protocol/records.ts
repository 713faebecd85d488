/**
 * Records used by more than one operation (`zookeeper.jute`): Stat, ACL, the headers, the handshake, the watch event.
 * Each has one function per direction, so that client and mini-server share them.
 */
import type { JuteReader, JuteWriter } from './jute.js';
import { withReadableJson } from './readable.js';

/**
 * What ZooKeeper keeps about a znode (Java `Stat`). zxids and the owner are exact 64-bit numbers, times are
 * milliseconds since 1970 as plain numbers. In JSON the 64-bit numbers are hexadecimal texts, as zkCli prints them.
 */
export interface Stat {
  /** zxid of the change that created the node. */
  readonly czxid: bigint;
  /** zxid of the last change of its data. */
  readonly mzxid: bigint;
  /** When it was created, ms since 1970 by the server's clock. */
  readonly ctime: number;
  /** When its data was last set, ms since 1970 by the server's clock. */
  readonly mtime: number;
  /** How often its data was set. */
  readonly version: number;
  /** How often a child was created or deleted. */
  readonly cversion: number;
  /** How often its ACL was set. */
  readonly aversion: number;
  /** The session that owns it if it is ephemeral, else 0n (also for container and TTL nodes). */
  readonly ephemeralOwner: bigint;
  /** Bytes of data. */
  readonly dataLength: number;
  /** Children, not counting theirs. */
  readonly numChildren: number;
  /** zxid of the last creation or deletion of a child. */
  readonly pzxid: bigint;
}

/** Named as users know it, since `console.log` shows it. */
const StatRecord = class Stat {
  constructor(
    readonly czxid: bigint,
    readonly mzxid: bigint,
    readonly ctime: number,
    readonly mtime: number,
    readonly version: number,
    readonly cversion: number,
    readonly aversion: number,
    readonly ephemeralOwner: bigint,
    readonly dataLength: number,
    readonly numChildren: number,
    readonly pzxid: bigint,
  ) {}

  static {
    withReadableJson(this.prototype);
  }
};

/** Bytes of an encoded Stat. */
export const STAT_BYTES = 68;

export function writeStat(w: JuteWriter, s: Stat): void {
  w.long(s.czxid);
  w.long(s.mzxid);
  w.longNumber(s.ctime);
  w.longNumber(s.mtime);
  w.int(s.version);
  w.int(s.cversion);
  w.int(s.aversion);
  w.long(s.ephemeralOwner);
  w.int(s.dataLength);
  w.int(s.numChildren);
  w.long(s.pzxid);
}

export function readStat(r: JuteReader): Stat {
  return new StatRecord(
    r.long(),
    r.long(),
    r.longNumber(),
    r.longNumber(),
    r.int(),
    r.int(),
    r.int(),
    r.longOrZero(),
    r.int(),
    r.int(),
    r.long(),
  );
}

/** One entry of an access control list. `perms` is a sum of {@link Perms}. */
export interface Acl {
  readonly perms: number;
  /** `world`, `auth`, `digest`, `ip`, `x509`, `sasl`. Case-sensitive. */
  readonly scheme: string;
  readonly id: string;
}

export function writeAcl(w: JuteWriter, acl: Acl): void {
  w.int(acl.perms);
  w.ustring(acl.scheme);
  w.ustring(acl.id);
}

export function readAcl(r: JuteReader): Acl {
  return { perms: r.int(), scheme: r.ustring(), id: r.ustring() };
}

/** The least that one ACL takes on the wire. */
export const ACL_MIN_BYTES = 12;

/** Bytes of a RequestHeader: xid and type. */
export const REQUEST_HEADER_BYTES = 8;

/** Bytes of a ReplyHeader: xid, zxid, err. */
export const REPLY_HEADER_BYTES = 16;

export function writeReplyHeader(w: JuteWriter, xid: number, zxid: bigint, err: number): void {
  w.int(xid);
  w.long(zxid);
  w.int(err);
}

/** First message of a client (Java `ConnectRequest`). */
export interface ConnectRequest {
  readonly protocolVersion: number;
  /** Highest zxid seen in a reply: a server that is behind it hangs up without an answer. */
  readonly lastZxidSeen: bigint;
  /** Session timeout asked for, in ms. */
  readonly timeOut: number;
  /** 0n for a new session. */
  readonly sessionId: bigint;
  readonly passwd: Uint8Array | null;
  /** `undefined`: the trailing byte is absent, as clients up to 3.3 send it. */
  readonly readOnly: boolean | undefined;
}

export function writeConnectRequest(w: JuteWriter, q: ConnectRequest): void {
  w.int(q.protocolVersion);
  w.long(q.lastZxidSeen);
  w.int(q.timeOut);
  w.long(q.sessionId);
  w.buffer(q.passwd);
  if (q.readOnly !== undefined) w.bool(q.readOnly);
}

export function readConnectRequest(r: JuteReader): ConnectRequest {
  return {
    protocolVersion: r.int(),
    lastZxidSeen: r.long(),
    timeOut: r.int(),
    sessionId: r.long(),
    passwd: r.buffer(),
    readOnly: r.remaining > 0 ? r.bool() : undefined,
  };
}

/** First message of a server (Java `ConnectResponse`). */
export interface ConnectResponse {
  readonly protocolVersion: number;
  /** Negotiated session timeout in ms; 0 or less says that the session has expired. */
  readonly timeOut: number;
  readonly sessionId: bigint;
  readonly passwd: Uint8Array | null;
  /** `undefined`: the trailing byte is absent, as an old server sends it. */
  readonly readOnly: boolean | undefined;
}

export function writeConnectResponse(w: JuteWriter, p: ConnectResponse): void {
  w.int(p.protocolVersion);
  w.int(p.timeOut);
  w.long(p.sessionId);
  w.buffer(p.passwd);
  if (p.readOnly !== undefined) w.bool(p.readOnly);
}

export function readConnectResponse(r: JuteReader): ConnectResponse {
  return {
    protocolVersion: r.int(),
    timeOut: r.int(),
    sessionId: r.long(),
    passwd: r.buffer(),
    readOnly: r.remaining > 0 ? r.bool() : undefined,
  };
}

/** Body of a notification (Java `WatcherEvent`). */
export interface WatcherEvent {
  readonly type: number;
  readonly state: number;
  readonly path: string;
}

export function writeWatcherEvent(w: JuteWriter, e: WatcherEvent): void {
  w.int(e.type);
  w.int(e.state);
  w.ustring(e.path);
}

export function readWatcherEvent(r: JuteReader): WatcherEvent {
  return { type: r.int(), state: r.int(), path: r.ustring() };
}
