/** What the contract expects of a release is what the mini-server does when it is like that release. */
import { describe, expect, it } from 'vitest';
import { emulationOf, PRESETS, traitsOf, type Traits } from '../../src/testing/release.js';
import { RELEASES } from '../support/zookeeper-jars.js';
import { versionFacts, type VersionFacts } from './versions.js';

/** The same by its name there; null for what the mini-server does like the newest release whatever it is like. */
const TRAITS: { readonly [K in keyof VersionFacts]: keyof Traits | null } = {
  eventsCarryZxid: 'eventZxids',
  existsNeedsRead: 'existsNeedsRead',
  checkAloneIsUnknown: 'checkAloneIsUnknown',
  eventsNeedRead: 'eventsNeedRead',
  multiReadsCreatesStrictly: 'multiIsReadStrictly',
  create2InMultiHasStat: 'multiIsReadStrictly',
  watchModesStandSideBySide: 'watchModesSideBySide',
  checkWatchesAsksForOwn: 'checkWatchesAsksForOwn',
  deleteContainerObeys: 'deleteContainerObeys',
  // a server hangs that has taken one: see test/differential/forbidden.ts
  watchesOfNullAreFine: null,
};

/** Of no case in the contract: of four-letter words, of 3.4, of no ZooKeeper, or more than an ensemble bears. */
const NO_FACTS: readonly (keyof Traits)[] = [
  'unreadableWritesAreFree',
  'strangersGetSessions',
  'configNode',
  'createTakesEveryMode',
  'wordsAreOld',
  'snapshotMetrics',
];

describe.each([...RELEASES, PRESETS['3.4'].version])('of %s', (version) => {
  const traits = traitsOf(emulationOf(version));
  const facts = versionFacts(version);

  it.each(Object.entries(TRAITS).filter(([, trait]) => trait !== null))('%s is %s', (fact, trait) => {
    expect(facts[fact as keyof VersionFacts]).toBe(traits[trait as keyof Traits]);
  });

  it('nothing is known to one alone', () => {
    expect(new Set([...Object.values(TRAITS).filter((trait) => trait !== null), ...NO_FACTS])).toEqual(
      new Set(Object.keys(traits)),
    );
  });
});
