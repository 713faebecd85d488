/** What spoils a history, whatever it is about. */
import type { Chance } from '../../chance.js';

export interface Spoilt<H> {
  readonly history: H;
  /** Why nothing can have made it. */
  readonly reason: string;
}

/** Spoils a history, if there is something in it that can be spoilt in this way. */
export type Spoiler<H> = (history: H, chance: Chance) => Spoilt<H> | undefined;
