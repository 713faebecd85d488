/** A driver with everything around it made of data: the clock, the servers, and all that it said. */
import { expect } from 'vitest';
import type { ServerAddress } from '../../src/net/connect-string.js';
import type { DriverParts } from '../../src/net/driver-parts.js';
import { Driver } from '../../src/net/driver.js';
import { type HostChoice, type HostProvider, RoundRobinHostProvider } from '../../src/net/host-provider.js';
import { operations } from '../../src/protocol/operations.js';
import { PendingRequest } from '../../src/session/pending.js';
import type { CoreConfig, SessionEvent } from '../../src/session/ports.js';
import { DEFAULT_CONFIG } from './core-world.js';
import { type Link, type ManualClock, ScriptedServer, settle } from './scripted-server.js';

/** Session timeout asked for; T/H = 3000 for three servers. */
export const T = 9000;
const BACKOFF = { baseMs: 100, maxMs: 1000 };
/** With random() = 0.5: half of the bound. */
export const FIRST_PAUSE = 50;

export const address = (host: string): ServerAddress => ({ host, port: 1 });

/** A driver, its servers, and all that it said. */
export class World {
  readonly server = new ScriptedServer();
  readonly events: SessionEvent[] = [];
  readonly driver: Driver;

  constructor(
    hostProvider: HostProvider = new RoundRobinHostProvider(['a', 'b', 'c'].map(address), () => 0.999),
    config: Partial<CoreConfig> = {},
    parts: Partial<DriverParts> = {},
  ) {
    this.driver = new Driver({
      hostProvider,
      dialer: this.server.dialerOfOne(),
      clock: this.clock,
      random: () => 0.5,
      onEvent: (event) => void this.events.push(event),
      config: { ...DEFAULT_CONFIG, sessionTimeoutMs: T, backoff: BACKOFF, ...config },
      ...parts,
    });
  }

  get clock(): ManualClock {
    return this.server.clock;
  }

  get link(): Link {
    return this.server.link;
  }

  /** Hosts in the order in which they were dialed. */
  get dialed(): string {
    return this.server.links.map(({ server: { host } }) => host).join(' ');
  }

  get phase(): string {
    return this.driver.core.phase.name;
  }

  get failures(): unknown[] {
    return this.events.flatMap((e) => (e.type === 'attemptFailed' ? [e.error] : []));
  }

  get states(): string[] {
    return this.events.flatMap((e) => (e.type === 'state' ? [e.state] : []));
  }

  async start(): Promise<this> {
    this.driver.start();
    await settle();
    return this;
  }

  async live(session = {}): Promise<this> {
    await this.start();
    await this.link.welcome(session);
    return this;
  }

  get(path = '/a'): { outcome: unknown } {
    const seen: { outcome: unknown } = { outcome: undefined };
    const settled = (outcome: unknown): void => void (seen.outcome = outcome);
    this.driver.submit(
      new PendingRequest(operations.getData, { path, watch: false }, path, settled, settled, null, null, 0),
    );
    return seen;
  }

  /** Ends it, and checks that nothing is left of it. */
  async finish(): Promise<void> {
    let gone = false;
    this.driver.onceGone(() => (gone = true));
    this.driver.close();
    await settle();
    if (this.phase === 'closing') await this.clock.advance(DEFAULT_CONFIG.closeTimeoutMs);
    await settle();
    expect(this.phase).toBe('closed');
    expect(this.clock.timers).toBe(0);
    expect(this.server.links.every(({ closed }) => closed)).toBe(true);
    expect(gone).toBe(true);
  }
}

/** A provider that gives what it is told to. */
export class Scripted implements HostProvider {
  readonly size: number;
  asked = 0;
  successes = 0;

  constructor(
    private readonly script: (asked: number) => HostChoice | Promise<HostChoice>,
    size = 1,
  ) {
    this.size = size;
  }

  next(): HostChoice | Promise<HostChoice> {
    return this.script(++this.asked);
  }

  connected(): void {
    this.successes++;
  }
}
