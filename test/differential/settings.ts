/** How servers are set up on which programs are played, and which programs these are. */
import type { MiniServerOptions } from '../../src/testing/options.js';
import type { RealServerOptions } from '../support/real-zookeeper.js';
import type { Release } from '../support/zookeeper-jars.js';
import { programs } from './arbitrary.js';
import { endings } from './endings.js';
import type { Program } from './program.js';
import type { Ground } from './targets.js';
import type { Arb } from './values.js';

export interface Setting {
  /** What is special about it. */
  readonly name: string;
  /** How many programs are played, of those that are asked for. */
  readonly share: number;
  readonly programs: (release: Release) => Arb<Program>;
  readonly real: Pick<RealServerOptions, 'tickTimeMs' | 'config' | 'jaas'> & {
    readonly properties?: Readonly<Record<string, string>>;
  };
  readonly mini: MiniServerOptions;
  readonly ground?: Omit<Ground, 'release'>;
}

const EXPIRY_TICK_MS = 30;

export const SETTINGS = {
  plain: { name: '', share: 1, programs, real: {}, mini: {} },
  unextended: {
    name: ' without TTL nodes and hard limits',
    share: 0.1,
    programs,
    real: {
      properties: { 'zookeeper.extendedTypesEnabled': 'false', 'zookeeper.enforceQuota': 'false' },
    },
    mini: { extendedTypesEnabled: false, enforceQuota: false },
  },
  expiry: {
    name: ' with sessions that expire',
    share: 0.04,
    programs: endings,
    real: { tickTimeMs: EXPIRY_TICK_MS },
    mini: { tickTimeMs: EXPIRY_TICK_MS },
  },
} as const satisfies Readonly<Record<string, Setting>>;
