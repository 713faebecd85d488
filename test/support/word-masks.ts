/**
 * Answers to four-letter words, made comparable between servers: what no two servers can have in common is masked, hash
 * order is sorted, sessions and ports have names.
 */

/** What is known of a server that was asked. */
export interface Asked {
  /** Sessions by the names that the test gives them. */
  readonly sessions: ReadonlyMap<string, bigint>;
}

/** Metrics of `mntr` that are compared by value, or in part: of summaries only how many values they have. */
const COMPARED: ReadonlySet<string> = new Set([
  'server_state',
  'ephemerals_count',
  'num_alive_connections',
  'outstanding_requests',
  'znode_count',
  'global_sessions',
  'local_sessions',
  'last_client_response_size',
  'min_client_response_size',
  'max_client_response_size',
  'packets_sent',
  'packets_received',
  'connection_drop_probability',
  'watch_count',
  'auth_failed_count',
  'approximate_data_size',
  'outstanding_tls_handshake',
  'non_mtls_remote_conn_count',
  'non_mtls_local_conn_count',
  'bytes_received_count',
  'response_bytes',
  'watch_bytes',
  'connection_request_count',
  'connection_rejected',
  'sessionless_connections_expired',
  'stale_sessions_expired',
  'prep_processor_request_queued',
  'sync_processor_request_queued',
  'large_requests_rejected',
  'quorum_size',
  'learners',
  'synced_followers',
  'synced_observers',
  'synced_non_voting_followers',
  'pending_syncs',
]);

/** Summaries whose every number is compared. */
const COMPARED_WHOLE =
  /^(avg|min|max|cnt|sum)_(node_\w+_watch_count|\w+_(read|write)_per_namespace)$|_quota_\w+_per_namespace$/;
/** Those of which as many values are counted as on a real server; they are times and sizes that are not here. */
const COMPARED_COUNTS =
  /^cnt_(readlatency|updatelatency|p\w+_process_time|prep_processor_\w+|sync_processor_queue_(size|time_ms)|request_throttle_queue_time_ms|propagation_latency|connection_token_deficit)$/;

/** One answer, ready to be compared with that of another server. */
export function masked(word: string, text: string, asked: Asked): string {
  let shown = text;
  for (const [name, id] of asked.sessions) {
    shown = shown.replaceAll(`0x${BigInt.asUintN(64, id).toString(16)}`, `<${name}>`);
  }
  const lines = shown.split('\n');
  switch (word) {
    case 'srvr':
      return lines.map(status).join('\n');
    case 'stat':
      return sortedRuns(lines.map(status), /^ \//).join('\n');
    case 'cons':
      return sortedRuns(lines.map(connection), /^ \//).join('\n');
    case 'conf':
      return lines
        .map((line) =>
          line.replace(/^((?:secureC|c)lientPort|data\w+|(?:quorum|election)Port)=(?!-1$).*/, '$1=#'),
        )
        .join('\n');
    case 'envi':
      return lines.map((line) => line.replace(/=.*/, '=#')).join('\n');
    case 'dirs':
      return shown.replace(/\d+/g, '#');
    case 'dump':
      return dump(lines);
    case 'wchp':
    case 'wchc':
      return groups(lines);
    case 'mntr':
      return lines.map(metric).join('\n');
    default:
      return shown;
  }
}

/** A real server may answer a request before it counts it (`ZooKeeperServer.submitRequestNow`). */
function counted(line: string): string {
  return line.replace(/^(Outstanding: |zk_outstanding_requests\t)-\d+$/, (_line, name: string) => `${name}0`);
}

function status(line: string): string {
  return counted(connection(line))
    .replace(/^(Zookeeper version: \d+\.\d+\.\d+)-.*, built on .*/, '$1-#')
    .replace(/^(Latency min\/avg\/max): \d+\/[\d.]+\/\d+$/, '$1: #');
}

function connection(line: string): string {
  return line
    .replace(/^ \/127\.0\.0\.1:\d+/, ' /127.0.0.1:#')
    .replace(/(est|lresp|llat|minlat|avglat|maxlat)=\d+/g, '$1=#');
}

/** Sorts neighbours that match. */
function sortedRuns(lines: readonly string[], pattern: RegExp): string[] {
  const sorted: string[] = [];
  let run: string[] = [];
  for (const line of [...lines, null]) {
    if (line !== null && pattern.test(line)) run.push(line);
    else {
      sorted.push(...run.sort());
      run = [];
      if (line !== null) sorted.push(line);
    }
  }
  return sorted;
}

/** When something expires is not compared, and so not how many times there are. */
function dump(lines: readonly string[]): string {
  const kept = lines
    .filter((line) => !/^\d+ expire at \w{3} \w{3} \d\d \d\d:\d\d:\d\d \w+ \d{4}:$/.test(line))
    .map((line) =>
      line
        .replace(/^(Session|Connections) Sets \(\d+\)/, '$1 Sets (#)')
        .replace(/127\.0\.0\.1:\d+/, '127.0.0.1:#'),
    );
  return sortedRuns(kept, /^\t/).join('\n');
}

/** Lines with indented ones below them, in any order. */
function groups(lines: readonly string[]): string {
  const all: string[][] = [];
  for (const line of lines) {
    if (line.startsWith('\t')) all.at(-1)?.push(line);
    else all.push([line]);
  }
  const tail = all.splice(all.findIndex(([head]) => head === ''));
  const sorted = all.map(([head = '', ...members]) => [head, ...members.sort()].join('\n')).sort();
  return [...sorted, ...tail.map((each) => each.join('\n'))].join('\n');
}

function metric(line: string): string {
  const [name = '', value = ''] = line.split('\t');
  const key = name.replace(/^zk_/, '');
  if (key === 'version') return line.replace(/(\d+\.\d+\.\d+)-.*/, '$1-#');
  if (COMPARED.has(key) || COMPARED_WHOLE.test(key) || COMPARED_COUNTS.test(key)) return counted(line);
  return `${name}\t${value.replace(/^-?\d+\.\d+$/, '#.#').replace(/^-?\d+$/, '#')}`;
}
