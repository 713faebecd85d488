/**
 * What a server counts for its four-letter words (Java `ServerStats`, `ServerMetrics`), and what it counts for each
 * connection (`ServerCnxn`).
 */
import { EventTypeCode } from '../../protocol/constants.js';

/** Values that a distribution remembers for its percentiles. */
const REMEMBERED = 1024;

/** Number, sum and bounds of values (Java `AvgMinMaxCounter`). */
export class Distribution {
  count = 0;
  sum = 0;
  private least = 0;
  private greatest = 0;
  private readonly recent: number[] = [];

  add(value: number): void {
    this.least = this.count === 0 ? value : Math.min(this.least, value);
    this.greatest = Math.max(this.greatest, value);
    this.recent[this.count % REMEMBERED] = value;
    this.count++;
    this.sum += value;
  }

  /** 0 without any value, as all of these. */
  get min(): number {
    return this.least;
  }

  get max(): number {
    return this.greatest;
  }

  /** With four places behind the point. */
  get avg(): number {
    return this.count === 0 ? 0 : Math.round((this.sum / this.count) * 10_000) / 10_000;
  }

  /** What that part of the last values does not exceed. @param part from 0 to 1 */
  percentile(part: number): number {
    const sorted = [...this.recent].sort((a, b) => a - b);
    const at = Math.min(Math.max(Math.ceil(part * sorted.length) - 1, 0), sorted.length - 1);
    return sorted[at] ?? 0;
  }

  reset(): void {
    this.count = 0;
    this.sum = 0;
    this.least = 0;
    this.greatest = 0;
    this.recent.length = 0;
  }
}

/** Distributions that `mntr` shows by the name that ZooKeeper gives them. */
export type Measured =
  | 'readlatency'
  | 'updatelatency'
  | 'node_created_watch_count'
  | 'node_deleted_watch_count'
  | 'node_changed_watch_count'
  | 'node_children_watch_count';

/** What a server starts with. */
const TRACE_MASK = 306n;
const NO_SIZES = { last: -1, min: -1, max: -1 } as const;

/** Counters of one server since its start, or since `srst`. */
export class ServerStats {
  /** Frames and four-letter words that came in. */
  received = 0;
  /** Frames and answers to words that went out. */
  sent = 0;
  /** How long requests took, ms. */
  readonly latency = new Distribution();
  /** Bytes of replies and events without their lengths; -1 before the first. */
  responses: { last: number; min: number; max: number } = { ...NO_SIZES };
  /** What is traced (`ZooTrace`); a reset leaves it. */
  traceMask = TRACE_MASK;
  /** Other counters by their names in `mntr`, without `zk_`. */
  readonly counters = {
    bytes_received_count: 0,
    response_bytes: 0,
    watch_bytes: 0,
    connection_request_count: 0,
    connection_drop_count: 0,
    connection_rejected: 0,
    sessionless_connections_expired: 0,
    stale_sessions_expired: 0,
    prep_processor_request_queued: 0,
  };
  readonly measured: Readonly<Record<Measured, Distribution>> = {
    readlatency: new Distribution(),
    updatelatency: new Distribution(),
    node_created_watch_count: new Distribution(),
    node_deleted_watch_count: new Distribution(),
    node_changed_watch_count: new Distribution(),
    node_children_watch_count: new Distribution(),
  };
  /** Bytes read and written by the first part of the path. */
  readonly reads = new Map<string, Distribution>();
  readonly writes = new Map<string, Distribution>();
  /** When it began to count, by the clock's `now()`. */
  startedAt: number;

  constructor(now: number) {
    this.startedAt = now;
  }

  /** `srst`: all but what is so at the moment. Names of paths stay, with nothing counted. */
  reset(): void {
    this.received = 0;
    this.sent = 0;
    this.responses = { ...NO_SIZES };
    for (const key of Object.keys(this.counters) as (keyof ServerStats['counters'])[]) this.counters[key] = 0;
    for (const each of [
      this.latency,
      ...Object.values(this.measured),
      ...this.reads.values(),
      ...this.writes.values(),
    ]) {
      each.reset();
    }
  }

  /** A new process begins anew, and knows no names. */
  restart(now: number): void {
    this.reset();
    this.reads.clear();
    this.writes.clear();
    this.traceMask = TRACE_MASK;
    this.startedAt = now;
  }

  /** A frame or a word came in. @param bytes its length included */
  packetReceived(bytes: number): void {
    this.received++;
    this.counters.bytes_received_count += bytes;
  }

  /** A reply or an event was written. @param bytes without its length */
  responded(bytes: number): void {
    const { responses } = this;
    responses.last = bytes;
    if (responses.min === -1 || bytes < responses.min) responses.min = bytes;
    if (bytes > responses.max) responses.max = bytes;
  }

  /** A request was answered. */
  processed(ms: number, isWrite: boolean): void {
    this.latency.add(ms);
    this.measured[isWrite ? 'updatelatency' : 'readlatency'].add(ms);
  }

  /** Data of a node, or names of children, were read. */
  read(path: string, bytes: number): void {
    perNamespace(this.reads, path, path.length + bytes + STAT_BYTES);
  }

  /** A node was created or deleted, or got data. */
  wrote(path: string, bytes: number): void {
    perNamespace(this.writes, path, path.length + bytes);
  }

  /** Watchers were told, at least one. */
  watchersTold(type: number, watchers: number): void {
    const name = TOLD[type];
    if (name !== undefined) this.measured[name].add(watchers);
  }
}

/** What ZooKeeper counts for a Stat. */
const STAT_BYTES = 68;

const TOLD: Readonly<Record<number, Measured>> = {
  [EventTypeCode.NodeCreated]: 'node_created_watch_count',
  [EventTypeCode.NodeDeleted]: 'node_deleted_watch_count',
  [EventTypeCode.NodeDataChanged]: 'node_changed_watch_count',
  [EventTypeCode.NodeChildrenChanged]: 'node_children_watch_count',
};

function perNamespace(all: Map<string, Distribution>, path: string, bytes: number): void {
  const end = path.indexOf('/', 1);
  const name = end < 0 ? path.slice(1) : path.slice(1, end);
  if (name === '') return;
  let known = all.get(name);
  if (known === undefined) all.set(name, (known = new Distribution()));
  known.add(bytes);
}

/** A request that was answered, as the words show it. */
export interface Processed {
  readonly operation: string;
  readonly xid: number;
  readonly zxid: bigint;
  /** ms by the clock's `now()`. */
  readonly startedAt: number;
  readonly endedAt: number;
}

/** Java's null, which a real server shows until the first request: after a session was taken up again. */
const NO_OPERATION_YET = 'null';

/** Counters of one connection since it began, or since `crst`. */
export class ConnectionStats {
  received = 0;
  sent = 0;
  /** The last request, in the server's own letters: `GETD`, `PING`, … */
  lastOperation = NO_OPERATION_YET;
  lastXid = 0;
  lastZxid = 0n;
  lastResponseAt = 0;
  lastLatency = 0;
  readonly latency = new Distribution();

  reset(): void {
    this.received = 0;
    this.sent = 0;
    this.lastOperation = 'NA';
    this.lastXid = -1;
    this.lastZxid = -1n;
    this.lastResponseAt = 0;
    this.lastLatency = 0;
    this.latency.reset();
  }

  processed({ operation, xid, zxid, startedAt, endedAt }: Processed): void {
    // special xids are none of the client's own requests
    if (xid >= 0) this.lastXid = xid;
    this.lastOperation = operation;
    this.lastZxid = zxid;
    this.lastResponseAt = endedAt;
    this.lastLatency = endedAt - startedAt;
    this.latency.add(this.lastLatency);
  }
}
