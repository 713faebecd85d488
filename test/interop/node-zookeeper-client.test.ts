/** node-zookeeper-client, the pure JavaScript client of npm: all its calls. */
import { onEveryServer } from './peers.js';
import { nodeZookeeperClient } from './tools.js';

onEveryServer(nodeZookeeperClient(), 'node-zookeeper-client.txt');
