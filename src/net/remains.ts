/** The sockets of a Conn that are not closed yet, and who waits until none is left. */
import type { Clock, Timer } from './clock.js';
import type { Link } from './link.js';

/** So long a transport that was destroyed may take to say that it is closed, ms. Then it counts as closed. */
const CLOSING_MS = 1000;

export class Remains {
  private readonly links = new Map<Link, Timer | null>();
  private readonly waiting: (() => void)[] = [];

  /** @param mayTell is what waits to be told that none is left? */
  constructor(
    private readonly clock: Clock,
    private readonly mayTell: () => boolean,
  ) {}

  /** Calls back when none is left. */
  onceNone(callback: () => void): void {
    this.waiting.push(callback);
    this.look();
  }

  opened(link: Link): void {
    this.links.set(link, null);
  }

  /** Destroys a socket, and waits for its end; a dialer of the user's own may never tell of it. */
  drop(link: Link): void {
    if (!link.destroy()) {
      this.closed(link);
    } else if (this.links.get(link) === null) {
      this.links.set(
        link,
        this.clock.setTimer(() => this.closed(link), CLOSING_MS),
      );
    }
  }

  closed(link: Link): void {
    const timer = this.links.get(link);
    if (timer === undefined) return;
    timer?.cancel();
    this.links.delete(link);
    this.look();
  }

  look(): void {
    if (this.links.size > 0 || !this.mayTell()) return;
    for (const callback of this.waiting.splice(0)) callback();
  }
}
