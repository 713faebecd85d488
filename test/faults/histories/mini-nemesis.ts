/** Trouble for a mini-ensemble and the links to its members, or proxies in front of them, by chance. */
import { InvalidArgumentError } from '../../../src/index.js';
import type { Condition, Direction, FaultProxy, MiniEnsemble, MiniServer } from '../../../src/testing.js';
import { injected } from '../../support/tally.js';
import type { Chance } from '../chance.js';

const OPS = [
  'create',
  'create2',
  'setData',
  'getData',
  'getChildren2',
  'exists',
  'multi',
  'addWatch',
  'setWatches2',
  'setWatches',
  'ping',
  'closeSession',
] as const;

interface Trouble {
  /** How much of all trouble it is. */
  readonly weight: number;
  /** Does it leave the ends of sessions to the clock, and both directions of a link alike? */
  readonly fair: boolean;
  readonly make: () => unknown;
}

type Link = MiniServer | FaultProxy;

export interface Means {
  /** Only what leaves leases as they should be? Default false. */
  readonly fair?: boolean;
  /** What links are broken at. Default the members. */
  readonly links?: readonly Link[];
  /** Times are this part of what they are for sessions of 6 s. Default 1. */
  readonly tempo?: number;
  /** Behind the names of the faults that it counts. */
  readonly where?: string;
}

export class MiniNemesis {
  private readonly fair: boolean;
  private readonly links: readonly Link[];
  private readonly where: string;
  private readonly standing: (() => void)[] = [];
  private readonly troubles: Readonly<Record<string, Trouble>>;

  constructor(
    private readonly ensemble: MiniEnsemble,
    private readonly chance: Chance,
    { fair = false, links = ensemble.members, tempo = 1, where = '' }: Means = {},
  ) {
    this.fair = fair;
    this.links = links;
    this.where = where;
    const { members } = ensemble;
    const count = members.length;
    const some = () => chance.one(links);
    const ms = (longest: number) => Math.ceil(chance.between(1, longest) * tempo);
    const place = () => chance.below(count);
    // bytes that vanish from a stream which then goes on are no fault of any network
    const lose = (link: Link, ...direction: Direction[]): void => {
      const condition = link.blackhole(...direction);
      this.standing.push(() => {
        condition.end();
        link.dropConnections();
      });
    };
    const keep = (condition: Pick<Condition, 'end'>): void => void this.standing.push(() => condition.end());
    this.troubles = {
      cut: { weight: 4, fair: true, make: () => some().dropConnections() },
      'cut at a request': { weight: 6, fair: true, make: () => this.cutAtRequest() },
      'cut at a reply or event': { weight: 3, fair: true, make: () => this.cutAtDelivery() },
      'cut at a handshake': {
        weight: 2,
        fair: true,
        make: () =>
          some()
            .when({ handshake: true })
            .cut(chance.one(['beforeApplied', 'beforeAnswered'] as const)),
      },
      'link stands still': { weight: 2, fair: true, make: () => keep(some().pause()) },
      'link stands still one way': {
        weight: 2,
        fair: false,
        make: () => keep(some().pause(chance.one(['toServer', 'toClient'] as const))),
      },
      'link dead one way': {
        weight: 2,
        fair: false,
        make: () => lose(some(), chance.one(['toServer', 'toClient'] as const)),
      },
      'link dead': { weight: 2, fair: true, make: () => lose(some()) },
      'link slow': { weight: 2, fair: false, make: () => keep(some().lag(ms(400))) },
      'connections refused': { weight: 1, fair: true, make: () => keep(some().refuse()) },
      'member behind': {
        weight: 3,
        fair: true,
        make: () => keep(ensemble.lag(place(), ms(3_000))),
      },
      'member killed': { weight: 3, fair: true, make: () => ensemble.stop(place()) },
      'member started': {
        weight: 3,
        fair: true,
        make: () => {
          const stopped = members.find(({ running }) => !running);
          return stopped && ensemble.start(stopped);
        },
      },
      'ensemble parted': { weight: 2, fair: true, make: () => this.part(count) },
      'leader replaced': { weight: 2, fair: true, make: () => this.elect(place()) },
      'session expired': {
        weight: 2,
        fair: false,
        make: () => {
          const { sessions } = ensemble;
          if (sessions.length > 0) ensemble.expireSession(chance.one(sessions).id);
        },
      },
      healed: { weight: 4, fair: true, make: () => this.heal() },
    };
  }

  /** Makes one trouble. */
  async strike(): Promise<void> {
    const { chance, fair } = this;
    const all = Object.entries(this.troubles).filter(([, trouble]) => trouble.fair || !fair);
    const [name, { make }] = chance.one(
      all.flatMap((each) => Array.from({ length: each[1].weight }, () => each)),
    );
    if (name !== 'healed' && name !== 'member started') injected(`${name}${this.where}`);
    await make();
  }

  private heal(): void {
    for (const end of this.standing.splice(0)) end();
    for (const link of this.links) link.heal();
    this.ensemble.heal();
  }

  /** Everything is as it should be again. */
  async mend(): Promise<void> {
    this.heal();
    for (const member of this.ensemble.members) if (!member.running) await this.ensemble.start(member);
  }

  private cutAtRequest(): void {
    const { chance } = this;
    const how = chance.one(['reset', 'fin', 'silence'] as const);
    const point = chance.one(['beforeApplied', 'beforeAnswered', 'afterAnswered'] as const);
    const match = { op: chance.one(OPS), nth: chance.between(1, 4) };
    chance.one(this.links).when(match).cut(point, { how });
  }

  private cutAtDelivery(): void {
    const { chance } = this;
    const link = chance.one(this.links);
    const point = chance.one(['beforeDelivered', 'afterDelivered'] as const);
    const nth = chance.between(1, 5);
    if (chance.odds(0.5)) link.when({ notification: true, nth }).cut(point);
    else
      link
        .when({ direction: 'toClient', nth })
        .cut(point, { afterBytes: point === 'beforeDelivered' ? chance.below(20) : 0 });
  }

  private part(count: number): void {
    const sides = Array.from({ length: count }, () => this.chance.below(2));
    this.ensemble.partition([0, 1].map((side) => sides.flatMap((own, i) => (own === side ? [i] : []))));
  }

  private elect(member: number): void {
    try {
      this.ensemble.elect(member);
    } catch (error) {
      // this one cannot be elected now
      if (!(error instanceof InvalidArgumentError)) throw error;
    }
  }
}
