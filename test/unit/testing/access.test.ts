import { describe, expect, it } from 'vitest';
import { digestId, OPEN_ACL_UNSAFE } from '../../../src/protocol/acls.js';
import { Perms } from '../../../src/protocol/constants.js';
import { Errno } from '../../../src/protocol/error-codes.js';
import { authenticate, fixupAcl, isPermitted, maskedAcl } from '../../../src/testing/access.js';
import { inAddressRange, isAddressRange, plainAddress } from '../../../src/testing/ip-address.js';

const alice = { scheme: 'digest', id: digestId('alice:secret') };
const acl = (scheme: string, id: string, perms: number = Perms.ALL) => [{ perms, scheme, id }];

describe('authenticate', () => {
  it('takes any bytes for digest, and a name alone', () => {
    expect(authenticate('digest', Buffer.from('alice:secret'), undefined)).toEqual([alice]);
    expect(authenticate('digest', Buffer.from('name'), undefined)).toEqual([
      { scheme: 'digest', id: digestId('name') },
    ]);
    expect(authenticate('digest', null, undefined)).toBeNull();
  });

  it('makes a superuser of the right digest', () => {
    const superDigest = 'super:D/InIHSb7yEEbrWz8b9l71RjZJU=';
    expect(authenticate('digest', Buffer.from('super:test'), superDigest)).toContainEqual({
      scheme: 'super',
      id: '',
    });
    expect(authenticate('digest', Buffer.from('super:nope'), superDigest)).toHaveLength(1);
  });

  it('accepts ip and changes nothing, and refuses what it does not know', () => {
    expect(authenticate('ip', null, undefined)).toEqual([]);
    for (const scheme of ['DIGEST', 'world', 'sasl', ''])
      expect(authenticate(scheme, null, undefined)).toBeNull();
  });

  it('takes x509 from who has shown a certificate, and it changes nothing', () => {
    expect(authenticate('x509', null, undefined)).toBeNull();
    expect(authenticate('x509', null, undefined, [{ scheme: 'x509', id: 'CN=a' }])).toEqual([]);
  });
});

describe('isPermitted', () => {
  it('looks at the permission first, then at who it is', () => {
    expect(isPermitted(acl('world', 'anyone', Perms.READ), Perms.READ, [])).toBe(true);
    expect(isPermitted(acl('world', 'anyone', Perms.READ), Perms.WRITE, [])).toBe(false);
    expect(isPermitted(acl('digest', alice.id), Perms.READ, [alice])).toBe(true);
    expect(isPermitted(acl('digest', alice.id), Perms.READ, [{ scheme: 'ip', id: alice.id }])).toBe(false);
    expect(isPermitted(acl('digest', alice.id), Perms.READ, [{ scheme: 'super', id: '' }])).toBe(true);
    expect(isPermitted([], Perms.ADMIN, [])).toBe(true);
  });

  it('compares addresses under their mask', () => {
    const local = [{ scheme: 'ip', id: '127.0.0.1' }];
    expect(isPermitted(acl('ip', '127.0.0.0/8'), Perms.READ, local)).toBe(true);
    expect(isPermitted(acl('ip', '127.0.0.2'), Perms.READ, local)).toBe(false);
  });
});

describe('fixupAcl', () => {
  const refused = (entries: Parameters<typeof fixupAcl>[0]) => {
    expect(() => fixupAcl(entries, [alice], false)).toThrow(
      expect.objectContaining({ errno: Errno.InvalidAcl }),
    );
  };

  it('refuses what cannot be stored', () => {
    refused(null);
    refused([]);
    for (const [scheme, id] of [
      ['world', 'all'],
      ['digest', 'a'],
      ['digest', 'a:'],
      ['digest', 'a:b:c'],
      ['ip', '1.2.3'],
      ['super', ''],
      ['x509', 'CN=a'],
      ['sasl', 'bob'],
      ['', ''],
    ] as const)
      refused(acl(scheme, id));
    expect(() => fixupAcl(acl('auth', ''), [{ scheme: 'ip', id: '1.2.3.4' }], false)).toThrow();
  });

  it('puts the identities for auth and drops duplicates', () => {
    expect(
      fixupAcl([...acl('auth', 'ignored', 3), ...OPEN_ACL_UNSAFE, ...OPEN_ACL_UNSAFE], [alice], false),
    ).toEqual([{ perms: 3, ...alice }, ...OPEN_ACL_UNSAFE]);
  });

  it('takes names of the scheme sasl where there is one, if Java can parse them', () => {
    for (const id of ['bob', 'bob/h@R', 'a/b/c', '', 'b:c', '@x', 'a@', 'a/b@'])
      expect(fixupAcl(acl('sasl', id), [], true)).toEqual(acl('sasl', id));
    for (const id of ['a@b@c', 'a/b/c@d', 'a@b/c'])
      expect(() => fixupAcl(acl('sasl', id), [], true)).toThrow(
        expect.objectContaining({ errno: Errno.InvalidAcl }),
      );
  });

  it('takes odd ids that Java takes', () => {
    for (const id of ['a:b:', ':b'])
      expect(fixupAcl(acl('digest', id), [], false)).toEqual(acl('digest', id));
  });
});

describe('maskedAcl', () => {
  it('hides hashes from who has no ADMIN', () => {
    const both = [...acl('digest', 'a:hash'), ...acl('world', 'anyone', Perms.READ)];
    expect(maskedAcl(both, []).map(({ id }) => id)).toEqual(['a:x', 'anyone']);
    expect(maskedAcl(both, [{ scheme: 'digest', id: 'a:hash' }])).toBe(both);
  });
});

describe('addresses', () => {
  it.each(['1.2.3.4', '1.2.3.4/0', '1.2.3.4/32', '01.2.3.4', '1.2.3.+4', '1.2.3.4/08'])(
    '%s is a range',
    (id) => {
      expect(isAddressRange(id)).toBe(true);
    },
  );

  it.each([
    '',
    '1.2.3',
    '1.2.3.4.',
    '1.2.3.256',
    '1.2.3.4/33',
    '1.2.3.4/',
    '1.2.3.4/-1',
    '1.2.3.4/8/9',
    '::1',
    ' 1.2.3.4',
  ])('"%s" is none', (id) => {
    expect(isAddressRange(id)).toBe(false);
  });

  it('compares under the mask', () => {
    expect(inAddressRange('200.1.0.0/16', '200.1.255.255')).toBe(true);
    expect(inAddressRange('200.1.0.0/16', '200.2.0.0')).toBe(false);
    expect(inAddressRange('200.1.2.3', '200.1.2.3')).toBe(true);
    expect(inAddressRange('9.9.9.9/0', '200.1.2.3')).toBe(true);
    expect(inAddressRange('0.0.0.0/0', '::1')).toBe(false);
  });

  it('shows an IPv4 address that came over IPv6 as IPv4', () => {
    expect(['::ffff:10.0.0.1', '10.0.0.1', '::1', undefined].map(plainAddress)).toEqual([
      '10.0.0.1',
      '10.0.0.1',
      '::1',
      '',
    ]);
  });
});
