/** Certificates for tests of TLS, made by openssl in a temporary folder: a CA, and what it signed or did not sign. */
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

/** A certificate and its key, as PEM texts and as files. `both` is one file with both, as ZooKeeper's key store wants it. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
  readonly certFile: string;
  readonly keyFile: string;
  readonly both: string;
}

/** What {@link makeCertificates} made. All of it is for tests alone and is thrown away. */
export interface Certificates extends Disposable {
  readonly folder: string;
  readonly ca: string;
  readonly caFile: string;
  /** For `localhost` and `127.0.0.1`. */
  readonly server: Identity;
  /** Signed by the CA, for `other.example` alone. */
  readonly wrongName: Identity;
  /** For `localhost` alone: no address. */
  readonly nameOnly: Identity;
  /** For `localhost` and `127.0.0.1`, in 2020. */
  readonly expired: Identity;
  /** For `localhost` and `127.0.0.1`, and signed by nobody else. */
  readonly selfSigned: Identity;
  /** `CN=client,OU=tests,O=zk-conn` as ZooKeeper writes it. */
  readonly client: Identity;
  /** A client whom the CA does not know. */
  readonly stranger: Identity;
  /** The client's key, encrypted with {@link PASSPHRASE}. */
  readonly encryptedKey: string;
  /** The client's certificate and key as PKCS #12, with {@link PASSPHRASE}. */
  readonly pfxFile: string;
  /** One more that the CA has signed. @param subject and `more` as `openssl req` takes them */
  sign(subject: string, more?: readonly string[]): Identity;
}

export const PASSPHRASE = 'opensesame-4711';

/** Subject of the client, in the order in which openssl takes it. */
const CLIENT = '/O=zk-conn/OU=tests/CN=client';
const LOCAL = 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1';

/**
 * Makes them all, in about half a second.
 * @throws if there is no `openssl`
 */
export function makeCertificates(): Certificates {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'zk-conn-tls-'));
  const at = (name: string): string => path.join(folder, name);
  const read = (name: string): string => fs.readFileSync(at(name), 'utf8');
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  };
  const request = (name: string, subject: string, ...more: string[]): void => {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`];
    openssl('req', ...key, '-subj', subject, '-out', `${name}.pem`, ...more);
  };
  const identity = (name: string): Identity => {
    fs.writeFileSync(at(`${name}.both.pem`), read(`${name}.key`) + read(`${name}.pem`));
    return {
      cert: read(`${name}.pem`),
      key: read(`${name}.key`),
      certFile: at(`${name}.pem`),
      keyFile: at(`${name}.key`),
      both: at(`${name}.both.pem`),
    };
  };
  const signed = (name: string, subject: string, ...more: string[]): Identity => {
    request(name, subject, '-x509', '-days', '2', '-CA', 'ca.pem', '-CAkey', 'ca.key', ...more);
    return identity(name);
  };

  let count = 0;
  request('ca', '/CN=zk-conn test CA', '-x509', '-days', '2');
  const server = signed('server', '/CN=localhost', '-addext', LOCAL);
  const wrongName = signed('wrong-name', '/CN=other', '-addext', 'subjectAltName=DNS:other.example');
  const nameOnly = signed('name-only', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost');
  const client = signed('client', CLIENT);
  request('self-signed', '/CN=localhost', '-x509', '-days', '2', '-addext', LOCAL);
  request('stranger', '/CN=stranger', '-x509', '-days', '2');
  // `openssl req` knows no dates in the past; `openssl ca` does
  request('expired', '/CN=localhost', '-addext', LOCAL);
  fs.renameSync(at('expired.pem'), at('expired.csr'));
  fs.writeFileSync(at('index.txt'), '');
  fs.writeFileSync(at('ca.cnf'), CA_CONFIG);
  const dates = ['-startdate', '20200101000000Z', '-enddate', '20200201000000Z'];
  openssl(
    'ca',
    '-batch',
    '-config',
    'ca.cnf',
    '-in',
    'expired.csr',
    '-out',
    'expired.pem',
    '-notext',
    ...dates,
  );
  const secret = ['-passout', `pass:${PASSPHRASE}`];
  openssl('pkcs8', '-topk8', '-in', 'client.key', '-out', 'encrypted.key', ...secret);
  openssl('pkcs12', '-export', '-inkey', 'client.key', '-in', 'client.pem', '-out', 'client.p12', ...secret);
  return {
    folder,
    ca: read('ca.pem'),
    caFile: at('ca.pem'),
    server,
    wrongName,
    nameOnly,
    expired: identity('expired'),
    selfSigned: identity('self-signed'),
    client,
    stranger: identity('stranger'),
    encryptedKey: read('encrypted.key'),
    pfxFile: at('client.p12'),
    sign: (subject, more = []) => signed(`signed-${++count}`, subject, ...more),
    [Symbol.dispose]: () => fs.rmSync(folder, { recursive: true, force: true }),
  };
}

const CA_CONFIG = `[ca]
default_ca = tests
[tests]
database = index.txt
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
default_md = sha256
rand_serial = yes
policy = any
copy_extensions = copy
[any]
commonName = supplied
`;

/** Settings of a real server with TLS on this port, for clients that must show a certificate or need not. */
export function secureConfig(
  { server, caFile }: Certificates,
  port: number | undefined,
  clientAuth: 'need' | 'none',
): Record<string, string> {
  return {
    secureClientPort: String(port),
    secureClientPortAddress: '127.0.0.1',
    serverCnxnFactory: 'org.apache.zookeeper.server.NettyServerCnxnFactory',
    'ssl.keyStore.location': server.both,
    'ssl.keyStore.type': 'PEM',
    'ssl.trustStore.location': caFile,
    'ssl.trustStore.type': 'PEM',
    'ssl.clientAuth': clientAuth,
  };
}
