/** Which server comes next: what the host provider says, held to its word. It is code of the user's, maybe. */
import { InvalidArgumentError } from '../protocol/errors.js';
import type { ServerAddress } from './connect-string.js';
import type { HostChoice, HostProvider } from './host-provider.js';
import { checkChoice, usersCode, usersNumber } from './users-parts.js';

export class Choices {
  /** Chosen, and not tried yet. */
  private held: HostChoice | null = null;
  /** Counts the lists of servers: what was chosen from an old one is void. */
  private list = 0;

  constructor(private readonly provider: HostProvider) {}

  /** How many servers there are. */
  get count(): number {
    return usersNumber(
      () => this.provider.size,
      (n) => Number.isInteger(n) && n > 0,
      1,
    );
  }

  /** The next server to try; the same again until it is {@link tried}. Rejects with what the host provider throws. */
  async next(): Promise<{ readonly server: ServerAddress; readonly roundDone: boolean }> {
    const { list, held } = this;
    let choice: HostChoice;
    try {
      choice = held ?? (await this.another());
    } catch (error) {
      if (list !== this.list) return this.next();
      throw error;
    }
    if (list !== this.list) return this.next();
    this.held = choice;
    return { server: choice.server, roundDone: held === null && choice.retryStart };
  }

  /** One that is not the next to be tried because of this. */
  async another(): Promise<HostChoice> {
    return checkChoice(await this.provider.next());
  }

  /** The one that {@link next} gave is tried now. */
  tried(): void {
    this.held = null;
  }

  /** This one is next. */
  prefer(server: ServerAddress): void {
    this.held = { server, retryStart: false };
  }

  /** There is a session. */
  connected(): void {
    usersCode(() => this.provider.connected());
  }

  /**
   * Another list of servers.
   * @param current where there is a session
   * @returns should that be left?
   * @throws InvalidArgumentError if the host provider cannot change its list, and what it throws
   */
  update(servers: readonly ServerAddress[], current: ServerAddress | undefined): boolean {
    if (this.provider.update === undefined) {
      throw new InvalidArgumentError('this host provider takes no other list of servers');
    }
    const leave = this.provider.update(servers, current);
    this.held = null;
    this.list++;
    return leave;
  }
}
