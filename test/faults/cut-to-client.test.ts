/** What a client says is told whole, and what it hears breaks off after any byte. */
import { killAfterEveryByte } from './cut/every-byte.js';

killAfterEveryByte('to the client');
