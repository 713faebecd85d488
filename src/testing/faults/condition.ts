/** States that last until they are ended, and what they did meanwhile. */

/** Something that is wrong with a server or a network until it is ended. */
export interface Condition extends Disposable {
  /** For people: `lag(20) both ways`. */
  readonly text: string;
  /** Is it the case? */
  readonly standing: boolean;
  /** How many frames, or connections for `refuse`, it has hit. */
  readonly count: number;
  /** Ends it: all is as if it had never begun, but for what has happened. Harmless if it is over. */
  end(): void;
}

/** How often `refuse` does it. */
export interface RefuseOptions {
  /** So many connections; with the last of them the condition ends. Default `Infinity`: until it is ended. */
  readonly times?: number | undefined;
}

/** One that stands. */
export class StandingCondition implements Condition {
  standing = true;
  count = 0;

  /** @param onHit told of all that it hits */
  constructor(
    readonly text: string,
    private readonly onHit: () => void,
    private readonly undo: () => void,
  ) {}

  /** It has hit a frame, or a connection. */
  hit(): void {
    this.count++;
    this.onHit();
  }

  end(): void {
    if (!this.standing) return;
    this.standing = false;
    this.undo();
  }

  [Symbol.dispose](): void {
    this.end();
  }
}
