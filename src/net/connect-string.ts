/** `host:port,[v6]:port,host/chroot` or `dns-srv://name/chroot` (Java `ConnectStringParser`). */
import { isIPv6 } from 'node:net';
import { DEFAULT_PORT } from '../protocol/constants.js';
import { InvalidConnectStringError } from '../protocol/errors.js';
import { normalizeChroot, pathProblem } from '../protocol/paths.js';

/** Where a server listens. `host` is a name or an address; an IPv6 address has no brackets. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

/** A parsed connect string. `chroot` is `''` for none. */
export interface ConnectString {
  /** None if SRV records name them. */
  readonly servers: readonly ServerAddress[];
  /** Name of the SRV records, of `dns-srv://name/chroot`. */
  readonly srv?: string;
  readonly chroot: string;
}

/**
 * Parses a connect string. Spaces around a server are ignored; a missing port is 2181; the chroot stands once, at the
 * end.
 * @throws {@link InvalidConnectStringError}
 */
export function parseConnectString(text: unknown): ConnectString {
  if (typeof text !== 'string') {
    throw new InvalidConnectStringError(
      `the connect string must be a string, not ${text === null ? 'null' : typeof text}`,
    );
  }
  if (text.startsWith(SRV_SCHEME)) return parseSrv(text);
  if (text.includes('://')) {
    throw new InvalidConnectStringError(
      `"${text}" is a URL; a connect string is like "host1:2181,host2:2181/chroot"`,
    );
  }
  const slash = text.indexOf('/');
  const hosts = slash === -1 ? text : text.slice(0, slash);
  const chroot = parseChroot(slash === -1 ? '' : text.slice(slash).trim(), text);
  const servers = hosts.split(',').map((part) => parseServer(part.trim(), text));
  return { servers, chroot };
}

const SRV_SCHEME = 'dns-srv://';

function parseSrv(text: string): ConnectString {
  const rest = text.slice(SRV_SCHEME.length);
  const slash = rest.indexOf('/');
  const srv = (slash === -1 ? rest : rest.slice(0, slash)).trim();
  if (!/^[^\s,:@[\]]+$/.test(srv)) {
    throw new InvalidConnectStringError(
      `"${text}" must name SRV records, as in "dns-srv://_zookeeper._tcp.example.com/chroot"`,
    );
  }
  return { servers: [], srv, chroot: parseChroot(slash === -1 ? '' : rest.slice(slash).trim(), text) };
}

function parseChroot(chroot: string, text: string): string {
  if (chroot.includes(',')) {
    throw new InvalidConnectStringError(`the chroot stands once, behind the last server: "${text}"`);
  }
  const problem = chroot === '' ? null : pathProblem(chroot);
  if (problem !== null) throw new InvalidConnectStringError(`bad chroot "${chroot}": ${problem}`);
  return normalizeChroot(chroot);
}

/** `host:port` with brackets around an IPv6 address. */
export function formatServer({ host, port }: ServerAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * One server, as `host:port` or as its parts; the port may be missing from a text.
 * @throws {@link InvalidConnectStringError}
 */
export function parseServerAddress(server: unknown): ServerAddress {
  if (typeof server === 'string') return parseServer(server.trim(), server);
  const { host, port } = (server ?? {}) as Partial<ServerAddress>;
  if (typeof host !== 'string' || typeof port !== 'number') {
    throw new InvalidConnectStringError('a server is a text such as "host:2181", or { host, port }');
  }
  return { host: checkHost(host), port: parsePort(String(port), `${host}:${port}`) };
}

function parseServer(part: string, whole: string): ServerAddress {
  if (part === '') throw new InvalidConnectStringError(`a server is missing in "${whole}"`);
  if (part.startsWith('[')) {
    const close = part.indexOf(']');
    const host = part.slice(1, close);
    const rest = part.slice(close + 1);
    if (!isIPv6(host) || (rest !== '' && !rest.startsWith(':'))) {
      throw new InvalidConnectStringError(`"${part}" is no [IPv6 address]:port`);
    }
    return { host, port: rest === '' ? DEFAULT_PORT : parsePort(rest.slice(1), part) };
  }
  const colon = part.lastIndexOf(':');
  if (colon === -1) return { host: checkHost(part), port: DEFAULT_PORT };
  // more than one colon without brackets: a bare IPv6 address, which cannot carry a port
  if (part.indexOf(':') !== colon) {
    if (!isIPv6(part))
      throw new InvalidConnectStringError(`"${part}" is neither host:port nor an IPv6 address`);
    return { host: part, port: DEFAULT_PORT };
  }
  return { host: checkHost(part.slice(0, colon)), port: parsePort(part.slice(colon + 1), part) };
}

function parsePort(text: string, part: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65535) throw new InvalidConnectStringError(`"${text}" is no port, in "${part}"`);
  return port;
}

function checkHost(host: string): string {
  if (host === '' || /[\s[\]@]/.test(host)) throw new InvalidConnectStringError(`"${host}" is no host name`);
  return host;
}
