/** Which releases of ZooKeeper this machine has, and the class path of each. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

/** The releases that the tests know: Debian 12's own, and that of the suite after it. */
export const RELEASES = ['3.8.0', '3.9.3'] as const;
export type Release = (typeof RELEASES)[number];

/** Where a ZooKeeper was found. */
export type ZooKeeperSource = 'ZOOKEEPER_HOME' | 'debian' | 'fetched';

export interface FoundZooKeeper {
  readonly classpath: string;
  readonly version: string;
  readonly source: ZooKeeperSource;
}

const DEBIAN_JARS = '/usr/share/java';

/** Debian's jars besides ZooKeeper's own two. Its manifest names most of them; a log binding it does not. */
const DEBIAN_LIBRARIES = [
  'slf4j-api',
  'slf4j-simple',
  'commons-cli',
  'commons-io',
  'commons-lang3',
  'jackson-annotations',
  'jackson-core',
  'jackson-databind',
  'metrics-core',
  'snappy-java',
  'jline',
  'servlet-api',
  'findbugs-annotations',
  'netty-buffer',
  'netty-codec',
  'netty-common',
  'netty-handler',
  'netty-resolver',
  'netty-transport',
  'netty-transport-native-epoll',
  'netty-transport-native-unix-common',
  'jetty9-http',
  'jetty9-io',
  'jetty9-security',
  'jetty9-server',
  'jetty9-servlet',
  'jetty9-util',
];

/**
 * A ZooKeeper of this machine. Looked at in this order: `ZOOKEEPER_HOME` (a release folder with `lib/*.jar`, or a folder
 * into which Debian's package was extracted), Debian's installed jars, what `scripts/fetch-zookeeper.sh` fetched.
 * @param version the one that it must be; any will do if it is not given, but a fetched one is never a substitute
 */
export function findZooKeeper(version?: string): FoundZooKeeper | { readonly missing: string } {
  if (onPath('java') === undefined) return { missing: 'there is no `java` on the PATH' };
  const home = process.env['ZOOKEEPER_HOME'] ?? '';
  if (home !== '') {
    const found =
      fromRelease(home) ?? fromDebian(path.join(home, 'usr/share/java'), 'ZOOKEEPER_HOME') ?? undefined;
    if (found === undefined) return noJars(home);
    if (version === undefined || found.version === version) return found;
  }
  const installed = fromDebian(DEBIAN_JARS, 'debian');
  if (version === undefined) return installed ?? noJars(DEBIAN_JARS);
  if (installed?.version === version) return installed;
  const fetched = fromDebian(path.join(cacheFolder(version), 'usr/share/java'), 'fetched');
  if (fetched?.version === version) return fetched;
  return { missing: `no ZooKeeper ${version} here (scripts/fetch-zookeeper.sh fetches 3.9.3)` };
}

/** Where `scripts/fetch-zookeeper.sh` puts a release: the script has the same rule. */
function cacheFolder(version: string): string {
  const home = process.env['XDG_CACHE_HOME'] ?? path.join(os.homedir(), '.cache');
  return path.join(process.env['ZK_CACHE'] ?? path.join(home, 'zk-conn'), `zookeeper-${version}`);
}

function noJars(folder: string): { readonly missing: string } {
  return { missing: `no ZooKeeper jars in ${folder} (Debian: apt-get install zookeeper libzookeeper-java)` };
}

/** Absolute path of a program, or undefined. */
export function onPath(program: string): string | undefined {
  for (const folder of (process.env['PATH'] ?? '').split(path.delimiter)) {
    const file = path.join(folder, program);
    if (folder !== '' && (fs.existsSync(file) || fs.existsSync(`${file}.exe`))) return file;
  }
  return undefined;
}

function fromRelease(home: string): FoundZooKeeper | undefined {
  const lib = path.join(home, 'lib');
  const version = versionIn(lib);
  if (version === undefined) return undefined;
  const jars = fs.readdirSync(lib).filter((name) => name.endsWith('.jar'));
  return {
    classpath: [path.join(home, 'conf'), ...juteFirst(jars).map((jar) => path.join(lib, jar))].join(
      path.delimiter,
    ),
    version,
    source: 'ZOOKEEPER_HOME',
  };
}

function fromDebian(own: string, source: ZooKeeperSource): FoundZooKeeper | undefined {
  const version = versionIn(own);
  if (version === undefined) return undefined;
  const libraries = DEBIAN_LIBRARIES.map((name) => path.join(DEBIAN_JARS, `${name}.jar`)).filter((jar) =>
    fs.existsSync(jar),
  );
  // the manifest of zookeeper.jar names the installed jute jar, so the one that belongs to it must come before
  const mine = [`zookeeper-jute-${version}.jar`, `zookeeper-${version}.jar`].map((jar) =>
    path.join(own, jar),
  );
  return { classpath: [...mine, ...libraries].join(path.delimiter), version, source };
}

function juteFirst(jars: readonly string[]): string[] {
  return [...jars].sort((a, b) => Number(b.includes('-jute-')) - Number(a.includes('-jute-')));
}

/** Version in the name of `zookeeper-1.2.3.jar`. */
function versionIn(folder: string): string | undefined {
  if (!fs.existsSync(folder)) return undefined;
  for (const name of fs.readdirSync(folder)) {
    const match = /^zookeeper-(\d+\.\d+\.\d+[\w.-]*)\.jar$/.exec(name);
    if (match?.[1] !== undefined && fs.existsSync(path.join(folder, `zookeeper-jute-${match[1]}.jar`)))
      return match[1];
  }
  return undefined;
}
