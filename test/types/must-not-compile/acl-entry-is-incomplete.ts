/** An ACL entry has permissions, a scheme and an id. */
import { Perms, type Acl } from 'zk-conn';

export const noScheme: Acl = { perms: Perms.READ, id: 'anyone' }; // TS2741
export const byName: Acl = { perms: 'r', scheme: 'world', id: 'anyone' }; // TS2322
