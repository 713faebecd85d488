/** How servers are set up on which programs are played, and which programs these are. */
import type { MiniServerOptions } from '../../src/testing/options.js';
import { makeCertificates, secureConfig, type Certificates } from '../support/certificates.js';
import type { RealServerOptions } from '../support/real-zookeeper.js';
import type { Release } from '../support/zookeeper-jars.js';
import { programs } from './arbitrary.js';
import { endings } from './endings.js';
import { demanding, identified } from './identities.js';
import { MORTALS, mortals } from './mortals.js';
import type { Program } from './program.js';
import { quotaPrograms } from './quota-programs.js';
import { USERS } from './sasl.js';
import type { Ground } from './targets.js';
import type { Arb } from './values.js';
import { historyOfNodes, SNAPSHOT, wrapping } from './wrap.js';

/** The same for both kinds of server. */
export interface Setup {
  readonly real: Pick<RealServerOptions, 'tickTimeMs' | 'config' | 'jaas' | 'history'> & {
    readonly properties?: Readonly<Record<string, string>>;
  };
  readonly mini: MiniServerOptions;
  readonly ground?: Omit<Ground, 'release'>;
}

export interface Setting {
  /** What is special about it. */
  readonly name: string;
  /** How many programs are played, of those that are asked for. */
  readonly share: number;
  readonly programs: (release: Release) => Arb<Program>;
  readonly setUp: () => Setup;
}

const EXPIRY_TICK_MS = 30;
const REAP_MS = 120;

const JAAS = `Server {
  org.apache.zookeeper.server.auth.DigestLoginModule required
  ${Object.entries(USERS)
    .map(([user, password]) => `user_${user}="${password}"`)
    .join(' ')};
};
`;
const SASL_PROVIDER = { 'authProvider.1': 'org.apache.zookeeper.server.auth.SASLAuthenticationProvider' };

let made: Certificates | null = null;
/** Made once they are wanted. */
function certificates(): Certificates {
  if (made === null) {
    const ours = (made = makeCertificates());
    process.once('exit', () => ours[Symbol.dispose]());
  }
  return made;
}

export const SETTINGS = {
  plain: { name: '', share: 1, programs, setUp: () => ({ real: {}, mini: {} }) },
  unextended: {
    name: ' without TTL nodes and hard limits',
    share: 0.1,
    programs,
    setUp: () => ({
      real: {
        properties: { 'zookeeper.extendedTypesEnabled': 'false', 'zookeeper.enforceQuota': 'false' },
      },
      mini: { extendedTypesEnabled: false, enforceQuota: false },
    }),
  },
  quotas: {
    name: ' under quotas',
    share: 0.1,
    programs: quotaPrograms,
    setUp: () => ({ real: {}, mini: {} }),
  },
  expiry: {
    name: ' with sessions that expire',
    share: 0.04,
    programs: endings,
    setUp: () => ({ real: { tickTimeMs: EXPIRY_TICK_MS }, mini: { tickTimeMs: EXPIRY_TICK_MS } }),
  },
  reaping: {
    name: ' with containers and TTL nodes whose time has come',
    share: 0.025,
    programs: mortals,
    setUp: () => ({
      real: {
        tickTimeMs: EXPIRY_TICK_MS,
        properties: {
          'znode.container.checkIntervalMs': String(REAP_MS),
          // one at a time, so that none is asked for again before it is gone
          'znode.container.maxPerMinute': '2000',
        },
      },
      mini: { tickTimeMs: EXPIRY_TICK_MS, containerCheckIntervalMs: REAP_MS },
      ground: { mortals: MORTALS },
    }),
  },
  wrap: {
    name: ' on nodes that have had almost as many children as can be counted',
    share: 0.02,
    programs: wrapping,
    setUp: () => ({
      real: { history: historyOfNodes() },
      mini: { snapshot: SNAPSHOT },
      ground: { prepared: true },
    }),
  },
  tls: {
    name: ' over TLS, with certificates of clients',
    share: 0.05,
    programs: (release) => identified(release, ['x509'], 'tls'),
    setUp: () => {
      const { ca, server, client, wrongName } = certificates();
      const own = [client, server, wrongName];
      return {
        real: {
          config: (spare) => ({
            ...secureConfig(certificates(), spare[0], 'need'),
            'authProvider.x509': 'org.apache.zookeeper.server.auth.X509AuthenticationProvider',
          }),
        },
        mini: { tls: { key: server.key, cert: server.cert, ca, requestCert: true } },
        ground: {
          tls: (number) => {
            const { key, cert } = own[number ?? 0] ?? client;
            return { ca, key, cert };
          },
        },
      };
    },
  },
  sasl: {
    name: ' with SASL',
    share: 0.05,
    programs: (release) => identified(release, ['sasl']),
    setUp: () => ({
      real: { config: SASL_PROVIDER, jaas: JAAS },
      mini: { sasl: { users: USERS } },
    }),
  },
  demanded: {
    name: ' where an identity is demanded',
    share: 0.05,
    programs: demanding,
    setUp: () => ({
      real: {
        config: SASL_PROVIDER,
        jaas: JAAS,
        properties: {
          'zookeeper.enforce.auth.enabled': 'true',
          'zookeeper.enforce.auth.schemes': 'sasl,digest',
        },
      },
      mini: { sasl: { users: USERS }, enforcedAuthSchemes: ['sasl', 'digest'] },
      ground: { admission: 'digest' },
    }),
  },
  saslDemanded: {
    name: ' where SASL is demanded',
    share: 0.03,
    programs: demanding,
    setUp: () => ({
      real: {
        config: SASL_PROVIDER,
        jaas: JAAS,
        properties: { 'zookeeper.sessionRequireClientSASLAuth': 'true' },
      },
      mini: { sasl: { users: USERS }, enforcedAuthSchemes: ['sasl'] },
      ground: { admission: 'sasl' },
    }),
  },
} as const satisfies Readonly<Record<string, Setting>>;
