/** What a server does by its clock: it lets sessions expire, and deletes containers and TTL nodes that are due. */
import type { ClockTimer } from './clock.js';
import { reapMortals } from './reaper.js';
import type { ServerState } from './server-state.js';
import type { Session } from './session-table.js';

/** What may keep it from doing so. */
export interface HouseRules {
  /** Does time stand still, as in a process that is stopped? */
  isPaused(): boolean;
  /** Is this session, or with `null` the nodes that are due, to be spared? */
  keeps(session: Session | null): boolean;
}

/** Runs from {@link start} to {@link stop}, as often as one likes. */
export class Housekeeping {
  private tickTimer: ClockTimer | null = null;
  private reapTimer: ClockTimer | null = null;
  private wasPaused = false;

  constructor(
    private readonly state: ServerState,
    private readonly rules: HouseRules,
  ) {}

  start(): void {
    this.armTick();
    this.armReaper();
  }

  stop(): void {
    this.tickTimer?.cancel();
    this.reapTimer?.cancel();
  }

  private armTick(): void {
    const { clock, sessions } = this.state;
    const due = clock.now() + sessions.msToNextTick();
    this.tickTimer = clock.setTimeout(() => this.tick(due), sessions.msToNextTick());
  }

  private tick(due: number): void {
    const { clock, options } = this.state;
    if (this.rules.isPaused()) {
      this.wasPaused = true;
      this.armTick();
      return;
    }
    if (this.wasPaused || clock.now() - due > options.tickTimeMs / 2) {
      this.wasPaused = false;
      // this process was busy: pings may lie unread in the sockets, so they are read before anybody is judged
      this.tickTimer = clock.setTimeout(() => this.expireDue(), 1);
      return;
    }
    this.expireDue();
  }

  private expireDue(): void {
    for (const session of this.state.sessions.due()) {
      if (this.rules.keeps(session)) this.state.sessions.touch(session);
      else this.state.expire(session);
    }
    this.armTick();
  }

  private armReaper(): void {
    const { clock, options } = this.state;
    this.reapTimer = clock.setTimeout(() => {
      if (!this.rules.isPaused() && !this.rules.keeps(null)) reapMortals(this.state);
      this.armReaper();
    }, options.containerCheckIntervalMs);
  }
}
