/** What a client says breaks off after any byte, and what it is told comes whole. */
import { killAfterEveryByte } from './cut/every-byte.js';

killAfterEveryByte('to the server');
