/** Names of those who show a certificate. `test/real/tls.test.ts` asks real servers for the same. */
import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../../src/index.js';
import { MiniServer } from '../../../src/testing.js';
import { subjectName } from '../../../src/testing/x509-subject.js';
import { makeCertificates, type Certificates } from '../../support/certificates.js';
import { SUBJECTS } from '../../support/subjects.js';

describe('the subject of a certificate', () => {
  let made: Certificates;
  let server: MiniServer;
  beforeAll(async () => {
    made = makeCertificates();
    const { ca } = made;
    server = await MiniServer.start({
      tls: { key: made.server.key, cert: made.server.cert, ca, requestCert: true },
    });
  });
  afterAll(async () => {
    await server.close();
    made[Symbol.dispose]();
  });

  it.each(SUBJECTS)('is the name of its owner: $what', async ({ subject, more, id }) => {
    const { cert, key } = made.sign(subject, more);
    await using conn = await connect(server.connectString, { tls: { ca: made.ca, cert, key } });
    expect(await conn.whoAmI()).toContainEqual({ scheme: 'x509', user: id });
  });

  it('may have types with large numbers, in a certificate of the first version', () => {
    // 2.25, and one number of 63 bits
    const arcs = Buffer.from('69ffffffffffffffff7f', 'hex');
    const pair = der(0x30, der(0x06, arcs), der(0x0c, Buffer.from('a')));
    const plain = der(0x30, der(0x06, Buffer.from('550403', 'hex')), der(0x13, Buffer.from('b')));
    const fields = [0x02, 0x30, 0x30, 0x30].map((tag) => der(tag));
    const subject = der(0x30, der(0x31, pair), der(0x31, plain));
    expect(subjectName(der(0x30, der(0x30, ...fields, subject)))).toBe(
      'CN=b,2.25.9223372036854775807=#0c0161',
    );
  });

  it('may be longer than one byte of length can say', () => {
    const units = Array.from({ length: 20 }, (_, i) => `OU=unit ${i} ${'x'.repeat(40)}`);
    const { cert } = made.sign(`/${units.join('/')}`);
    expect(subjectName(new X509Certificate(cert).raw)).toBe([...units].reverse().join(','));
  });
});

/** One element whose content is shorter than 128 bytes. */
function der(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([tag, content.length]), content]);
}
