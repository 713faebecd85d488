/** What can be set on a mini-server, with its defaults and bounds. */
import { MAX_INT, Limits } from '../protocol/constants.js';
import { InvalidOptionError } from '../protocol/errors.js';
import type { SaslUsers } from './sasl-exchange.js';
import { checkClock, systemClock, type Clock } from './clock.js';
import {
  emulationOf,
  EMULATIONS,
  MODELLED_RELEASE,
  PRESETS,
  traitsOf,
  type Emulation,
  type Traits,
} from './release.js';
import { LOG_CAPACITY, checkCapacity } from './faults/frame-log.js';
import { checkTls, type MiniServerTls } from './secure-listener.js';
import { parseSnapshot, type ParsedSnapshot } from './snapshot-reader.js';
import type { Snapshot } from './snapshot.js';

/** Options of `MiniServer.start`. All have a default; `undefined` is the same as absent. */
export interface MiniServerOptions {
  /** Port to listen on; 0 takes a free one, which a restart then keeps. Default 0. */
  readonly port?: number | undefined;
  /** Address to listen on; `*` is every one of this machine. Default `127.0.0.1`. */
  readonly host?: string | undefined;
  /** ZooKeeper's tick in ms: sessions expire at multiples of it. Default 500. */
  readonly tickTimeMs?: number | undefined;
  /** Shortest session timeout that is granted. Default 2 ticks. */
  readonly minSessionTimeoutMs?: number | undefined;
  /** Longest session timeout that is granted. Default 60 000, or 20 ticks if that is more. */
  readonly maxSessionTimeoutMs?: number | undefined;
  /** Most connections from one address; 0 sets no limit. Default 0. */
  readonly maxClientCnxns?: number | undefined;
  /** Four-letter words that are answered (`4lw.commands.whitelist`). Default `*`, all. */
  readonly fourLetterWords?: '*' | readonly string[] | undefined;
  /** Are TTL nodes allowed (`zookeeper.extendedTypesEnabled`)? Default true, unlike a real server's. */
  readonly extendedTypesEnabled?: boolean | undefined;
  /** Are the hard limits of quotas enforced (`zookeeper.enforceQuota`)? Default false. */
  readonly enforceQuota?: boolean | undefined;
  /** Digest identity `user:hash` that may do everything (`DigestAuthenticationProvider.superDigest`). Default none. */
  readonly superDigest?: string | undefined;
  /**
   * Offers SASL DIGEST-MD5 to these users: their passwords by name, or a function that knows the password of a name.
   * Default none: SASL is not offered, and ACLs of the scheme `sasl` are refused.
   */
  readonly sasl?: { readonly users: SaslUsers } | undefined;
  /**
   * A connection without an identity of one of these schemes may authenticate and nothing else
   * (`enforce.auth.enabled` and `enforce.auth.schemes`). Default none.
   */
  readonly enforcedAuthSchemes?: readonly string[] | undefined;
  /** How often containers and TTL nodes are looked at (`znode.container.checkIntervalMs`). Default 60 000. */
  readonly containerCheckIntervalMs?: number | undefined;
  /**
   * How long a container lives that never had a child (`znode.container.maxNeverUsedIntervalMs`), ms; 0 for ever.
   * Default 0.
   */
  readonly containerMaxNeverUsedIntervalMs?: number | undefined;
  /**
   * A name of SASL, or the subject of a certificate, that may do everything (`zookeeper.superUser`,
   * `X509AuthenticationProvider.superUser`). Default none.
   */
  readonly superUser?: string | undefined;
  /**
   * What a server by itself, which cannot do it in any case, answers to `reconfig`: Unimplemented, or with false
   * ReconfigDisabled. Default false.
   */
  readonly reconfigEnabled?: boolean | undefined;
  /** Longest request frame that is accepted (`jute.maxbuffer`). Default 1 048 575. */
  readonly juteMaxBufferBytes?: number | undefined;
  /**
   * Server to be like: `3.9` (ZooKeeper 3.9.3), `3.8` (3.8.0 as Debian has it), `3.4` (3.4.14) or `keeper` (ClickHouse
   * Keeper). It sets the defaults of `version` and `unknownOperations`. Default the one that is nearest to `version`.
   */
  readonly emulate?: Emulation | undefined;
  /**
   * Release of ZooKeeper that it says it is; operations that came later are unknown to it. Default `3.9.3`, or that of
   * `emulate`.
   */
  readonly version?: string | undefined;
  /**
   * What becomes of an operation that it does not know: `answer` it Unimplemented and hang up, as ZooKeeper does, or
   * `hangUp` without a word, as other servers of the protocol do. Default `answer`, or `hangUp` with `emulate: 'keeper'`.
   */
  readonly unknownOperations?: 'answer' | 'hangUp' | undefined;
  /**
   * Makes its port a `secureClientPort`, or opens one at `securePort`: `{ key, cert, ca?, requestCert? }`, PEM. Default
   * none: plain TCP.
   */
  readonly tls?: MiniServerTls | undefined;
  /**
   * A second port, for TLS (`secureClientPort`): `port` is plain then. 0 takes a free one, which a restart keeps. Needs
   * `tls`. Default none: with `tls`, there is TLS on `port`.
   */
  readonly securePort?: number | undefined;
  /** Does {@link MiniServer.log} record from the start? It can be started later too. Default false. */
  readonly log?: boolean | undefined;
  /** How many frames `log` keeps, the newest; from 1 to 10 000 000. Default 10 000. */
  readonly logCapacity?: number | undefined;
  /** What it has at the start, as `MiniServer.snapshot` or `importTree` gave it. Default an empty tree. */
  readonly snapshot?: Snapshot | undefined;
  /** Where time comes from, for example a `VirtualClock`. Default the machine's clock. */
  readonly clock?: Clock | undefined;
}

/** Options with every default filled in. */
export interface ServerOptions {
  readonly port: number;
  readonly host: string;
  readonly tickTimeMs: number;
  readonly minSessionTimeoutMs: number;
  readonly maxSessionTimeoutMs: number;
  readonly maxClientCnxns: number;
  readonly fourLetterWords: '*' | ReadonlySet<string>;
  readonly extendedTypesEnabled: boolean;
  readonly enforceQuota: boolean;
  readonly superDigest: string | undefined;
  readonly sasl: { readonly users: SaslUsers } | null;
  readonly enforcedAuthSchemes: readonly string[];
  readonly containerCheckIntervalMs: number;
  readonly containerMaxNeverUsedIntervalMs: number;
  readonly superUser: string | undefined;
  readonly reconfigEnabled: boolean;
  readonly juteMaxBufferBytes: number;
  readonly emulate: Emulation;
  /** What follows from `emulate`. */
  readonly traits: Traits;
  readonly version: string;
  readonly unknownOperations: 'answer' | 'hangUp';
  readonly tls: MiniServerTls | undefined;
  readonly securePort: number | undefined;
  readonly log: boolean;
  readonly logCapacity: number;
  readonly snapshot: ParsedSnapshot | null;
  readonly clock: Clock;
}

const KNOWN: { readonly [K in keyof Required<MiniServerOptions>]: true } = {
  port: true,
  host: true,
  tickTimeMs: true,
  minSessionTimeoutMs: true,
  maxSessionTimeoutMs: true,
  maxClientCnxns: true,
  fourLetterWords: true,
  extendedTypesEnabled: true,
  enforceQuota: true,
  superDigest: true,
  sasl: true,
  enforcedAuthSchemes: true,
  containerCheckIntervalMs: true,
  containerMaxNeverUsedIntervalMs: true,
  superUser: true,
  reconfigEnabled: true,
  juteMaxBufferBytes: true,
  emulate: true,
  version: true,
  unknownOperations: true,
  tls: true,
  securePort: true,
  log: true,
  logCapacity: true,
  snapshot: true,
  clock: true,
};

/**
 * Checks options and fills in the defaults. The input is not changed.
 * @throws {@link InvalidOptionError} on an unknown key, or a value of the wrong type or out of range
 * @throws {@link SnapshotError}
 */
export function resolveOptions(options: MiniServerOptions = {}): ServerOptions {
  for (const key of Object.keys(options)) {
    if (!Object.hasOwn(KNOWN, key)) {
      throw new InvalidOptionError(`unknown option ${key}; known are ${Object.keys(KNOWN).join(', ')}`);
    }
  }
  const clock = checkClock(options.clock ?? systemClock);
  const tickTimeMs = integer('tickTimeMs', options.tickTimeMs ?? 500, 1, MAX_INT);
  const min = integer(
    'minSessionTimeoutMs',
    options.minSessionTimeoutMs ?? Math.min(tickTimeMs * 2, MAX_INT),
    1,
    MAX_INT,
  );
  const max = integer(
    'maxSessionTimeoutMs',
    options.maxSessionTimeoutMs ?? Math.min(Math.max(60_000, tickTimeMs * 20), MAX_INT),
    1,
    MAX_INT,
  );
  if (min > max) {
    throw new InvalidOptionError(`minSessionTimeoutMs ${min} is more than maxSessionTimeoutMs ${max}`);
  }
  const emulate =
    options.emulate === undefined
      ? emulationOf(options.version === undefined ? MODELLED_RELEASE : release(options.version))
      : oneOf('emulate', options.emulate, EMULATIONS);
  const preset = PRESETS[emulate];
  return Object.freeze({
    port: integer('port', options.port ?? 0, 0, 65_535),
    host: text('host', options.host ?? '127.0.0.1'),
    tickTimeMs,
    minSessionTimeoutMs: min,
    maxSessionTimeoutMs: max,
    maxClientCnxns: integer('maxClientCnxns', options.maxClientCnxns ?? 0, 0, MAX_INT),
    fourLetterWords: words(options.fourLetterWords ?? '*'),
    extendedTypesEnabled: flag('extendedTypesEnabled', options.extendedTypesEnabled ?? true),
    enforceQuota: flag('enforceQuota', options.enforceQuota ?? false),
    superDigest: options.superDigest === undefined ? undefined : text('superDigest', options.superDigest),
    sasl: options.sasl === undefined ? null : { users: users(options.sasl) },
    enforcedAuthSchemes: schemes(options.enforcedAuthSchemes ?? []),
    containerCheckIntervalMs: integer(
      'containerCheckIntervalMs',
      options.containerCheckIntervalMs ?? 60_000,
      1,
      MAX_INT,
    ),
    containerMaxNeverUsedIntervalMs: integer(
      'containerMaxNeverUsedIntervalMs',
      options.containerMaxNeverUsedIntervalMs ?? 0,
      0,
      MAX_INT,
    ),
    superUser: options.superUser === undefined ? undefined : text('superUser', options.superUser),
    reconfigEnabled: flag('reconfigEnabled', options.reconfigEnabled ?? false),
    juteMaxBufferBytes: integer(
      'juteMaxBufferBytes',
      options.juteMaxBufferBytes ?? Limits.JUTE_MAX_BUFFER,
      64,
      MAX_INT,
    ),
    emulate,
    traits: traitsOf(emulate),
    version: release(options.version ?? preset.version),
    unknownOperations: oneOf('unknownOperations', options.unknownOperations ?? preset.unknownOperations, [
      'answer',
      'hangUp',
    ]),
    tls: options.tls === undefined ? undefined : checkTls(options.tls),
    securePort: securePort(options),
    log: flag('log', options.log ?? false),
    logCapacity: checkCapacity(options.logCapacity ?? LOG_CAPACITY),
    snapshot: options.snapshot === undefined ? null : parseSnapshot(options.snapshot, clock.wallMs()),
    clock,
  });
}

function integer(key: string, value: unknown, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
    throw new InvalidOptionError(`${key} must be a whole number from ${min} to ${max}, not ${String(value)}`);
  }
  return value;
}

function text(key: string, value: unknown): string {
  if (typeof value !== 'string' || value === '') {
    throw new InvalidOptionError(`${key} must be a string with something in it`);
  }
  return value;
}

function flag(key: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw new InvalidOptionError(`${key} must be true or false`);
  return value;
}

function release(value: unknown): string {
  if (typeof value !== 'string' || !/^\d+\.\d+(\.\d+)?$/.test(value)) {
    throw new InvalidOptionError(`version must be a release such as 3.8.0, not ${String(value)}`);
  }
  return value;
}

function oneOf<T extends string>(key: string, value: unknown, allowed: readonly T[]): T {
  const found = allowed.find((each) => each === value);
  if (found === undefined) {
    throw new InvalidOptionError(`${key} must be ${allowed.join(' or ')}, not ${String(value)}`);
  }
  return found;
}

function words(value: unknown): '*' | ReadonlySet<string> {
  if (value === '*') return value;
  if (!Array.isArray(value) || !value.every((word) => typeof word === 'string')) {
    throw new InvalidOptionError("fourLetterWords must be '*' or an array of words");
  }
  return value.includes('*') ? '*' : new Set(value);
}

function users(value: unknown): SaslUsers {
  const given = value === null ? undefined : (value as { readonly users?: unknown }).users;
  if (typeof given === 'function') return given as SaslUsers;
  // never a password in the text
  const isTable =
    typeof given === 'object' &&
    given !== null &&
    Object.values(given).every((password) => typeof password === 'string');
  if (!isTable)
    throw new InvalidOptionError('sasl must be { users: { name: password } }, or a function there');
  return { ...given };
}

function securePort({ port = 0, securePort: secure, tls }: MiniServerOptions): number | undefined {
  if (secure === undefined) return undefined;
  if (tls === undefined) throw new InvalidOptionError('securePort needs tls, the certificate and its key');
  const checked = integer('securePort', secure, 0, 65_535);
  if (checked !== 0 && checked === port) throw new InvalidOptionError('securePort and port must differ');
  return checked;
}

function schemes(value: unknown): readonly string[] {
  if (!Array.isArray(value) || !value.every((scheme) => typeof scheme === 'string' && scheme !== '')) {
    throw new InvalidOptionError('enforcedAuthSchemes must be an array of names such as "sasl"');
  }
  return [...(value as string[])];
}
