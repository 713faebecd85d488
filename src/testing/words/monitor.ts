/** `mntr`: every metric of a real server. What is not counted here stands at nothing. */
import { hashOfText, inBucketOrderBy } from '../java-hash.js';
import type { QuotaFigures } from '../quotas.js';
import { javaDouble } from './java-text.js';
import { METRICS_38, METRICS_39, type MetricNames } from './metric-names.js';
import type { Distribution } from './server-stats.js';
import { lines, modeOf, nodeCount, versionOf, type WordSource } from './word-source.js';

/** Summaries that have one value for each request: a size or a time that is not measured here. */
const PER_REQUEST: ReadonlySet<string> = new Set([
  'proposal_process_time',
  'prep_process_time',
  'prep_processor_queue_size',
  'prep_processor_queue_time_ms',
  'sync_processor_queue_size',
  'sync_processor_queue_time_ms',
  'request_throttle_queue_time_ms',
]);

/** What `mntr` answers. */
export function mntr(source: WordSource): string {
  const { options } = source.state;
  if (options.traits.wordsAreOld) return mntr34(source);
  const names: MetricNames = options.traits.snapshotMetrics ? METRICS_39 : METRICS_38;
  const shown = [`zk_version\t${versionOf(source.state)}`, `zk_server_state\t${modeOf(source)}`];
  const doing = DOING[modeOf(source)];
  if (doing !== undefined) shown.push(`zk_peer_state\t${doing} - broadcast`);
  const gauges = gaugesOf(source);
  for (const name of names.gauges) {
    const value = gauges[name];
    if (value !== undefined) shown.push(`zk_${name}\t${value}`);
  }
  shown.push(...quotas(source));
  const counters = countersOf(source);
  for (const name of names.counters) shown.push(`zk_${name}\t${counters[name] ?? 0}`);
  for (const name of names.summaries) shown.push(...summaryOf(source, name));
  for (const name of names.percentiles) shown.push(...percentilesOf(source, name));
  return lines([...shown, ...namespaces(source)]);
}

const DOING: Readonly<Record<string, string>> = {
  leader: 'leading',
  follower: 'following',
  observer: 'observing',
};

/** Bytes of paths and data, of which the root by its second name has none. */
function dataSize({ state: { tree } }: WordSource): number {
  let bytes = 0;
  for (const path of tree.paths()) bytes += path.length + (tree.get(path)?.dataLength ?? 0);
  return bytes;
}

function ephemeralsOf({ state: { tree } }: WordSource): number {
  let ephemerals = 0;
  for (const owner of tree.owners()) ephemerals += tree.ephemeralsOf(owner).length;
  return ephemerals;
}

/** Those that a server has not, such as a leader's, are missing. */
function gaugesOf(s: WordSource): Readonly<Record<string, string | number | undefined>> {
  const { stats, sessions, watches, clock } = s.state;
  const { latency, responses } = stats;
  const uptime = Math.floor(clock.now() - stats.startedAt);
  const locals = [...sessions].filter(({ isLocal }) => isLocal).length;
  return {
    ephemerals_count: ephemeralsOf(s),
    num_alive_connections: s.connectionCount,
    avg_latency: javaDouble(latency.avg),
    min_latency: latency.min,
    max_latency: latency.max,
    outstanding_requests: s.outstanding,
    znode_count: nodeCount(s),
    global_sessions: sessions.size - locals,
    local_sessions: locals,
    packets_sent: stats.sent,
    packets_received: stats.received,
    last_client_response_size: responses.last,
    min_client_response_size: responses.min,
    max_client_response_size: responses.max,
    connection_drop_probability: '0.0',
    watch_count: watches.entryCount,
    // of TLS alone
    auth_failed_count: 0,
    approximate_data_size: dataSize(s),
    uptime,
    outstanding_tls_handshake: 0,
    non_mtls_remote_conn_count: 0,
    non_mtls_local_conn_count: 0,
    open_file_descriptor_count: s.connectionCount,
    max_file_descriptor_count: 1024,
    ...memberGauges(s, uptime),
  };
}

function memberGauges(s: WordSource, uptime: number): Readonly<Record<string, number>> {
  const { membership, state } = s;
  if (membership === null) return {};
  const config = state.tree.get('/zookeeper/config')?.data?.toString() ?? '';
  const quorum = { quorum_size: config.match(/:participant/g)?.length ?? 0 };
  if (modeOf(s) !== 'leader') return quorum;
  const { followers, observers } = membership.learners ?? { followers: 0, observers: 0 };
  return {
    ...quorum,
    learners: followers + observers,
    synced_followers: followers,
    synced_observers: observers,
    synced_non_voting_followers: 0,
    pending_syncs: 0,
    leader_uptime: uptime,
    // nothing goes to and fro here that has bytes
    last_proposal_size: -1,
    min_proposal_size: -1,
    max_proposal_size: -1,
  };
}

function countersOf({ state: { stats } }: WordSource): Readonly<Record<string, number>> {
  const { counters } = stats;
  return {
    ...counters,
    sync_processor_request_queued: counters.prep_processor_request_queued,
  };
}

/** What is counted of a summary; null for one that is not. */
function measured({ state: { stats } }: WordSource, name: string): Distribution | null {
  return (stats.measured as Readonly<Record<string, Distribution>>)[name] ?? null;
}

/** How many values it has, where the values themselves are not known. */
function countOf({ state: { stats } }: WordSource, name: string): number {
  if (PER_REQUEST.has(name)) return stats.counters.prep_processor_request_queued;
  if (name === 'propagation_latency') return stats.measured.updatelatency.count;
  return name === 'connection_token_deficit' ? stats.counters.connection_request_count : 0;
}

function summaryOf(source: WordSource, name: string): string[] {
  const values = measured(source, name);
  return values === null
    ? summary(name, { ...NOTHING, count: countOf(source, name) })
    : summary(name, values);
}

function percentilesOf(source: WordSource, name: string): string[] {
  const values = measured(source, name);
  return [
    ...summaryOf(source, name),
    ...PERCENTILES.map(([mark, part]) => `zk_${mark}_${name}\t${values?.percentile(part) ?? 0}`),
  ];
}

const PERCENTILES = [
  ['p50', 0.5],
  ['p95', 0.95],
  ['p99', 0.99],
  ['p999', 0.999],
] as const;

type Totals = Pick<Distribution, 'avg' | 'min' | 'max' | 'count' | 'sum'>;

const NOTHING: Totals = { avg: 0, min: 0, max: 0, count: 0, sum: 0 };

function summary(name: string, { avg, min, max, count, sum }: Totals): string[] {
  const shown = { avg: javaDouble(avg), min, max, cnt: count, sum };
  return Object.entries(shown).map(([mark, value]) => `zk_${mark}_${name}\t${value}`);
}

/** Limits and usage by the first part of the path. */
function quotas({ state }: WordSource): string[] {
  const figures = state.quotas.figures();
  const of = (what: keyof QuotaFigures, as: string): string[] =>
    inBucketOrderBy([...figures[what].keys()], hashOfText).map(
      (name) => `zk_${name}_quota_${as}_per_namespace\t${figures[what].get(name) ?? 0}`,
    );
  return [
    ...of('bytesLimit', 'bytes_limit'),
    ...of('countUsage', 'count_usage'),
    ...of('countLimit', 'count_limit'),
    ...of('bytesUsage', 'bytes_usage'),
  ];
}

/** Bytes by the first part of the path: reads, then writes. */
function namespaces({ state: { stats } }: WordSource): string[] {
  const of = (all: ReadonlyMap<string, Distribution>, what: string): string[] =>
    inBucketOrderBy([...all.keys()], hashOfText).flatMap((name) =>
      summary(`${name}_${what}_per_namespace`, all.get(name) ?? NOTHING),
    );
  return [...of(stats.reads, 'read'), ...of(stats.writes, 'write')];
}

/** As it was before there were metrics. */
function mntr34(source: WordSource): string {
  const gauges = gaugesOf(source);
  const shown = ['avg_latency', 'max_latency', 'min_latency', 'packets_received', 'packets_sent'];
  const counts = ['znode_count', 'watch_count', 'ephemerals_count', 'approximate_data_size'];
  const files = ['open_file_descriptor_count', 'max_file_descriptor_count'];
  const line = (name: string): string => `zk_${name}\t${gauges[name] ?? 0}`;
  return lines([
    `zk_version\t${versionOf(source.state)}`,
    `zk_avg_latency\t${Math.floor(source.state.stats.latency.avg)}`,
    ...shown.slice(1).map(line),
    ...['num_alive_connections', 'outstanding_requests'].map(line),
    `zk_server_state\t${modeOf(source)}`,
    ...counts.map(line),
    ...files.map(line),
  ]);
}
