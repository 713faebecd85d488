/** All cases of the contract, for one target. */
import { acls } from './cases/acl.js';
import { auth } from './cases/auth.js';
import { chroot } from './cases/chroot.js';
import { creates } from './cases/creates.js';
import { ensemble } from './cases/ensemble.js';
import { ephemerals } from './cases/ephemerals.js';
import { handshake } from './cases/handshake.js';
import { lostAnswers } from './cases/lost-answers.js';
import { mortals } from './cases/mortals.js';
import { multis } from './cases/multi.js';
import { multiReads } from './cases/multi-read.js';
import { paths } from './cases/paths.js';
import { precedence } from './cases/precedence.js';
import { quotas } from './cases/quotas.js';
import { reads } from './cases/reads.js';
import { removesWatches } from './cases/remove-watches.js';
import { requests } from './cases/requests.js';
import { sessions } from './cases/sessions.js';
import { stats } from './cases/stat.js';
import { strings } from './cases/strings.js';
import { throws } from './cases/throws.js';
import { trees } from './cases/trees.js';
import { watches } from './cases/watches.js';
import { watchModes } from './cases/watch-modes.js';
import { words } from './cases/words.js';
import { writes } from './cases/writes.js';
import type { ContractTarget } from './target.js';

/** Registers them in the suite that is being described. */
export function registerAll(target: ContractTarget): void {
  target.useHere();
  for (const register of [
    reads,
    creates,
    writes,
    stats,
    ephemerals,
    mortals,
    multis,
    multiReads,
    watches,
    watchModes,
    removesWatches,
    ensemble,
    quotas,
    sessions,
    handshake,
    requests,
    strings,
    acls,
    auth,
    precedence,
    paths,
    chroot,
    trees,
    lostAnswers,
    words,
    throws,
  ]) {
    register(target);
  }
}
