/** The text of `/zookeeper/config`: which servers an ensemble has (Java `QuorumMaj`, `QuorumServer`). */
import { InvalidArgumentError } from './errors.js';

/** Where the servers of an ensemble reach one of them. An IPv6 address has no brackets. */
export interface QuorumAddress {
  readonly host: string;
  readonly quorumPort: number;
  readonly electionPort: number;
}

/** A server of an ensemble. */
export interface ConfigServer {
  /** Its number, the N of `server.N`. */
  readonly id: number;
  /** At least one; several since ZooKeeper 3.6. */
  readonly addresses: readonly QuorumAddress[];
  /** Does it vote? */
  readonly role: 'participant' | 'observer';
  /** Where clients connect; null if the configuration does not tell. A host of `0.0.0.0` or `::` says any of its addresses. */
  readonly clientAddress: { readonly host: string; readonly port: number } | null;
}

/** A configuration of an ensemble. */
export interface EnsembleConfig {
  /** zxid of the change that made it; 0n where there is none, as on a server by itself. */
  readonly version: bigint;
  /** In the order of the text. */
  readonly servers: readonly ConfigServer[];
}

/**
 * Parses the text of `/zookeeper/config`. A server by itself has an empty one: version 0n and no servers. Lines about
 * groups and weights, and others that are unknown, are passed over.
 * @throws {@link InvalidArgumentError} on a `server.N` or `version` line that makes no sense
 */
export function parseConfig(text: string): EnsembleConfig {
  if (typeof (text as unknown) !== 'string') throw new InvalidArgumentError('a configuration must be a text');
  let version = 0n;
  const servers: ConfigServer[] = [];
  for (const line of text.split(/\r?\n/)) {
    const [key = '', value = ''] = cut(line.trim(), '=');
    const id = /^server\.(\d+)$/.exec(key)?.[1];
    if (id !== undefined) servers.push(parseServer(Number(id), value, line));
    else if (key === 'version') version = parseVersion(value, line);
  }
  return { version, servers };
}

function parseVersion(text: string, line: string): bigint {
  return /^[0-9a-fA-F]{1,16}$/.test(text) ? BigInt(`0x${text}`) : refuse(line);
}

function parseServer(id: number, text: string, line: string): ConfigServer {
  const [quorum = '', client] = cut(text, ';');
  const role = /:(participant|observer)$/i.exec(quorum)?.[1]?.toLowerCase() as
    ConfigServer['role'] | undefined;
  const addresses = role === undefined ? quorum : quorum.slice(0, -role.length - 1);
  return {
    id,
    addresses: addresses.split('|').map((part) => parseAddress(part, line)),
    role: role ?? 'participant',
    clientAddress: client === undefined ? null : parseClient(client, line),
  };
}

const HOST = String.raw`(?:\[(?<v6>[0-9a-fA-F:.%\w]+)\]|(?<name>[^\s:[\]|;]+))`;
const QUORUM = new RegExp(String.raw`^${HOST}:(?<quorum>\d{1,5}):(?<election>\d{1,5})$`);
const CLIENT = new RegExp(String.raw`^(?:${HOST}:)?(?<port>\d{1,5})$`);

function parseAddress(text: string, line: string): QuorumAddress {
  const groups = QUORUM.exec(text)?.groups ?? refuse(line);
  const { v6, name, quorum, election } = groups;
  return {
    host: v6 ?? name ?? '',
    quorumPort: parsePort(quorum, line),
    electionPort: parsePort(election, line),
  };
}

function parseClient(text: string, line: string): ConfigServer['clientAddress'] {
  const { v6, name, port } = CLIENT.exec(text)?.groups ?? refuse(line);
  return { host: v6 ?? name ?? '0.0.0.0', port: parsePort(port, line) };
}

function parsePort(text: string | undefined, line: string): number {
  const port = Number(text);
  return port <= 65_535 ? port : refuse(line);
}

/** The parts before and behind the first separator; one part if there is none. */
function cut(text: string, separator: string): string[] {
  const at = text.indexOf(separator);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

function refuse(line: string): never {
  throw new InvalidArgumentError(`not a line of a configuration: ${JSON.stringify(line)}`);
}
