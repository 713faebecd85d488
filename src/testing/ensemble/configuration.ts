/** Which servers an ensemble has, as text, and how `reconfig` makes one configuration of another. */
import { isIPv6 } from 'node:net';
import { InvalidArgumentError } from '../../protocol/errors.js';
import { parseConfig, type ConfigServer, type EnsembleConfig } from '../../protocol/ensemble-config.js';
import type { RequestOf } from '../../protocol/operations.js';
import { refuse } from '../refusal.js';

const bracketed = (host: string): string => (isIPv6(host) ? `[${host}]` : host);

/** `server.1=127.0.0.1:2888:3888:participant;127.0.0.1:2181` (Java `QuorumServer.toString`). */
export function serverLine({ id, addresses, role, clientAddress }: ConfigServer): string {
  const quorum = addresses.map((at) => `${bracketed(at.host)}:${at.quorumPort}:${at.electionPort}`).join('|');
  const client = clientAddress === null ? '' : `;${bracketed(clientAddress.host)}:${clientAddress.port}`;
  return `server.${id}=${quorum}:${role}${client}`;
}

/** What stands in `/zookeeper/config`. */
export function configText({ servers, version }: EnsembleConfig): string {
  return [...servers.map(serverLine), `version=${version.toString(16)}`].join('\n');
}

/** Ids of those that vote. */
export function votersOf({ servers }: EnsembleConfig): readonly number[] {
  return servers.filter(({ role }) => role === 'participant').map(({ id }) => id);
}

/** Are these more than half of those that vote? */
export function isQuorum(config: EnsembleConfig, present: Iterable<number>): boolean {
  const voters = new Set(votersOf(config));
  let count = 0;
  for (const id of present) if (voters.has(id)) count++;
  return count * 2 > voters.size;
}

/**
 * The configuration that a request asks for.
 * @param version zxid of the request
 * @throws Refusal BadVersion if it starts from another one, BadArguments if it makes no sense
 */
export function nextConfig(
  q: RequestOf<'reconfig'>,
  current: EnsembleConfig,
  version: bigint,
): EnsembleConfig {
  if (q.curConfigId !== ANY_CONFIG && q.curConfigId !== current.version) refuse('BadVersion');
  const servers = q.newMembers === null ? changed(q, current) : parsed(q.newMembers);
  const next = { version, servers: [...servers].sort((a, b) => a.id - b.id) };
  if (votersOf(next).length === 0) refuse('BadArguments');
  return next;
}

const ANY_CONFIG = -1n;

function changed(q: RequestOf<'reconfig'>, { servers }: EnsembleConfig): readonly ConfigServer[] {
  const next = new Map(servers.map((server) => [server.id, server]));
  for (const text of parts(q.leavingServers)) {
    // as any number that cannot be read
    if (!/^[+-]?\d+$/.test(text)) refuse('Marshalling');
    next.delete(Number(text));
  }
  for (const text of parts(q.joiningServers)) {
    const [joiner, ...more] = parsed(text);
    if (joiner === undefined || more.length > 0 || joiner.clientAddress === null)
      return refuse('BadArguments');
    for (const other of next.values())
      if (other.id !== joiner.id && isSameAddress(other, joiner)) refuse('BadArguments');
    next.set(joiner.id, joiner);
  }
  return [...next.values()];
}

function parts(text: string | null): readonly string[] {
  return (text ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function parsed(text: string): readonly ConfigServer[] {
  try {
    return parseConfig(text.replaceAll(',', '\n').replace(/[ \t]/g, '')).servers;
  } catch (error) {
    if (error instanceof InvalidArgumentError) return refuse('BadArguments');
    throw error;
  }
}

/** Do two servers claim a port of one machine? */
function isSameAddress(a: ConfigServer, b: ConfigServer): boolean {
  const claims = ({ addresses, clientAddress }: ConfigServer): readonly string[] => [
    ...addresses.flatMap(({ host, quorumPort, electionPort }) => [
      `${host}:${quorumPort}`,
      `${host}:${electionPort}`,
    ]),
    ...(clientAddress === null ? [] : [`${clientAddress.host}:${clientAddress.port}`]),
  ];
  const taken = new Set(claims(a));
  return claims(b).some((claim) => taken.has(claim));
}
