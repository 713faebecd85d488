/** Answers of real servers to four-letter words, as they were seen; long ones are shortened by whole lines. */

const CONNECTION_FIELDS =
  'lop=GETC,est=1795229912177,to=30000,lcxid=0x4,lzxid=0x3,lresp=11915202,llat=0,minlat=0,avglat=2,maxlat=6';

/** A standalone 3.8.0 with two clients. */
export const STANDALONE_380 = {
  ruok: 'imok',
  isro: 'rw',
  srvr: `Zookeeper version: 3.8.0-\${mvngit.commit.id}, built on 2024-12-29 17:54 UTC
Latency min/avg/max: 0/2.1429/6
Received: 13
Sent: 12
Connections: 3
Outstanding: 0
Zxid: 0x3
Mode: standalone
Node count: 6
`,
  stat: `Zookeeper version: 3.8.0-\${mvngit.commit.id}, built on 2024-12-29 17:54 UTC
Clients:
 /127.0.0.1:50988[1](queued=0,recved=5,sent=5)
 /127.0.0.1:50996[1](queued=0,recved=2,sent=2)
 /127.0.0.1:51050[1](queued=0,recved=1,sent=0)

Latency min/avg/max: 0/2.1429/6
Received: 14
Sent: 13
Connections: 3
Outstanding: 0
Zxid: 0x3
Mode: standalone
Node count: 6
`,
  cons: ` /127.0.0.1:50988[1](queued=0,recved=5,sent=5,sid=0x10000b5aee20000,${CONNECTION_FIELDS})
 /127.0.0.1:51072[1](queued=0,recved=1,sent=0)

`,
  conf: `clientPort=22100
secureClientPort=22101
dataDir=/var/lib/zookeeper/version-2
dataDirSize=67109337
tickTime=500
clientPortListenBacklog=-1
serverId=0
`,
  dirs: `datadir_size: 67109337
logdir_size: 67109337
`,
  dump: `SessionTracker dump:
Session Sets (1)/(2):
2 expire at Sat Nov 21 02:59:02 UTC 2026:
	0x10000b5aee20001
	0x10000b5aee20000
ephemeral nodes dump:
Sessions with Ephemerals (1):
0x10000b5aee20000:
	/e
Connections dump:
`,
  envi: `Environment:
zookeeper.version=3.8.0-\${mvngit.commit.id}, built on 2024-12-29 17:54 UTC
host.name=localhost
java.version=17.0.15
java.class.path=/usr/share/java/a=b.jar
`,
  gtmk: '306',
  stmk: '274',
  hash: '',
  crst: 'Connection stats reset.\n',
  srst: 'Server stats reset.\n',
  wchs: `2 connections watching 2 paths
Total watches:3
`,
  wchc: `0x10000b5aee20000
	/e
	/
0x10000b5aee20001
	/e

`,
  wchp: `/e
	0x10000b5aee20000
	0x10000b5aee20001
/
	0x10000b5aee20000

`,
  mntr: `zk_version	3.8.0-\${mvngit.commit.id}, built on 2024-12-29 17:54 UTC
zk_server_state	standalone
zk_ephemerals_count	1
zk_avg_latency	2.1429
zk_last_client_response_size	-1
zk_connection_drop_probability	0.0
`,
} as const;

/** A leader of 3.9.3 in an ensemble of three. */
export const LEADER_393 = {
  srvr: `Zookeeper version: 3.9.3-\${mvngit.commit.id}, built on 2026-03-08 16:19 UTC
Latency min/avg/max: 0/0.0/0
Received: 4
Sent: 3
Connections: 1
Outstanding: 0
Zxid: 0x100000002
Mode: leader
Node count: 6
Proposal sizes last/min/max: 87/48/87
`,
  conf: `clientPort=22153
serverId=3
initLimit=20
peerType=0
membership: 
server.1=127.0.0.1:22161:22171:participant;127.0.0.1:22151
server.2=127.0.0.1:22162:22172:participant;127.0.0.1:22152
version=100000000`,
  dump: `SessionTracker dump:
Session Sets (2)/(1):
0 expire at Sat Nov 21 03:03:36 UTC 2026:
1 expire at Sat Nov 21 03:03:37 UTC 2026:
	0x10000b99fdf0000
ephemeral nodes dump:
Sessions with Ephemerals (1):
0x10000b99fdf0000:
	/e
Connections dump:
Connections Sets (1)/(1):
1 expire at Sat Nov 21 03:03:27 UTC 2026:
	ip: /127.0.0.1:56658 sessionId: 0x0
`,
  wchc: '\n',
} as const;

/** A follower of the same ensemble. */
export const FOLLOWER_393 = {
  dump: `SessionTracker dump:
Global Sessions(1):
0x10000b99fdf0000	30000ms
ephemeral nodes dump:
Sessions with Ephemerals (1):
0x10000b99fdf0000:
	/e
Connections dump:
Connections Sets (1)/(1):
1 expire at Sat Nov 21 03:03:37 UTC 2026:
	ip: /127.0.0.1:48800 sessionId: 0x10000b99fdf0000
`,
} as const;

/** The follower when it had lost the others, with read-only mode enabled. */
export const READ_ONLY_393 = {
  isro: 'ro',
  srvr: `Zookeeper version: 3.9.3-\${mvngit.commit.id}, built on 2026-03-08 16:19 UTC
READ-ONLY mode; serving only read-only clients
Latency min/avg/max: 0/0.0/0
Received: 3
Sent: 2
Connections: 1
Outstanding: 0
Zxid: 0x100000003
Mode: read-only
Node count: 5
`,
  dump: `SessionTracker dump:
Global Sessions(0):
ephemeral nodes dump:
Sessions with Ephemerals (0):
Connections dump:
Connections Sets (4)/(1):
1 expire at Sat Nov 21 03:03:27 UTC 2026:
	ip: /127.0.0.1:50236 sessionId: 0x0
`,
} as const;
