/**
 * Records of single operations, requests and responses, and the codecs that several rows of the operation table share.
 * A record that one row alone has is written and read in that row.
 */
import type { JuteReader, JuteWriter } from './jute.js';
import { ACL_MIN_BYTES, readAcl, readStat, writeAcl, writeStat, type Acl, type Stat } from './records.js';

/** A request or response without fields. */
export type EmptyRecord = Readonly<Record<string, never>>;

export interface CreateRequest {
  readonly path: string;
  readonly data: Uint8Array | null;
  /** null and empty are both refused by the server (InvalidACL). */
  readonly acl: readonly Acl[] | null;
  /** See `CREATE_FLAGS`. */
  readonly flags: number;
}

export interface CreateTtlRequest extends CreateRequest {
  /** Time to live in ms, 1 to 2^40 - 1. */
  readonly ttl: number;
}

export interface PathResponse {
  readonly path: string;
}

export interface Create2Response {
  readonly path: string;
  readonly stat: Stat;
}

export interface PathVersionRequest {
  readonly path: string;
  /** -1 matches any version. */
  readonly version: number;
}

export interface PathWatchRequest {
  readonly path: string;
  readonly watch: boolean;
}

export interface PathRequest {
  readonly path: string;
}

export interface StatResponse {
  readonly stat: Stat;
}

export interface GetDataResponse {
  readonly data: Buffer | null;
  readonly stat: Stat;
}

export interface SetDataRequest {
  readonly path: string;
  readonly data: Uint8Array | null;
  /** -1 matches any version. */
  readonly version: number;
}

export interface GetAclResponse {
  readonly acl: readonly Acl[];
  readonly stat: Stat;
}

export interface SetAclRequest {
  readonly path: string;
  readonly acl: readonly Acl[] | null;
  /** Compared with the node's **aversion**; -1 matches any. */
  readonly version: number;
}

export interface GetChildrenResponse {
  readonly children: readonly string[];
}

export interface GetChildren2Response {
  readonly children: readonly string[];
  readonly stat: Stat;
}

export interface AuthRequest {
  /** 0; the server ignores it. */
  readonly type: number;
  readonly scheme: string;
  readonly auth: Uint8Array | null;
}

export interface SetWatchesRequest {
  /** Changes after this zxid are reported at once instead of being watched for. */
  readonly relativeZxid: bigint;
  readonly dataWatches: readonly string[];
  readonly existWatches: readonly string[];
  readonly childWatches: readonly string[];
}

export interface SetWatches2Request extends SetWatchesRequest {
  /** Only registered: what was missed is not told. */
  readonly persistentWatches: readonly string[];
  /** Only registered, too. */
  readonly persistentRecursiveWatches: readonly string[];
}

export interface AddWatchRequest {
  readonly path: string;
  /** See `AddWatchModeCode`. */
  readonly mode: number;
}

export interface AddWatchResponse {
  /** Always 0. */
  readonly err: number;
}

export interface WatcherTypeRequest {
  readonly path: string;
  /** See `WatcherTypeCode`. */
  readonly type: number;
}

export interface ReconfigRequest {
  /** Incremental: servers that join, separated by commas, as lines of a configuration: `server.4=host:2888:3888;2181`. */
  readonly joiningServers: string | null;
  /** Incremental: ids of servers that leave, separated by commas. */
  readonly leavingServers: string | null;
  /** The other form: all members, separated by commas. */
  readonly newMembers: string | null;
  /** zxid of the configuration that is to be replaced; -1 for any. */
  readonly curConfigId: bigint;
}

export interface GetEphemeralsRequest {
  /** The beginning of the paths, also in the middle of a name; `/` for all. */
  readonly prefixPath: string;
}

export interface GetEphemeralsResponse {
  readonly ephemerals: readonly string[];
}

export interface GetAllChildrenNumberResponse {
  readonly totalNumber: number;
}

/** An identity of the connection. */
export interface ClientInfo {
  readonly authScheme: string;
  /** The name without any secret; for a digest what stands before the colon. */
  readonly user: string;
}

export interface WhoAmIResponse {
  readonly clientInfo: readonly ClientInfo[];
}

/** One step of a SASL exchange, in either direction. */
export interface SaslToken {
  readonly token: Uint8Array | null;
}

// ---------------------------------------------------------------- codecs that several rows share

const EMPTY: EmptyRecord = Object.freeze({});
export const writeNothing = (): void => undefined;
export const readNothing = (): EmptyRecord => EMPTY;

export function writeCreate(w: JuteWriter, q: CreateRequest): void {
  w.ustring(q.path);
  w.buffer(q.data);
  w.vector(q.acl, writeAcl);
  w.int(q.flags);
}

export function readCreate(r: JuteReader): CreateRequest {
  return { path: r.ustring(), data: r.buffer(), acl: r.vectorOrNull(ACL_MIN_BYTES, readAcl), flags: r.int() };
}

export function writeCreate2Response(w: JuteWriter, p: Create2Response): void {
  w.ustring(p.path);
  writeStat(w, p.stat);
}

export const readCreate2Response = (r: JuteReader): Create2Response => ({
  path: r.ustring(),
  stat: readStat(r),
});

export function writePathVersion(w: JuteWriter, q: PathVersionRequest): void {
  w.ustring(q.path);
  w.int(q.version);
}

export const readPathVersion = (r: JuteReader): PathVersionRequest => ({
  path: r.ustring(),
  version: r.int(),
});

export function writePathWatch(w: JuteWriter, q: PathWatchRequest): void {
  w.ustring(q.path);
  w.bool(q.watch);
}

export const readPathWatch = (r: JuteReader): PathWatchRequest => ({ path: r.ustring(), watch: r.bool() });

export const writePath = (w: JuteWriter, q: PathRequest): void => {
  w.ustring(q.path);
};

export const readPath = (r: JuteReader): PathRequest => ({ path: r.ustring() });

export const writeStatResponse = (w: JuteWriter, p: StatResponse): void => {
  writeStat(w, p.stat);
};

export const readStatResponse = (r: JuteReader): StatResponse => ({ stat: readStat(r) });

export const writeNames = (w: JuteWriter, names: readonly string[]): void => {
  w.vector(names, writeName);
};

const writeName = (w: JuteWriter, name: string): void => {
  w.ustring(name);
};

export const readNames = (r: JuteReader): string[] => r.ustrings();

export function writeSetWatches(w: JuteWriter, q: SetWatchesRequest): void {
  w.long(q.relativeZxid);
  writeNames(w, q.dataWatches);
  writeNames(w, q.existWatches);
  writeNames(w, q.childWatches);
}

export const readSetWatches = (r: JuteReader): SetWatchesRequest => ({
  relativeZxid: r.long(),
  dataWatches: readNames(r),
  existWatches: readNames(r),
  childWatches: readNames(r),
});

export function writeDataResponse(w: JuteWriter, p: GetDataResponse): void {
  w.buffer(p.data);
  writeStat(w, p.stat);
}

export const readDataResponse = (r: JuteReader): GetDataResponse => ({ data: r.buffer(), stat: readStat(r) });

export function writeWatcherType(w: JuteWriter, q: WatcherTypeRequest): void {
  w.ustring(q.path);
  w.int(q.type);
}

export const readWatcherType = (r: JuteReader): WatcherTypeRequest => ({ path: r.ustring(), type: r.int() });

export const writeClientInfo = (w: JuteWriter, info: ClientInfo): void => {
  w.ustring(info.authScheme);
  w.ustring(info.user);
};

export const readClientInfo = (r: JuteReader): ClientInfo => ({ authScheme: r.ustring(), user: r.ustring() });

export const writeToken = (w: JuteWriter, { token }: SaslToken): void => {
  w.buffer(token);
};

export const readToken = (r: JuteReader): SaslToken => ({ token: r.buffer() });
