/** kazoo, Python's client: its calls and its recipes. */
import { onEveryServer } from './peers.js';
import { kazoo } from './tools.js';

onEveryServer(kazoo(), 'kazoo.txt');
