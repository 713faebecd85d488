/** Curator, the recipes of the Java world. */
import { onEveryServer } from './peers.js';
import { curator } from './tools.js';

onEveryServer(curator(), 'curator.txt');
