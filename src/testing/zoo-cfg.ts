/**
 * The server's configuration file (Java `QuorumPeerConfig.parseProperties`) and the system properties that matter here.
 * A key that `QuorumPeerConfig` does not know is the system property `zookeeper.<key>`; so it is here.
 */
import { MAX_INT } from '../protocol/constants.js';
import { InvalidOptionError } from '../protocol/errors.js';
import type { MiniServerOptions } from './options.js';

/** Keys and values in the order of the file; a key given twice keeps its last value. */
export type Properties = ReadonlyMap<string, string>;

/** What a configuration says to a mini-server. */
export interface ParsedConfig {
  readonly options: MiniServerOptions;
  /** Things that are in it and cannot be honoured, one line each. */
  readonly notes: readonly string[];
}

/** Reads the text of a Java properties file: `key=value`, `key: value` or `key value`, `#` and `!` for comments. */
export function parseProperties(text: string): Properties {
  const properties = new Map<string, string>();
  const joined = text.replace(/\\\r?\n[ \t]*/g, '');
  for (const line of joined.split(/\r?\n/)) {
    const match = /^\s*([^#!\s:=][^\s:=]*)(?:\s*[:=]\s*|\s+|$)(.*?)\s*$/.exec(line);
    if (match?.[1] === undefined) continue;
    properties.set(match[1], (match[2] ?? '').replace(/\\(.)/g, '$1'));
  }
  return properties;
}

/** Splits `key=value` of a `--property` flag. @throws {@link InvalidOptionError} if there is no `=` */
export function parseProperty(text: string): readonly [key: string, value: string] {
  const mark = text.indexOf('=');
  if (mark <= 0) throw new InvalidOptionError(`a property must be key=value, not ${text}`);
  return [text.slice(0, mark).trim(), text.slice(mark + 1).trim()];
}

/** A real server's defaults where `MiniServer.start` has others. */
const REAL_TICK_MS = 3000;
const REAL_MAX_CLIENT_CNXNS = 60;
const REAL_WORDS = 'srvr';

/**
 * What a `zoo.cfg` says. Defaults are those of a real server. Keys that mean nothing to a standalone server in memory are
 * passed over.
 * @throws {@link InvalidOptionError} on a value that cannot be
 */
export function configOptions(properties: Properties): ParsedConfig {
  const tickTimeMs = whole(properties, 'tickTime', 1) ?? REAL_TICK_MS;
  const min = positive(whole(properties, 'minSessionTimeout', -1)) ?? tickTimeMs * 2;
  const max = positive(whole(properties, 'maxSessionTimeout', -1)) ?? tickTimeMs * 20;
  const options: MiniServerOptions = {
    tickTimeMs,
    minSessionTimeoutMs: min,
    maxSessionTimeoutMs: max,
    port: whole(properties, 'clientPort', 0),
    host: address(properties.get('clientPortAddress')),
    maxClientCnxns: whole(properties, 'maxClientCnxns', 0) ?? REAL_MAX_CLIENT_CNXNS,
    fourLetterWords: words(property(properties, '4lw.commands.whitelist') ?? REAL_WORDS),
    extendedTypesEnabled: false,
    ...propertyOptions(properties),
  };
  return { options, notes: notes(properties) };
}

const FILE_KEYS: ReadonlySet<string> = new Set([
  'tickTime',
  'minSessionTimeout',
  'maxSessionTimeout',
  'clientPort',
  'clientPortAddress',
  'maxClientCnxns',
]);
const PROPERTY_KEYS: ReadonlySet<string> = new Set([
  '4lw.commands.whitelist',
  'extendedTypesEnabled',
  'enforceQuota',
  'DigestAuthenticationProvider.superDigest',
  'znode.container.checkIntervalMs',
  'znode.container.maxNeverUsedIntervalMs',
  'superUser',
  'X509AuthenticationProvider.superUser',
  'reconfigEnabled',
  'jute.maxbuffer',
]);

/** Does a property change anything? @param isFile is there a configuration file that it stands beside? */
export function hasEffect(key: string, isFile: boolean): boolean {
  return PROPERTY_KEYS.has(key.replace(/^zookeeper\./, '')) || (isFile && FILE_KEYS.has(key));
}

/** Options that are system properties of a real server; only those that are there. */
export function propertyOptions(properties: Properties): MiniServerOptions {
  const whitelist = property(properties, '4lw.commands.whitelist');
  const extended = property(properties, 'extendedTypesEnabled');
  const enforceQuota = property(properties, 'enforceQuota');
  const superDigest = property(properties, 'DigestAuthenticationProvider.superDigest');
  const superUser =
    property(properties, 'superUser') ?? property(properties, 'X509AuthenticationProvider.superUser');
  const reconfig = property(properties, 'reconfigEnabled');
  const interval = whole(properties, 'znode.container.checkIntervalMs', 1);
  const neverUsed = whole(properties, 'znode.container.maxNeverUsedIntervalMs', 0);
  const buffer = wholeAny(properties, 'jute.maxbuffer');
  return {
    ...(whitelist === undefined ? {} : { fourLetterWords: words(whitelist) }),
    ...(extended === undefined ? {} : { extendedTypesEnabled: flag('extendedTypesEnabled', extended) }),
    ...(enforceQuota === undefined ? {} : { enforceQuota: flag('enforceQuota', enforceQuota) }),
    ...(superDigest === undefined || superDigest === '' ? {} : { superDigest }),
    ...(interval === undefined ? {} : { containerCheckIntervalMs: interval }),
    ...(neverUsed === undefined ? {} : { containerMaxNeverUsedIntervalMs: neverUsed }),
    ...(superUser === undefined || superUser === '' ? {} : { superUser }),
    ...(reconfig === undefined ? {} : { reconfigEnabled: flag('reconfigEnabled', reconfig) }),
    ...(buffer === undefined ? {} : { juteMaxBufferBytes: buffer }),
  };
}

/** A property under its own name or as the system property `zookeeper.<name>`. */
function property(properties: Properties, key: string): string | undefined {
  return properties.get(key) ?? properties.get(`zookeeper.${key}`);
}

function whole(properties: Properties, key: string, min: number): number | undefined {
  const text = property(properties, key);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^[+-]?\d+$/.test(text) || value < min || value > MAX_INT) {
    throw new InvalidOptionError(`${key} must be a whole number, at least ${min}, not "${text}"`);
  }
  return value;
}

/** jute.maxbuffer is read with `Integer.getInteger`, which also takes `0xfffff`. */
function wholeAny(properties: Properties, key: string): number | undefined {
  const text = property(properties, key);
  if (text === undefined || !/^0x[0-9a-f]+$/i.test(text)) return whole(properties, key, 1);
  return Number(text);
}

const positive = (value: number | undefined): number | undefined => (value === -1 ? undefined : value);

/** Without an address a real server listens on all of them. */
function address(text: string | undefined): string {
  if (text === undefined || text === '') return '*';
  const bare = /^\[(.*)\]$/.exec(text)?.[1];
  return bare ?? text;
}

function words(text: string): readonly string[] {
  return text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
}

function flag(key: string, text: string): boolean {
  const lower = text.toLowerCase();
  if (lower !== 'true' && lower !== 'false') {
    throw new InvalidOptionError(`${key} must be true or false, not "${text}"`);
  }
  return lower === 'true';
}

function notes(properties: Properties): readonly string[] {
  const found: string[] = [];
  const servers = [...properties.keys()].filter((key) => /^server\.\d+$/.test(key));
  if (servers.length > 0) {
    found.push(`${servers.join(', ')}: there are no ensembles here, this server runs standalone`);
  }
  if (properties.has('secureClientPort'))
    found.push('secureClientPort: it is not read; --tls and --secure-port make a secure port');
  if (properties.has('dynamicConfigFile')) found.push('dynamicConfigFile: it is not read');
  return found;
}
