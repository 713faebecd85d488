/** Options that do not exist, and values that they cannot have. */
import { connect } from 'zk-conn';

export const typo = connect('host', { sessionTimeout: 5000 }); // TS2561
export const text = connect('host', { sessionTimeoutMs: '5s' }); // TS2322
export const other = connect('host', { sessionExpiry: 'retry' }); // TS2322
export const list = connect(['host']); // TS2345
