/** TLS: a server that demands a certificate, a certificate that is an identity, and one that is replaced meanwhile. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Conn, connect } from 'zk-conn';
import { MiniServer } from 'zk-conn/testing';

// a CA, a certificate for the server and two for us; in earnest, whoever runs your ensemble has them
const folder = mkdtempSync(join(tmpdir(), 'zk-tls-'));
const at = (name) => join(folder, name);
const make = (name, subject, ...more) => {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`];
  const args = ['req', '-x509', ...key, '-subj', subject, '-days', '1', '-out', `${name}.pem`, ...more];
  execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
};
const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key'];
make('ca', '/CN=our CA');
make('server', '/CN=server', ...signed, '-addext', 'subjectAltName=IP:127.0.0.1');
make('old', '/O=example/CN=app 2025', ...signed);
make('new', '/O=example/CN=app 2026', ...signed);

const [key, cert, ca] = ['server.key', 'server.pem', 'ca.pem'].map((name) => readFileSync(at(name)));
const server = await MiniServer.start({ tls: { key, cert, ca, requestCert: true } });

const use = (name) => ['pem', 'key'].forEach((end) => copyFileSync(at(`${name}.${end}`), at(`app.${end}`)));
use('old');
const tls = { caFile: at('ca.pem'), certFile: at('app.pem'), keyFile: at('app.key') };
const conn = await connect(server.connectString, { tls });

// `auth` stands for whoever creates the node: here, for the certificate
await conn.create('/config', 'secret', { acl: [{ perms: 31, scheme: 'auth', id: '' }] });
const { acl } = await conn.getAcl('/config');
console.log(`/config belongs to ${acl[0].scheme} ${acl[0].id}`);

// the files are read again for each attempt to connect: no restart when certificates change
await conn.setAcl('/config', [{ perms: 31, scheme: 'x509', id: 'CN=app 2026,O=example' }]);
await conn.get('/config').catch((error) => console.log(`with the old certificate: ${error.code}`));
use('new');
const resumed = new Promise((resolve) => conn.once('session', resolve));
server.dropConnections();
await resumed;
console.log(`with the new one: ${(await conn.get('/config')).data}`);

// a client without one is not let in, and neither is one that checks the server by another name
const stranger = new Conn(server.connectString, {
  tls: { caFile: at('ca.pem'), servername: 'other.example' },
});
const failed = new Promise((resolve) => stranger.once('connectError', resolve));
stranger.connect().catch(() => {}); // it would go on trying
const { error: refused } = await failed;
console.log(`${refused.name}: ${refused.message.replace(/^\S+ /, '').split(': ')[0]}`);
await stranger.close();

await conn.close();
await server.close();
rmSync(folder, { recursive: true });
