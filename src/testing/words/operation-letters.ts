/** The letters by which `cons` names the last request of a connection. */
import type { AnyOp } from '../../protocol/op.js';

const LETTERS: Readonly<Record<string, string>> = {
  create: 'CREA',
  create2: 'CREA',
  createContainer: 'CREA',
  createTTL: 'CREA',
  delete: 'DELE',
  deleteContainer: 'DELE',
  setData: 'SETD',
  setACL: 'SETA',
  check: 'CHEC',
  reconfig: 'RECO',
  multi: 'MULT',
  multiRead: 'MLTR',
  exists: 'EXIS',
  getData: 'GETD',
  getACL: 'GETA',
  getChildren: 'GETC',
  getChildren2: 'GETC',
  getAllChildrenNumber: 'GETACN',
  getEphemerals: 'GETE',
  whoAmI: 'HOMI',
  sync: 'SYNC',
  ping: 'PING',
  setWatches: 'SETW',
  setWatches2: 'STW2',
  addWatch: 'ADDW',
  checkWatches: 'CHKW',
  removeWatches: 'REMW',
  closeSession: 'CLOS',
};

/** A new session. */
export const NEW_SESSION = 'SESS';
/** A write that was refused; also what there is before the first request. */
export const REFUSED_WRITE = 'NA';

export function lettersOf({ name }: AnyOp): string {
  return LETTERS[name] ?? REFUSED_WRITE;
}
